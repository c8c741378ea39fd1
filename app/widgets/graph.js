// Columns of boxes with curves between them. Every text from outside is set with textContent.

const STATES = new WeakMap()
const SVG = "http://www.w3.org/2000/svg"

export default function (component) {
  const { data, parentElement, setTriggerValue } = component
  let state = STATES.get(parentElement)
  if (!state) {
    state = { drawn: "" }
    state.observer = new ResizeObserver(() => drawEdges(state))
    STATES.set(parentElement, state)
  }
  state.send = setTriggerValue
  state.root = parentElement.querySelector(".graph")
  state.data = data
  const content = JSON.stringify(data)
  if (content !== state.drawn) {
    const had = state.root.contains(state.root.getRootNode().activeElement)
    state.drawn = content
    draw(state)
    state.observer.observe(state.root)
    if (had) boxes(state).find(box => box.classList.contains("here"))?.focus()
  }
  return () => {
    state.observer.disconnect()
    STATES.delete(parentElement)
  }
}

const boxes = state => [...state.root.querySelectorAll(".box")]

function element(tag, className, text) {
  const made = document.createElement(tag)
  if (className) made.className = className
  if (text !== undefined) made.textContent = text
  return made
}

function draw(state) {
  const { root, data } = state
  root.replaceChildren(document.createElementNS(SVG, "svg"))
  root.style.gridTemplateColumns = `repeat(${data.columns.length}, minmax(0, 1fr))`
  for (const column of data.columns) {
    const list = element("div", "column")
    list.append(element("div", "title", column.title))
    for (const each of column.boxes) list.append(drawBox(state, each))
    root.append(list)
  }
  drawEdges(state)
}

function drawBox(state, each) {
  const box = element("button", `box ${each.tone}`)
  box.type = "button"
  box.dataset.key = each.key
  if (each.tone === "here") box.setAttribute("aria-current", "true")
  box.append(
    element("span", "kind", each.kind),
    element("span", "label", each.label),
    element("span", "detail", each.detail),
  )
  box.onclick = () => { if (each.tone !== "here") state.send("pick", each.key) }
  box.onkeydown = event => onKey(state, box, event)
  box.onmouseenter = box.onfocus = () => mark(state, each.key)
  box.onmouseleave = box.onblur = () => mark(state, null)
  return box
}

// Left and right follow an edge, up and down stay in the column.
function onKey(state, box, event) {
  const key = box.dataset.key
  let to
  if (event.key === "ArrowRight" || event.key === "ArrowLeft") {
    const [from, at] = event.key === "ArrowRight" ? [0, 1] : [1, 0]
    const edge = state.data.edges.find(each => each[from] === key)
    to = edge && boxes(state).find(each => each.dataset.key === edge[at])
  } else if (event.key === "ArrowDown") {
    to = box.nextElementSibling
  } else if (event.key === "ArrowUp") {
    to = box.previousElementSibling
  } else {
    return
  }
  event.preventDefault()
  event.stopPropagation()
  if (to?.classList.contains("box")) to.focus()
}

function drawEdges(state) {
  const svg = state.root.querySelector("svg")
  if (!svg) return
  const frame = state.root.getBoundingClientRect()
  svg.setAttribute("width", frame.width)
  svg.setAttribute("height", frame.height)
  const places = new Map(boxes(state).map(box => [box.dataset.key, box.getBoundingClientRect()]))
  svg.replaceChildren()
  for (const [from, to] of state.data.edges) {
    const a = places.get(from), b = places.get(to)
    if (!a || !b) continue
    const [x1, y1] = [a.right - frame.left, a.top + a.height / 2 - frame.top]
    const [x2, y2] = [b.left - frame.left, b.top + b.height / 2 - frame.top]
    const bend = Math.max(18, Math.abs(x2 - x1) / 2)
    const path = document.createElementNS(SVG, "path")
    path.setAttribute("d", `M${x1},${y1} C${x1 + bend},${y1} ${x2 - bend},${y2} ${x2},${y2}`)
    path.dataset.from = from
    path.dataset.to = to
    svg.append(path)
  }
}

function mark(state, key) {
  for (const path of state.root.querySelectorAll("path")) {
    path.classList.toggle("on", path.dataset.from === key || path.dataset.to === key)
  }
}
