"""Checkpoints: model folders with the lineage that says where they come from."""

import json
from typing import Any

from db.errors import NotFoundError
from db.store import Store


def insert_checkpoint(
    store: Store,
    *,
    checkpoint_id: str,
    name: str,
    kind: str,
    path: str,
    lineage: dict[str, Any],
    job_id: str | None = None,
) -> None:
    """Record a checkpoint; one that is recorded already stays as it is."""
    store.execute(
        "INSERT INTO checkpoints VALUES (?, ?, ?, ?, ?, ?, now()) ON CONFLICT DO NOTHING",
        [checkpoint_id, name, kind, job_id, path, json.dumps(lineage)],
    )


def list_checkpoints(store: Store) -> list[dict[str, Any]]:
    """Return every checkpoint, newest first, its lineage decoded."""
    rows = store.rows("SELECT * FROM checkpoints ORDER BY created_at DESC")
    return [{**row, "lineage": json.loads(row["lineage"])} for row in rows]


def get_checkpoint(store: Store, wanted: str) -> dict[str, Any]:
    """Return the checkpoint with this id or name, the newest of that name.

    Raises:
        NotFoundError: If there is none.
    """
    row = store.row(
        "SELECT * FROM checkpoints WHERE $wanted IN (checkpoint_id, name)"
        " ORDER BY created_at DESC LIMIT 1",
        {"wanted": wanted},
    )
    if row is None:
        names = ", ".join(found["name"] for found in list_checkpoints(store)[:10]) or "none yet"
        raise NotFoundError(f"There is no checkpoint {wanted}. There are: {names}.")
    return {**row, "lineage": json.loads(row["lineage"])}
