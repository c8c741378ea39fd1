"""Evaluations: per-query measures, the final rankings, and every call that led to them."""

import json
from typing import Any

import polars as pl

from db.errors import NotFoundError
from db.store import Store, insert_frame
from db.webhooks import tell


def insert_evaluation(
    store: Store,
    *,
    evaluation_id: str,
    benchmark_id: str,
    checkpoint_id: str | None,
    name: str,
    strategy: str,
    settings: dict[str, Any],
    summary: dict[str, Any],
    measures: pl.DataFrame,
    rankings: pl.DataFrame,
    calls: pl.DataFrame,
) -> None:
    """Record a finished evaluation whole; one that is recorded already stays as it is.

    Args:
        measures: Columns qid, measure, value (0..1).
        rankings: Columns qid, docids (best first).
        calls: Columns of the table evaluation_calls but the first; may be empty.
    """
    known = store.row("SELECT 1 FROM evaluations WHERE evaluation_id = ?", [evaluation_id])
    if known is not None:
        return
    tag = pl.lit(evaluation_id).alias("evaluation_id")
    with store.transaction() as cursor:
        cursor.execute(
            "INSERT INTO evaluations VALUES (?, ?, ?, ?, ?, ?, ?, now())",
            [
                evaluation_id,
                benchmark_id,
                checkpoint_id,
                name,
                strategy,
                json.dumps(settings),
                json.dumps(summary),
            ],
        ).fetchall()
        insert_frame(
            cursor,
            "INSERT INTO evaluation_measures BY NAME SELECT * FROM incoming",
            measures.with_columns(tag),
        )
        insert_frame(
            cursor,
            "INSERT INTO evaluation_rankings BY NAME SELECT * FROM incoming",
            rankings.with_columns(tag),
        )
        if len(calls):
            insert_frame(
                cursor,
                "INSERT INTO evaluation_calls BY NAME SELECT * FROM incoming",
                calls.with_columns(tag),
            )
        tell(
            cursor,
            "evaluation.done",
            {
                "evaluation_id": evaluation_id,
                "name": name,
                "benchmark_id": benchmark_id,
                "checkpoint_id": checkpoint_id,
                "strategy": strategy,
                "measures": {
                    measure: value
                    for measure, value in measures.group_by("measure")
                    .agg(pl.col("value").mean())
                    .sort("measure")
                    .iter_rows()
                },
            },
        )


def _decoded(row: dict[str, Any]) -> dict[str, Any]:
    return {
        **row,
        "settings": json.loads(row["settings"]),
        "summary": json.loads(row["summary"]),
    }


def list_evaluations(store: Store, benchmark_id: str | None = None) -> list[dict[str, Any]]:
    """Return evaluations, of one benchmark or of all, oldest first."""
    rows = store.rows(
        "SELECT * FROM evaluations WHERE $id::VARCHAR IS NULL OR benchmark_id = $id"
        " ORDER BY created_at",
        {"id": benchmark_id},
    )
    return [_decoded(row) for row in rows]


def get_evaluation(store: Store, wanted: str) -> dict[str, Any]:
    """Return the evaluation with this id or name, the newest of that name.

    Raises:
        NotFoundError: If there is none.
    """
    row = store.row(
        "SELECT * FROM evaluations WHERE $wanted IN (evaluation_id, name)"
        " ORDER BY created_at DESC LIMIT 1",
        {"wanted": wanted},
    )
    if row is None:
        raise NotFoundError(f"There is no evaluation {wanted}.")
    return _decoded(row)


def measure_names(store: Store, benchmark_id: str) -> list[str]:
    """Return the measures that a benchmark's evaluations hold, nDCG@10 first."""
    rows = store.rows(
        "SELECT DISTINCT measure FROM evaluation_measures JOIN evaluations USING (evaluation_id)"
        " WHERE benchmark_id = ? ORDER BY measure <> 'nDCG@10', measure",
        [benchmark_id],
    )
    return [row["measure"] for row in rows]


