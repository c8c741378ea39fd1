"""What samples of one item say about each other: measured, kept, and read for the pages."""

from typing import Any, Literal

import polars as pl

from db.store import Store, insert_frame

AGREEMENT_SCHEMA: dict[str, Any] = {
    "item_id": pl.String,
    "author_name": pl.String,
    "prompt": pl.String,
    "under_review": pl.Boolean,
    "samples": pl.Int64,
    "tau": pl.Float64,
    "overlap": pl.Float64,
    "consensus": pl.List(pl.String),
    "ndcg": pl.Float64,
    "dispersion": pl.List(pl.Float64),
    "spread": pl.Float64,
    "follows": pl.Float64,
    "review_tau": pl.Float64,
    "review_overlap": pl.Float64,
}

SampleOrder = Literal["least_agreed", "other_teacher", "most_spread", "imported"]
"""How items with samples may be sorted; what an item has no value for puts it last."""


def unmeasured(store: Store, limit: int) -> list[str]:
    """Return items that have other samples than were measured, or whose samples never were."""
    rows = store.rows(
        """
        SELECT given.item_id
        FROM (SELECT item_id, count(*) AS n FROM sample_orders GROUP BY item_id) AS given
        LEFT JOIN (
            SELECT item_id, sum(samples) AS n FROM sample_agreement GROUP BY item_id
        ) AS measured USING (item_id)
        WHERE measured.n IS DISTINCT FROM given.n
        ORDER BY given.item_id
        LIMIT ?
        """,
        [limit],
    )
    return [row["item_id"] for row in rows]


def orders_of(store: Store, item_ids: list[str]) -> list[dict[str, Any]]:
    """Return the samples of items that gave an order.

    Returns:
        Rows of item_id, author_name, prompt, under_review (whether the item's ranking under review
        is by the same model and prompt), docids (best first), shown, candidates (docids in initial
        order), relevant_docids.
    """
    return store.rows(
        """
        WITH reviewed AS (
            SELECT t.item_id, t.author_name, o.prompt
            FROM teacher_rankings t
            JOIN ranking_origins o USING (ranking_id)
            WHERE list_contains($ids::VARCHAR[], t.item_id)
        )
        SELECT
            s.item_id, s.author_name, s.prompt, w.item_id IS NOT NULL AS under_review, s.docids,
            s.shown, i.docids AS candidates, i.relevant_docids
        FROM sample_orders s
        JOIN items i USING (item_id)
        LEFT JOIN reviewed w USING (item_id, author_name, prompt)
        WHERE list_contains($ids::VARCHAR[], s.item_id)
        ORDER BY s.item_id, s.author_name, s.prompt, s.sample, s.ranking_id
        """,
        {"ids": item_ids},
    )


def put(store: Store, measured: pl.DataFrame) -> None:
    """Keep what was measured, in place of what was measured of the same samples before.

    Args:
        measured: Columns of `AGREEMENT_SCHEMA`.
    """
    with store.transaction() as cursor:
        insert_frame(
            cursor,
            "INSERT OR REPLACE INTO sample_agreement BY NAME SELECT * FROM incoming",
            measured,
        )


def agreement_of(store: Store, item_id: str) -> list[dict[str, Any]]:
    """Return what was measured of an item, a row for each teacher, the one under review first.

    Returns:
        Rows of `AGREEMENT_SCHEMA`.
    """
    return store.rows(
        "SELECT * FROM sample_agreement WHERE item_id = ?"
        " ORDER BY NOT under_review, author_name, prompt",
        [item_id],
    )


def samples_under_review(store: Store, item_id: str) -> tuple[int, float | None]:
    """Return how many samples the teacher under review gave, and their mean Kendall τ.

    0 where none were measured; the τ is None for fewer than two.
    """
    row = store.row(
        "SELECT samples, tau FROM sample_agreement WHERE item_id = ? AND under_review", [item_id]
    )
    return (0, None) if row is None else (row["samples"], row["tau"])


