"""What people, teachers and checkpoints said of the same items, for comparing them."""

from typing import Any

import polars as pl

from db.store import Store

# One row for each person and item: what they said by themselves, and what their verdict leaves in
# force. Passages are numbers: 1-based, in initial order.
_PEOPLE = """
SELECT
    o.item_id, i.domain, h.ndcg, o.reviewer AS author, 'person' AS kind, o.event_id, o.seq,
    o.verdict, o.judged_at,
    CASE WHEN o.verdict IN ('approve', 'fix')
         THEN list_transform(i.docids, lambda d: list_position(r.docids, d)) END AS places,
    list_transform(d.tied, lambda t: list_position(r.docids, t)) AS tied,
    CASE WHEN o.verdict IN ('approve', 'fix')
         THEN list_transform(coalesce(o.relevant_docids, i.relevant_docids),
                             lambda d: list_position(i.docids, d)) END AS labels,
    list_transform(
        map_entries(coalesce(o.grades, map([]::VARCHAR[], []::TINYINT[]))),
        lambda e: {'passage': list_position(i.docids, e.key), 'grade': e.value}) AS grades
FROM opinions o
JOIN items i USING (item_id)
JOIN item_heads h USING (item_id)
LEFT JOIN rankings r ON r.ranking_id = o.ranking_id
LEFT JOIN judgment_details d ON d.event_id = o.event_id
"""


def stamp(store: Store) -> tuple[int, ...]:
    """Return numbers that change whenever what `of_people` or `of_models` returns may have."""
    row = store.row(
        "SELECT (SELECT max(seq) FROM judgment_events) AS seq,"
        " (SELECT count(*) FROM rankings) AS rankings"
    )
    assert row is not None
    return int(row["seq"] or 0), int(row["rankings"])


def of_people(store: Store) -> pl.DataFrame:
    """Return what people said of items by themselves, in force; the earliest first.

    Returns:
        Columns item_id, domain, ndcg (self-consistency of the ranking under review, 0..1), author,
        kind (`person`), event_id, seq, verdict, judged_at, places (of each passage in initial
        order, its place in the order that the verdict leaves in force: an approval the teacher's;
        null where it leaves none), tied (places that stand level with the one before), labels
        (numbers of relevant passages, likewise), grades (list of passage and grade).
    """
    return store.frame(_PEOPLE + "ORDER BY o.seq")


def of_item(store: Store, item_id: str) -> list[dict[str, Any]]:
    """Return what people said of one item, as rows of `of_people`."""
    return store.rows(_PEOPLE + "WHERE o.item_id = ? ORDER BY o.seq", [item_id])


def of_models(store: Store) -> pl.DataFrame:
    """Return one order by each teacher and checkpoint, of items that somebody judged.

    The ranking under review where it is theirs, else their first sample. Answers that gave no order
    are left out.

    Returns:
        Columns item_id, domain, author, kind (`teacher` or `checkpoint`), places.
    """
    return store.frame(
        """
        SELECT
            r.item_id, i.domain, r.author_name AS author, r.author AS kind,
            list_transform(i.docids, lambda d: list_position(r.docids, d)) AS places
        FROM rankings r
        JOIN items i USING (item_id)
        JOIN item_heads h USING (item_id)
        LEFT JOIN ranking_origins o ON o.ranking_id = r.ranking_id
        WHERE r.author <> 'human' AND r.status NOT IN ('no_answer', 'truncated')
          AND r.item_id IN (SELECT item_id FROM opinions)
        QUALIFY row_number() OVER (
            PARTITION BY r.item_id, r.author, r.author_name
            ORDER BY r.ranking_id <> h.ranking_id, coalesce(o.sample, 0), r.created_at, r.ranking_id
        ) = 1
        ORDER BY r.item_id, kind, author
        """
    )


def done_by(store: Store, reviewer: str) -> dict[str, int]:
    """Return how often a person did what.

    Returns:
        today, week (verdicts since midnight UTC, and within 7 days), total (verdicts in force),
        cannot_judge (of those), undone (verdicts taken back), adjudicated (in force).
    """
    row = store.row(
        """
        WITH mine AS (
            SELECT e.*, e.event_id IN (SELECT event_id FROM adjudications) AS adjudicates
            FROM judgment_events e
            WHERE e.reviewer = $reviewer AND e.kind = 'judge' AND e.event_id NOT IN
                (SELECT undoes FROM judgment_events WHERE kind = 'undo' AND reviewer = $reviewer)
            QUALIFY row_number() OVER (PARTITION BY e.item_id ORDER BY e.seq DESC) = 1
        )
        SELECT
            count(*) FILTER (judged_at >= date_trunc('day', now())) AS today,
            count(*) FILTER (judged_at >= now() - INTERVAL 7 DAY) AS week,
            count(*) AS total,
            count(*) FILTER (verdict = 'cannot_judge') AS cannot_judge,
            count(*) FILTER (adjudicates) AS adjudicated,
            (SELECT count(*) FROM judgment_events WHERE kind = 'undo' AND reviewer = $reviewer)
                AS undone
        FROM mine
        """,
        {"reviewer": reviewer},
    )
    assert row is not None
    return {name: int(value) for name, value in row.items()}
