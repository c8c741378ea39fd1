"""Suites: benchmarks that are reported together."""

from typing import Any

from db.benchmarks import get_benchmark, list_benchmarks
from db.errors import NotFoundError, StoreError
from db.store import Store

_CURRENT = (
    "SELECT name, benchmark_ids FROM suites"
    " QUALIFY row_number() OVER (PARTITION BY name ORDER BY made_at DESC) = 1"
)


def set_suite(store: Store, name: str, wanted: list[str], *, made_by: str) -> dict[str, Any]:
    """Make a suite of benchmarks (ids or names), or change the one of that name; return it.

    Raises:
        StoreError: If the name is blank or a benchmark's own, or no benchmark is named.
        NotFoundError: If there is no such benchmark.
    """
    name = name.strip()
    if not name or not wanted:
        raise StoreError("A suite needs a name and at least one benchmark.")
    if any(name in (row["name"], row["benchmark_id"]) for row in list_benchmarks(store)):
        raise StoreError(f"{name} is a benchmark: give the suite another name.")
    ids = [get_benchmark(store, each)["benchmark_id"] for each in wanted]
    store.execute(
        "INSERT INTO suites VALUES (?, ?, now(), ?)", [name, list(dict.fromkeys(ids)), made_by]
    )
    return get_suite(store, name)


def list_suites(store: Store) -> list[dict[str, Any]]:
    """Return every suite by name, with its benchmarks' names.

    Returns:
        Rows of name, benchmark_ids, benchmarks (names, in the same order).
    """
    names = {row["benchmark_id"]: row["name"] for row in list_benchmarks(store)}
    return [
        {**row, "benchmarks": [names[each] for each in row["benchmark_ids"]]}
        for row in store.rows(f"{_CURRENT} ORDER BY name")
    ]


def get_suite(store: Store, wanted: str) -> dict[str, Any]:
    """Return a suite by its name; a benchmark's id or name is a suite of one.

    Raises:
        NotFoundError: If there is neither.
    """
    found = list_suites(store)
    for row in found:
        if row["name"] == wanted:
            return row
    try:
        alone = get_benchmark(store, wanted)
    except NotFoundError:
        names = ", ".join(row["name"] for row in found) or "none yet"
        raise NotFoundError(
            f"There is no suite and no benchmark {wanted}. Suites: {names}. "
            "Make one with `rankdesk benchmark suite`."
        ) from None
    return {
        "name": alone["name"],
        "benchmark_ids": [alone["benchmark_id"]],
        "benchmarks": [alone["name"]],
    }
