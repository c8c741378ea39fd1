"""Items, their passages and the rankings of them by teacher, human or checkpoint."""

from dataclasses import asdict, fields
from typing import Any

import polars as pl

from db.errors import NotFoundError
from db.records import Item, ItemFilter, Passage, Ranking
from db.store import Cursor, Store, insert_frame

PASSAGE_SCHEMA: dict[str, Any] = {
    "passage_id": pl.String,
    "docid": pl.String,
    "title": pl.String,
    "text": pl.String,
}
ITEM_SCHEMA: dict[str, Any] = {
    "item_id": pl.String,
    "import_id": pl.String,
    "domain": pl.String,
    "qid": pl.String,
    "query": pl.String,
    "passage_ids": pl.List(pl.String),
    "docids": pl.List(pl.String),
    "relevant_docids": pl.List(pl.String),
}
RANKING_SCHEMA: dict[str, Any] = {
    "ranking_id": pl.String,
    "item_id": pl.String,
    "author": pl.String,
    "author_name": pl.String,
    "docids": pl.List(pl.String),
    "status": pl.String,
    "prompt_tokens": pl.Int64,
    "completion_tokens": pl.Int64,
    "ndcg": pl.Float64,
    "recall": pl.Float64,
    "overlap": pl.Float64,
    "first_relevant": pl.Int64,
    "chain": pl.String,
    "response": pl.String,
    "failed_checks": pl.List(pl.String),
}


def insert_items(
    store: Store, passages: pl.DataFrame, items: pl.DataFrame, rankings: pl.DataFrame
) -> tuple[set[str], set[str]]:
    """Insert what is not there yet, in one transaction.

    Args:
        passages: Columns of `PASSAGE_SCHEMA`; every passage the items name, repeats allowed.
        items: Columns of `ITEM_SCHEMA`; repeats allowed.
        rankings: Columns of `RANKING_SCHEMA`; repeats allowed.

    Returns:
        The ids of the new items and of the new rankings.
    """
    passages = passages.unique("passage_id", maintain_order=True)
    items = items.unique("item_id", maintain_order=True)
    rankings = rankings.unique("ranking_id", maintain_order=True)
    with store.transaction() as cursor:
        new_items = _missing(
            cursor,
            "SELECT i.item_id FROM incoming i ANTI JOIN items USING (item_id)",
            items.select("item_id"),
        )
        new_rankings = _missing(
            cursor,
            "SELECT i.ranking_id FROM incoming i ANTI JOIN rankings USING (ranking_id)",
            rankings.select("ranking_id"),
        )
        fresh_items = items.filter(pl.col("item_id").is_in(list(new_items)))
        needed = fresh_items["passage_ids"].explode().unique()
        fresh_passages = passages.filter(pl.col("passage_id").is_in(needed.implode()))
        fresh_rankings = rankings.filter(pl.col("ranking_id").is_in(list(new_rankings)))
        insert_frame(
            cursor,
            "INSERT INTO passages BY NAME SELECT i.* FROM incoming i"
            " ANTI JOIN passages USING (passage_id)",
            fresh_passages,
        )
        insert_frame(
            cursor,
            "INSERT INTO items BY NAME SELECT *, now() AS created_at FROM incoming",
            fresh_items,
        )
        insert_rankings(cursor, fresh_rankings)
    return new_items, new_rankings


def _missing(cursor: Cursor, sql: str, ids: pl.DataFrame) -> set[str]:
    cursor.register("incoming", ids.to_arrow())
    try:
        return {found for (found,) in cursor.execute(sql).fetchall()}
    finally:
        cursor.unregister("incoming")


def insert_rankings(cursor: Cursor, rankings: pl.DataFrame) -> None:
    """Insert rankings (`RANKING_SCHEMA`) that are known to be new, within a transaction.

    Each is a microsecond younger than the one before it.
    """
    insert_frame(
        cursor,
        "INSERT INTO rankings BY NAME"
        " SELECT * EXCLUDE (chain, response, failed_checks, place),"
        " now() + to_microseconds(place::BIGINT) AS created_at FROM incoming",
        rankings.with_row_index("place"),  # the first of an item is the one under review
    )
    insert_frame(
        cursor,
        "INSERT INTO ranking_texts BY NAME SELECT ranking_id, chain, response FROM incoming",
        rankings,
    )
    insert_checks(cursor, rankings)


def insert_checks(cursor: Cursor, rankings: pl.DataFrame) -> None:
    """Record what the chains' checks found, within a transaction.

    Args:
        rankings: Columns ranking_id, failed_checks; none of them recorded yet.
    """
    insert_frame(
        cursor,
        "INSERT INTO ranking_checks BY NAME"
        " SELECT ranking_id, failed_checks AS failed FROM incoming",
        rankings.select("ranking_id", "failed_checks"),
    )