def per_query(store: Store, evaluation_ids: list[str], measure: str) -> pl.DataFrame:
    """Return evaluation_id, qid, value of one measure, by qid."""
    return store.frame(
        "SELECT evaluation_id, qid, value FROM evaluation_measures"
        " WHERE measure = $measure AND evaluation_id IN (SELECT unnest($ids::VARCHAR[]))"
        " ORDER BY qid, evaluation_id",
        {"measure": measure, "ids": evaluation_ids},
    )


def means(store: Store, evaluation_ids: list[str], measure: str) -> dict[str, float]:
    """Return the mean of a measure by evaluation, for those that have it."""
    rows = store.rows(
        "SELECT evaluation_id, avg(value) AS mean FROM evaluation_measures"
        " WHERE measure = $measure AND evaluation_id IN (SELECT unnest($ids::VARCHAR[]))"
        " GROUP BY evaluation_id",
        {"measure": measure, "ids": evaluation_ids},
    )
    return {row["evaluation_id"]: row["mean"] for row in rows}


def summaries(store: Store, evaluation_ids: list[str]) -> dict[str, dict[str, dict[str, Any]]]:
    """Return mean and n (queries) of every measure, by evaluation and measure."""
    rows = store.rows(
        "SELECT evaluation_id, measure, avg(value) AS mean, count(*) AS n FROM evaluation_measures"
        " WHERE evaluation_id IN (SELECT unnest(?::VARCHAR[])) GROUP BY ALL ORDER BY ALL",
        [evaluation_ids],
    )
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for row in rows:
        about = found.setdefault(row["evaluation_id"], {})
        about[row["measure"]] = {"mean": row["mean"], "n": row["n"]}
    return found


def measures_by_query(store: Store, evaluation_id: str) -> dict[str, dict[str, float]]:
    """Return every measure of one evaluation, by qid and measure."""
    found: dict[str, dict[str, float]] = {}
    for row in store.rows(
        "SELECT qid, measure, value FROM evaluation_measures WHERE evaluation_id = ? ORDER BY ALL",
        [evaluation_id],
    ):
        found.setdefault(row["qid"], {})[row["measure"]] = row["value"]
    return found


def ranking_of(store: Store, evaluation_id: str, qid: str) -> list[str]:
    """Return the final order of one query, best first; empty where it has none."""
    row = store.row(
        "SELECT docids FROM evaluation_rankings WHERE evaluation_id = ? AND qid = ?",
        [evaluation_id, qid],
    )
    return [] if row is None else list(row["docids"])


def tops(store: Store, evaluation_ids: list[str], k: int) -> list[tuple[str, str, list[str]]]:
    """Return evaluation_id, qid and the first `k` docids of every query's final order."""
    rows = store.rows(
        "SELECT evaluation_id, qid, docids[1:$k] AS docids FROM evaluation_rankings"
        " WHERE evaluation_id IN (SELECT unnest($ids::VARCHAR[])) ORDER BY ALL",
        {"ids": evaluation_ids, "k": k},
    )
    return [(row["evaluation_id"], row["qid"], row["docids"]) for row in rows]


def rankings(store: Store, evaluation_id: str) -> dict[str, list[str]]:
    """Return the final order of every query by qid, best first."""
    rows = store.rows(
        "SELECT qid, docids FROM evaluation_rankings WHERE evaluation_id = ? ORDER BY qid",
        [evaluation_id],
    )
    return {row["qid"]: list(row["docids"]) for row in rows}


