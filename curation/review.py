"""The review desk: load an item, decide on it, take a decision back."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version

from curation.agreement import Agreement
from curation.consistency import self_consistency
from curation.errors import CurationError
from curation.people import require
from curation.samples import agreement_from
from curation.training_items import ranking_id
from db import agreement, items, judgments
from db.records import Item, Judgment, Ranking, Verdict
from db.store import Store

REASONS = {
    "wrong_order": "Wrong order",
    "wrong_labels": "Wrong labels",
    "broken_chain": "Broken chain",
    "bad_query": "Bad query",
    "duplicate": "Duplicate",
}


class JudgmentError(CurationError):
    """A verdict is incomplete or contradicts itself; nothing was recorded."""


@dataclass(frozen=True, slots=True)
class ReviewItem:
    """Everything the review page shows of one item.

    Attributes:
        teacher: The ranking under review, also the first of `rankings`.
        judgments: In force, newest first.
        marks: Docids that this reviewer marked relevant before the reveal; None before it.
        samples: How many samples the item has, by all teachers; 0 for an imported one.
        agreement: What those of the teacher under review say about each other, where there are
            several.
    """

    item: Item
    rankings: list[Ranking]
    teacher: Ranking
    judgments: list[Judgment]
    marks: list[str] | None
    samples: int = 0
    agreement: Agreement | None = None


def load(store: Store, item_id: str, reviewer: str) -> ReviewItem:
    """Return one item for review.

    Raises:
        NotFoundError: If there is no such item.
    """
    item = items.get_item(store, item_id)
    rankings = items.get_rankings(store, item_id)
    measured = agreement.agreement_of(store, item_id)
    own = next((row for row in measured if row["under_review"] and row["samples"] > 1), None)
    return ReviewItem(
        item=item,
        rankings=rankings,
        teacher=rankings[0],
        judgments=judgments.judgments_of(store, item_id),
        marks=judgments.reveal_of(store, item_id, reviewer),
        samples=sum(row["samples"] for row in measured),
        agreement=None if own is None else agreement_from(own),
    )


def decide(
    store: Store,
    *,
    item_id: str,
    reviewer: str,
    verdict: Verdict,
    reasons: Sequence[str] = (),
    note: str = "",
    order: Sequence[str] | None = None,
    relevant: Sequence[str] | None = None,
) -> str:
    """Record a verdict and return its event id; once this returns, it is on disk.

    Args:
        reasons: Keys of `REASONS`; a rejection needs at least one.
        order: For a fix, every docid of the item, best first; None keeps the teacher's order.
        relevant: For a fix, the corrected labels; None keeps the teacher's.

    Raises:
        RefusedError: If the reviewer does not have the role annotator.
        JudgmentError: If the verdict is incomplete or the fix changes nothing.
        NotFoundError: If there is no such item.
    """
    reviewer = require(store, reviewer, "annotator")
    shown = load(store, item_id, reviewer)
    if not reviewer.strip():
        raise JudgmentError("A judgment needs a reviewer: enter your name in the sidebar.")
    if unknown := [reason for reason in reasons if reason not in REASONS]:
        raise JudgmentError(f"Unknown reasons {unknown}; the reasons are {', '.join(REASONS)}.")
    if verdict == "reject" and not reasons:
        raise JudgmentError("A rejection needs a reason: choose at least one.")
    if verdict != "fix" and (order is not None or relevant is not None):
        raise JudgmentError(f"A corrected order or labels go with the verdict fix, not {verdict}.")
    corrected, labels = (None, None)
    if verdict == "fix":
        corrected, labels = _corrections(shown, reviewer, order, relevant)
    return judgments.append_judgment(
        store,
        item_id=item_id,
        reviewer=reviewer,
        verdict=verdict,
        reasons=list(reasons),
        note=note,
        ranking_id=shown.teacher.ranking_id,
        relevant_docids=labels,
        corrected=corrected,
        code_version=version("rankdesk"),
    )


def _corrections(
    shown: ReviewItem, reviewer: str, order: Sequence[str] | None, relevant: Sequence[str] | None
) -> tuple[Ranking | None, list[str] | None]:
    """Return the human ranking and labels of a fix; None for the part that stays the teacher's."""
    initial = [candidate.docid for candidate in shown.item.candidates]
    order = list(order if order is not None else shown.teacher.docids)
    labels = set(relevant if relevant is not None else shown.item.relevant_docids)
    if sorted(order) != sorted(initial):
        raise JudgmentError("A corrected order must hold each of the item's passages once.")
    if not labels <= set(initial):
        raise JudgmentError("Corrected labels must be passages of the item.")
    if not labels:
        raise JudgmentError(
            "No passage is marked relevant, and an item without one cannot be trained on: "
            "mark one, or reject the item with the reason wrong labels."
        )
    same_order = order == list(shown.teacher.docids)
    same_labels = labels == set(shown.item.relevant_docids)
    if same_order and same_labels:
        raise JudgmentError("The fix changes neither order nor labels: approve the item instead.")
    relevant_docids = [docid for docid in initial if docid in labels]
    # The human ranking is recorded even when only labels change, so that what is trained on
    # always names its author; its self-consistency is measured against the corrected labels.
    scores = self_consistency(order, relevant_docids, initial)
    corrected = Ranking(
        ranking_id=ranking_id(shown.item.item_id, "human", reviewer, order, ""),
        item_id=shown.item.item_id,
        author="human",
        author_name=reviewer,
        docids=tuple(order),
        status="ok",
        ndcg=scores.ndcg,
        recall=scores.recall,
        overlap=scores.overlap,
        first_relevant=scores.first_relevant or 0,
        chain="",
    )
    return corrected, None if same_labels else relevant_docids


def reveal(store: Store, *, item_id: str, reviewer: str, marks: Sequence[str]) -> None:
    """Keep the blind relevance marks that a reviewer made before seeing the teacher's answer."""
    reviewer = require(store, reviewer, "annotator")
    candidates = {candidate.docid for candidate in items.get_item(store, item_id).candidates}
    if foreign := set(marks) - candidates:
        raise JudgmentError(f"Marked passages are not in this item: {sorted(foreign)[:10]}.")
    judgments.append_reveal(
        store,
        item_id=item_id,
        reviewer=reviewer,
        marks=list(marks),
        code_version=version("rankdesk"),
    )


def undo(store: Store, reviewer: str) -> str | None:
    """Take back the reviewer's latest judgment in force and return its item; None without one.

    Called again, it goes back further.
    """
    reviewer = require(store, reviewer, "annotator")
    latest = judgments.recent_judgments(store, reviewer, limit=1)
    if not latest:
        return None
    return judgments.append_undo(
        store,
        event_id=latest[0].event_id,
        reviewer=reviewer,
        code_version=version("rankdesk"),
    )
