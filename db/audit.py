"""The audit: everything that is appended, as one list of who did what, when, from what to what.

What it is gathered from stands in `db/audit_sources.py`.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from db.audit_sources import COLUMNS, SOURCES
from db.store import Store


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which rows. The empty filter means all of them.

    Attributes:
        actors: Any of these people.
        kinds: Any of these kinds.
        item: Only what touched this item.
        since: From this time on (UTC); until: before this time.
    """

    actors: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    item: str | None = None
    since: datetime | None = None
    until: datetime | None = None


KINDS = {kind: name for source in SOURCES for kind, name in source.kinds.items()}
"""Every kind of row, with its name for people."""

_WHERE = """
WHERE (len($actors::VARCHAR[]) = 0 OR list_contains($actors::VARCHAR[], actor))
  AND (len($kinds::VARCHAR[]) = 0 OR list_contains($kinds::VARCHAR[], kind))
  AND ($item::VARCHAR IS NULL OR item_id = $item)
  AND ($since::TIMESTAMPTZ IS NULL OR happened_at >= $since)
  AND ($until::TIMESTAMPTZ IS NULL OR happened_at < $until)
"""
_ORDER = " ORDER BY happened_at DESC, kind, id DESC"


def _query(chosen: AuditFilter) -> tuple[str, dict[str, Any]]:
    """Return FROM and WHERE of a filter, over those sources alone that can have such rows."""
    names = ", ".join(COLUMNS)
    parts = []
    for number, source in enumerate(SOURCES):
        if chosen.kinds and not set(chosen.kinds) & source.kinds.keys():
            continue
        select = (chosen.item and source.by_item) or source.select
        parts.append(f"SELECT * FROM ({select}) s{number}({names})")  # noqa: S608 - constants
    rows = " UNION ALL ".join(parts)
    values: dict[str, Any] = {
        "actors": list(chosen.actors),
        "kinds": list(chosen.kinds),
        "item": chosen.item,
        "since": chosen.since,
        "until": chosen.until,
    }
    return f" FROM ({rows}) {_WHERE}", values


def page(store: Store, chosen: AuditFilter, *, limit: int, offset: int = 0) -> pl.DataFrame:
    """Return some of the rows of `COLUMNS`, the newest first.

    First which rows they are, by their times and ids alone; then these rows.
    """
    query, values = _query(chosen)
    keys = store.frame(
        f"SELECT happened_at, kind, id{query}{_ORDER} LIMIT $limit OFFSET $offset",
        {**values, "limit": limit, "offset": offset},
    )
    if keys.is_empty():
        return store.frame(f"SELECT *{query} LIMIT 0", values)
    times: list[datetime] = keys["happened_at"].to_list()
    around = replace(
        chosen,
        kinds=tuple(keys["kind"].unique()),
        since=min(times),
        until=max(times) + timedelta(microseconds=1),
    )
    query, values = _query(around)
    found = store.frame(
        f"SELECT *{query} AND (kind, id) IN ("
        f"SELECT unnest($page_kinds::VARCHAR[]), unnest($page_ids::VARCHAR[])){_ORDER}",
        {**values, "page_kinds": keys["kind"].to_list(), "page_ids": keys["id"].to_list()},
    )
    return _with_before(store, found)


def everything(store: Store, chosen: AuditFilter) -> pl.DataFrame:
    """Return all the rows of `COLUMNS`, the newest first."""
    query, values = _query(chosen)
    return _with_before(store, store.frame(f"SELECT *{query}{_ORDER}", values))


def _with_before(store: Store, found: pl.DataFrame) -> pl.DataFrame:
    for source in SOURCES:
        if source.before is None:
            continue
        own = pl.col("kind").is_in(list(source.kinds))
        ids = found.filter(own)["id"].to_list()
        if ids:
            known = dict(store.frame(source.before, {"ids": ids}).iter_rows())
            looked_up = pl.col("id").replace_strict(known, default="")
            found = found.with_columns(
                pl.when(own).then(looked_up).otherwise("before").alias("before")
            )
    return found


def count(store: Store, chosen: AuditFilter) -> int:
    """Return how many rows there are."""
    query, values = _query(chosen)
    row = store.row(f"SELECT count(*) AS n{query}", values)
    assert row is not None
    return int(row["n"])


def actors(store: Store) -> list[str]:
    """Return everyone who did anything, by name."""
    query, values = _query(AuditFilter())
    rows = store.rows(
        f"SELECT DISTINCT actor{query} AND actor <> '' AND kind <> 'failed' ORDER BY 1",
        values,
    )
    return [row["actor"] for row in rows]
