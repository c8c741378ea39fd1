"""What an item's reasons to be looked at are worth, read for every item at once; never a text."""

from typing import Any

import polars as pl

from db.store import Store, insert_frame

GROUP_SCHEMA: dict[str, Any] = {
    "job_id": pl.String,
    "file": pl.String,
    "item_id": pl.String,
    "step": pl.Int64,
    "rollouts": pl.Int64,
    "lowest": pl.Float64,
    "highest": pl.Float64,
}


def reason_values(store: Store) -> pl.DataFrame:
    """Return one row for each item, as imported.

    Returns:
        Columns item_id, ndcg, tau (of its samples; none for one sample), failed (whether the
        chain fails a check), checkpoint_distance (Spearman's footrule between the order under
        review and a checkpoint's, 0..1; the largest), back (similarity to the query for which it
        was sent back for another reason than a loss), lost (likewise for a loss), flat (share of
        its groups in the last GRPO job that had no spread of rewards), quarantined, cluster_place
        (1-based), flagged (whether a flag on it is open). What does not apply is none.
    """
    return store.frame(
        """
        WITH distances AS (
            SELECT t.item_id, max(
                list_sum(list_transform(
                    t.docids, lambda d, place: abs(place - list_position(c.docids, d))
                )) / greatest(len(t.docids) * len(t.docids) // 2, 1)
            ) AS distance
            FROM rankings c
            JOIN teacher_rankings t USING (item_id)
            WHERE c.author = 'checkpoint'
            GROUP BY t.item_id
        ), back AS (
            SELECT item_id, max(similarity) FILTER (reason = 'lost') AS lost,
                   max(similarity) FILTER (reason <> 'lost') AS other
            FROM open_returns
            GROUP BY item_id
        ), groups AS (
            SELECT job_id, item_id, step, min(lowest) = max(highest) AS flat
            FROM rollout_groups
            GROUP BY job_id, item_id, step
        ), flats AS (
            SELECT item_id, avg(flat::INT) AS flat
            FROM groups
            JOIN (SELECT item_id, max(job_id) AS job_id FROM groups GROUP BY item_id) AS latest
                USING (item_id, job_id)
            GROUP BY item_id
        )
        SELECT
            h.item_id, h.ndcg, a.tau, h.failed <> '' AS failed,
            d.distance AS checkpoint_distance, b.other AS back, b.lost, f.flat,
            q.item_id IS NOT NULL AS quarantined, k.place AS cluster_place,
            o.item_id IS NOT NULL AS flagged
        FROM item_heads h
        LEFT JOIN sample_agreement a
            ON a.item_id = h.item_id AND a.under_review AND a.samples > 1
        LEFT JOIN distances d ON d.item_id = h.item_id
        LEFT JOIN back b ON b.item_id = h.item_id
        LEFT JOIN flats f ON f.item_id = h.item_id
        LEFT JOIN quarantined_items q ON q.item_id = h.item_id
        LEFT JOIN item_clusters k ON k.item_id = h.item_id
        LEFT JOIN open_flags o ON o.item_id = h.item_id
        ORDER BY h.created_at, h.item_id
        """
    )


_WATCHED = (
    "items",
    "ranking_origins",
    "sample_agreement",
    "returned_items",
    "quarantine_events",
    "rollout_groups",
    "evaluations",
    "item_clusters",
    "flag_events",
)
_WATCHED_FOR_ORDER = ("gold_events", "queue_policies")


def stamp(store: Store) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return numbers that change with `reason_values`, and such that change with gold or policy.

    Plain counts, one by one: DuckDB keeps them, but would join several in one query.
    """

    def counted(tables: tuple[str, ...]) -> tuple[int, ...]:
        rows = [store.row(f"SELECT count(*) AS n FROM {table}") for table in tables]  # noqa: S608 - ours
        return tuple(int(row["n"]) for row in rows if row)

    return counted(_WATCHED), counted(_WATCHED_FOR_ORDER)


def latest_returns(store: Store) -> dict[str, Any]:
    """Return when each item was last sent back, by item id."""
    rows = store.rows("SELECT item_id, max(returned_at) AS sent FROM returned_items GROUP BY 1")
    return {row["item_id"]: row["sent"] for row in rows}


def put_clusters(store: Store, clusters: pl.DataFrame) -> None:
    """Keep a clustering in place of the one before.

    Args:
        clusters: Columns item_id, cluster (0-based), place (1-based).
    """
    with store.transaction() as cursor:
        insert_frame(
            cursor,
            "INSERT OR REPLACE INTO item_clusters BY NAME SELECT * FROM incoming",
            clusters,
        )


def groups_read(store: Store, job_id: str) -> set[str]:
    """Return which files of a job's rollouts were read."""
    rows = store.rows("SELECT DISTINCT file FROM rollout_groups WHERE job_id = ?", [job_id])
    return {row["file"] for row in rows}


def insert_groups(store: Store, groups: pl.DataFrame) -> None:
    """Record groups of rollouts.

    Args:
        groups: Columns of `GROUP_SCHEMA`; of files that were not read before.
    """
    with store.transaction() as cursor:
        insert_frame(cursor, "INSERT INTO rollout_groups BY NAME SELECT * FROM incoming", groups)


def cluster_count(store: Store) -> dict[str, int]:
    """Return how many items were grouped by meaning, and how many clusters there are."""
    row = store.row(
        "SELECT count(*) AS items, count(DISTINCT cluster) AS clusters FROM item_clusters"
    )
    assert row is not None
    return row
