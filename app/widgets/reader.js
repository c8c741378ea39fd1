// The reader: chains and passages beside each other, with mentions that jump to what they mention.
// Every text from outside is set with textContent, so nothing in it is ever markup.

const STATES = new WeakMap()

export default function (component) {
  const { data, parentElement, setTriggerValue } = component
  let state = STATES.get(parentElement)
  if (!state) {
    state = { drawn: "", token: null, selected: null }
    state.onKey = event => onKey(state, event)
    window.addEventListener("keydown", state.onKey)
    window.addEventListener("click", freeArrows, true)
    STATES.set(parentElement, state)
  }
  state.send = setTriggerValue
  state.root = parentElement.querySelector(".reader")
  const content = JSON.stringify(data)
  if (content !== state.drawn) {
    const fresh = data.token !== state.token
    const places = fresh ? [] : scrollPlaces(state.root)
    state.data = data
    state.drawn = content
    if (fresh) {
      state.token = data.token
      state.selected = null
    }
    draw(state)
    places.forEach((top, i) => { if (bodies(state.root)[i]) bodies(state.root)[i].scrollTop = top })
    if (fresh) openAtWindow(state.root)
    markSelected(state)
  }
  return () => {
    window.removeEventListener("keydown", state.onKey)
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

const bodies = root => [...root.querySelectorAll(".body")]
const scrollPlaces = root => bodies(root).map(body => body.scrollTop)

function element(tag, className, text) {
  const made = document.createElement(tag)
  if (className) made.className = className
  if (text !== undefined && text !== null) made.textContent = text
  return made
}

function draw(state) {
  const { root, data } = state
  root.replaceChildren()
  root.style.setProperty("--chrome", data.chrome)
  const tracks = data.panes.map(pane => `minmax(0, ${pane.share || 1}fr)`).join(" ")
  root.style.gridTemplateColumns = data.stacked ? "minmax(0, 1fr)" : tracks
  root.style.gridTemplateRows = data.stacked ? tracks : ""
  for (const pane of data.panes) root.append(drawPane(state, pane))
}

// A pane with dim cards is about the others: it opens at the first of them.
function openAtWindow(root) {
  for (const body of bodies(root)) {
    const first = body.querySelector(".card.dim") && body.querySelector(".card:not(.dim)")
    if (first) body.scrollTop += first.getBoundingClientRect().top - body.getBoundingClientRect().top - 40
  }
}

function drawPane(state, pane) {
  const box = element("section", `pane ${pane.kind}${pane.compact ? " compact" : ""}`)
  const head = element("header")
  head.append(element("h4", "", pane.title))
  if (pane.note) head.append(element("span", "note", pane.note))
  const body = element("div", "body")
  body.tabIndex = -1
  if (pane.kind === "chain") drawChain(state, pane, body)
  else if (pane.kind === "cards") pane.cards.forEach((card, at) => body.append(drawCard(state, pane, card, at)))
  else body.append(element("p", "why", pane.text))
  box.append(head, body)
  return box
}

function drawChain(state, pane, body) {
  const text = element("div", "chain-text")
  for (const piece of pane.pieces) {
    if (piece.id === null) {
      text.append(piece.changed ? element("span", "changed", piece.text) : document.createTextNode(piece.text))
      continue
    }
    const chip = element("button", piece.changed ? "chip changed" : "chip", piece.text)
    chip.type = "button"
    chip.dataset.id = piece.id
    chip.onclick = () => select(state, piece.id, true)
    text.append(chip)
  }
  body.append(text)
}

function drawCard(state, pane, card, at) {
  const box = element("article", card.dim ? "card dim" : "card")
  box.dataset.id = card.id
  const head = element("div", "card-head")
  head.append(element("span", "place", at + 1), element("span", "chip still", `[${card.id}]`))
  if (pane.mode === "read") {
    if (card.relevant !== null) head.append(element("span", card.relevant ? "label yes" : "label", card.relevant ? "relevant" : "not relevant"))
  } else {
    const toggle = element("button", card.relevant ? "label yes set" : "label set", card.relevant ? "✓ relevant" : "mark relevant")
    toggle.type = "button"
    toggle.setAttribute("aria-pressed", card.relevant)
    toggle.onclick = event => { event.stopPropagation(); toggleLabel(state, card.id) }
    head.append(toggle)
  }
  for (const tag of card.tags) head.append(element("span", `tag ${tag.tone || ""}`, tag.text))
  head.append(element("span", "docid", card.docid))
  if (pane.mode === "edit") {
    const tools = element("span", "tools")
    for (const [text, title, by] of [["⤒", "To the top (T)", -1e9], ["↑", "Up (Alt+↑)", -1], ["↓", "Down (Alt+↓)", 1]]) {
      const tool = element("button", "tool", text)
      tool.type = "button"
      tool.title = title
      tool.onclick = event => { event.stopPropagation(); move(state, card.id, by) }
      tools.append(tool)
    }
    head.append(tools)
  }
  const text = element("div", "text")
  if (card.title) text.append(element("strong", "", card.title), document.createTextNode("\n"))
  text.append(document.createTextNode(card.text))
  box.append(head, text)
  box.onclick = () => select(state, card.id, false)
  return box
}

// -- selection: one passage, in every pane ------------------------------------------------------

function select(state, id, jump) {
  state.selected = id
  markSelected(state)
  for (const body of bodies(state.root)) {
    const card = [...body.querySelectorAll(".card")].find(c => Number(c.dataset.id) === id)
    if (!card) continue
    const { top, bottom } = card.getBoundingClientRect()
    const frame = body.getBoundingClientRect()
    if (jump || top < frame.top || bottom > frame.bottom) {
      body.scrollTo({ top: body.scrollTop + top - frame.top - 6, behavior: "smooth" })
    }
  }
}

function markSelected(state) {
  for (const marked of state.root.querySelectorAll("[data-id]")) {
    marked.classList.toggle("on", Number(marked.dataset.id) === state.selected)
  }
}

// -- marking and editing: the server keeps the draft, and sends it back ---------------------------

const editable = state => state.data.panes.find(pane => pane.kind === "cards" && pane.mode !== "read")

function tell(state, pane) {
  state.send("edit", {
    token: state.token,
    order: pane.cards.map(card => card.id),
    relevant: pane.cards.filter(card => card.relevant).map(card => card.id),
  })
  const places = scrollPlaces(state.root)
  draw(state)
  places.forEach((top, i) => { bodies(state.root)[i].scrollTop = top })
  markSelected(state)
}

function toggleLabel(state, id) {
  const pane = editable(state)
  const card = pane && pane.cards.find(c => c.id === id)
  if (!card) return
  card.relevant = !card.relevant
  state.selected = id
  tell(state, pane)
}

function move(state, id, by) {
  const pane = editable(state)
  if (!pane || pane.mode !== "edit") return
  const from = pane.cards.findIndex(card => card.id === id)
  const to = Math.max(0, Math.min(pane.cards.length - 1, from + by))
  if (from < 0 || from === to) return
  pane.cards.splice(to, 0, ...pane.cards.splice(from, 1))
  state.selected = id
  tell(state, pane)
  select(state, id, false)
}

function onKey(state, event) {
  const target = event.composedPath()[0]
  const typing = ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName) || target.isContentEditable
  if (typing || event.ctrlKey || event.metaKey || !state.data) return
  const cards = state.data.panes.filter(pane => pane.kind === "cards").at(-1)?.cards ?? []
  if (!cards.length || !document.contains(state.root.getRootNode().host ?? state.root)) return
  const at = cards.findIndex(card => card.id === state.selected)
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key
  if (event.altKey && (key === "ArrowUp" || key === "ArrowDown")) {
    if (at < 0 || !editable(state)) return
    move(state, state.selected, key === "ArrowUp" ? -1 : 1)
  } else if (event.altKey) {
    return
  } else if (key === "j" || key === "k") {
    const next = key === "j" ? Math.min(cards.length - 1, at + 1) : Math.max(0, at - 1)
    select(state, cards[next].id, false)
  } else if (key === "m" && at >= 0 && editable(state)) {
    toggleLabel(state, state.selected)
  } else if (key === "t" && at >= 0 && editable(state)) {
    move(state, state.selected, -1e9)
  } else {
    return
  }
  event.preventDefault()
}
