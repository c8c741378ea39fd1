"""Items that an evaluation sent back to the review queue."""

from typing import Any

import polars as pl

from db.ids import new_id
from db.store import Store, insert_frame


def insert_returns(store: Store, returns: pl.DataFrame, returned_by: str) -> int:
    """Send items back, and return how many were not waiting for the same reason already.

    Args:
        returns: Columns item_id, evaluation_id, qid, reason, detail, similarity.
    """
    with_ids = returns.with_columns(
        return_id=pl.Series([new_id() for _ in range(len(returns))], dtype=pl.String),
        returned_by=pl.lit(returned_by),
    )
    before = _count(store)
    with store.transaction() as cursor:
        insert_frame(
            cursor,
            "INSERT INTO returned_items BY NAME SELECT i.*, now() AS returned_at FROM incoming i"
            " ANTI JOIN open_returns o USING (item_id, evaluation_id, qid, reason)",
            with_ids,
        )
    return _count(store) - before


def _count(store: Store) -> int:
    row = store.row("SELECT count(*) AS n FROM returned_items")
    assert row is not None
    return int(row["n"])


def open_returns(store: Store, item_id: str) -> list[dict[str, Any]]:
    """Return why an item is back, the nearest query first; empty once it was judged again.

    Returns:
        Rows of evaluation_id, evaluation (its name), qid, reason, detail, similarity.
    """
    if store.row("SELECT 1 FROM returned_items WHERE item_id = ? LIMIT 1", [item_id]) is None:
        return []  # most never were; the view looks at every judgment
    return store.rows(
        "SELECT r.evaluation_id, e.name AS evaluation, r.qid, r.reason, r.detail, r.similarity"
        " FROM open_returns r JOIN evaluations e USING (evaluation_id)"
        " WHERE r.item_id = ? ORDER BY r.similarity DESC, r.return_id",
        [item_id],
    )


def count_open(store: Store) -> int:
    """Return how many items wait because an evaluation sent them back."""
    row = store.row("SELECT count(DISTINCT item_id) AS n FROM open_returns")
    assert row is not None
    return int(row["n"])
