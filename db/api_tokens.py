"""Tokens of the API: only their hashes are kept; adding and revoking are events."""

from typing import Any

from db.errors import NotFoundError, StoreError
from db.ids import new_id
from db.store import Cursor, Store

_ADD = (
    "INSERT INTO api_token_events (token_id, kind, name, token_hash, decided_by, decided_at)"
    " VALUES (?, ?, ?, ?, ?, now())"
)


def _in_force(cursor: Cursor, wanted: str) -> tuple[str, str, str] | None:
    """Return id, name and hash of the token with this id or name."""
    found = cursor.execute(
        "SELECT token_id, name, token_hash FROM api_tokens WHERE $wanted IN (token_id, name)",
        {"wanted": wanted},
    ).fetchall()
    return found[0] if found else None


def add_token(store: Store, *, name: str, token_hash: str, made_by: str) -> str:
    """Record a token by its hash and return its id.

    Raises:
        StoreError: If a token of that name is in force.
    """
    token_id = new_id()
    with store.transaction() as cursor:
        if _in_force(cursor, name) is not None:
            raise StoreError(
                f"There is a token named {name}: choose another name, or revoke that one first."
            )
        cursor.execute(_ADD, [token_id, "add", name, token_hash, made_by]).fetchall()
    return token_id


def revoke_token(store: Store, wanted: str, *, revoked_by: str) -> str:
    """Take a token, named by its id or name, out of force and return its name.

    Raises:
        NotFoundError: If there is no such token in force.
    """
    with store.transaction() as cursor:
        found = _in_force(cursor, wanted)
        if found is None:
            raise NotFoundError(
                f"There is no token {wanted}; `rankdesk api token list` names them."
            )
        token_id, name, token_hash = found
        cursor.execute(_ADD, [token_id, "revoke", name, token_hash, revoked_by]).fetchall()
    return name


def list_tokens(store: Store) -> list[dict[str, Any]]:
    """Return token_id, name, made_by, made_at of the tokens in force, oldest first."""
    return store.rows("SELECT * EXCLUDE (token_hash) FROM api_tokens ORDER BY made_at, token_id")


def token_name(store: Store, token_hash: str) -> str | None:
    """Return the name of the token in force with this hash, or None."""
    row = store.row("SELECT name FROM api_tokens WHERE token_hash = ?", [token_hash])
    return None if row is None else str(row["name"])
