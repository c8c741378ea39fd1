// The chain: steps and sentences, marks of steps, finding words, and a field to rewrite it in.

const MARKS = [[1, "+", "right"], [0, "=", "neutral"], [-1, "−", "wrong"]]
const MOST_FOUND = 2000 // places that are painted at once

function drawChain(state, drawn, head, body) {
  const { pane } = drawn
  const text = element("div", pane.marks ? "chain-text markable" : "chain-text")
  for (const step of pane.steps) text.append(drawStep(state, drawn, step))
  body.append(text)
  head.append(finder(state, drawn))
  drawn.firstWrong = head.querySelector(".note")
  drawn.note = pane.note
  paintMarks(state, drawn)
}

function drawStep(state, drawn, step) {
  const box = element("div", "step")
  const said = element("div", "said")
  for (const sentence of step.sentences) {
    const line = element("span", "sentence")
    for (const piece of sentence) {
      if (typeof piece === "string") line.append(document.createTextNode(piece))
      else if (piece.id === null) line.append(element("span", "changed", piece.text))
      else {
        const chip = button(piece.changed ? "chip changed" : "chip", piece.text, "", () => select(state, piece.id, true))
        chip.dataset.id = piece.id
        line.append(chip)
        entry(drawn, piece.id, chip)
        if (!(drawn.index.get(piece.id) ?? []).includes(line)) entry(drawn, piece.id, line)
      }
    }
    said.append(line)
  }
  box.append(said)
  if (drawn.pane.marks) {
    const marks = element("span", "marks")
    for (const [value, sign, word] of MARKS) {
      const key = value === 0 ? "=" : value > 0 ? "+" : "-"
      marks.append(button("tool", sign, `Step ${word} (${key})`, () => markStep(state, step.start, value)))
    }
    box.prepend(marks)
    box.onclick = () => focusStep(state, step.start)
    drawn.steps.set(step.start, box)
  }
  return box
}

// -- marks of steps ------------------------------------------------------------------------------

const marked = state => state.panes.find(({ pane }) => pane.marks)

function paintMarks(state, drawn) {
  if (!drawn.pane.marks) return
  const marks = new Map(drawn.pane.marks)
  let number = 0
  let firstWrong = null
  for (const [start, box] of drawn.steps) {
    number += 1
    const mark = marks.get(start)
    box.dataset.mark = mark ?? ""
    box.classList.toggle("focused", start === state.step)
    ;[...box.querySelectorAll(".marks .tool")].forEach((tool, at) => tool.setAttribute("aria-pressed", MARKS[at][0] === mark))
    if (mark === -1 && firstWrong === null) firstWrong = number
    box.classList.toggle("first-wrong", firstWrong === number)
  }
  if (drawn.firstWrong) drawn.firstWrong.textContent = firstWrong === null ? drawn.note : `first wrong step: ${firstWrong} of ${drawn.steps.size}`
}

function markStep(state, start, value) {
  const drawn = marked(state)
  const marks = new Map(drawn.pane.marks)
  if (marks.get(start) === value) marks.delete(start)
  else marks.set(start, value)
  drawn.pane.marks = [...marks].sort((a, b) => a[0] - b[0])
  drawn.content = null
  state.step = start
  paintMarks(state, drawn)
  tell(state)
}

function focusStep(state, start) {
  const drawn = marked(state)
  drawn?.steps.get(state.step)?.classList.remove("focused")
  state.step = start
  const box = drawn?.steps.get(start)
  if (!box) return
  box.classList.add("focused")
  reach(box, false)
}

function chainKey(state, key) {
  const drawn = marked(state)
  if (key === "/") {
    const field = state.root.querySelector(".find")
    field?.focus()
    field?.select()
    return Boolean(field)
  }
  if (!drawn) return false
  if (key === "n" || key === "b") {
    const starts = [...drawn.steps.keys()]
    const at = starts.indexOf(state.step)
    focusStep(state, starts[Math.max(0, Math.min(starts.length - 1, at + (key === "n" ? 1 : -1)))])
    return true
  }
  const value = { "+": 1, "=": 0, "-": -1 }[key]
  if (value === undefined || !drawn.steps.has(state.step)) return false
  markStep(state, state.step, value)
  return true
}

