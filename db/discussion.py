"""Comments and flags on items: appended, and taken back or resolved by further events."""

from typing import Any

from db.errors import NotFoundError, StoreError
from db.ids import new_id, now
from db.store import Cursor, Store

_COMMENTS = (
    "SELECT comment_id, item_id, text, done_by AS said_by, done_at AS said_at FROM comment_events"
    " WHERE kind = 'add' AND comment_id NOT IN"
    " (SELECT comment_id FROM comment_events WHERE kind = 'delete')"
)
_FLAGS = "SELECT flag_id, item_id, text, done_by AS raised_by, done_at AS raised_at FROM open_flags"


def _append(
    cursor: Cursor, log: str, kind: str, of: str, item_id: str, text: str, done_by: str
) -> None:
    cursor.execute(
        f"INSERT INTO {log}_events ({log}_id, kind, item_id, text, done_by, done_at)"  # noqa: S608 - our own names
        " VALUES (?, ?, ?, ?, ?, ?)",
        [of, kind, item_id, text, done_by, now()],
    ).fetchall()


def _require_item(cursor: Cursor, item_id: str) -> None:
    if not cursor.execute("SELECT 1 FROM item_heads WHERE item_id = ?", [item_id]).fetchall():
        raise NotFoundError(f"There is no item {item_id}; the list may have changed.")


def append_comment(store: Store, item_id: str, text: str, *, said_by: str) -> str:
    """Append a comment and return its id.

    Raises:
        NotFoundError: If there is no such item.
    """
    comment_id = new_id()
    with store.transaction() as cursor:
        _require_item(cursor, item_id)
        _append(cursor, "comment", "add", comment_id, item_id, text, said_by)
    return comment_id


def get_comment(store: Store, comment_id: str) -> dict[str, Any]:
    """Return comment_id, item_id, text, said_by, said_at of a comment.

    Raises:
        NotFoundError: If there is none, or it was deleted.
    """
    row = store.row(f"{_COMMENTS} AND comment_id = ?", [comment_id])
    if row is None:
        raise NotFoundError("That comment is not there any more.")
    return row


def append_deletion(store: Store, comment_id: str, *, deleted_by: str) -> None:
    """Append that a comment is not shown any more; the log keeps it.

    Raises:
        NotFoundError: If there is none, or it was deleted before.
    """
    with store.transaction() as cursor:
        found = cursor.execute(
            f"SELECT item_id FROM ({_COMMENTS}) WHERE comment_id = ?",  # noqa: S608 - a constant
            [comment_id],
        ).fetchall()
        if not found:
            raise NotFoundError("That comment is not there any more.")
        _append(cursor, "comment", "delete", comment_id, found[0][0], "", deleted_by)


def comments_of(store: Store, item_id: str) -> list[dict[str, Any]]:
    """Return comment_id, item_id, text, said_by, said_at of an item's comments, oldest first."""
    return store.rows(f"{_COMMENTS} AND item_id = ? ORDER BY seq", [item_id])


def append_flag(store: Store, item_id: str, reason: str, *, raised_by: str) -> str:
    """Append a flag on an item and return its id.

    Raises:
        NotFoundError: If there is no such item.
        StoreError: If one is open there already.
    """
    flag_id = new_id()
    with store.transaction() as cursor:
        _require_item(cursor, item_id)
        if cursor.execute("SELECT 1 FROM open_flags WHERE item_id = ?", [item_id]).fetchall():
            raise StoreError("The item is flagged already: say the rest in a comment.")
        _append(cursor, "flag", "raise", flag_id, item_id, reason, raised_by)
    return flag_id


def append_resolution(store: Store, flag_id: str, outcome: str, *, resolved_by: str) -> None:
    """Append that a flag is resolved.

    Raises:
        NotFoundError: If there is no such flag, or it was resolved before.
    """
    with store.transaction() as cursor:
        found = cursor.execute(
            "SELECT item_id FROM open_flags WHERE flag_id = ?", [flag_id]
        ).fetchall()
        if not found:
            raise NotFoundError("That flag is not open any more.")
        _append(cursor, "flag", "resolve", flag_id, found[0][0], outcome, resolved_by)


def open_flag(store: Store, item_id: str) -> dict[str, Any] | None:
    """Return flag_id, item_id, text, raised_by, raised_at of an item's open flag, if it has one."""
    return store.row(f"{_FLAGS} WHERE item_id = ?", [item_id])
