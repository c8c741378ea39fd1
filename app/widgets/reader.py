"""The reader: a chain beside its passages, or two orders beside each other.

A component of the app's own, because no widget sets long foreign text without reading it as
Markdown, jumps from a mention to its passage, or moves a card by a key. Texts travel as data and
are set as plain text in the browser; nothing here builds HTML.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import streamlit as st

from app.widgets.text import brief, visible
from curation.chains import pieces
from curation.segments import steps_of
from curation.word_diff import Span

_FOLDER = Path(__file__).parent
Mode = Literal["read", "mark", "edit"]
Tone = Literal["", "up", "down", "mine", "out"]


def _script(kind: str) -> str:
    """Return the component's parts of one kind as one text: a component has one script."""
    names = ("reader", "chain", "editor")
    return "\n".join((_FOLDER / f"{name}.{kind}").read_text(encoding="utf-8") for name in names)


_reader = st.components.v2.component(
    "rankdesk_reader",
    html="<div class='reader'></div>",
    css=_script("css"),
    js=_script("js"),
)


@dataclass(frozen=True, slots=True)
class Tag:
    """A few words on a card, such as `teacher 3` or `▲ 2`."""

    text: str
    tone: Tone = ""


@dataclass(frozen=True, slots=True)
class Card:
    """One passage in a list; `id` is its 1-based number, the same in every pane of a reader.

    Attributes:
        relevant: None where nobody judged it.
        dim: It is not what the pane is about: a window's neighbours. The pane opens at the first
            card that is not dim.
        grade: 0..3; None where nobody graded it.
        tied: It stands level with the card before it.
    """

    id: int
    docid: str
    text: str
    title: str | None
    relevant: bool | None
    tags: tuple[Tag, ...] = ()
    dim: bool = False
    grade: int | None = None
    tied: bool = False


Pane = dict[str, Any]


def chain_pane(
    title: str,
    chain: str,
    n: int,
    *,
    note: str = "",
    share: float = 1,
    marks: Mapping[int, int] | None = None,
) -> Pane:
    """Return a pane with a chain over `n` passages in steps, its mentions as chips.

    Args:
        marks: From where a step starts (characters) to 1, 0 or -1; None where steps cannot be
            marked.
    """
    if not chain.strip():
        return blank_pane(title, "The response holds no chain.", share=share)
    pane: Pane = {"kind": "chain", "title": title, "note": note, "share": share}
    pane["steps"] = _steps(chain, n)
    if marks is not None:
        pane["marks"] = [list(pair) for pair in sorted(marks.items())]
    return pane


@lru_cache(maxsize=8)
def _steps(chain: str, n: int) -> list[dict[str, Any]]:
    """Return a chain's steps for the browser; nobody may change what comes back."""
    return [
        {
            "start": step.start,
            "sentences": [
                [
                    visible(piece.text)
                    if piece.identifier is None
                    else {"text": piece.text, "id": piece.identifier}
                    for piece in pieces(sentence, n)
                ]
                for sentence in step.sentences
            ],
        }
        for step in steps_of(chain)
    ]


def diff_pane(
    title: str, spans: Sequence[Span], n: int, *, note: str = "", share: float = 1
) -> Pane:
    """Return a pane with a chain over `n` passages in which what another has not is marked."""
    lines: list[list[Any]] = [[]]
    for span in spans:
        for text in span.text.splitlines(keepends=True):
            blank = not text.strip() and len(lines) > 1 and not lines[-1]
            lines[-2 if blank else -1] += [
                visible(piece.text)
                if piece.identifier is None and not span.changed
                else {"text": visible(piece.text), "id": piece.identifier, "changed": span.changed}
                for piece in pieces(text, n)
            ]
            if text.endswith("\n") and not blank:
                lines.append([])
    if not any(lines):
        return blank_pane(title, "The response holds no chain.", share=share)
    steps = [{"start": at, "sentences": [line]} for at, line in enumerate(lines) if line]
    return {"kind": "chain", "title": title, "note": note, "share": share, "steps": steps}


def text_pane(title: str, text: str, *, note: str = "", share: float = 1) -> Pane:
    """Return a pane with a text to be rewritten; it is shown as it is, whatever it holds."""
    return {"kind": "rewrite", "title": title, "note": note, "share": share, "text": text}


def mention_tag(times: int) -> Tag:
    """Return whether a chain considers a passage: how often it is named, or that it is not."""
    return Tag(f"in chain ×{times}") if times else Tag("not in chain", "out")


def cards_pane(
    title: str,
    cards: Iterable[Card],
    *,
    note: str = "",
    mode: Mode = "read",
    share: float = 1,
    compact: bool = False,
    ranked: int = 0,
) -> Pane:
    """Return a pane with passages, best first; only one pane of a reader may be editable.

    Args:
        ranked: How many from the top are ranked, the rest being as they were; 0 for all.
        compact: Show one line of each passage until it is chosen.
    """
    return {
        "kind": "cards",
        "compact": compact,
        "title": title,
        "note": note,
        "share": share,
        "mode": mode,
        "ranked": ranked,
        "cards": [
            {
                "id": card.id,
                "docid": visible(brief(card.docid)),
                "text": visible(card.text),
                "title": card.title and visible(card.title),
                "relevant": card.relevant,
                "tags": [{"text": tag.text, "tone": tag.tone} for tag in card.tags],
                "dim": card.dim,
                "grade": card.grade,
                "tied": card.tied,
            }
            for card in cards
        ],
    }


def blank_pane(title: str, text: str, *, share: float = 1) -> Pane:
    """Return a pane that says why it shows nothing."""
    return {"kind": "blank", "title": title, "note": "", "share": share, "text": text}


def moved(before: int, after: int) -> Tag:
    """Return how far a passage came: `▲ 3` from place 5 to place 2, `▼ 1`, or `=`."""
    if before == after:
        return Tag("=")
    return (
        Tag(f"▲ {before - after}", "up") if before > after else Tag(f"▼ {after - before}", "down")
    )


def reader(
    panes: Sequence[Pane],
    *,
    token: str,
    key: str,
    chrome: int,
    stacked: bool = False,
    on_edit: Callable[[Mapping[str, Any]], None] | None = None,
) -> None:
    """Draw panes side by side, as high as the window leaves room.

    Args:
        token: What is shown; when it changes, selection and scrolling start anew.
        chrome: Pixels of the window that belong to everything else on the page.
        stacked: Panes stand one under the other instead.
        on_edit: Told of every change in a pane that can be changed: `token`; of passages `order`,
            `relevant` (ids), `grades`, `tied` and `ranked`; of a chain `steps`; of a text `chain`.
            It comes from the browser: check it.
    """
    heard = f"{key}-heard"

    def edited() -> None:
        change = st.session_state[key].edit
        if on_edit is not None and isinstance(change, Mapping):
            st.session_state[heard] = change.get("seq")
            on_edit(change)

    _reader(
        data={
            "panes": list(panes),
            "token": token,
            "chrome": f"{chrome}px",
            "stacked": stacked,
            "seen": st.session_state.get(heard),
        },
        key=key,
        on_edit_change=edited,
    )
