"""People: accounts with their roles, and the workspace's settings. Changes are appended."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from db.errors import NotFoundError, StoreError
from db.store import Cursor, Store

ADMIN = "admin"
Change = Literal["roles", "email", "disable", "enable"]


@dataclass(frozen=True, slots=True)
class Account:
    """One person, as the latest change left the account.

    Attributes:
        email: What a sign-in by OIDC is known by; None for one with a password alone.
        has_password: Whether one can sign in by password.
        temporary: Whether that password is an admin's, to be changed first.
        last_seen: UTC; None before the first sign-in.
    """

    account: str
    email: str | None
    roles: tuple[str, ...]
    active: bool
    has_password: bool
    temporary: bool
    added_at: datetime
    last_seen: datetime | None


@dataclass(frozen=True, slots=True)
class Standing:
    """What decides whether an account may act; see `Account`."""

    roles: tuple[str, ...]
    active: bool
    has_password: bool
    temporary: bool


_LISTED = """
SELECT a.account, a.email, a.roles, a.active, c.account IS NOT NULL AS has_password,
       coalesce(c.temporary, FALSE) AS temporary,
       (SELECT min(changed_at) FROM account_events e WHERE e.account = a.account) AS added_at,
       (SELECT max(seen_at) FROM sessions s WHERE s.account = a.account) AS last_seen
FROM accounts a
LEFT JOIN credentials c USING (account)
"""
_LATEST = "SELECT account, email, roles, active FROM accounts WHERE lower(account) = lower(?)"


def any_accounts(store: Store) -> bool:
    """Return whether the workspace has accounts, and so asks who one is."""
    return store.row("SELECT 1 FROM account_events LIMIT 1") is not None


def list_accounts(store: Store) -> list[Account]:
    """Return every account, by name."""
    return [_account(row) for row in store.rows(_LISTED + "ORDER BY lower(a.account)")]


def find_account(store: Store, name: str) -> Account | None:
    """Return the account of this name, in any case; None where there is none."""
    row = store.row(_LISTED + "WHERE lower(a.account) = lower(?)", [name])
    return None if row is None else _account(row)


def find_by_email(store: Store, email: str) -> Account | None:
    """Return the account that signs in by OIDC with this address; None where there is none."""
    row = store.row(_LISTED + "WHERE a.email = lower(?)", [email])
    return None if row is None else _account(row)


def _account(row: dict[str, Any]) -> Account:
    return Account(**{**row, "roles": tuple(row["roles"])})


def standing(store: Store, name: str) -> Standing | None:
    """Return what decides whether an account may act; None where there is no such account.

    It is asked before every act: two look-ups by key, no view and no join.
    """
    row = store.row(
        "SELECT arg_max(roles, seq) AS roles, arg_max(active, seq) AS active"
        " FROM account_events WHERE account = ?",
        [name],
    )
    if row is None or row["roles"] is None:
        return None
    given = store.row("SELECT temporary FROM credentials WHERE account = ?", [name])
    return Standing(
        roles=tuple(row["roles"]),
        active=row["active"],
        has_password=given is not None,
        temporary=given is not None and given["temporary"],
    )


def insert_account(
    store: Store,
    name: str,
    *,
    roles: Sequence[str],
    email: str | None,
    password_hash: str | None,
    temporary: bool,
    added_by: str,
) -> None:
    """Add an account.

    Args:
        temporary: Whether the password must be changed at the first sign-in.

    Raises:
        StoreError: If the name or address is taken, or nobody would be an admin.
    """
    with store.transaction() as cursor:
        if cursor.execute(_LATEST, [name]).fetchall():
            raise StoreError(f"There is an account {name} already; names differ in more than case.")
        _append(cursor, name, "add", email, roles, True, added_by)
        if password_hash is not None:
            _put_hash(cursor, name, password_hash, temporary)


def change_account(
    store: Store,
    name: str,
    change: Change,
    *,
    changed_by: str,
    roles: Sequence[str] | None = None,
    email: str | None = None,
) -> str:
    """Change an account and return its name; disabling it ends its sessions.

    Args:
        roles: For `roles`, the new ones.
        email: For `email`, the new address; None takes it away.

    Raises:
        NotFoundError: If there is no such account.
        StoreError: If the address is taken, or no active admin would be left.
    """
    with store.transaction() as cursor:
        known, address, before, active = _get(cursor, name)
        if change in ("disable", "enable"):
            active = change == "enable"
        _append(
            cursor,
            known,
            change,
            email if change == "email" else address,
            before if roles is None else roles,
            active,
            changed_by,
        )
        if not active:
            _end_sessions(cursor, known, None)
    return known


def set_password(
    store: Store,
    name: str,
    password_hash: str,
    *,
    temporary: bool,
    changed_by: str,
    keep_session: str | None = None,
) -> str:
    """Replace an account's password, end its sessions but one, and return its name.

    Args:
        temporary: Whether it must be changed at the next sign-in.
        keep_session: Token hash of the session that goes on.

    Raises:
        NotFoundError: If there is no such account.
    """
    with store.transaction() as cursor:
        known, email, roles, active = _get(cursor, name)
        _append(cursor, known, "password", email, roles, active, changed_by)
        _put_hash(cursor, known, password_hash, temporary)
        _end_sessions(cursor, known, keep_session)
    return known


def rehash(store: Store, name: str, password_hash: str) -> None:
    """Replace the hash of the same password, made with other parameters."""
    store.execute(
        "UPDATE credentials SET password_hash = ? WHERE account = ?", [password_hash, name]
    )


def password_hash(store: Store, name: str) -> str | None:
    """Return the hash of an account's password; None where it has none."""
    row = store.row("SELECT password_hash FROM credentials WHERE account = ?", [name])
    return None if row is None else str(row["password_hash"])


