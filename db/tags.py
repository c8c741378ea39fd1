"""Tags of items: added and removed by events; what an item has now is a view over them."""

from db.store import Store


def all_tags(store: Store) -> list[str]:
    """Return the tags that some item has, sorted."""
    return [row["tag"] for row in store.rows("SELECT DISTINCT tag FROM item_tags ORDER BY 1")]


def tags_of(store: Store, item_ids: list[str]) -> dict[str, list[str]]:
    """Return the tags of items, sorted; an item without one is absent."""
    marks = ", ".join("?" * len(item_ids)) or "NULL"
    rows = store.rows(f"SELECT item_id, tag FROM item_tags WHERE item_id IN ({marks})", item_ids)  # noqa: S608 - question marks
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(row["item_id"], []).append(row["tag"])
    return {item_id: sorted(tags) for item_id, tags in found.items()}