def unchecked(store: Store, limit: int) -> list[dict[str, Any]]:
    """Return rankings whose chains were never checked, from before there were checks.

    Returns:
        Rows of ranking_id, status, chain, query, docids (as ranked), candidates (docids in initial
        order), texts (the candidates').
    """
    return store.rows(
        """
        WITH wanted AS (
            SELECT r.ranking_id, r.status, r.docids, r.item_id
            FROM rankings r
            ANTI JOIN ranking_checks USING (ranking_id)
            ORDER BY r.ranking_id
            LIMIT ?
        )
        SELECT
            w.ranking_id, w.status, t.chain, i.query, w.docids, i.docids AS candidates,
            (SELECT list(p.text) FROM passages p WHERE list_contains(i.passage_ids, p.passage_id))
                AS texts
        FROM wanted w
        JOIN ranking_texts t USING (ranking_id)
        JOIN items i USING (item_id)
        """,
        [limit],
    )


def failed_checks(store: Store) -> dict[str, int]:
    """Return how many items' teacher chains fail each check."""
    rows = store.rows(
        "SELECT unnest(failed) AS name, count(*) AS n FROM ranking_checks"
        " JOIN teacher_rankings USING (ranking_id) GROUP BY name"
    )
    return {row["name"]: int(row["n"]) for row in rows}


def ranking_frame(rankings: list[Ranking]) -> pl.DataFrame:
    """Return rankings as a frame with the columns of `RANKING_SCHEMA`."""
    return pl.DataFrame([asdict(ranking) for ranking in rankings], schema=RANKING_SCHEMA)


def get_item(store: Store, item_id: str) -> Item:
    """Return one item with its passages.

    Raises:
        NotFoundError: If there is no such item.
    """
    row = store.row("SELECT * FROM items WHERE item_id = ?", [item_id])
    if row is None:
        raise NotFoundError(
            f"There is no item {item_id}; the list may have changed, go back to it."
        )
    found = store.rows(
        "SELECT passage_id, docid, title, text FROM passages"
        " WHERE passage_id IN (SELECT unnest(?::VARCHAR[]))",
        [row["passage_ids"]],
    )
    texts = {p["passage_id"]: Passage(p["docid"], p["text"], p["title"]) for p in found}
    return Item(
        item_id=row["item_id"],
        domain=row["domain"],
        qid=row["qid"],
        query=row["query"],
        candidates=tuple(texts[passage_id] for passage_id in row["passage_ids"]),
        relevant_docids=tuple(row["relevant_docids"]),
    )


def get_rankings(store: Store, item_id: str) -> list[Ranking]:
    """Return every ranking of an item; the first is the one under review.

    A teacher's come before others, those of a second teacher after the first's.
    """
    rows = store.rows(
        "SELECT r.* EXCLUDE (created_at), t.chain, t.response,"
        " coalesce(c.failed, []) AS failed_checks"
        " FROM rankings r JOIN ranking_texts t USING (ranking_id)"
        " LEFT JOIN ranking_checks c USING (ranking_id)"
        " LEFT JOIN ranking_origins o USING (ranking_id) WHERE r.item_id = ?"
        " ORDER BY r.author <> 'teacher', coalesce(o.judge, FALSE), coalesce(o.sample, 0),"
        " r.created_at, r.ranking_id",
        [item_id],
    )
    lists = ("docids", "failed_checks")
    return [Ranking(**{**row, **{key: tuple(row[key]) for key in lists}}) for row in rows]


