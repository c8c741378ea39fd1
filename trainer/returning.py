"""What a checkpoint gets wrong goes back to the review queue: the items most like those queries."""

from collections.abc import Mapping, Sequence

import polars as pl

from curation import mistakes, queue_keeping
from curation.mistakes import Mistake, Reason
from curation.people import require
from db import evaluations, items, returns
from db.store import Store
from trainer.errors import EvaluationError
from trainer.similar import Progress, nearest


def find_mistakes(
    store: Store,
    evaluation_id: str,
    baseline_id: str,
    reason: Reason,
    *,
    least: float,
    measure: str,
) -> list[Mistake]:
    """Return an evaluation's mistakes of one kind, the worst first.

    Args:
        baseline_id: What `lost` compares with.
        least: For `lost`, how much of the measure (0..1); for the others, the share of calls.
    """
    if reason == "lost":
        values = evaluations.per_query(store, [evaluation_id, baseline_id], measure)
        by_evaluation = {
            key[0]: dict(part.select("qid", "value").iter_rows())
            for key, part in values.partition_by("evaluation_id", as_dict=True).items()
        }
        before, after = (by_evaluation.get(each, {}) for each in (baseline_id, evaluation_id))
        return mistakes.lost(before, after, least=least, measure=measure)
    calls = evaluations.calls_by_query(store, evaluation_id)
    find = mistakes.broken if reason == "format" else mistakes.contradicting
    return [each for each in find(calls) if each.severity >= least]


def send_back(
    store: Store,
    evaluation_id: str,
    found: Sequence[Mistake],
    queries: Mapping[str, str],
    *,
    per_query: int,
    returned_by: str,
    on_progress: Progress | None = None,
) -> int:
    """Put the items nearest to each mistake's query into the review queue; return how many are new.

    Args:
        queries: The benchmark's query texts by qid.
        per_query: Items for each query, at least 1.
        on_progress: Told how many of the items' queries were read, and of how many.

    Raises:
        RefusedError: `returned_by` is neither reviewer nor trainer.
        EvaluationError: There is nothing to send, or no item to send back.
    """
    returned_by = require(store, returned_by, "reviewer", "trainer")
    everything = {row["item_id"]: row["query"] for row in items.queries(store)}
    if not found or not everything:
        raise EvaluationError(
            "Nothing was sent to review: "
            + ("no query went wrong in this way." if everything else "the workspace has no items.")
        )
    near = nearest(
        {each.qid: queries[each.qid] for each in found}, everything, per_query, on_progress
    )
    rows = [
        (item_id, evaluation_id, each.qid, each.reason, each.detail, similarity)
        for each in found
        for item_id, similarity in near[each.qid]
    ]
    names = ["item_id", "evaluation_id", "qid", "reason", "detail", "similarity"]
    n = returns.insert_returns(store, pl.DataFrame(rows, schema=names, orient="row"), returned_by)
    queue_keeping.refresh(store)
    return n
