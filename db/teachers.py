"""What each teacher, by model and prompt, answered and cost: rows for `curation.teachers`.

A ranking that was imported has the prompt ''.
"""

import polars as pl

from db.store import Store


def quality(store: Store, cut: float) -> pl.DataFrame:
    """Return how each teacher did on each item, over its samples.

    Returns:
        Columns author_name, prompt, judge, item_id, domain, qid, ndcg (mean), kept (share of
        samples with nDCG@10 at or above the cut).
    """
    return store.frame(
        """
        SELECT
            a.author_name, a.prompt, a.judge, i.item_id, i.domain, i.qid, avg(a.ndcg) AS ndcg,
            avg((a.ndcg >= ?)::INTEGER) AS kept
        FROM teacher_answers a
        JOIN items i USING (item_id)
        GROUP BY ALL
        ORDER BY a.author_name, a.prompt, a.judge, i.domain, i.qid, i.item_id
        """,
        [cut],
    )


def statuses(store: Store) -> pl.DataFrame:
    """Return author_name, prompt, judge, status, n, completion_tokens (mean) of the responses."""
    return store.frame(
        "SELECT author_name, prompt, judge, status, count(*) AS n,"
        " avg(completion_tokens) AS completion_tokens FROM teacher_answers GROUP BY ALL"
        " ORDER BY ALL"
    )


def checks(store: Store) -> pl.DataFrame:
    """Return author_name, prompt, judge, name, n of failed checks.

    The name '' counts the chains that fail any.
    """
    return store.frame(
        """
        SELECT author_name, prompt, judge, name, count(*) AS n
        FROM (
            SELECT a.author_name, a.prompt, a.judge, unnest(list_append(c.failed, '')) AS name
            FROM teacher_answers a
            JOIN ranking_checks c USING (ranking_id)
            WHERE len(c.failed) > 0
        )
        GROUP BY ALL
        ORDER BY ALL
        """
    )


def agreements(store: Store) -> pl.DataFrame:
    """Return author_name, prompt, judge, tau, overlap, follows, consensus_ndcg.

    A row for each item with several samples.
    """
    return store.frame(
        """
        SELECT
            s.author_name, s.prompt, a.judge, s.tau, s.overlap, s.follows, s.ndcg AS consensus_ndcg
        FROM sample_agreement s
        JOIN (
            SELECT item_id, author_name, prompt, bool_and(judge) AS judge
            FROM teacher_answers GROUP BY ALL
        ) AS a USING (item_id, author_name, prompt)
        WHERE s.samples > 1
        ORDER BY s.author_name, s.prompt, a.judge, s.item_id
        """
    )


def label_prompts(store: Store) -> pl.DataFrame:
    """Return author_name, prompt, judge, label_prompt: what its labels were asked with."""
    return store.frame(
        """
        SELECT DISTINCT author_name, prompt, FALSE AS judge, label_prompt
        FROM (
            SELECT
                t.author_name, t.prompt,
                unnest(json_extract_string(g.prompts, ['$.select', '$.negatives'])) AS label_prompt
            FROM generated g
            JOIN job_teachers t USING (job_id)
        )
        WHERE label_prompt IS NOT NULL
        ORDER BY ALL
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
        WITH judged AS (
            SELECT o.job_id, r.item_id, sum(o.price) AS price
            FROM ranking_origins o
            JOIN rankings r USING (ranking_id)
            WHERE o.judge
            GROUP BY ALL
        ),
        answered AS (
            SELECT
                author_name, prompt, judge, item_id, sum(price) AS price,
                arg_min(ndcg, sample) >= $cut AS kept
            FROM teacher_answers
            GROUP BY ALL
        ),
        asked AS (
            SELECT
                t.author_name, t.prompt, FALSE AS judge, g.qid, g.item_id,
                CASE WHEN p.priced THEN g.price - coalesce(d.price, 0) END AS price,
                g.outcome = 'labelled' AS labelled, g.statuses::VARCHAR AS statuses
            FROM generated g
            JOIN job_teachers t USING (job_id)
            JOIN jobs j USING (job_id)
            LEFT JOIN judged d USING (job_id, item_id)
            LEFT JOIN (
                SELECT author_name, prompt, count(price) > 0 AS priced
                FROM teacher_answers GROUP BY ALL
            ) AS p USING (author_name, prompt)
            QUALIFY row_number() OVER (
                PARTITION BY t.author_name, t.prompt, j.source_id, g.qid ORDER BY g.job_id DESC
            ) = 1
            UNION ALL
            SELECT a.author_name, a.prompt, TRUE, i.qid, a.item_id, a.price, TRUE, '{}'
            FROM answered a
            JOIN items i USING (item_id)
            WHERE a.judge
        )
        SELECT
            k.author_name, k.prompt, k.judge, k.qid, k.price, k.labelled,
            coalesce(a.kept, FALSE) AS kept, k.statuses
        FROM asked k
        LEFT JOIN answered a USING (author_name, prompt, judge, item_id)
        ORDER BY k.author_name, k.prompt, k.judge, k.qid
        """,
        {"cut": cut},
    )
