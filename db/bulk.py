"""What is done to many items at once, in one transaction, and taken back as a whole."""

from typing import Any

import polars as pl

from db.errors import NotFoundError
from db.ids import new_id
from db.judgments import refresh_verdicts
from db.records import Verdict
from db.store import Cursor, Store, insert_frame

_MADE = (
    "SELECT b.bulk_id, b.action, b.detail, b.n_items, b.done_by, b.done_at,"
    " EXISTS (SELECT 1 FROM bulk_actions u WHERE u.action = 'undo' AND u.detail = b.bulk_id)"
    " AS undone FROM bulk_actions b WHERE b.action <> 'undo'"
)

# A log as it would be without what was taken back: each event with what held before it, and the
# event after it.
_STANDING = """
SELECT *, lag({value}) OVER past AS before, lead(seq) OVER past AS later
FROM {log}
WHERE bulk_id NOT IN (SELECT unnest([bulk_id, detail]) FROM bulk_actions WHERE action = 'undo')
WINDOW past AS (PARTITION BY {key} ORDER BY seq)
"""
_TAGGED = _STANDING.format(log="tag_events", key="item_id, tag", value="kind")
_ASSIGNED = _STANDING.format(log="assignment_events", key="item_id", value="assignee")


def _record(
    cursor: Cursor, bulk_id: str, action: str, detail: str, n_items: int, done_by: str
) -> None:
    cursor.execute(
        "INSERT INTO bulk_actions VALUES (?, ?, ?, ?, ?, now())",
        [bulk_id, action, detail, n_items, done_by],
    ).fetchall()


def _changed(cursor: Cursor, table: str, bulk_id: str) -> int:
    row = cursor.execute(
        f"SELECT count(*) FROM {table} WHERE bulk_id = ?",  # noqa: S608 - our own name
        [bulk_id],
    ).fetchall()
    return int(row[0][0])


def verdict_counts(store: Store, item_ids: list[str]) -> dict[str, int]:
    """Return how many of the items have each verdict, the most frequent first; `open` for none."""
    rows = store.rows(
        "SELECT coalesce(v.verdict, 'open') AS verdict, count(*) AS n"
        " FROM (SELECT DISTINCT unnest(?::VARCHAR[]) AS item_id) w SEMI JOIN items USING (item_id)"
        " LEFT JOIN item_verdicts v USING (item_id) GROUP BY 1 ORDER BY n DESC, 1",
        [item_ids],
    )
    return {row["verdict"]: int(row["n"]) for row in rows}


def append_verdicts(
    store: Store,
    item_ids: list[str],
    *,
    reviewer: str,
    verdict: Verdict,
    reasons: list[str],
    note: str,
    code_version: str,
    guideline: str | None = None,
) -> str:
    """Append one verdict on each of the items, all or none, and return the bulk action's id.

    Each is on the item's ranking under review.

    Args:
        item_ids: Distinct.
        guideline: Version of the guidelines that was in force.

    Raises:
        NotFoundError: If one of them is no item.
    """
    bulk_id = new_id()
    wanted = pl.DataFrame(
        {"item_id": item_ids, "event_id": [new_id() for _ in item_ids]},
        schema={"item_id": pl.String, "event_id": pl.String},
    )
    with store.transaction() as cursor:
        cursor.register("incoming", wanted.to_arrow())
        try:
            cursor.execute(
                "INSERT INTO judgment_events (event_id, kind, item_id, reviewer, verdict, reasons,"
                " note, ranking_id, grades, guideline, code_version, judged_at, bulk_id)"
                " SELECT w.event_id, 'judge', w.item_id, $reviewer, $verdict,"
                " $reasons::VARCHAR[], $note, t.ranking_id, map(), $guideline, $code_version,"
                " now(), $bulk_id"
                " FROM incoming w JOIN teacher_rankings t USING (item_id)",
                {
                    "reviewer": reviewer,
                    "verdict": verdict,
                    "reasons": reasons,
                    "note": note,
                    "guideline": guideline,
                    "code_version": code_version,
                    "bulk_id": bulk_id,
                },
            ).fetchall()
        finally:
            cursor.unregister("incoming")
        refresh_verdicts(cursor, item_ids)
        if (n := _changed(cursor, "judgment_events", bulk_id)) != len(item_ids):
            raise NotFoundError(
                f"{len(item_ids) - n} of {len(item_ids)} chosen items are not there; the list may "
                "have changed: choose again. Nothing was recorded."
            )
        _record(cursor, bulk_id, verdict, ", ".join(reasons), n, reviewer)
    return bulk_id


def append_tags(store: Store, item_ids: list[str], tag: str, *, add: bool, done_by: str) -> str:
    """Tag items, or take a tag off them; return the bulk action's id.

    Items that have the tag already (or lack it already) are left as they are.
    """
    bulk_id = new_id()
    known = "SEMI" if not add else "ANTI"
    with store.transaction() as cursor:
        cursor.register("incoming", pl.DataFrame({"item_id": item_ids}).to_arrow())
        try:
            cursor.execute(
                "INSERT INTO tag_events (item_id, tag, kind, bulk_id, tagged_by, tagged_at)"  # noqa: S608 - a constant
                " SELECT i.item_id, $tag, $kind, $bulk_id, $by, now()"
                " FROM (SELECT w.item_id FROM incoming w SEMI JOIN items USING (item_id)) i"
                f" {known} JOIN (SELECT item_id FROM item_tags WHERE tag = $tag) USING (item_id)",
                {"tag": tag, "kind": "add" if add else "remove", "bulk_id": bulk_id, "by": done_by},
            ).fetchall()
        finally:
            cursor.unregister("incoming")
        n = _changed(cursor, "tag_events", bulk_id)
        _record(cursor, bulk_id, "tag" if add else "untag", tag, n, done_by)
    return bulk_id


