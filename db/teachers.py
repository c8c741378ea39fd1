"""What each teacher, by model and prompt, answered and cost: rows for `curation.teachers`."""

import polars as pl

from db.store import Store

# A ranking that was imported has no prompt on record.
_BY = "r.author_name, coalesce(o.prompt, '') AS prompt, coalesce(o.judge, FALSE) AS judge"


def quality(store: Store, cut: float) -> pl.DataFrame:
    """Return how each teacher did on each item, over its samples.

    Returns:
        Columns author_name, prompt, judge, item_id, domain, qid, ndcg (mean), kept (share of
        samples with nDCG@10 at or above the cut).
    """
    return store.frame(
        f"""
        SELECT
            {_BY}, i.item_id, i.domain, i.qid,
            avg(r.ndcg) AS ndcg, avg((r.ndcg >= ?)::INTEGER) AS kept
        FROM rankings r
        JOIN items i USING (item_id)
        LEFT JOIN ranking_origins o USING (ranking_id)
        WHERE r.author = 'teacher'
        GROUP BY ALL
        ORDER BY r.author_name, prompt, judge, i.domain, i.qid, i.item_id
        """,  # noqa: S608 - a constant
        [cut],
    )


def statuses(store: Store) -> pl.DataFrame:
    """Return author_name, prompt, judge, status, n, completion_tokens (mean) of the responses."""
    return store.frame(
        f"SELECT {_BY}, r.status, count(*) AS n, avg(r.completion_tokens) AS completion_tokens"  # noqa: S608 - a constant
        " FROM rankings r LEFT JOIN ranking_origins o USING (ranking_id)"
        " WHERE r.author = 'teacher' GROUP BY ALL ORDER BY ALL"
    )


def checks(store: Store) -> pl.DataFrame:
    """Return author_name, prompt, judge, name, n of failed checks.

    The name '' counts the chains that fail any.
    """
    return store.frame(
        f"""
        WITH failing AS (
            SELECT {_BY}, c.failed
            FROM rankings r
            JOIN ranking_checks c USING (ranking_id)
            LEFT JOIN ranking_origins o USING (ranking_id)
            WHERE r.author = 'teacher' AND len(c.failed) > 0
        )
        SELECT author_name, prompt, judge, name, count(*) AS n
        FROM (
            SELECT author_name, prompt, judge, unnest(list_append(failed, '')) AS name FROM failing
        )
        GROUP BY ALL
        ORDER BY ALL
        """  # noqa: S608 - a constant
    )


def agreements(store: Store) -> pl.DataFrame:
    """Return author_name, prompt, judge, tau, overlap, follows, consensus_ndcg.

    A row for each item with several samples.
    """
    return store.frame(
        """
        SELECT
            a.author_name, a.prompt, s.judge, a.tau, a.overlap, a.follows, a.ndcg AS consensus_ndcg
        FROM sample_agreement a
        JOIN (
            SELECT item_id, author_name, prompt, bool_and(judge) AS judge
            FROM sample_orders GROUP BY ALL
        ) AS s USING (item_id, author_name, prompt)
        WHERE a.samples > 1
        ORDER BY a.author_name, a.prompt, s.judge, a.item_id
        """
    )


def costs(store: Store, cut: float) -> pl.DataFrame:
    """Return what each query cost that a teacher was asked about, by its latest job.

    All that went into the query: labels, hard negatives, every sample, and what was set aside. The
    answers of a judge are its own.

    Returns:
        Columns author_name, prompt, judge, qid, price (US dollars; none where the model has no
        price), labelled, kept (whether its first sample reaches the cut), statuses (JSON, of the
        answers about labels by stage).
    """
    return store.frame(
        """
        WITH made_by AS (
            SELECT o.job_id, r.author_name, o.prompt, bool_or(o.price IS NOT NULL) AS priced
            FROM ranking_origins o
            JOIN rankings r USING (ranking_id)
            WHERE NOT o.judge
            GROUP BY ALL
        ),
        judged AS (
            SELECT o.job_id, r.item_id, r.author_name, o.prompt, sum(o.price) AS price
            FROM ranking_origins o
            JOIN rankings r USING (ranking_id)
            WHERE o.judge
            GROUP BY ALL
        ),
        first_samples AS (
            SELECT r.author_name, o.prompt, r.item_id, arg_min(r.ndcg, o.sample) >= $cut AS kept
            FROM ranking_origins o
            JOIN rankings r USING (ranking_id)
            GROUP BY ALL
        ),
        asked AS (
            SELECT
                m.author_name, m.prompt, FALSE AS judge, g.qid, g.item_id,
                CASE WHEN m.priced THEN g.price - coalesce(d.price, 0) END AS price,
                g.outcome = 'labelled' AS labelled, g.statuses::VARCHAR AS statuses
            FROM generated g
            JOIN made_by m USING (job_id)
            JOIN jobs j USING (job_id)
            LEFT JOIN (
                SELECT job_id, item_id, sum(price) AS price FROM judged GROUP BY ALL
            ) AS d USING (job_id, item_id)
            QUALIFY row_number() OVER (
                PARTITION BY m.author_name, m.prompt, j.source_id, g.qid ORDER BY g.job_id DESC
            ) = 1
            UNION ALL
            SELECT d.author_name, d.prompt, TRUE, i.qid, d.item_id, d.price, TRUE, '{}'
            FROM judged d
            JOIN items i USING (item_id)
        )
        SELECT
            a.author_name, a.prompt, a.judge, a.qid, a.price, a.labelled,
            coalesce(f.kept, FALSE) AS kept, a.statuses
        FROM asked a
        LEFT JOIN first_samples f USING (author_name, prompt, item_id)
        ORDER BY a.author_name, a.prompt, a.judge, a.qid
        """,
        {"cut": cut},
    )
