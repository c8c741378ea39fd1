// The reader: chains and passages beside each other, with mentions that jump to what they mention.
// Every text from outside is set with textContent, so nothing in it is ever markup.
// This file draws and selects; chain.js and editor.js, which follow it in one script, do the rest.

const STATES = new WeakMap()
const ANSWER_MS = 3000 // a server that is silent for longer has lost an edit: what it says holds
const GLANCE = 1500 // characters of a passage that are laid out before it is chosen
const BLOCK = 4000 // characters that the browser lays out at once, of a text of any length

export default function (component) {
  const { data, parentElement, setTriggerValue } = component
  let state = STATES.get(parentElement)
  if (!state) {
    state = { token: null, panes: [], seq: 0, sentAt: -ANSWER_MS, lit: {} }
    state.onKey = event => onKey(state, event)
    window.addEventListener("keydown", state.onKey)
    window.addEventListener("keydown", leaveField, true)
    window.addEventListener("click", freeArrows, true)
    STATES.set(parentElement, state)
  }
  state.send = setTriggerValue
  state.root = parentElement.querySelector(".reader")
  state.root.onmouseover = event => {
    const over = event.target.closest("[data-id]")
    light(state, "hot", over ? Number(over.dataset.id) : null)
  }
  state.root.onmouseleave = () => light(state, "hot", null)
  show(state, data)
  return () => {
    window.removeEventListener("keydown", state.onKey)
    window.removeEventListener("keydown", leaveField, true)
    window.removeEventListener("click", freeArrows, true)
    STATES.delete(parentElement)
  }
}

// A segmented control that was clicked keeps the focus, and with it the arrow keys, which go to the
// next and the previous item here. Who moves by Tab keeps the focus.
function freeArrows(event) {
  if (event.detail === 0) return
  setTimeout(() => {
    const focused = document.activeElement
    if (focused && focused.closest("[role=radiogroup]")) focused.blur()
  })
}

// Escape in a field leaves the field. It must not reach the page, where it drops a whole fix.
function leaveField(event) {
  const field = event.composedPath()[0]
  if (event.key !== "Escape" || !field.matches?.(".find, .field")) return
  event.stopImmediatePropagation()
  field.dispatchEvent(new Event("leave"))
  field.blur()
}

function element(tag, className, text) {
  const made = document.createElement(tag)
  if (className) made.className = className
  if (text !== undefined && text !== null) made.textContent = text
  return made
}

function button(className, text, title, onclick) {
  const made = element("button", className, text)
  made.type = "button"
  if (title) made.title = title
  made.onclick = event => { event.stopPropagation(); onclick() }
  return made
}

// -- drawing: a pane is drawn anew only when it changed -------------------------------------------

function show(state, data) {
  const { root } = state
  const fresh = data.token !== state.token || data.panes.length !== state.panes.length
  if (fresh) {
    Object.assign(state, { token: data.token, panes: [], selected: null, step: null, swapping: null, query: "", lit: {} })
    root.replaceChildren()
  }
  // An answer to an earlier edit must not take back a later one.
  const behind = !fresh && data.seen !== state.seq && performance.now() - state.sentAt < ANSWER_MS
  root.style.setProperty("--chrome", data.chrome)
  const tracks = data.panes.map(pane => `minmax(0, ${pane.share || 1}fr)`).join(" ")
  root.style.gridTemplateColumns = data.stacked ? "minmax(0, 1fr)" : tracks
  root.style.gridTemplateRows = data.stacked ? tracks : ""
  data.panes.forEach((pane, at) => {
    const content = JSON.stringify(pane)
    const drawn = state.panes[at]
    if (drawn && (content === drawn.content || (behind && changeable(drawn.pane)))) return
    if (drawn && pane.kind === drawn.pane.kind && written(state, drawn)) return
    state.panes[at] = { ...drawn, pane, content }
    drawPane(state, at)
    // Who asked to write by a key would else have to go to the field by Tab, past the whole page.
    if (pane.kind === "rewrite" && drawn?.pane.kind === "chain") state.panes[at].box.querySelector(".field").focus({ preventScroll: true })
  })
  if (fresh) openAtWindow(root)
}

// A field that one is writing in is not taken away under one's hands.
const written = (state, drawn) => drawn.pane.kind === "rewrite" && state.root.getRootNode().activeElement === drawn.box.querySelector(".field")

const changeable = pane => (pane.kind === "cards" && pane.mode !== "read") || pane.marks || pane.kind === "rewrite"

// A pane with dim cards is about the others: it opens at the first of them.
function openAtWindow(root) {
  for (const body of root.querySelectorAll(".body")) {
    const first = body.querySelector(".card.dim") && body.querySelector(".card:not(.dim)")
    if (first) body.scrollTop += first.getBoundingClientRect().top - body.getBoundingClientRect().top - 40
  }
}

