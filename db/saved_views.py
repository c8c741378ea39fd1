"""Named views of the table: a filter under a name, the latest of that name holds."""

import json
from typing import Any

from db.store import Store


def save_view(store: Store, name: str, fields: dict[str, Any] | None, saved_by: str) -> None:
    """Name a view, or change the one of that name; None for `fields` drops it."""
    store.execute(
        "INSERT INTO saved_views VALUES (?, ?, ?, now())",
        [name, None if fields is None else json.dumps(fields), saved_by],
    )


def list_views(store: Store) -> dict[str, dict[str, Any]]:
    """Return the fields of every view by its name, sorted by name."""
    rows = store.rows(
        "SELECT name, fields FROM saved_views"
        " QUALIFY row_number() OVER (PARTITION BY name ORDER BY saved_at DESC) = 1 ORDER BY name"
    )
    return {row["name"]: json.loads(row["fields"]) for row in rows if row["fields"] is not None}
