"""Sources: the register; queries and passages stay in their parquet files."""

import json
from typing import Any

from db.errors import NotFoundError, StoreError
from db.store import Store


def insert_source(
    store: Store,
    *,
    source_id: str,
    name: str,
    kind: str,
    n_queries: int,
    n_passages: int,
    domains: dict[str, int],
    report: dict[str, Any],
    added_by: str,
) -> bool:
    """Record a source and return whether it is new.

    Raises:
        StoreError: If another source has the name, or the content has another name.
    """
    with store.transaction() as cursor:
        found = cursor.execute(
            "SELECT source_id, name FROM sources WHERE source_id = ? OR name = ?",
            [source_id, name],
        ).fetchall()
        if (source_id, name) in found:
            return False
        if known := [kept for known_id, kept in found if known_id == source_id]:
            raise StoreError(
                f"The same content is a source here already, named {known[0]}. Use that name."
            )
        if found:
            raise StoreError(
                f"There is a source named {name} with other content. "
                "Choose another name, for example with a version."
            )
        cursor.execute(
            "INSERT INTO sources VALUES (?, ?, ?, ?, ?, ?, ?, now(), ?)",
            [
                source_id,
                name,
                kind,
                n_queries,
                n_passages,
                json.dumps(domains),
                json.dumps(report),
                added_by,
            ],
        ).fetchall()
    return True


def list_sources(store: Store) -> list[dict[str, Any]]:
    """Return every source, oldest first; `domains` and `report` as plain values."""
    return [_read(row) for row in store.rows("SELECT * FROM sources ORDER BY added_at, source_id")]


def get_source(store: Store, wanted: str) -> dict[str, Any]:
    """Return the source with this id or name.

    Raises:
        NotFoundError: If there is none.
    """
    row = store.row("SELECT * FROM sources WHERE $wanted IN (source_id, name)", {"wanted": wanted})
    if row is None:
        names = ", ".join(found["name"] for found in list_sources(store)) or "none yet"
        raise NotFoundError(
            f"There is no source {wanted}. There are: {names}. Add one with `rankdesk source add`."
        )
    return _read(row)


def _read(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"domains": json.loads(row["domains"]), "report": json.loads(row["report"])}
