"""One item's rankings as panes for the reader."""

from collections.abc import Sequence

from app.drafts import Draft
from app.widgets.reader import Card, Pane, Tag, blank_pane, cards_pane, chain_pane, moved
from curation.review import ReviewItem
from db.records import Judgment, Ranking


def review_panes(shown: ReviewItem, view: str, draft: Draft, *, hidden: bool) -> list[Pane]:
    """Return chain and passages of an item under review.

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
                _cards(shown, _numbers(shown, "initial"), draft.marks, teacher=False),
                note="J K focus · M mark",
                mode="mark",
                share=3,
            ),
        ]
    teacher = shown.teacher
    chain = chain_pane(
        "Chain",
        teacher.chain,
        len(shown.item.candidates),
        note=f"{teacher.author_name} · click a mention to see its passage",
        share=2,
    )
    if draft.fixing:
        title, mode = "Your order and labels", "edit"
        cards = _cards(shown, draft.order, draft.relevant, teacher=True)
    else:
        title, mode = f"Passages {_ORDERS[view]}", "read"
        labels = _labels(shown, view)
        relevant = {
            number
            for number, candidate in enumerate(shown.item.candidates, start=1)
            if candidate.docid in labels
        }
        cards = _cards(shown, _numbers(shown, view), relevant, teacher=True)
    note = "J K focus · Alt+↑ ↓ move · M mark" if mode == "edit" else "J K focus"
    return [chain, cards_pane(title, cards, note=note, mode=mode, share=3)]  # type: ignore[arg-type]


def latest_fix(shown: ReviewItem) -> tuple[Judgment, Ranking] | None:
    """Return the newest fix in force with its order; None where nobody fixed the item."""
    rankings = {ranking.ranking_id: ranking for ranking in shown.rankings}
    for judgment in shown.judgments:
        if judgment.verdict == "fix" and judgment.ranking_id in rankings:
            return judgment, rankings[judgment.ranking_id]
    return None


def _labels(shown: ReviewItem, view: str) -> Sequence[str]:
    fix = latest_fix(shown) if view == "fix" else None
    if fix is not None and fix[0].relevant_docids is not None:
        return fix[0].relevant_docids
    return shown.item.relevant_docids


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
    if view == "fix" and (fix := latest_fix(shown)) is not None:
        return [docids.index(docid) + 1 for docid in fix[1].docids]
    if view == "teacher":
        return [docids.index(docid) + 1 for docid in shown.teacher.docids]
    if view == "label":
        return sorted(initial, key=lambda n: docids[n - 1] not in shown.item.relevant_docids)
    return initial


def _cards(shown: ReviewItem, order: list[int], relevant: set[int], *, teacher: bool) -> list[Card]:
    place = {docid: at for at, docid in enumerate(shown.teacher.docids, start=1)}
    cards = []
    for at, number in enumerate(order, start=1):
        candidate = shown.item.candidates[number - 1]
        tags: tuple[Tag, ...] = ()
        if teacher:
            teachers = place[candidate.docid]
            tags = (moved(number, at),) if at == teachers else (Tag(f"teacher: {teachers}"),)
            if shown.marks is not None and candidate.docid in shown.marks:
                tags += (Tag("you marked it", "mine"),)
        cards.append(
            Card(number, candidate.docid, candidate.text, candidate.title, number in relevant, tags)
        )
    return cards
