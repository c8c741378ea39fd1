"""What came in: one row for each import, with the rows it refused."""

import polars as pl

from db.errors import NotFoundError
from db.records import Reject
from db.store import Store, insert_frame

_REJECT_SCHEMA = {
    "line": pl.Int64,
    "file": pl.String,
    "field": pl.String,
    "cause": pl.String,
    "message": pl.String,
}


def record_import(
    store: Store,
    import_id: str,
    *,
    name: str,
    kind: str,
    folder: str,
    imported: int,
    unchanged: int,
    rejects: list[Reject],
    rejected: int,
    started_at: object,
    imported_by: str,
) -> None:
    """Append one finished import together with its rejects.

    Args:
        rejected: Rows refused; a row with several faults has several rejects.
        started_at: A UTC datetime.
    """
    frame = pl.DataFrame(
        [(r.line, r.file, r.field, r.cause, r.message) for r in rejects],
        schema=_REJECT_SCHEMA,
        orient="row",
    ).with_columns(import_id=pl.lit(import_id))
    with store.transaction() as cursor:
        cursor.execute(
            "INSERT INTO imports VALUES (?, ?, ?, ?, ?, ?, ?, ?, now(), ?)",
            [import_id, name, kind, folder, imported, unchanged, rejected, started_at, imported_by],
        ).fetchall()
        insert_frame(cursor, "INSERT INTO import_rejects BY NAME SELECT * FROM incoming", frame)


def list_imports(store: Store) -> pl.DataFrame:
    """Return every import, newest first."""
    return store.frame("SELECT * FROM imports ORDER BY finished_at DESC")


def refused_rows(store: Store) -> tuple[int, int]:
    """Return how many rows imports read and refused, each folder counted as it was read last."""
    row = store.row(
        "SELECT coalesce(sum(imported + unchanged + rejected), 0) AS n,"
        " coalesce(sum(rejected), 0) AS refused FROM (SELECT * FROM imports"
        " QUALIFY row_number() OVER (PARTITION BY folder ORDER BY finished_at DESC) = 1)"
    )
    assert row is not None
    return int(row["n"]), int(row["refused"])


def rejects_of(store: Store, import_id: str) -> pl.DataFrame:
    """Return the refused rows of one import: line, file, field, cause, message."""
    if store.row("SELECT 1 FROM imports WHERE import_id = ?", [import_id]) is None:
        raise NotFoundError(f"There is no import {import_id}.")
    return store.frame(
        "SELECT line, file, field, cause, message FROM import_rejects"
        " WHERE import_id = ? ORDER BY file, line",
        [import_id],
    )