def values(store: Store) -> pl.DataFrame:
    """Return a row for each item with samples by the teacher under review; no text but the query.

    Returns:
        Columns item_id, domain, query, author_name, prompt, samples, tau, overlap, spread, follows,
        ndcg (of the ranking under review), consensus_ndcg, other_tau and other_overlap (mean over
        other teachers, none without), verdict.
    """
    return store.frame(
        """
        SELECT
            i.item_id, i.domain, i.query, a.author_name, a.prompt, a.samples, a.tau, a.overlap,
            CASE WHEN a.samples > 1 THEN a.spread END AS spread, a.follows, t.ndcg,
            a.ndcg AS consensus_ndcg, o.other_tau, o.other_overlap,
            v.verdict
        FROM sample_agreement a
        JOIN items i USING (item_id)
        JOIN teacher_rankings t USING (item_id)
        LEFT JOIN item_verdicts v USING (item_id)
        LEFT JOIN (
            SELECT item_id, avg(review_tau) AS other_tau, avg(review_overlap) AS other_overlap
            FROM sample_agreement WHERE NOT under_review GROUP BY item_id
        ) AS o USING (item_id)
        WHERE a.under_review
        ORDER BY i.domain, i.item_id
        """
    )


def sampled_items(store: Store, order: SampleOrder, domains: list[str]) -> list[str]:
    """Return the items that have more than one sample, by whichever teacher, sorted.

    Args:
        domains: Any of these; none means every domain.
    """
    rows = store.rows(
        """
        SELECT i.item_id
        FROM items i
        JOIN (
            SELECT
                item_id, sum(samples) AS n,
                min(tau) FILTER (under_review) AS tau,
                min(review_tau) AS other_tau,
                max(spread) FILTER (under_review) AS spread
            FROM sample_agreement GROUP BY item_id
        ) AS a USING (item_id)
        WHERE a.n > 1
          AND (len($domains::VARCHAR[]) = 0 OR list_contains($domains::VARCHAR[], i.domain))
        ORDER BY CASE $order
            WHEN 'least_agreed' THEN a.tau
            WHEN 'other_teacher' THEN a.other_tau
            WHEN 'most_spread' THEN -a.spread
            ELSE 0
          END, i.created_at, i.item_id
        """,
        {"order": order, "domains": domains},
    )
    return [row["item_id"] for row in rows]


def shown_orders(store: Store, domains: list[str]) -> pl.DataFrame:
    """Return the samples of teachers that were shown an item in more than one order.

    Returns:
        Columns teacher (model and prompt), item_id, shown, docids (best first).
    """
    return store.frame(
        """
        SELECT concat(s.author_name, ' · ', s.prompt) AS teacher, s.item_id, s.shown, s.docids
        FROM sample_orders s
        JOIN sample_agreement a USING (item_id, author_name, prompt)
        JOIN items i USING (item_id)
        WHERE a.follows IS NOT NULL
          AND (len($domains::VARCHAR[]) = 0 OR list_contains($domains::VARCHAR[], i.domain))
        ORDER BY teacher, s.item_id, s.sample, s.ranking_id
        """,
        {"domains": domains},
    )


def dispersions(store: Store, domains: list[str]) -> pl.DataFrame:
    """Return place (1-based, in the consensus), relevant and value (places) of every passage.

    Of items with more than one sample by the teacher under review.
    """
    return store.frame(
        """
        SELECT
            generate_subscripts(a.consensus, 1) AS place,
            list_contains(i.relevant_docids, unnest(a.consensus)) AS relevant,
            unnest(a.dispersion) AS value
        FROM sample_agreement a
        JOIN items i USING (item_id)
        WHERE a.under_review AND a.samples > 1
          AND (len($domains::VARCHAR[]) = 0 OR list_contains($domains::VARCHAR[], i.domain))
        """,
        {"domains": domains},
    )
