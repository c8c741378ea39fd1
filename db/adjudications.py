"""Adjudications: a reviewer's last word on items that people do not agree on."""

from collections.abc import Sequence
from typing import Any

from db.records import Adjudication
from db.store import Cursor, Store


def insert_adjudication(
    cursor: Cursor, event_id: str, item_id: str, adjudication: Adjudication
) -> None:
    """Record that a judgment is an adjudication, within the judgment's transaction."""
    cursor.execute(
        "INSERT INTO adjudications VALUES (?, ?, ?, ?, ?)",
        [
            event_id,
            item_id,
            adjudication.cause,
            adjudication.taken,
            list(adjudication.over),
        ],
    ).fetchall()


def among(store: Store, event_ids: Sequence[str]) -> list[dict[str, Any]]:
    """Return item_id, event_id of those of some judgments that are adjudications."""
    # One is looked up in the index, in a third of the time; many are joined.
    these = "= $ids[1]" if len(event_ids) == 1 else "IN (SELECT unnest($ids::VARCHAR[]))"
    return store.rows(
        f"SELECT item_id, event_id FROM adjudications WHERE event_id {these}",  # noqa: S608 - constants
        {"ids": list(event_ids)},
    )


def in_force(store: Store, item_id: str | None = None) -> list[dict[str, Any]]:
    """Return the adjudications that were neither undone nor followed by another, newest first.

    Args:
        item_id: Only of this item; None for all.

    Returns:
        Rows of item_id, domain, query, event_id, seq, reviewer, verdict, cause, taken, over, note,
        judged_at.
    """
    return store.rows(
        """
        SELECT a.item_id, i.domain, i.query, a.event_id, j.seq, j.reviewer, j.verdict, a.cause,
               a.taken, a.over, j.note, j.judged_at
        FROM adjudications a
        JOIN judgment_events j USING (event_id)
        JOIN items i ON i.item_id = a.item_id
        WHERE ($item::VARCHAR IS NULL OR a.item_id = $item)
          AND a.event_id NOT IN (SELECT undoes FROM judgment_events WHERE kind = 'undo')
        QUALIFY row_number() OVER (PARTITION BY a.item_id ORDER BY j.seq DESC) = 1
        ORDER BY j.seq DESC
        """,
        {"item": item_id},
    )
