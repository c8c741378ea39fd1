"""Tags of items: added and removed by events; what an item has now is a view over them."""

from db.store import Store


def all_tags(store: Store) -> list[str]:
    """Return the tags that some item has, sorted."""
    return [row["tag"] for row in store.rows("SELECT DISTINCT tag FROM item_tags ORDER BY 1")]


def tags_of(store: Store, item_ids: list[str]) -> dict[str, list[str]]:
    """Return the tags of items, sorted; an item without one is absent."""
    rows = store.rows(
        "SELECT item_id, list(tag ORDER BY tag) AS tags FROM item_tags"
        " WHERE item_id IN (SELECT unnest(?::VARCHAR[])) GROUP BY item_id",
        [item_ids],
    )
    return {row["item_id"]: row["tags"] for row in rows}
