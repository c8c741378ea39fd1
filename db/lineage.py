"""What led to what, where no table says it by itself: verdicts and batches, returns and queries."""

from datetime import datetime
from typing import Any

from db.store import Store

# The verdict that each batch saw on each of its items when it was made; none where it saw none.
_SEEN = """
SELECT i.batch_id, i.item_id, b.name, b.created_at, e.event_id, e.reviewer, e.verdict
FROM batch_items i
JOIN batches b USING (batch_id)
LEFT JOIN judgment_events e
    ON e.item_id = i.item_id AND e.kind = 'judge' AND e.judged_at <= b.created_at
    AND NOT EXISTS (
        SELECT 1 FROM judgment_events u
        WHERE u.item_id = e.item_id AND u.undoes = e.event_id AND u.judged_at <= b.created_at)
LEFT JOIN adjudications a ON a.event_id = e.event_id
WHERE {}
QUALIFY row_number() OVER (
    PARTITION BY i.batch_id, i.item_id ORDER BY a.event_id IS NULL, e.seq DESC NULLS LAST
) = 1
"""


def item_batches(store: Store, item_id: str) -> list[dict[str, Any]]:
    """Return the batches that hold an item, with the verdict that each saw, oldest first.

    Returns:
        Rows of batch_id, item_id, name, created_at, event_id, reviewer, verdict (the last three
        None where nobody had judged it).
    """
    return store.rows(_SEEN.format("i.item_id = ?") + "ORDER BY b.created_at", [item_id])


def batch_verdicts(store: Store, batch_id: str) -> list[dict[str, Any]]:
    """Return the verdicts that a batch saw on its items, by reviewer, the most frequent first.

    Returns:
        Rows of reviewer, verdict (both None for items that nobody had judged), n, event_ids (of
        at most ten).
    """
    return store.rows(
        f"SELECT reviewer, verdict, count(*) AS n,"  # noqa: S608 - a constant
        " list(event_id ORDER BY event_id)[1:10] AS event_ids"
        f" FROM ({_SEEN.format('i.batch_id = ?')}) GROUP BY reviewer, verdict"
        " ORDER BY verdict IS NULL, n DESC, reviewer, verdict",
        [batch_id],
    )


def judgment_rows(
    store: Store, *, item_id: str | None = None, event_ids: list[str] | None = None
) -> list[dict[str, Any]]:
    """Return judgments of an item, or those with these ids, oldest first, undone ones too.

    Returns:
        Rows of event_id, item_id, reviewer, verdict, reasons, note, judged_at, undone.
    """
    return store.rows(
        "SELECT e.event_id, e.item_id, e.reviewer, e.verdict, e.reasons, e.note, e.judged_at,"
        " EXISTS (SELECT 1 FROM judgment_events u WHERE u.undoes = e.event_id) AS undone"
        " FROM judgment_events e WHERE e.kind = 'judge'"
        " AND ($item_id::VARCHAR IS NULL OR e.item_id = $item_id)"
        " AND ($ids::VARCHAR[] IS NULL OR e.event_id IN (SELECT unnest($ids::VARCHAR[])))"
        " ORDER BY e.seq",
        {"item_id": item_id, "ids": event_ids},
    )


def returns_of(
    store: Store,
    *,
    item_id: str | None = None,
    evaluation_id: str | None = None,
    qid: str | None = None,
) -> list[dict[str, Any]]:
    """Return what was sent back to review: of an item, an evaluation, or one of its queries.

    Returns:
        Rows of item_id, evaluation_id, qid, reason, detail, open (no verdict since), the newest
        first.
    """
    return store.rows(
        "SELECT r.item_id, r.evaluation_id, r.qid, r.reason, r.detail,"
        " EXISTS (SELECT 1 FROM open_returns o WHERE o.return_id = r.return_id) AS open"
        " FROM returned_items r"
        " WHERE ($item_id::VARCHAR IS NULL OR r.item_id = $item_id)"
        " AND ($evaluation_id::VARCHAR IS NULL OR r.evaluation_id = $evaluation_id)"
        " AND ($qid::VARCHAR IS NULL OR r.qid = $qid) ORDER BY r.return_id DESC",
        {"item_id": item_id, "evaluation_id": evaluation_id, "qid": qid},
    )


def query_texts(store: Store, item_ids: list[str]) -> dict[str, tuple[str, str]]:
    """Return the domain and the query of items, by item id; those that are not there are absent."""
    rows = store.rows(
        "SELECT item_id, domain, query FROM items WHERE item_id IN (SELECT unnest(?::VARCHAR[]))",
        [item_ids],
    )
    return {row["item_id"]: (row["domain"], row["query"]) for row in rows}


def query_count(store: Store, evaluation_id: str) -> int:
    """Return how many queries an evaluation ranked."""
    row = store.row(
        "SELECT count(*) AS n FROM evaluation_rankings WHERE evaluation_id = ?", [evaluation_id]
    )
    assert row is not None
    return int(row["n"])


def ranked(store: Store, evaluation_id: str, qid: str) -> bool:
    """Return whether an evaluation ranked this query."""
    return bool(
        store.row(
            "SELECT 1 FROM evaluation_rankings WHERE evaluation_id = ? AND qid = ?",
            [evaluation_id, qid],
        )
    )


def decisions_between(
    store: Store, item_ids: list[str], since: datetime, until: datetime
) -> list[dict[str, Any]]:
    """Return what people decided about items in a span of time (UTC, its end included), in order.

    Returns:
        Rows of item_id, who, what (a verdict, `took back` and a verdict, `quarantine`, `release`),
        reasons, note, decided_at.
    """
    return store.rows(
        """
        WITH wanted AS (SELECT unnest($ids::VARCHAR[]) AS item_id)
        SELECT e.item_id, e.reviewer AS who, coalesce(e.verdict, 'took back ' || u.verdict) AS what,
               e.reasons, e.note, e.judged_at AS decided_at
        FROM judgment_events e
        SEMI JOIN wanted USING (item_id)
        LEFT JOIN judgment_events u ON u.event_id = e.undoes
        WHERE e.kind IN ('judge', 'undo') AND e.judged_at > $since AND e.judged_at <= $until
        UNION ALL
        SELECT q.item_id, q.decided_by, q.decision, [], q.reason, q.decided_at
        FROM quarantine_events q
        SEMI JOIN wanted USING (item_id)
        WHERE q.decided_at > $since AND q.decided_at <= $until
        ORDER BY decided_at, item_id
        """,
        {"ids": item_ids, "since": since, "until": until},
    )


def came_after(store: Store, item_ids: list[str], since: datetime) -> set[str]:
    """Return those of the items that came in after a time (UTC)."""
    rows = store.rows(
        "SELECT item_id FROM items WHERE created_at > $since"
        " AND item_id IN (SELECT unnest($ids::VARCHAR[]))",
        {"ids": item_ids, "since": since},
    )
    return {row["item_id"] for row in rows}
