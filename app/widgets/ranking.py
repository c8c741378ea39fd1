"""One item's rankings as panes for the reader."""

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType

from app.drafts import Draft
from app.widgets.reader import (
    Card,
    Pane,
    Tag,
    blank_pane,
    cards_pane,
    chain_pane,
    mention_tag,
    moved,
)
from app.widgets.text import brief, visible
from curation.chains import mentions
from curation.review import ReviewItem, fix_of


def review_panes(shown: ReviewItem, view: str, draft: Draft, *, hidden: bool) -> list[Pane]:
    """Return chain and passages of an item under review, which is not being fixed.

    Args:
        view: `initial`, `teacher`, `label` or `fix`: the order of the passages.
        hidden: Whether the teacher's order, labels and chain are still to be kept from sight.
    """
    if hidden:
        return [
            blank_pane(
                "Chain", "Hidden until you reveal it.\nMark what you find relevant first.", share=2
            ),
            cards_pane(
                "Passages in initial order",
                cards_of(shown, _numbers(shown, "initial"), draft.marks, teacher=False),
                note="J K focus · M mark",
                mode="mark",
                share=3,
            ),
        ]
    labels = _labels(shown, view)
    relevant = {
        number
        for number, candidate in enumerate(shown.item.candidates, start=1)
        if candidate.docid in labels
    }
    teacher = shown.teacher
    return [
        chain_pane(
            "Chain",
            teacher.chain,
            len(shown.item.candidates),
            note=f"{visible(brief(teacher.author_name))} · N B step, + = − mark it",
            share=2,
            marks=draft.steps,
        ),
        cards_pane(
            f"Passages {_ORDERS[view]}",
            cards_of(shown, _numbers(shown, view), relevant, grades=_grades(shown, view)),
            note="J K focus",
            share=3,
        ),
    ]


def _labels(shown: ReviewItem, view: str) -> Sequence[str]:
    fix = fix_of(shown) if view == "fix" else None
    if fix is not None and fix[0].relevant_docids is not None:
        return fix[0].relevant_docids
    return shown.item.relevant_docids


def _grades(shown: ReviewItem, view: str) -> Mapping[int, int]:
    fix = fix_of(shown) if view == "fix" else None
    given = fix[0].grades if fix is not None else {}
    return {
        number: given[candidate.docid]
        for number, candidate in enumerate(shown.item.candidates, start=1)
        if candidate.docid in given
    }


_ORDERS = {
    "initial": "in initial order",
    "teacher": "in the teacher's order",
    "label": "by label, relevant first",
    "fix": "as a reviewer corrected them",
}


def _numbers(shown: ReviewItem, view: str) -> list[int]:
    """Return the 1-based candidate numbers in one of the orders."""
    docids = [candidate.docid for candidate in shown.item.candidates]
    initial = list(range(1, len(docids) + 1))
    if view == "fix" and (fix := fix_of(shown)) is not None:
        return [docids.index(docid) + 1 for docid in fix[1].docids]
    if view == "teacher":
        return [docids.index(docid) + 1 for docid in shown.teacher.docids]
    if view == "label":
        return sorted(initial, key=lambda n: docids[n - 1] not in shown.item.relevant_docids)
    return initial


def cards_of(
    shown: ReviewItem,
    order: Sequence[int],
    relevant: Collection[int],
    *,
    teacher: bool = True,
    chain: str | None = None,
    grades: Mapping[int, int] = MappingProxyType({}),
    tied: Collection[int] = (),
) -> list[Card]:
    """Return an item's passages as cards.

    Args:
        order: Their 1-based numbers, best first.
        teacher: Whether the cards say where the teacher put them, and whether its chain names them.
        chain: The chain that is shown beside them; None for the teacher's.
    """
    place = {docid: at for at, docid in enumerate(shown.teacher.docids, start=1)}
    named = mentions(shown.teacher.chain if chain is None else chain)
    cards = []
    for at, number in enumerate(order, start=1):
        candidate = shown.item.candidates[number - 1]
        tags: tuple[Tag, ...] = ()
        if teacher:
            teachers = place[candidate.docid]
            tags = (moved(number, at),) if at == teachers else (Tag(f"teacher: {teachers}"),)
            tags += (mention_tag(named[number]),)
            if shown.marks is not None and candidate.docid in shown.marks:
                tags += (Tag("you marked it", "mine"),)
        cards.append(
            Card(
                number,
                candidate.docid,
                candidate.text,
                candidate.title,
                number in relevant,
                tags,
                grade=grades.get(number),
                tied=number in tied,
            )
        )
    return cards
