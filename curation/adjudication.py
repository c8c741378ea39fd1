"""Adjudication: where people who judged an item do not agree, a reviewer has the last word.

The decision is a judgment like any other, by the adjudicator, and takes one version as it is, or
merges. It stays in force whatever is judged afterwards, until it is undone or the item is
adjudicated again; a later judgment brings the item back to the list.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Any

import polars as pl

from curation import review
from curation.agreement import DEFAULT_CUT
from curation.code_version import code_version
from curation.errors import CurationError
from curation.people import require, two_person
from curation.review import ReviewItem
from curation.reviewer_agreement import by_item, disputed, said
from db import adjudications, details, judgments, opinions, queue_log
from db.records import Adjudication, Cause, Detail, Judgment, Ranking, Verdict
from db.store import Store

CAUSES: dict[Cause, str] = {
    "ambiguous": "Ambiguous",
    "guideline_gap": "Guideline gap",
    "slip": "Slip",
}
"""Why people do not agree: the item allows both, the guidelines do not say, or one was mistaken."""


class AdjudicationError(CurationError):
    """An item cannot be adjudicated as asked; nothing was recorded."""


@dataclass(frozen=True, slots=True)
class Version:
    """What one person said of an item.

    Attributes:
        letter: What it is called while it is not said whose it is: `A` for the first.
        author: Whose it is.
        judgment: Their latest judgment that is no adjudication.
        ranking: The order that the verdict leaves in force, an approval the teacher's; None where
            it leaves none.
        labels: The relevant passages that it leaves in force, likewise.
        detail: How the order came about, and marked steps.
    """

    letter: str
    author: str
    judgment: Judgment
    ranking: Ranking | None
    labels: tuple[str, ...] | None
    detail: Detail


@dataclass(frozen=True, slots=True)
class Case:
    """An item with everything that people said of it.

    Attributes:
        versions: The earliest first.
        decided: The adjudication in force, a row of `db.adjudications.in_force`; None without one.
        open: Whether somebody judged the item since, or nobody adjudicated it.
    """

    shown: ReviewItem
    versions: list[Version]
    decided: dict[str, Any] | None
    open: bool


def waiting(
    store: Store, *, asked_by: str, cut: float = DEFAULT_CUT, domains: Sequence[str] = ()
) -> pl.DataFrame:
    """Return the items on which people do not agree and nobody had the last word since.

    Gold items are none: what is said there measures people.

    Args:
        cut: Two orders (Kendall tau) or two sets of labels (Jaccard) below it do not agree.
        domains: Any of these; none means all.

    Returns:
        As `curation.reviewer_agreement.disputed`, the least agreed first.

    Raises:
        RefusedError: If `asked_by` is no reviewer.
    """
    require(store, asked_by, "reviewer")
    heard = said(store, domains)
    found = disputed(by_item(heard.pairs.filter(pl.col("b_kind") == "person")), cut)
    newest = dict(heard.people.group_by("item_id").agg(pl.col("seq").max()).iter_rows())
    done = {
        row["item_id"]
        for row in adjudications.in_force(store)
        if row["seq"] > newest.get(row["item_id"], 0)
    }
    done |= {row["item_id"] for row in queue_log.gold_items(store)}
    return found.filter(~pl.col("item_id").is_in(list(done)))


def decided(store: Store, *, asked_by: str) -> list[dict[str, Any]]:
    """Return the adjudications in force (rows of `db.adjudications.in_force`), newest first.

    Raises:
        RefusedError: If `asked_by` is no reviewer.
    """
    require(store, asked_by, "reviewer")
    return adjudications.in_force(store)


def load(store: Store, item_id: str, *, asked_by: str) -> Case:
    """Return an item with every version of it.

    Raises:
        RefusedError: If `asked_by` is no reviewer.
        NotFoundError: If there is no such item.
    """
    return _case(store, item_id, require(store, asked_by, "reviewer"))


def _case(store: Store, item_id: str, adjudicator: str) -> Case:
    shown = review.load(store, item_id, adjudicator)
    rows = opinions.of_item(store, item_id)
    given = judgments.by_events(store, [row["event_id"] for row in rows])
    told = details.details_of(store, item_id)
    rankings = {each.ranking_id: each for each in shown.rankings}
    versions = []
    for at, judgment in enumerate(given):
        keeps = judgment.verdict in ("approve", "fix")
        versions.append(
            Version(
                letter=_letter(at),
                author=judgment.reviewer,
                judgment=judgment,
                ranking=rankings.get(judgment.ranking_id or "") if keeps else None,
                labels=(judgment.relevant_docids or shown.item.relevant_docids) if keeps else None,
                detail=told.get(judgment.event_id, Detail()),
            )
        )
    last = next(iter(adjudications.in_force(store, item_id)), None)
    newest = max((row["seq"] for row in rows), default=0)
    return Case(shown, versions, last, last is None or last["seq"] < newest)


def _letter(at: int) -> str:
    turn, place = divmod(at, len(ascii_uppercase))
    return ascii_uppercase[place] + (str(turn + 1) if turn else "")


def take(
    store: Store,
    item_id: str,
    event_id: str,
    *,
    over: Collection[str],
    cause: Cause,
    note: str = "",
    decided_by: str,
) -> str:
    """Take one version as it is and return the decision's event id; it is on disk then.

    Args:
        event_id: Of the version's judgment.
        over: Event ids of all versions that were looked at.

    Raises:
        RefusedError: If `decided_by` is no reviewer.
        AdjudicationError: If the item has no two versions or is a gold item, these are not its
            versions any more, or the cause is unknown.
        NotFoundError: If there is no such item.
    """
    decided_by = require(store, decided_by, "reviewer")
    case = _settleable(store, item_id, decided_by, over, cause)
    taken = next((each for each in case.versions if each.judgment.event_id == event_id), None)
    if taken is None:
        raise AdjudicationError("That is none of the item's versions: choose one of them.")
    own = taken.judgment
    return judgments.append_judgment(
        store,
        item_id=item_id,
        reviewer=decided_by,
        verdict=own.verdict,
        reasons=list(own.reasons),
        note=note,
        ranking_id=own.ranking_id or case.shown.teacher.ranking_id,
        relevant_docids=None if own.relevant_docids is None else list(own.relevant_docids),
        corrected=None,
        code_version=code_version(),
        grades=own.grades,
        detail=taken.detail,
        adjudication=_adjudication(case, cause, own.event_id),
    )


def merge(
    store: Store,
    item_id: str,
    *,
    verdict: Verdict,
    over: Collection[str],
    cause: Cause,
    note: str = "",
    decided_by: str,
    reasons: Sequence[str] = (),
    order: Sequence[str] | None = None,
    relevant: Sequence[str] | None = None,
    chain: str | None = None,
    grades: Mapping[str, int] | None = None,
    detail: Detail | None = None,
) -> str:
    """Decide otherwise than any version and return the decision's event id; it is on disk then.

    Args:
        verdict: With what goes with it, as in `curation.review.decide`.
        over: As in `take`.

    Raises:
        RefusedError: If `decided_by` is no reviewer.
        AdjudicationError: As in `take`.
        JudgmentError: If the verdict is incomplete or contradicts itself.
        NotFoundError: If there is no such item.
    """
    decided_by = require(store, decided_by, "reviewer")
    case = _settleable(store, item_id, decided_by, over, cause)
    return review.record(
        store,
        item_id=item_id,
        reviewer=decided_by,
        verdict=verdict,
        reasons=reasons,
        note=note,
        order=order,
        relevant=relevant,
        chain=chain,
        grades=grades,
        detail=detail,
        adjudication=_adjudication(case, cause, None),
    )


def _adjudication(case: Case, cause: Cause, taken: str | None) -> Adjudication:
    return Adjudication(cause, taken, tuple(each.judgment.event_id for each in case.versions))


def _settleable(
    store: Store, item_id: str, adjudicator: str, over: Collection[str], cause: str
) -> Case:
    """Return the case if this person may have the last word on it."""
    if not adjudicator.strip():
        raise AdjudicationError("A decision needs a name: enter yours in the sidebar.")
    if cause not in CAUSES:
        raise AdjudicationError(
            f"Say why people do not agree: the cause is one of {', '.join(CAUSES)}."
        )
    case = _case(store, item_id, adjudicator)
    if any(row["item_id"] == item_id for row in queue_log.gold_items(store)):
        raise AdjudicationError(
            "This is a gold item: its answer is known, and what people say measures them. Make it "
            "an ordinary item on Queue first."
        )
    if len(case.versions) < 2:
        raise AdjudicationError(
            "Fewer than two people's judgments are in force on this item: there is nothing to "
            "adjudicate. It may have been taken back; go back to the list."
        )
    if {each.judgment.event_id for each in case.versions} != set(over):
        raise AdjudicationError(
            "Somebody judged this item since, or took a judgment back: look at the versions anew, "
            "then decide."
        )
    if two_person(store) and adjudicator in [each.author for each in case.versions]:
        raise AdjudicationError(
            "You judged this item yourself, and the two-person rule is on: another reviewer "
            "adjudicates it."
        )
    return case


def undo(store: Store, event_id: str, *, undone_by: str) -> str:
    """Take back an adjudication of one's own and return its item; what was judged stands again.

    Raises:
        RefusedError: If `undone_by` is no reviewer.
        NotFoundError: If they made no such decision, or took it back before.
    """
    return judgments.append_undo(
        store,
        event_id=event_id,
        reviewer=require(store, undone_by, "reviewer"),
        code_version=code_version(),
    )
