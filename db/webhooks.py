"""Webhooks, and the outbox of what they are to be told.

What happens is written to the outbox in the transaction that makes it happen (`tell`), so neither
is there without the other, whenever the process dies.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

import polars as pl

from db.errors import NotFoundError
from db.ids import new_id, now
from db.store import Cursor, Store

Event = Literal["batch.approved", "job.ended", "evaluation.done", "test"]
Outcome = Literal["ok", "retry", "failed"]

_ADD = (
    "INSERT INTO webhook_events (webhook_id, kind, url, events, secret_variable, decided_by,"
    " decided_at) VALUES ($webhook_id, $kind, $url, $events, $secret_variable, $by, now())"
)


def add_webhook(
    store: Store, *, url: str, events: list[str], secret_variable: str, made_by: str
) -> str:
    """Record a webhook and return its id; it is told of what happens from now on."""
    webhook_id = new_id()
    store.execute(
        _ADD,
        {
            "webhook_id": webhook_id,
            "kind": "add",
            "url": url,
            "events": events,
            "secret_variable": secret_variable,
            "by": made_by,
        },
    )
    return webhook_id


def remove_webhook(store: Store, webhook_id: str, *, removed_by: str) -> None:
    """Tell a webhook nothing any more; what was not delivered yet is dropped.

    Raises:
        NotFoundError: If there is no such webhook.
    """
    found = get_webhook(store, webhook_id)
    store.execute(
        _ADD,
        {
            "kind": "remove",
            "by": removed_by,
            **{key: found[key] for key in ("webhook_id", "url", "events", "secret_variable")},
        },
    )


def list_webhooks(store: Store) -> list[dict[str, Any]]:
    """Return webhook_id, url, events, secret_variable, made_by, made_at, oldest first."""
    return store.rows("SELECT * FROM webhooks ORDER BY made_at, webhook_id")


def get_webhook(store: Store, webhook_id: str) -> dict[str, Any]:
    """Return one webhook.

    Raises:
        NotFoundError: If there is none with this id.
    """
    row = store.row("SELECT * FROM webhooks WHERE webhook_id = ?", [webhook_id])
    if row is None:
        raise NotFoundError(
            f"There is no webhook {webhook_id}; `rankdesk webhook list` names them."
        )
    return row


def tell(cursor: Cursor, event: Event, data: Mapping[str, Any]) -> None:
    """Put an event into the outbox, once for each webhook that wants it, within a transaction."""
    wanting = cursor.execute(
        "SELECT webhook_id FROM webhooks WHERE list_contains(events, ?)", [event]
    ).fetchall()
    for (webhook_id,) in wanting:
        _post(cursor, webhook_id, event, data)


def post_test(store: Store, webhook_id: str) -> str:
    """Put an event `test` for one webhook into the outbox and return the delivery's id.

    Raises:
        NotFoundError: If there is no such webhook.
    """
    get_webhook(store, webhook_id)
    with store.transaction() as cursor:
        return _post(cursor, webhook_id, "test", {"message": "This webhook works."})


def _post(cursor: Cursor, webhook_id: str, event: Event, data: Mapping[str, Any]) -> str:
    delivery_id = new_id()
    cursor.execute(
        "INSERT INTO webhook_deliveries VALUES (?, ?, ?, ?, ?)",
        [delivery_id, webhook_id, event, json.dumps(data), now()],
    ).fetchall()
    return delivery_id


def due(store: Store, moment: datetime, delivery_id: str | None = None) -> list[dict[str, Any]]:
    """Return the deliveries to attempt at `moment`, or the one of this id, oldest first.

    Returns:
        Rows of delivery_id, webhook_id, event, data (JSON), happened_at, url, secret_variable,
        attempts (so far).
    """
    return store.rows(
        "SELECT delivery_id, webhook_id, event, data, happened_at, url, secret_variable, attempts"
        " FROM webhook_states WHERE state = 'pending' AND (next_at IS NULL OR next_at <= $moment)"
        " AND ($id::VARCHAR IS NULL OR delivery_id = $id) ORDER BY delivery_id",
        {"moment": moment, "id": delivery_id},
    )


def record_attempt(
    store: Store,
    *,
    delivery_id: str,
    attempt: int,
    outcome: Outcome,
    status: int | None,
    detail: str,
    next_at: datetime | None,
) -> None:
    """Append what came of one attempt."""
    store.execute(
        "INSERT INTO webhook_attempts VALUES (?, ?, ?, ?, ?, ?, ?)",
        [delivery_id, attempt, outcome, status, detail, next_at, now()],
    )


def get_delivery(store: Store, delivery_id: str) -> dict[str, Any]:
    """Return one delivery with its state, attempts, status and detail.

    Raises:
        NotFoundError: If there is none with this id.
    """
    row = store.row("SELECT * FROM webhook_states WHERE delivery_id = ?", [delivery_id])
    if row is None:
        raise NotFoundError(f"There is no delivery {delivery_id}.")
    return row


def list_deliveries(store: Store, limit: int = 100) -> pl.DataFrame:
    """Return the newest deliveries.

    Returns:
        Columns happened_at, event, url, state, attempts, status, detail, attempted_at, next_at,
        delivery_id.
    """
    return store.frame(
        "SELECT happened_at, event, url, state, attempts, status, detail, attempted_at, next_at,"
        " delivery_id FROM webhook_states ORDER BY delivery_id DESC LIMIT $limit",
        {"limit": limit},
    )
