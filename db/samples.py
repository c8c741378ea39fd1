"""Samples of a teacher: where generated rankings came from, and the orders of one item."""

from typing import Any

import polars as pl

from db.item_writes import items_of, refresh_heads
from db.store import Store, insert_frame

ORIGIN_SCHEMA: dict[str, Any] = {
    "ranking_id": pl.String,
    "job_id": pl.String,
    "sample": pl.Int64,
    "judge": pl.Boolean,
    "shown": pl.List(pl.String),
    "prompt": pl.String,
    "price": pl.Float64,
    "seconds": pl.Float64,
}


def insert_origins(store: Store, origins: pl.DataFrame) -> None:
    """Record where rankings came from; one that is recorded already keeps its first origin.

    Args:
        origins: Columns of `ORIGIN_SCHEMA`.
    """
    origins = origins.unique("ranking_id", keep="first", maintain_order=True)
    with store.transaction() as cursor:
        insert_frame(
            cursor,
            "INSERT INTO ranking_origins BY NAME SELECT i.* FROM incoming i"
            " ANTI JOIN ranking_origins USING (ranking_id)",
            origins,
        )
        refresh_heads(cursor, items_of(cursor, origins["ranking_id"].to_list()))


def samples_of(store: Store, item_id: str) -> list[dict[str, Any]]:
    """Return every sample of an item, the teacher under review first.

    Returns:
        Rows of author_name, prompt, shown, docids (best first), status, ndcg, chain, failed
        (checks).
    """
    return store.rows(
        """
        SELECT
            r.author_name, o.prompt, o.shown, r.docids, r.status, r.ndcg, t.chain,
            coalesce(c.failed, []) AS failed
        FROM rankings r
        JOIN ranking_origins o USING (ranking_id)
        JOIN ranking_texts t USING (ranking_id)
        LEFT JOIN ranking_checks c USING (ranking_id)
        LEFT JOIN sample_agreement a USING (item_id, author_name, prompt)
        WHERE r.item_id = ?
        ORDER BY NOT coalesce(a.under_review, FALSE), o.judge, r.author_name, o.prompt, o.sample,
            r.created_at, r.ranking_id
        """,
        [item_id],
    )


def shown_orders(store: Store, item_id: str) -> dict[str, tuple[str, ...]]:
    """Return for each sampled ranking of an item the docids in the order its teacher saw them."""
    rows = store.rows(
        "SELECT o.ranking_id, o.shown FROM ranking_origins o JOIN rankings r USING (ranking_id)"
        " WHERE r.item_id = ?",
        [item_id],
    )
    return {row["ranking_id"]: tuple(row["shown"]) for row in rows}
