"""Embeddings that were computed before, by encoder and content of the text."""

from collections.abc import Sequence

import polars as pl

from db.store import Store, insert_frame


def known_vectors(store: Store, encoder: str, text_ids: Sequence[str]) -> pl.DataFrame:
    """Return text_id and vector of those texts that were encoded."""
    return store.frame(
        "SELECT text_id, vector FROM text_vectors"
        " WHERE encoder = $encoder AND text_id IN (SELECT unnest($ids::VARCHAR[]))",
        {"encoder": encoder, "ids": list(text_ids)},
    )


def keep_vectors(store: Store, encoder: str, vectors: pl.DataFrame) -> None:
    """Keep vectors for the next time; those that are kept stay as they are.

    Args:
        vectors: Columns text_id, vector (a list of floats).
    """
    with store.transaction() as cursor:
        insert_frame(
            cursor,
            "INSERT INTO text_vectors BY NAME SELECT * FROM incoming ON CONFLICT DO NOTHING",
            vectors.with_columns(pl.lit(encoder).alias("encoder")),
        )
