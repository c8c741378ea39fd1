// The editor: marks, grades and moves of the passages. The server keeps the draft and sends it back;
// what is sent is always the whole of it, so that of several fast edits the last one is enough.

const editable = state => state.panes.find(({ pane }) => pane.kind === "cards" && pane.mode !== "read")
const ordered = state => state.panes.find(({ pane }) => pane.kind === "cards" && pane.mode === "edit")

function tell(state) {
  const change = { token: state.token, seq: ++state.seq }
  const cards = editable(state)?.pane
  if (cards) {
    change.order = cards.cards.map(card => card.id)
    change.relevant = cards.cards.filter(card => card.relevant).map(card => card.id)
    change.grades = cards.cards.filter(card => card.grade !== null).map(card => [card.id, card.grade])
    change.tied = cards.cards.filter(card => card.tied).map(card => card.id)
    change.ranked = cards.ranked
  }
  const chain = state.panes.find(({ pane }) => pane.marks)?.pane
  if (chain) change.steps = chain.marks
  const written = state.panes.find(({ pane }) => pane.kind === "rewrite")?.pane
  if (written) change.chain = written.text
  state.sentAt = performance.now()
  state.send("edit", change)
}

function edited(state, id) {
  const drawn = editable(state)
  if (drawn.pane.cards[0].tied) drawn.pane.cards[0].tied = false
  drawn.content = null
  drawPane(state, state.panes.indexOf(drawn))
  select(state, id, false)
  tell(state)
}

const EDIT_KEYS = {
  "m": toggleLabel,
  "t": (state, id) => move(state, id, -Infinity),
  "alt+ArrowUp": (state, id) => move(state, id, -1),
  "alt+ArrowDown": (state, id) => move(state, id, 1),
  "p": pin,
  "w": swap,
  "l": level,
  ...Object.fromEntries([0, 1, 2, 3].map(value => [String(value), (state, id) => grade(state, id, value)])),
}

function editKey(state, key) {
  const drawn = editable(state)
  const action = Object.hasOwn(EDIT_KEYS, key) ? EDIT_KEYS[key] : null
  if (!drawn || !action || (key !== "m" && drawn.pane.mode !== "edit")) return false
  action(state, state.selected)
  return true
}

function labelButton(state, card) {
  const made = button(
    card.relevant ? "label yes set" : "label set",
    card.relevant ? "✓ relevant" : "relevant?",
    "Relevant or not (M)",
    () => toggleLabel(state, card.id),
  )
  made.setAttribute("aria-pressed", card.relevant)
  return made
}

function gradeButtons(state, card) {
  const group = element("span", "grades")
  group.setAttribute("role", "group")
  group.setAttribute("aria-label", "Grade")
  for (const value of [0, 1, 2, 3]) {
    const made = button("tool", value, `Grade ${value} (${value})${value < 2 ? ": not relevant" : ": relevant"}`, () => grade(state, card.id, value))
    made.setAttribute("aria-pressed", card.grade === value)
    group.append(made)
  }
  return group
}

function tools(state, card) {
  const group = element("span", "tools")
  const pinned = ordered(state).pane.cards.indexOf(card) < ordered(state).pane.ranked
  for (const [text, title, action, pressed] of [
    ["⤒", "To the top (T)", () => move(state, card.id, -Infinity)],
    ["↑", "Up (Alt+↑)", () => move(state, card.id, -1)],
    ["↓", "Down (Alt+↓)", () => move(state, card.id, 1)],
    ["⇄", state.swapping === null ? "Swap: choose two (W)" : "Swap with the chosen one (W)", () => swap(state, card.id), state.swapping === card.id],
    ["pin", "Pin as the next ranked place (P)", () => pin(state, card.id), pinned],
    ["=", "Level with the one above (L)", () => level(state, card.id), card.tied],
  ]) {
    const made = button(text === "pin" ? "tool wide" : "tool", text, title, action)
    if (pressed !== undefined) made.setAttribute("aria-pressed", pressed)
    group.append(made)
  }
  return group
}

const placeOf = (pane, id) => pane.cards.findIndex(card => card.id === id)

function toggleLabel(state, id) {
  const card = editable(state).pane.cards.find(each => each.id === id)
  card.relevant = !card.relevant
  // Grades 2 and 3 say relevant: one that says otherwise is taken back.
  if (card.grade !== null && card.grade >= 2 !== card.relevant) card.grade = null
  edited(state, id)
}

function grade(state, id, value) {
  const card = ordered(state).pane.cards.find(each => each.id === id)
  card.grade = card.grade === value ? null : value
  if (card.grade !== null) card.relevant = value >= 2
  edited(state, id)
}

function put(pane, from, to) {
  pane.cards[from].tied = false // it was level with another neighbour
  pane.cards.splice(to, 0, ...pane.cards.splice(from, 1))
}

function move(state, id, by) {
  const { pane } = ordered(state)
  const from = placeOf(pane, id)
  const to = Math.max(0, Math.min(pane.cards.length - 1, from + by))
  if (from === to) return
  if (by === -Infinity && pane.ranked && from >= pane.ranked) pane.ranked += 1
  put(pane, from, to)
  edited(state, id)
}

// Of a long list, only the top may be worth ranking: pinned passages come first, in the order they
// were pinned, and the rest keeps the order it had.
function pin(state, id) {
  const { pane } = ordered(state)
  const from = placeOf(pane, id)
  if (from >= pane.ranked) put(pane, from, pane.ranked++)
  else put(pane, from, --pane.ranked)
  edited(state, id)
}

function swap(state, id) {
  const drawn = ordered(state)
  const { pane } = drawn
  const first = state.swapping
  state.swapping = first === null ? id : null
  if (first === null || first === id) {
    drawPane(state, state.panes.indexOf(drawn))
    select(state, id, false)
    return
  }
  const [a, b] = [placeOf(pane, first), placeOf(pane, id)]
  ;[pane.cards[a], pane.cards[b]] = [pane.cards[b], pane.cards[a]]
  pane.cards[a].tied = pane.cards[b].tied = false
  edited(state, id)
}

function level(state, id) {
  const { pane } = ordered(state)
  const at = placeOf(pane, id)
  if (at === 0) return
  pane.cards[at].tied = !pane.cards[at].tied
  edited(state, id)
}

// -- the mouse: a card is carried by its place number ----------------------------------------------

function draggable(state, box, handle, card) {
  handle.draggable = true
  handle.classList.add("handle")
  handle.title = `Drag to another place (${card.docid})`
  handle.ondragstart = event => {
    state.dragged = card.id
    event.dataTransfer.effectAllowed = "move"
    event.dataTransfer.setData("text/plain", "") // without it, Firefox does not drag
    event.dataTransfer.setDragImage(box, 10, 10)
  }
  handle.ondragend = () => { state.dragged = null }
  box.ondragover = event => {
    if (state.dragged === null || state.dragged === undefined) return
    event.preventDefault()
    box.classList.add("target")
  }
  box.ondragleave = () => box.classList.remove("target")
  box.ondrop = event => {
    event.preventDefault()
    const { pane } = ordered(state)
    const from = placeOf(pane, state.dragged)
    const to = placeOf(pane, card.id)
    if (from >= 0 && from !== to) move(state, state.dragged, to - from)
  }
}
