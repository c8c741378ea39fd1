"""Benchmarks: the register; queries, passages, qrels and runs stay in their parquet files."""

from typing import Any

import polars as pl

from db.errors import NotFoundError, StoreError
from db.store import Store


def insert_benchmark(
    store: Store,
    *,
    benchmark_id: str,
    name: str,
    n_queries: int,
    n_passages: int,
    added_by: str,
    retriever: str = "",
    of_items: bool = False,
) -> bool:
    """Record a benchmark and return whether it is new.

    Args:
        retriever: What made its first-stage run, where that is known.
        of_items: It is made of the workspace's items.

    Raises:
        StoreError: If another benchmark has the name, or the content has another name.
    """
    with store.transaction() as cursor:
        found = cursor.execute(
            "SELECT benchmark_id, name FROM benchmarks WHERE benchmark_id = ? OR name = ?",
            [benchmark_id, name],
        ).fetchall()
        if (benchmark_id, name) in found:
            return False
        for known_id, known_name in found:
            if known_id == benchmark_id:
                raise StoreError(
                    f"The same content is a benchmark here already, named {known_name}. Use that "
                    "name."
                )
            raise StoreError(
                f"There is a benchmark named {known_name} with other content. "
                "Choose another name, for example with a version."
            )
        cursor.execute(
            "INSERT INTO benchmarks VALUES (?, ?, ?, ?, now(), ?, ?, ?)",
            [benchmark_id, name, n_queries, n_passages, added_by, retriever, of_items],
        ).fetchall()
    return True


def list_benchmarks(store: Store) -> list[dict[str, Any]]:
    """Return every benchmark, oldest first."""
    return store.rows("SELECT * FROM benchmarks ORDER BY created_at")


def list_tests(store: Store) -> list[dict[str, Any]]:
    """Return the benchmarks that say how good a model is: all but those made of items."""
    return [row for row in list_benchmarks(store) if not row["of_items"]]


def get_benchmark(store: Store, wanted: str) -> dict[str, Any]:
    """Return the benchmark with this id or name.

    Raises:
        NotFoundError: If there is none.
    """
    row = store.row(
        "SELECT * FROM benchmarks WHERE $wanted IN (benchmark_id, name)", {"wanted": wanted}
    )
    if row is None:
        names = ", ".join(found["name"] for found in list_benchmarks(store)) or "none yet"
        raise NotFoundError(
            f"There is no benchmark {wanted}. There are: {names}. "
            "Add one with `rankdesk benchmark add`."
        )
    return row


def benchmark_passages(store: Store, benchmark_id: str, docids: list[str]) -> pl.DataFrame:
    """Return docid, title, text of some passages of a benchmark."""
    path = store.workspace.benchmarks / benchmark_id / "passages.parquet"
    return store.frame(
        "SELECT docid, title, text FROM read_parquet($path)"
        " WHERE docid IN (SELECT unnest($docids::VARCHAR[]))",
        {"path": str(path), "docids": docids},
    )


def benchmark_qrels(store: Store, benchmark_id: str) -> dict[str, dict[str, int]]:
    """Return relevance by qid and docid."""
    path = store.workspace.benchmarks / benchmark_id / "qrels.parquet"
    found: dict[str, dict[str, int]] = {}
    for row in store.rows("SELECT qid, docid, relevance FROM read_parquet(?)", [str(path)]):
        found.setdefault(row["qid"], {})[row["docid"]] = row["relevance"]
    return found


def pin_baseline(store: Store, benchmark_id: str, evaluation_id: str, *, pinned_by: str) -> None:
    """Compare the benchmark's other evaluations with this one from now on."""
    store.execute(
        "INSERT INTO baseline_pins VALUES (?, ?, now(), ?)",
        [benchmark_id, evaluation_id, pinned_by],
    )


def pinned_baseline(store: Store, benchmark_id: str) -> str | None:
    """Return the evaluation that others are compared with, or None."""
    row = store.row(
        "SELECT evaluation_id FROM baseline_pins WHERE benchmark_id = ?"
        " ORDER BY pinned_at DESC LIMIT 1",
        [benchmark_id],
    )
    return None if row is None else str(row["evaluation_id"])
