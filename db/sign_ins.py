"""Sign-ins and the sessions they begin. A token is known here by its hash alone."""

from datetime import datetime
from typing import Any, Literal

from db.store import Store

_EVENT = "INSERT INTO sign_in_events (kind, account, address, happened_at) VALUES (?, ?, ?, ?)"


def append_sign_in(
    store: Store, kind: Literal["out", "failed"], account: str, address: str, happened_at: datetime
) -> None:
    """Record a sign-out, or an attempt that failed; `begin_session` records those that did not."""
    store.execute(_EVENT, [kind, account, address, happened_at])


def failures(store: Store, account: str, address: str, since: datetime) -> list[dict[str, Any]]:
    """Return what an account and an address have against them, in this order.

    Of an account those failures count that came after its last sign-in, in any case of its name.

    Returns:
        Two rows of n and latest (UTC; None for none).
    """
    return store.rows(
        """
        SELECT 1 AS of, count(*) AS n, max(happened_at) AS latest
        FROM sign_in_events
        WHERE kind = 'failed' AND lower(account) = lower($account) AND happened_at > $since
          AND seq > coalesce((SELECT max(seq) FROM sign_in_events
                              WHERE kind = 'in' AND lower(account) = lower($account)), 0)
        UNION ALL
        SELECT 2, count(*), max(happened_at)
        FROM sign_in_events
        WHERE kind = 'failed' AND address = $address AND happened_at > $since
        ORDER BY of
        """,
        {"account": account, "address": address, "since": since},
    )


def begin_session(
    store: Store, token_hash: str, account: str, address: str, began_at: datetime
) -> None:
    """Begin a session and record the sign-in."""
    with store.transaction() as cursor:
        cursor.execute(
            "INSERT INTO sessions VALUES (?, ?, ?, ?, NULL)",
            [token_hash, account, began_at, began_at],
        ).fetchall()
        cursor.execute(_EVENT, ["in", account, address, began_at]).fetchall()


def find_session(store: Store, token_hash: str) -> dict[str, Any] | None:
    """Return a session that did not end: account, began_at, seen_at; None where there is none."""
    return store.row(
        "SELECT account, began_at, seen_at FROM sessions WHERE token_hash = ? AND ended_at IS NULL",
        [token_hash],
    )


def see(store: Store, token_hash: str, seen_at: datetime) -> None:
    """Note that a session is in use."""
    store.execute(
        "UPDATE sessions SET seen_at = ? WHERE token_hash = ? AND ended_at IS NULL",
        [seen_at, token_hash],
    )


def end_session(store: Store, token_hash: str, ended_at: datetime) -> None:
    """End a session; one that is over stays as it is."""
    store.execute(
        "UPDATE sessions SET ended_at = ? WHERE token_hash = ? AND ended_at IS NULL",
        [ended_at, token_hash],
    )


def last_sign_out(store: Store, account: str) -> datetime | None:
    """Return when an account last signed out (UTC); None if it never did."""
    row = store.row(
        "SELECT max(happened_at) AS latest FROM sign_in_events WHERE kind = 'out' AND account = ?",
        [account],
    )
    return row["latest"] if row else None