function drawPane(state, at) {
  const drawn = state.panes[at]
  const { pane, box: before } = drawn
  const top = before ? before.querySelector(".body").scrollTop : 0
  drawn.index = new Map()
  drawn.steps = new Map()
  drawn.found = null
  const box = element("section", `pane ${pane.kind}${pane.compact ? " compact" : ""}`)
  const head = element("header")
  head.append(element("h4", "", pane.title))
  if (pane.note) head.append(element("span", "note", pane.note))
  const body = element("div", "body")
  body.tabIndex = 0 // so that it is scrolled by keys, too
  if (pane.kind === "chain") drawChain(state, drawn, head, body)
  else if (pane.kind === "rewrite") drawText(state, drawn, body)
  else if (pane.kind === "cards") drawCards(state, drawn, body)
  else body.append(element("p", "why", pane.text))
  box.append(head, body)
  if (before) before.replaceWith(box)
  else state.root.append(box)
  drawn.box = box
  body.scrollTop = top
  for (const name of ["on", "hot"]) paint(drawn, name, state.lit[name], true)
}

function drawCards(state, drawn, body) {
  const { pane } = drawn
  pane.cards.forEach((card, at) => {
    if (pane.ranked && at === pane.ranked) body.append(element("p", "rest", "ranked above this line · below it, the order they had"))
    body.append(drawCard(state, drawn, card, at))
  })
}

function drawCard(state, drawn, card, at) {
  const { pane } = drawn
  const box = element("article", card.dim ? "card dim" : "card")
  box.dataset.id = card.id
  const head = element("div", "card-head")
  head.append(element("span", "place", at + 1), element("span", "chip still", `[${card.id}]`))
  if (pane.mode === "read") {
    if (card.relevant !== null) head.append(element("span", card.relevant ? "label yes" : "label", card.relevant ? "relevant" : "not relevant"))
    if (card.grade !== null) head.append(element("span", "label grade", `grade ${card.grade}`))
  } else {
    head.append(labelButton(state, card))
  }
  if (pane.mode === "edit") head.append(gradeButtons(state, card))
  if (card.tied) head.append(element("span", "tag mine", "level with the one above"))
  for (const tag of card.tags) head.append(element("span", `tag ${tag.tone || ""}`, tag.text))
  head.append(element("span", "docid", card.docid))
  if (pane.mode === "edit") {
    head.append(tools(state, card))
    draggable(state, box, head.firstChild, card)
  }
  box.append(head, element("div", "text"))
  box.onclick = () => select(state, card.id, false)
  fill(box, card, false)
  entry(drawn, card.id, box)
  return box
}

// A megabyte of text is laid out only where it is looked at.
function fill(box, card, whole) {
  const text = box.querySelector(".text")
  const long = card.text.length > GLANCE
  if (box.filled === whole || (box.filled !== undefined && !long)) return
  box.filled = whole
  text.replaceChildren()
  if (card.title) text.append(element("strong", "", card.title), document.createTextNode("\n"))
  if (!long || !whole) text.append(document.createTextNode(long ? card.text.slice(0, GLANCE) : card.text))
  else for (let from = 0; from < card.text.length; from += BLOCK) text.append(element("div", "block", card.text.slice(from, from + BLOCK)))
}

// -- selection: one passage, in every pane, from mention to passage and back ----------------------

function entry(drawn, id, made) {
  if (!drawn.index.has(id)) drawn.index.set(id, [])
  drawn.index.get(id).push(made)
}

function paint(drawn, name, id, on) {
  for (const made of drawn.index.get(id) ?? []) {
    made.classList.toggle(name, on)
    if (name === "on" && made.matches(".card")) fill(made, drawn.pane.cards.find(card => card.id === id), on)
  }
}

function light(state, name, id) {
  const before = state.lit[name]
  if (before === id) return
  state.lit[name] = id
  for (const drawn of state.panes) {
    paint(drawn, name, before, false)
    paint(drawn, name, id, true)
  }
}

function select(state, id, jump) {
  state.selected = id
  light(state, "on", id)
  for (const { box } of state.panes) {
    const card = box.querySelector(`.card[data-id="${id}"]`)
    if (card) reach(card, jump)
  }
}

// Bring something into view within its pane; the page itself never scrolls.
function reach(made, jump) {
  const body = made.closest(".body")
  const { top, bottom } = made.getBoundingClientRect()
  const frame = body.getBoundingClientRect()
  if (jump || top < frame.top || bottom > frame.bottom) {
    body.scrollTo({ top: body.scrollTop + top - frame.top - 6, behavior: jump ? "smooth" : "auto" })
  }
}

// -- keys ---------------------------------------------------------------------------------------

function onKey(state, event) {
  const target = event.composedPath()[0]
  const typing = ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName) || target.isContentEditable
  if (typing || event.ctrlKey || event.metaKey || !state.panes.length) return
  if (!document.contains(state.root.getRootNode().host ?? state.root)) return
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key
  if (cardKey(state, key, event.altKey) || (!event.altKey && chainKey(state, key))) event.preventDefault()
}

function cardKey(state, key, alt) {
  const cards = state.panes.map(({ pane }) => pane).filter(pane => pane.kind === "cards").at(-1)?.cards ?? []
  if (!cards.length) return false
  const at = cards.findIndex(card => card.id === state.selected)
  if (alt) return at >= 0 && editKey(state, `alt+${key}`)
  if (key === "j" || key === "k") {
    const next = key === "j" ? Math.min(cards.length - 1, at + 1) : Math.max(0, at - 1)
    select(state, cards[next].id, false)
    return true
  }
  return at >= 0 && editKey(state, key)
}