def costs(store: Store, evaluation_ids: list[str]) -> list[dict[str, Any]]:
    """Return what each evaluation spent, per query: means, and seconds by quantile.

    Returns:
        Rows of evaluation_id, queries, calls, rounds (sequential depth), prompt_tokens,
        completion_tokens (means), seconds_p50, seconds_p95; none for what made no calls. The calls
        of a round go out together, so a query takes the longest call of each of its rounds.
    """
    return store.rows(
        """
        WITH rounds AS (
            SELECT
                evaluation_id, qid, round, count(*) AS calls, sum(prompt_tokens) AS prompt_tokens,
                sum(completion_tokens) AS completion_tokens, max(seconds) AS seconds
            FROM evaluation_calls
            WHERE evaluation_id IN (SELECT unnest($ids::VARCHAR[]))
            GROUP BY ALL
        ),
        queries AS (
            SELECT
                evaluation_id, qid, sum(calls) AS calls, max(round) AS rounds,
                sum(prompt_tokens) AS prompt_tokens, sum(completion_tokens) AS completion_tokens,
                sum(seconds) AS seconds
            FROM rounds
            GROUP BY ALL
        )
        SELECT
            evaluation_id, count(*) AS queries, avg(calls) AS calls, avg(rounds) AS rounds,
            avg(prompt_tokens) AS prompt_tokens, avg(completion_tokens) AS completion_tokens,
            quantile_cont(seconds, 0.5) AS seconds_p50, quantile_cont(seconds, 0.95) AS seconds_p95
        FROM queries
        GROUP BY evaluation_id
        ORDER BY evaluation_id
        """,
        {"ids": evaluation_ids},
    )


def tokens_by_model(store: Store, evaluation_ids: list[str]) -> list[dict[str, Any]]:
    """Return the mean tokens of a query, for each evaluation and each of its models.

    Returns:
        Rows of evaluation_id, model (`main` or `small`), prompt_tokens, completion_tokens.
    """
    return store.rows(
        """
        SELECT
            evaluation_id, model,
            sum(prompt_tokens) / any_value(queries) AS prompt_tokens,
            sum(completion_tokens) / any_value(queries) AS completion_tokens
        FROM evaluation_calls
        JOIN (
            SELECT evaluation_id, count(DISTINCT qid) AS queries
            FROM evaluation_calls
            GROUP BY evaluation_id
        ) USING (evaluation_id)
        WHERE evaluation_id IN (SELECT unnest($ids::VARCHAR[]))
        GROUP BY evaluation_id, model
        ORDER BY evaluation_id, model
        """,
        {"ids": evaluation_ids},
    )


def repaired_share(store: Store, evaluation_id: str) -> pl.DataFrame:
    """Return qid, share: of a query's calls, how many were no clean answer."""
    return store.frame(
        "SELECT qid, avg((status <> 'ok')::DOUBLE) AS share FROM evaluation_calls"
        " WHERE evaluation_id = ? GROUP BY qid ORDER BY qid",
        [evaluation_id],
    )


def relevance_scores(store: Store, evaluation_id: str) -> list[tuple[str, str, float]]:
    """Return qid, docid and the probability of the first option (yes) of every pointwise call."""
    rows = store.rows(
        "SELECT qid, docids[1] AS docid, scores[1] AS score FROM evaluation_calls"
        " WHERE evaluation_id = ? AND kind = 'relevance' ORDER BY qid, call",
        [evaluation_id],
    )
    return [(row["qid"], row["docid"], row["score"]) for row in rows]


def calls_by_query(store: Store, evaluation_id: str) -> dict[str, list[dict[str, Any]]]:
    """Return kind, status, docids, permutation and response of every call, by qid, in order."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in store.rows(
        "SELECT qid, kind, status, docids, permutation, response FROM evaluation_calls"
        " WHERE evaluation_id = ? ORDER BY qid, call",
        [evaluation_id],
    ):
        found.setdefault(row["qid"], []).append(row)
    return found


def calls_of(store: Store, evaluation_id: str, qid: str) -> list[dict[str, Any]]:
    """Return the calls made for one query, in order."""
    return store.rows(
        "SELECT * EXCLUDE (evaluation_id) FROM evaluation_calls"
        " WHERE evaluation_id = ? AND qid = ? ORDER BY call",
        [evaluation_id, qid],
    )
