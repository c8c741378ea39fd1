"""Whose items are to decide: events, appended by `db.bulk`; the latest of an item holds."""

from db.store import Store


def assignees(store: Store) -> list[str]:
    """Return everyone who has an item assigned, sorted."""
    rows = store.rows("SELECT DISTINCT assignee FROM item_assignments ORDER BY 1")
    return [row["assignee"] for row in rows]


def assigned(store: Store, item_ids: list[str]) -> dict[str, str]:
    """Return whose the items are; those of nobody in particular are absent."""
    rows = store.rows(
        "SELECT item_id, assignee FROM item_assignments"
        " WHERE item_id IN (SELECT unnest(?::VARCHAR[]))",
        [item_ids],
    )
    return {row["item_id"]: row["assignee"] for row in rows}