def _get(cursor: Cursor, name: str) -> tuple[str, str | None, Sequence[str], bool]:
    found = cursor.execute(_LATEST, [name]).fetchall()
    if not found:
        raise NotFoundError(f"There is no account {name}; `rankdesk people list` names them.")
    return tuple(found[0])


def _append(
    cursor: Cursor,
    name: str,
    change: str,
    email: str | None,
    roles: Sequence[str],
    active: bool,
    changed_by: str,
) -> None:
    if email is not None:
        taken = cursor.execute(
            "SELECT account FROM accounts WHERE email = ? AND account <> ?", [email, name]
        ).fetchall()
        if taken:
            raise StoreError(f"{email} is the address of {taken[0][0]}.")
    cursor.execute(
        "INSERT INTO account_events (account, change, email, roles, active, changed_by, changed_at)"
        " VALUES (?, ?, ?, ?, ?, ?, now())",
        [name, change, email, list(roles), active, changed_by],
    ).fetchall()
    if not cursor.execute(
        "SELECT 1 FROM accounts WHERE active AND list_contains(roles, ?) LIMIT 1", [ADMIN]
    ).fetchall():
        raise StoreError("Nobody would be an admin any more: make another account an admin first.")


def _put_hash(cursor: Cursor, name: str, password_hash: str, temporary: bool) -> None:
    cursor.execute(
        "INSERT INTO credentials VALUES (?, ?, ?, now()) ON CONFLICT DO UPDATE SET"
        " password_hash = excluded.password_hash, temporary = excluded.temporary,"
        " set_at = excluded.set_at",
        [name, password_hash, temporary],
    ).fetchall()


def _end_sessions(cursor: Cursor, name: str, but: str | None) -> None:
    cursor.execute(
        "UPDATE sessions SET ended_at = now()"
        " WHERE account = ? AND ended_at IS NULL AND token_hash IS DISTINCT FROM ?",
        [name, but],
    ).fetchall()


def setting(store: Store, name: str) -> str | None:
    """Return a setting's value; None where nobody set it."""
    row = store.row(
        "SELECT value FROM setting_events WHERE name = ? ORDER BY seq DESC LIMIT 1", [name]
    )
    return None if row is None else str(row["value"])


def append_setting(store: Store, name: str, value: str, *, set_by: str) -> None:
    """Set a setting from now on."""
    store.execute(
        "INSERT INTO setting_events (name, value, set_by, set_at) VALUES (?, ?, ?, now())",
        [name, value, set_by],
    )
