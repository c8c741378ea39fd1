"""The review desk: load an item, decide on it, take a decision back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from curation.code_version import code_version
from curation.errors import CurationError
from curation.people import require
from curation.rankings import scored
from db import agreement, bulk, campaigns, guidelines, items, judgments
from db.campaigns import Campaign
from db.records import Adjudication, ChainAuthor, Detail, Item, Judgment, Ranking, Verdict
from db.store import Store

REASONS = {
    "wrong_order": "Wrong order",
    "wrong_labels": "Wrong labels",
    "broken_chain": "Broken chain",
    "bad_query": "Bad query",
    "duplicate": "Duplicate",
}

RELEVANT_GRADE = 2
"""Grades 2 and 3 say that a passage is relevant, 0 and 1 that it is not: the training labels stay
binary, and a judgment whose grades contradict its labels is refused."""


class JudgmentError(CurationError):
    """A verdict is incomplete or contradicts itself; nothing was recorded."""


@dataclass(frozen=True, slots=True)
class ReviewItem:
    """Everything the review page shows of one item.

    Attributes:
        teacher: The ranking under review, also the first of `rankings`.
        judgments: In force, newest first.
        marks: Docids that this reviewer marked relevant before the reveal; None before it.
        samples: How many the teacher under review gave; 0 for an imported item.
        tau: Mean Kendall τ of two of them; None for fewer.
    """

    item: Item
    rankings: list[Ranking]
    teacher: Ranking
    judgments: list[Judgment]
    marks: list[str] | None
    samples: int
    tau: float | None

    @property
    def hinted_chains(self) -> set[str]:
        """Chains that a teacher wrote to a reviewer's hint."""
        return {ranking.chain for ranking in self.rankings if ranking.hint and ranking.chain}


def fix_of(shown: ReviewItem, reviewer: str | None = None) -> tuple[Judgment, Ranking] | None:
    """Return the newest fix in force with its order; None where nobody fixed the item.

    Args:
        reviewer: Only theirs; None for anybody's.
    """
    rankings = {ranking.ranking_id: ranking for ranking in shown.rankings}
    for judgment in shown.judgments:
        given = rankings.get(judgment.ranking_id or "")
        if given and judgment.verdict == "fix" and reviewer in (None, judgment.reviewer):
            return judgment, given
    return None


def load(store: Store, item_id: str, reviewer: str) -> ReviewItem:
    """Return one item for review.

    Raises:
        NotFoundError: If there is no such item.
    """
    item = items.get_item(store, item_id)
    rankings = items.get_rankings(store, item_id)
    samples, tau = agreement.samples_under_review(store, item_id)
    said, marks = judgments.said_of(store, item_id, reviewer)
    return ReviewItem(
        item=item,
        rankings=rankings,
        teacher=rankings[0],
        judgments=said,
        marks=marks,
        samples=samples,
        tau=tau,
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
    chain: str | None = None,
    grades: Mapping[str, int] | None = None,
    detail: Detail | None = None,
    campaign: str | None = None,
    seconds: float | None = None,
) -> str:
    """Record a verdict and return its event id; once this returns, it is on disk.

    Args:
        reasons: Keys of `REASONS`; a rejection needs at least one.
        order: For a fix, every docid of the item, best first; None keeps the teacher's order.
        relevant: For a fix, the corrected labels; None keeps the teacher's.
        chain: For a fix, the chain as the reviewer wrote it; None keeps the teacher's.
        grades: With an approval or a fix, from docids to 0..3, for those that were graded; they
            must say the same as the labels (see `RELEVANT_GRADE`).
        detail: How a fix's order came about, and marks of the teacher's chain's steps.
        campaign: Id of the campaign in which the item was given out. The judgment is stamped with
            it, and with its guidelines, where the item is one of its items.
        seconds: From showing the item to the verdict.

    Raises:
        RefusedError: If the reviewer does not have the role annotator.
        JudgmentError: If the verdict is incomplete or contradicts itself, or the fix changes
            nothing.
        NotFoundError: If there is no such item.
    """
    return record(
        store,
        item_id=item_id,
        reviewer=require(store, reviewer, "annotator"),
        verdict=verdict,
        reasons=reasons,
        note=note,
        order=order,
        relevant=relevant,
        chain=chain,
        grades=grades,
        detail=detail,
        campaign=campaign,
        seconds=seconds,
    )


