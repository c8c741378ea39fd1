"""Gold items: their answers are known, so a reviewer's care can be measured with them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from statistics import fmean
from typing import Any

from scipy.stats import kendalltau

from curation import queue_keeping
from curation.errors import CurationError
from curation.people import require
from db import items, judgments, queue_log
from db.ids import now as present
from db.store import Store


class GoldError(CurationError):
    """An item cannot be a gold item; nothing was changed."""


def set_from_verdict(
    store: Store,
    item_id: str,
    lead: str,
    *,
    labels: bool = True,
    order: bool = False,
    now: datetime | None = None,
) -> None:
    """Make what a lead said of an item its known answer.

    Args:
        labels: The labels that the lead left in force are part of the answer.
        order: The order likewise.

    Raises:
        RefusedError: If the lead is no reviewer.
        GoldError: If the lead has no verdict on it in force.
        NotFoundError: If there is no such item.
    """
    lead = require(store, lead, "reviewer")
    item = items.get_item(store, item_id)
    own = [each for each in judgments.judgments_of(store, item_id) if each.reviewer == lead]
    if not own:
        raise GoldError(
            f"{lead} has not judged {item.qid}: judge it first, what you say becomes the answer."
        )
    trained = own[0].verdict in ("approve", "fix")
    orders = {each.ranking_id: each.docids for each in items.get_rankings(store, item_id)}
    queue_log.set_gold(
        store,
        item_id,
        verdict=own[0].verdict,
        relevant_docids=(own[0].relevant_docids or item.relevant_docids)
        if labels and trained
        else None,
        docids=orders[own[0].ranking_id or ""] if order and trained else None,
        set_by=lead,
        set_at=now or present(),
    )
    queue_keeping.rearrange(store)


def withdraw(store: Store, item_id: str, lead: str, *, now: datetime | None = None) -> None:
    """Make a gold item an ordinary one again; a reviewer may."""
    lead = require(store, lead, "reviewer")
    queue_log.withdraw_gold(store, item_id, set_by=lead, set_at=now or present())
    queue_keeping.rearrange(store)


@dataclass(frozen=True, slots=True)
class GoldScore:
    """How a reviewer did on gold items.

    Attributes:
        items: How many gold items they decided.
        verdicts: Share of those with a known verdict on which theirs is the same; None for none.
        labels: Mean Jaccard of their labels and the known ones, 0..1, over items that both keep for
            training; None for none.
        orders: Mean Kendall tau of their order and the known one, -1..1; likewise.
    """

    reviewer: str
    items: int
    verdicts: float | None
    labels: float | None
    orders: float | None


def scores(store: Store) -> list[GoldScore]:
    """Return every reviewer's score on the gold items that they decided, by name."""
    rows = queue_log.gold_judgments(store)
    return [
        _score(reviewer, list(theirs))
        for reviewer, theirs in groupby(rows, key=lambda row: str(row["reviewer"]))
    ]


def _score(reviewer: str, rows: Sequence[dict[str, Any]]) -> GoldScore:
    kept = [row for row in rows if row["verdict"] in ("approve", "fix")]
    return GoldScore(
        reviewer=reviewer,
        items=len(rows),
        verdicts=_mean(
            [float(row["verdict"] == row["gold_verdict"]) for row in rows if row["gold_verdict"]]
        ),
        labels=_mean(
            [
                _jaccard(row["relevant_docids"], row["gold_relevant"])
                for row in kept
                if row["gold_relevant"]
            ]
        ),
        orders=_mean(
            [_tau(row["docids"], row["gold_docids"]) for row in kept if row["gold_docids"]]
        ),
    )


def _mean(values: Sequence[float]) -> float | None:
    return fmean(values) if values else None


def _jaccard(one: Sequence[str], other: Sequence[str]) -> float:
    return len({*one} & {*other}) / len({*one} | {*other})


def _tau(order: Sequence[str], known: Sequence[str]) -> float:
    places = {docid: place for place, docid in enumerate(known)}
    found = kendalltau([places[docid] for docid in order], range(len(order))).statistic
    return 1.0 if len(order) < 2 else float(found)
