"""Webhooks: who is told what happened, how a message is signed, and how it is sent.

Messages follow Standard Webhooks (standardwebhooks.com): `webhook-id`, `webhook-timestamp` and
`webhook-signature`, an HMAC-SHA256 over `id.timestamp.body`. Each attempt is signed anew, so a
receiver may refuse what is older than five minutes and still get what was retried for hours.
"""

import base64
import binascii
import hmac
import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, timedelta
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from os import environ
from threading import Lock
from typing import Any, get_args
from urllib.parse import urlsplit

from curation.errors import CurationError
from curation.people import require
from db import webhooks
from db.ids import now
from db.store import Store

EVENTS: tuple[webhooks.Event, ...] = tuple(
    event for event in get_args(webhooks.Event) if event != "test"
)
PAUSES = (1, 10, 60, 300, 1800, 7200, 21600)
"""Seconds from each failed attempt to the next; after the last one a delivery has failed.

They stand in the database as times, so that a restart neither shortens nor repeats a wait.
"""
TIMEOUT = 10.0  # seconds to connect, and for each part of the answer

_TURN = Lock()  # a page that sends a test and the courier do not send one message twice

_SECRET = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(KEY|TOKEN|SECRET)[A-Za-z0-9_]*", re.IGNORECASE)


class WebhookError(CurationError):
    """A webhook cannot be kept as asked."""


def add(
    store: Store, url: str, *, events: Sequence[str], secret_variable: str, made_by: str
) -> str:
    """Keep a webhook and return its id; it is told of what happens from now on.

    Args:
        events: Of `EVENTS`; none means all.
        secret_variable: Environment variable that holds the signing secret; only its name is kept.

    Raises:
        RefusedError: If `made_by` is no admin.
        WebhookError: If the URL, an event or the variable will not do.
    """
    made_by = require(store, made_by, "admin")
    _check_url(url)
    if unknown := sorted(set(events) - set(EVENTS)):
        raise WebhookError(f"There is no event {', '.join(unknown)}. Choose {', '.join(EVENTS)}.")
    if not _SECRET.fullmatch(secret_variable):
        raise WebhookError(
            f"{secret_variable!r:.80} is no name of a variable that holds a secret: letters, "
            "digits and _, with KEY, TOKEN or SECRET in it, which is what keeps it from jobs."
        )
    return webhooks.add_webhook(
        store,
        url=url,
        events=list(dict.fromkeys(events or EVENTS)),
        secret_variable=secret_variable,
        made_by=made_by,
    )


def remove(store: Store, webhook_id: str, *, removed_by: str) -> None:
    """Tell a webhook nothing any more; what was not delivered yet is dropped.

    Raises:
        RefusedError: If `removed_by` is no admin.
        NotFoundError: If there is no such webhook.
    """
    removed_by = require(store, removed_by, "admin")
    webhooks.remove_webhook(store, webhook_id, removed_by=removed_by)


def send_test(store: Store, webhook_id: str, *, asked_by: str) -> dict[str, Any]:
    """Send a webhook a message now, and return the delivery, as `db.webhooks.get_delivery` does.

    Raises:
        RefusedError: If `asked_by` is no admin.
        NotFoundError: If there is no such webhook.
    """
    require(store, asked_by, "admin")
    delivery_id = webhooks.post_test(store, webhook_id)
    deliver(store, delivery_id)
    return webhooks.get_delivery(store, delivery_id)


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable or not url.isascii() or not url.isprintable() or " " in url:
        raise WebhookError(
            f"{url!r:.200} is no address to send to: give http:// or https://, a host, and what "
            "stands outside ASCII percent-encoded."
        )
    if parts.username is not None or parts.password is not None:
        raise WebhookError(
            "An address that holds a user or password would stand in the database: leave it out, "
            "messages are signed."
        )


def warnings(url: str, secret_variable: str) -> list[str]:
    """Return what is not as it should be with a webhook, as sentences."""
    found = []
    if urlsplit(url).scheme != "https":
        found.append("This address is not https: whoever stands between can read what is sent.")
    try:
        _key(secret_variable)
    except WebhookError as error:
        found.append(str(error))
    return found