def record(
    store: Store,
    *,
    item_id: str,
    reviewer: str,
    verdict: Verdict,
    reasons: Sequence[str] = (),
    note: str = "",
    order: Sequence[str] | None = None,
    relevant: Sequence[str] | None = None,
    chain: str | None = None,
    grades: Mapping[str, int] | None = None,
    detail: Detail | None = None,
    campaign: str | None = None,
    seconds: float | None = None,
    adjudication: Adjudication | None = None,
) -> str:
    """Check and append a judgment by somebody whose role was looked at; as `decide` otherwise.

    Args:
        adjudication: What makes it the last word over other judgments.
    """
    ranking_id = items.ranking_under_review(store, item_id)
    _require_sound(reviewer, verdict, reasons)
    if verdict != "fix" and not (order is relevant is chain is None):
        raise JudgmentError(
            f"A corrected order, labels or chain go with the verdict fix, not {verdict}."
        )
    corrected, labels = (None, None)
    hinted: ChainAuthor = "human"
    if verdict == "fix" or grades or detail is not None:
        shown = load(store, item_id, reviewer)
        if verdict == "fix":
            corrected, labels = _corrections(shown, reviewer, order, relevant, chain)
            if chain in shown.hinted_chains:
                hinted = "hinted"
        stands = shown.item.relevant_docids if labels is None else labels
        _check_grades(grades or {}, verdict, stands)
        if detail is not None:
            _check_detail(detail, shown)
    taken_in = None if campaign is None else _campaign(store, campaign, item_id, reviewer)
    line = guidelines.GENERAL if taken_in is None else taken_in.guideline
    return judgments.append_judgment(
        store,
        item_id=item_id,
        reviewer=reviewer,
        verdict=verdict,
        reasons=list(reasons),
        note=note,
        ranking_id=ranking_id,
        relevant_docids=labels,
        corrected=corrected,
        code_version=code_version(),
        grades=grades,
        guideline=guidelines.stamp(store, line),
        campaign=None if taken_in is None else taken_in.campaign_id,
        seconds=seconds,
        detail=detail,
        chain_author=hinted,
        adjudication=adjudication,
    )


def _campaign(store: Store, campaign_id: str, item_id: str, reviewer: str) -> Campaign | None:
    """Return the campaign that a verdict counts for; None where the item is none of its items.

    A campaign that was closed while the item was on the screen still counts it.
    """
    found = campaigns.get_campaign(store, campaign_id)
    if not found.is_for(reviewer):
        raise JudgmentError(
            f"{found.name} is for {', '.join(found.members)}: judge outside of the campaign."
        )
    one = replace(found.chosen, found=(item_id,))
    return found if items.count_items(store, one) else None


def _check_grades(grades: Mapping[str, int], verdict: Verdict, labels: Sequence[str]) -> None:
    """Refuse grades that cannot be, or that contradict the labels the verdict stands for."""
    if grades and verdict not in ("approve", "fix"):
        raise JudgmentError(f"Grades go with the verdicts approve and fix, not {verdict}.")
    if wrong := [docid for docid, grade in grades.items() if grade not in (0, 1, 2, 3)]:
        raise JudgmentError(f"A grade is 0, 1, 2 or 3; check {sorted(wrong)[:10]}.")
    against = [
        docid for docid, grade in grades.items() if (grade >= RELEVANT_GRADE) != (docid in labels)
    ]
    if against:
        raise JudgmentError(
            f"The grades of {sorted(against)[:10]} contradict the labels: {RELEVANT_GRADE} and "
            "above say relevant, below says not. Fix the labels, or grade anew."
        )