// -- finding words --------------------------------------------------------------------------------

function finder(state, drawn) {
  const box = element("span", "finder")
  const count = element("span", "count")
  const field = element("input", "find")
  field.type = "search"
  field.placeholder = "Find ( / )"
  field.setAttribute("aria-label", "Find in the chain")
  field.value = state.query
  let waiting = 0
  const found = step => {
    state.query = field.value
    find(drawn, field.value, step)
    count.textContent = field.value ? `${drawn.found.length ? drawn.foundAt + 1 : 0} of ${drawn.found.length}` : ""
  }
  field.oninput = () => {
    clearTimeout(waiting)
    waiting = setTimeout(() => found(0), 120)
  }
  field.onkeydown = event => {
    if (event.key === "Enter" && !event.ctrlKey) found(event.shiftKey ? -1 : 1)
  }
  field.addEventListener("leave", () => { field.value = ""; found(0) })
  box.append(count, field)
  if (state.query) setTimeout(() => found(0))
  return box
}

function find(drawn, query, step) {
  const wanted = query.toLowerCase()
  if (wanted !== drawn.wanted || !drawn.found) {
    drawn.wanted = wanted
    drawn.found = []
    drawn.foundAt = 0
    if (wanted) {
      for (const said of drawn.box.querySelectorAll(".said")) {
        const text = said.textContent.toLowerCase()
        for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + wanted.length)) drawn.found.push([said, at])
      }
    }
  } else if (drawn.found.length) {
    drawn.foundAt = (drawn.foundAt + step + drawn.found.length) % drawn.found.length
  }
  const here = drawn.found[drawn.foundAt]
  if (here) here[0].scrollIntoView({ block: "nearest" })
  if (!globalThis.CSS?.highlights) return
  CSS.highlights.set("rankdesk-found", new Highlight(...drawn.found.slice(0, MOST_FOUND).map(place => rangeOf(place, wanted.length))))
  if (!here) { CSS.highlights.delete("rankdesk-here"); return }
  const range = rangeOf(here, wanted.length)
  CSS.highlights.set("rankdesk-here", new Highlight(range))
  settle(here[0].closest(".body"), range, 4)
}

// Steps that were never on the screen have a guessed height: going to one takes a few looks.
function settle(body, range, looks) {
  const { top, bottom } = range.getBoundingClientRect()
  const frame = body.getBoundingClientRect()
  if (top < frame.top || bottom > frame.bottom) body.scrollTop += top - frame.top - frame.height / 3
  if (looks > 0) requestAnimationFrame(() => settle(body, range, looks - 1))
}

function rangeOf([said, from], length) {
  const range = new Range()
  const walker = document.createTreeWalker(said, NodeFilter.SHOW_TEXT)
  let passed = 0
  let started = false
  while (walker.nextNode()) {
    const node = walker.currentNode
    if (!started && from < passed + node.length) {
      range.setStart(node, from - passed)
      started = true
    }
    if (started && from + length <= passed + node.length) {
      range.setEnd(node, from + length - passed)
      return range
    }
    passed += node.length
  }
  return range
}

// -- rewriting ------------------------------------------------------------------------------------

function drawText(state, drawn, body) {
  const field = element("textarea", "field")
  field.value = drawn.pane.text
  field.setAttribute("aria-label", drawn.pane.title)
  field.spellcheck = false
  let waiting = 0
  const tellNow = () => {
    clearTimeout(waiting)
    if (field.value === drawn.pane.text) return
    drawn.pane.text = field.value
    drawn.content = JSON.stringify(drawn.pane)
    tell(state)
  }
  field.oninput = () => {
    clearTimeout(waiting)
    waiting = setTimeout(tellNow, 400)
  }
  field.onblur = tellNow
  // Ctrl is the first half of Ctrl+Enter: what was typed must be there before the fix is saved.
  field.onkeydown = event => { if (event.key === "Control" || event.key === "Meta") tellNow() }
  body.append(field)
}
