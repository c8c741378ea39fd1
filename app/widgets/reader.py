"""The reader: a chain beside its passages, or two orders beside each other.

A component of the app's own, because no widget sets long foreign text without reading it as
Markdown, jumps from a mention to its passage, or moves a card by a key. Texts travel as data and
are set as plain text in the browser; nothing here builds HTML.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import streamlit as st

from curation.chains import pieces
from curation.word_diff import Span

_FOLDER = Path(__file__).parent
Mode = Literal["read", "mark", "edit"]
Tone = Literal["", "up", "down", "mine"]

_reader = st.components.v2.component(
    "rankdesk_reader",
    html="<div class='reader'></div>",
    css=(_FOLDER / "reader.css").read_text(encoding="utf-8"),
    js=(_FOLDER / "reader.js").read_text(encoding="utf-8"),
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
    """

    id: int
    docid: str
    text: str
    title: str | None
    relevant: bool | None
    tags: tuple[Tag, ...] = ()
    dim: bool = False


Pane = dict[str, Any]


def chain_pane(title: str, chain: str, n: int, *, note: str = "", share: float = 1) -> Pane:
    """Return a pane with a chain over `n` passages, its mentions as chips."""
    found = [{"text": piece.text, "id": piece.identifier} for piece in pieces(chain, n)]
    if not found:
        return blank_pane(title, "The response holds no chain.", share=share)
    return {"kind": "chain", "title": title, "note": note, "share": share, "pieces": found}


def diff_pane(
    title: str, spans: Sequence[Span], n: int, *, note: str = "", share: float = 1
) -> Pane:
    """Return a pane with a chain over `n` passages in which what another has not is marked."""
    found = [
        {"text": piece.text, "id": piece.identifier, "changed": span.changed}
        for span in spans
        for piece in pieces(span.text, n)
    ]
    if not found:
        return blank_pane(title, "The response holds no chain.", share=share)
    return {"kind": "chain", "title": title, "note": note, "share": share, "pieces": found}


def cards_pane(
    title: str,
    cards: Iterable[Card],
    *,
    note: str = "",
    mode: Mode = "read",
    share: float = 1,
    compact: bool = False,
) -> Pane:
    """Return a pane with passages, best first; only one pane of a reader may be editable.

    Args:
        compact: Show one line of each passage until it is chosen.
    """
    return {
        "kind": "cards",
        "compact": compact,
        "title": title,
        "note": note,
        "share": share,
        "mode": mode,
        "cards": [asdict(card) for card in cards],
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
        on_edit: Told of every mark and move in the editable pane: `token`, `order` and `relevant`
            (ids). It comes from the browser: check it.
    """

    def edited() -> None:
        change = st.session_state[key].edit
        if on_edit is not None and isinstance(change, Mapping):
            on_edit(change)

    _reader(
        data={
            "panes": list(panes),
            "token": token,
            "chrome": f"{chrome}px",
            "stacked": stacked,
        },
        key=key,
        on_edit_change=edited,
    )