def _check_detail(detail: Detail, shown: ReviewItem) -> None:
    """Refuse marks of steps and ties that are not of this item."""
    docids = {candidate.docid for candidate in shown.item.candidates}
    if not docids.issuperset(detail.tied):
        raise JudgmentError("Tied passages must be passages of the item.")
    if detail.ranked is not None and not 1 <= detail.ranked <= len(docids):
        raise JudgmentError(f"Of {len(docids)} passages 1 to {len(docids)} can be ranked.")
    end = 0
    for step in detail.steps:
        if step.start < end or step.stop <= step.start or step.mark not in (-1, 0, 1):
            raise JudgmentError("Marked steps must stand in order, each with 1, 0 or -1.")
        end = step.stop
    if end > len(shown.teacher.chain):
        raise JudgmentError("A marked step ends after the chain that it is of.")


def changes_nothing(
    shown: ReviewItem, order: Sequence[str], relevant: Sequence[str], chain: str | None
) -> bool:
    """Return whether order, labels and chain are the teacher's."""
    return (
        tuple(order) == shown.teacher.docids
        and set(relevant) == set(shown.item.relevant_docids)
        and chain in (None, shown.teacher.chain)
    )


def decide_many(
    store: Store,
    *,
    item_ids: Sequence[str],
    reviewer: str,
    verdict: Literal["approve", "reject"],
    reasons: Sequence[str] = (),
    note: str = "",
) -> str:
    """Record one verdict on each of many items, on all or on none; return the bulk action's id.

    Args:
        item_ids: At least one; repeats count once.
        reasons: As for `decide`.

    Raises:
        JudgmentError: If the verdict is incomplete, or there is no item to give it on.
        RefusedError: If the reviewer does not have the role annotator.
        NotFoundError: If one of them is no item.
    """
    reviewer = require(store, reviewer, "annotator")
    _require_sound(reviewer, verdict, reasons)
    if not item_ids:
        raise JudgmentError("There is no item to decide on: choose some.")
    return bulk.append_verdicts(
        store,
        list(dict.fromkeys(item_ids)),
        reviewer=reviewer,
        verdict=verdict,
        reasons=list(reasons),
        note=note,
        guideline=guidelines.stamp(store, guidelines.GENERAL),
        code_version=code_version(),
    )


def _require_sound(reviewer: str, verdict: Verdict, reasons: Sequence[str]) -> None:
    if not reviewer.strip():
        raise JudgmentError("A judgment needs a reviewer: enter your name in the sidebar.")
    if unknown := [reason for reason in reasons if reason not in REASONS]:
        raise JudgmentError(f"Unknown reasons {unknown}; the reasons are {', '.join(REASONS)}.")
    if verdict == "reject" and not reasons:
        raise JudgmentError("A rejection needs a reason: choose at least one.")


def _corrections(
    shown: ReviewItem,
    reviewer: str,
    order: Sequence[str] | None,
    relevant: Sequence[str] | None,
    chain: str | None,
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
    if chain is not None and not chain.strip():
        raise JudgmentError(
            "The edited chain is empty: write one, go back to the teacher's, or reject the item "
            "with the reason broken chain."
        )
    if changes_nothing(shown, order, list(labels), chain):
        raise JudgmentError(
            "The fix changes neither order, labels nor chain: approve the item instead."
        )
    same_labels = labels == set(shown.item.relevant_docids)
    written = "" if chain is None or chain == shown.teacher.chain else chain
    relevant_docids = [docid for docid in initial if docid in labels]
    # The human ranking is recorded even when only labels change, so that what is trained on
    # always names its author; its self-consistency is measured against the corrected labels.
    corrected = scored(
        shown.item.item_id,
        "human",
        reviewer,
        order,
        initial=initial,
        relevant=relevant_docids,
        chain=written,
        status="ok",
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
        code_version=code_version(),
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
        code_version=code_version(),
    )