# A list for the review page and the tables: no texts but the query, paged by the caller.
_LISTED = """
FROM items i
JOIN teacher_rankings t USING (item_id)
LEFT JOIN item_verdicts v USING (item_id)
LEFT JOIN sample_agreement a ON a.item_id = i.item_id AND a.under_review
WHERE (len($domains::VARCHAR[]) = 0 OR list_contains($domains::VARCHAR[], i.domain))
  AND CASE $verdict
        WHEN 'any' THEN TRUE
        WHEN 'open' THEN v.verdict IS NULL
        WHEN 'returned' THEN i.item_id IN (SELECT item_id FROM open_returns)
        ELSE v.verdict = $verdict
      END
  AND ($reviewer::VARCHAR IS NULL OR v.reviewer = $reviewer)
  AND t.ndcg >= $min_ndcg AND (t.ndcg < $max_ndcg OR $max_ndcg >= 1)
  AND ($text = '' OR contains(lower(i.query), lower($text)))
  AND ($found::VARCHAR[] IS NULL OR i.item_id IN (SELECT unnest($found::VARCHAR[])))
  AND ($tag = '' OR i.item_id IN (SELECT item_id FROM item_tags WHERE tag = $tag))
  AND ($batch = '' OR i.item_id IN (SELECT item_id FROM batch_items WHERE batch_id = $batch))
  AND ($check = '' OR t.ranking_id IN (
    SELECT ranking_id FROM ranking_checks WHERE list_contains(failed, $check)))
  AND (($min_tau <= -1 AND $max_tau >= 1)
    OR (a.tau >= $min_tau AND (a.tau < $max_tau OR $max_tau >= 1)))
"""
_SORTED = """
ORDER BY CASE $order
    WHEN 'near_cut' THEN abs(t.ndcg - $cut)
    WHEN 'lowest' THEN t.ndcg
    WHEN 'highest' THEN -t.ndcg
    WHEN 'least_agreed' THEN a.tau
    WHEN 'other_teacher' THEN (
        SELECT min(b.review_tau) FROM sample_agreement b WHERE b.item_id = i.item_id)
    WHEN 'newest' THEN -epoch(i.created_at)
    WHEN 'judged' THEN -epoch(v.judged_at)
    ELSE 0
  END, i.created_at, i.item_id
"""


def _parameters(chosen: ItemFilter) -> dict[str, Any]:
    parameters = {field.name: getattr(chosen, field.name) for field in fields(chosen)}
    found = None if chosen.found is None else list(chosen.found)
    return {**parameters, "domains": list(chosen.domains), "found": found}


def list_items(store: Store, chosen: ItemFilter, *, limit: int, offset: int = 0) -> pl.DataFrame:
    """Return one page of items under a filter.

    Returns:
        Columns item_id, domain, qid, query, n_candidates, n_relevant, ranking_id, author_name,
        status, ndcg, recall, overlap, first_relevant, verdict, reviewer, judged_at.
    """
    return store.frame(
        "SELECT i.item_id, i.domain, i.qid, i.query, len(i.docids) AS n_candidates,"
        " len(i.relevant_docids) AS n_relevant, t.ranking_id, t.author_name, t.status, t.ndcg,"
        " t.recall, t.overlap, t.first_relevant, v.verdict, v.reviewer, v.judged_at"
        + _LISTED
        + _SORTED
        + "LIMIT $limit OFFSET $offset",
        {**_parameters(chosen), "limit": limit, "offset": offset},
    )


def count_items(store: Store, chosen: ItemFilter) -> int:
    """Return how many items a filter lets through."""
    parameters = _parameters(chosen)
    del parameters["order"], parameters["cut"]
    row = store.row("SELECT count(*) AS n" + _LISTED, parameters)
    assert row is not None
    return int(row["n"])


def next_item_ids(
    store: Store, chosen: ItemFilter, *, skipped: tuple[str, ...] = (), limit: int = 2
) -> list[str]:
    """Return the first items under a filter that are not in `skipped`, in its order."""
    rows = store.rows(
        "SELECT i.item_id"
        + _LISTED
        + " AND NOT list_contains($skipped::VARCHAR[], i.item_id) "
        + _SORTED
        + "LIMIT $limit",
        {**_parameters(chosen), "skipped": list(skipped), "limit": limit},
    )
    return [row["item_id"] for row in rows]


def queries(store: Store) -> list[dict[str, Any]]:
    """Return item_id, query of every item."""
    return store.rows("SELECT item_id, query FROM items ORDER BY item_id")


def consistency_values(store: Store) -> pl.DataFrame:
    """Return item_id, domain, ndcg, recall, overlap, first_relevant, status, verdict of every item.

    The rankings are the teacher's; frames of a million rows are fine here, no text is read.
    """
    return store.frame(
        "SELECT i.item_id, i.domain, t.ndcg, t.recall, t.overlap, t.first_relevant, t.status,"
        " v.verdict FROM items i JOIN teacher_rankings t USING (item_id)"
        " LEFT JOIN item_verdicts v USING (item_id) ORDER BY i.domain, i.item_id"
    )


def domains(store: Store) -> list[str]:
    """Return the domain keys in use, sorted."""
    return [row["domain"] for row in store.rows("SELECT DISTINCT domain FROM items ORDER BY 1")]


def counts(store: Store) -> dict[str, int]:
    """Return how much there is: items, rankings, passages, judged."""
    row = store.row(
        "SELECT (SELECT count(*) FROM items) AS items,"
        " (SELECT count(*) FROM rankings) AS rankings,"
        " (SELECT count(*) FROM passages) AS passages,"
        " (SELECT count(*) FROM item_verdicts) AS judged"
    )
    assert row is not None
    return {name: int(value) for name, value in row.items()}