def append_assignments(
    store: Store, item_ids: list[str], assignee: str | None, *, done_by: str
) -> str:
    """Make items one person's to decide, or nobody's in particular; return the bulk action's id.

    Items that are theirs already are left as they are.
    """
    bulk_id = new_id()
    with store.transaction() as cursor:
        cursor.register("incoming", pl.DataFrame({"item_id": item_ids}).to_arrow())
        try:
            cursor.execute(
                "INSERT INTO assignment_events (item_id, assignee, bulk_id, assigned_by,"
                " assigned_at) SELECT i.item_id, $assignee, $bulk_id, $by, now()"
                " FROM (SELECT w.item_id FROM incoming w SEMI JOIN items USING (item_id)) i"
                " LEFT JOIN item_assignments a USING (item_id)"
                " WHERE a.assignee IS DISTINCT FROM $assignee",
                {"assignee": assignee, "bulk_id": bulk_id, "by": done_by},
            ).fetchall()
        finally:
            cursor.unregister("incoming")
        n = _changed(cursor, "assignment_events", bulk_id)
        action = "unassign" if assignee is None else "assign"
        _record(cursor, bulk_id, action, assignee or "", n, done_by)
    return bulk_id


def append_undo(store: Store, bulk_id: str, *, done_by: str, code_version: str) -> int:
    """Take back what is still in force of a bulk action, and return of how many items.

    A verdict that the reviewer replaced since, a tag that was set again or an item that was
    assigned anew since, stays.

    Raises:
        NotFoundError: If this person made no such bulk action, or took it back before.
    """
    with store.transaction() as cursor:
        found = cursor.execute(
            f"SELECT undone FROM ({_MADE}) WHERE bulk_id = ? AND done_by = ?",  # noqa: S608 - a constant
            [bulk_id, done_by],
        ).fetchall()
        if not found or found[0][0]:
            raise NotFoundError(f"{done_by} has no bulk action {bulk_id} to take back.")
        undo_id = new_id()
        standing = cursor.execute(
            "SELECT event_id, item_id FROM judgments WHERE bulk_id = ?", [bulk_id]
        ).fetchall()
        undone = pl.DataFrame(
            [(new_id(), event_id, item_id) for event_id, item_id in standing],
            schema=dict.fromkeys(("event_id", "undoes", "item_id"), pl.String),
            orient="row",
        ).with_columns(
            reviewer=pl.lit(done_by), code_version=pl.lit(code_version), bulk_id=pl.lit(undo_id)
        )
        insert_frame(
            cursor,
            "INSERT INTO judgment_events BY NAME SELECT *, 'undo' AS kind, [] AS reasons,"
            " '' AS note, now() AS judged_at FROM incoming",
            undone,
        )
        refresh_verdicts(cursor, undone["item_id"].to_list())
        cursor.execute(
            "INSERT INTO tag_events (item_id, tag, kind, bulk_id, tagged_by, tagged_at)"  # noqa: S608 - a constant
            " SELECT item_id, tag, coalesce(before, 'remove'), $undo_id, $by, now()"
            f" FROM ({_TAGGED}) WHERE bulk_id = $bulk_id AND later IS NULL"
            " AND kind <> coalesce(before, 'remove')",
            {"undo_id": undo_id, "by": done_by, "bulk_id": bulk_id},
        ).fetchall()
        cursor.execute(
            "INSERT INTO assignment_events (item_id, assignee, bulk_id, assigned_by, assigned_at)"  # noqa: S608 - a constant
            " SELECT item_id, before, $undo_id, $by, now()"
            f" FROM ({_ASSIGNED}) WHERE bulk_id = $bulk_id AND later IS NULL"
            " AND assignee IS DISTINCT FROM before",
            {"undo_id": undo_id, "by": done_by, "bulk_id": bulk_id},
        ).fetchall()
        n = len(undone) + sum(
            _changed(cursor, log, undo_id) for log in ("tag_events", "assignment_events")
        )
        _record(cursor, undo_id, "undo", bulk_id, n, done_by)
    return n


def get_bulk(store: Store, bulk_id: str) -> dict[str, Any]:
    """Return a bulk action: bulk_id, action, detail, n_items, done_by, done_at, undone.

    Raises:
        NotFoundError: If there is none.
    """
    row = store.row(_MADE + " AND b.bulk_id = ?", [bulk_id])
    if row is None:
        raise NotFoundError(f"There is no bulk action {bulk_id}.")
    return row


def recent_bulks(store: Store, done_by: str, limit: int = 10) -> list[dict[str, Any]]:
    """Return a person's latest bulk actions that were not taken back, newest first."""
    return store.rows(
        f"SELECT * FROM ({_MADE}) WHERE done_by = ? AND NOT undone"  # noqa: S608 - a constant
        " ORDER BY bulk_id DESC LIMIT ?",
        [done_by, limit],
    )
