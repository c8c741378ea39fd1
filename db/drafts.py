"""Drafts: what a reviewer entered for an item and has not decided on. The last state is kept."""

from db.store import Store


def put_draft(
    store: Store, *, item_id: str, reviewer: str, content: str | None, over: str | None = None
) -> str | None:
    """Keep a draft in place of the one before, unless that was changed meanwhile.

    When this returns, it is on disk.

    Args:
        content: As the caller reads it again; None drops the draft.
        over: The draft before, as the caller knows it; None for none.

    Returns:
        The draft that is there instead, and stays, where it is another; else None. One that was
        dropped meanwhile is in nobody's way.
    """
    key = [item_id, reviewer]
    with store.transaction() as cursor:
        found = cursor.execute(
            "SELECT content FROM drafts WHERE item_id = ? AND reviewer = ?", key
        ).fetchall()
        if found and found[0][0] not in (over, content):
            return str(found[0][0])
        if content is None:
            cursor.execute("DELETE FROM drafts WHERE item_id = ? AND reviewer = ?", key).fetchall()
        else:
            cursor.execute(
                "INSERT INTO drafts VALUES (?, ?, ?, now()) ON CONFLICT (item_id, reviewer)"
                " DO UPDATE SET content = excluded.content, saved_at = excluded.saved_at",
                [*key, content],
            ).fetchall()
    return None


def get_draft(store: Store, item_id: str, reviewer: str) -> str | None:
    """Return what `put_draft` kept, or None."""
    row = store.row(
        "SELECT content FROM drafts WHERE item_id = ? AND reviewer = ?", [item_id, reviewer]
    )
    return None if row is None else str(row["content"])