def _key(variable: str) -> bytes:
    """Return the signing key: the variable's bytes, or what follows `whsec_` in base64."""
    value = environ.get(variable, "")
    if not value:
        raise WebhookError(
            f"The variable {variable} is not set here: the app needs the signing secret in it, or "
            "in Streamlit's secrets under that name, from its start."
        )
    if not value.startswith("whsec_"):
        return value.encode()
    try:
        return base64.b64decode(value.removeprefix("whsec_"), validate=True)
    except binascii.Error as error:
        raise WebhookError(f"What follows whsec_ in {variable} is no base64.") from error


def sign(key: bytes, delivery_id: str, timestamp: int, body: bytes) -> str:
    """Return the value of `webhook-signature`: `v1,` and the HMAC-SHA256 in base64."""
    signed = f"{delivery_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode()


def deliver(store: Store, delivery_id: str) -> bool:
    """Attempt one delivery, record what came of it, and return whether it was taken.

    Nothing is done where it is not due.

    An answer from 200 to 299 is delivered; anything else, a redirect too, is tried again later,
    but for a test.
    """
    done = False
    with _TURN:
        for row in webhooks.due(store, now(), delivery_id):
            status, detail = _attempt(row)
            done = status is not None and 200 <= status < 300
            attempt = int(row["attempts"]) + 1
            again = not done and attempt <= len(PAUSES) and row["event"] != "test"
            webhooks.record_attempt(
                store,
                delivery_id=delivery_id,
                attempt=attempt,
                outcome="ok" if done else "retry" if again else "failed",
                status=status,
                detail=detail,
                next_at=now() + timedelta(seconds=PAUSES[attempt - 1]) if again else None,
            )
    return done


def outcome(delivery: Mapping[str, Any]) -> str:
    """Return in a few words what came of a delivery, as `db.webhooks.get_delivery` returns it."""
    said = f"status {delivery['status']}" if delivery["status"] else "no answer"
    if delivery["state"] == "ok":
        return f"Delivered, {said}."
    return f"Not delivered, {said}: {delivery['detail'] or 'not sent yet'}."


def deliver_due(store: Store, stopped: Callable[[], bool] = lambda: False) -> tuple[int, int]:
    """Attempt what is due, oldest first, and return how much was attempted and how much taken.

    After a failure, the other messages for that webhook wait for the next call: one that does not
    answer holds up the others for one timeout, not for one each.

    Args:
        stopped: Asked before each attempt.
    """
    attempted = taken = 0
    failing = set()
    for row in webhooks.due(store, now()):
        if stopped():
            break
        if row["webhook_id"] in failing:
            continue
        attempted += 1
        if deliver(store, row["delivery_id"]):
            taken += 1
        else:
            failing.add(row["webhook_id"])
    return attempted, taken


def _attempt(row: dict[str, Any]) -> tuple[int | None, str]:
    """Send one message; return the answer's status, if there was one, and what went wrong."""
    message = {
        "id": row["delivery_id"],
        "event": row["event"],
        "happened_at": row["happened_at"].astimezone(UTC).isoformat(timespec="milliseconds"),
        "data": json.loads(row["data"]),
    }
    body = json.dumps(message, ensure_ascii=False).encode("utf-8", "replace")
    timestamp = int(now().timestamp())
    try:
        headers = {
            "content-type": "application/json",
            "user-agent": "RankDesk",
            "webhook-id": row["delivery_id"],
            "webhook-timestamp": str(timestamp),
            "webhook-signature": sign(
                _key(row["secret_variable"]), row["delivery_id"], timestamp, body
            ),
        }
        return _post(row["url"], body, headers)
    except (OSError, HTTPException, ValueError, WebhookError) as error:
        return None, str(error) or type(error).__name__


def _post(url: str, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
    parts = urlsplit(url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=TIMEOUT)
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        if 300 <= answer.status < 400:
            return answer.status, "it redirects, and redirects are not followed"
        return answer.status, "" if answer.status < 300 else answer.reason[:200]
    finally:
        connection.close()
