"""Where generated rankings came from: job, sample, the order shown, prompt, price."""

from typing import Any

import polars as pl

from db.store import Store, insert_frame

ORIGIN_SCHEMA: dict[str, Any] = {
    "ranking_id": pl.String,
    "job_id": pl.String,
    "sample": pl.Int64,
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
    with store.transaction() as cursor:
        insert_frame(
            cursor,
            "INSERT INTO ranking_origins BY NAME SELECT i.* FROM incoming i"
            " ANTI JOIN ranking_origins USING (ranking_id)",
            origins.unique("ranking_id", keep="first", maintain_order=True),
        )
