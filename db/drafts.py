"""Drafts: what a reviewer entered for an item and has not decided on. The last state is kept."""

from db.store import Store


def put_draft(store: Store, *, item_id: str, reviewer: str, content: str) -> None:
    """Keep a draft in place of the one before; when this returns, it is on disk.

    Args:
        content: As the caller reads it again.
    """
    store.execute(
        "INSERT INTO drafts VALUES ($item_id, $reviewer, $content, now())"
        " ON CONFLICT (item_id, reviewer)"
        " DO UPDATE SET content = excluded.content, saved_at = excluded.saved_at",
        {"item_id": item_id, "reviewer": reviewer, "content": content},
    )


def get_draft(store: Store, item_id: str, reviewer: str) -> str | None:
    """Return what `put_draft` kept, or None."""
    row = store.row(
        "SELECT content FROM drafts WHERE item_id = ? AND reviewer = ?", [item_id, reviewer]
    )
    return None if row is None else str(row["content"])


def drop_draft(store: Store, item_id: str, reviewer: str) -> None:
    """Drop a reviewer's draft of an item, if there is one."""
    store.execute("DELETE FROM drafts WHERE item_id = ? AND reviewer = ?", [item_id, reviewer])
