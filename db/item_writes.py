"""Items, passages and rankings written, and each item's head kept up to date with them."""

from contextlib import closing
from dataclasses import asdict
from typing import Any

import polars as pl

from db.records import Ranking
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


_NO_RANKING = "SELECT i.ranking_id FROM incoming i ANTI JOIN rankings USING (ranking_id)"


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
        fresh_items = items.filter(pl.col("item_id").is_in(list(new_items)))
        needed = fresh_items["passage_ids"].explode().unique()
        fresh_passages = passages.filter(pl.col("passage_id").is_in(needed.implode()))
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
        new_rankings = _insert_new(cursor, rankings)
    return new_items, new_rankings


def add_rankings(store: Store, rankings: list[Ranking]) -> int:
    """Insert rankings of items that are here, but those that are known; return how many."""
    frame = ranking_frame(rankings).unique("ranking_id", maintain_order=True)
    with store.transaction() as cursor:
        return len(_insert_new(cursor, frame))


def _insert_new(cursor: Cursor, rankings: pl.DataFrame) -> set[str]:
    """Insert the rankings (`RANKING_SCHEMA`, no repeats) that are not there; return their ids."""
    new = _missing(cursor, _NO_RANKING, rankings.select("ranking_id"))
    insert_rankings(cursor, rankings.filter(pl.col("ranking_id").is_in(list(new))))
    return new


def unknown_rankings(store: Store, ranking_ids: list[str]) -> set[str]:
    """Return those of the ids that no ranking has."""
    wanted = pl.DataFrame({"ranking_id": ranking_ids}, schema={"ranking_id": pl.String})
    with closing(store.cursor()) as cursor:
        return _missing(cursor, _NO_RANKING, wanted)


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
    _insert_checks(cursor, rankings)
    by_teacher = pl.col("author") == "teacher"
    changed = rankings.filter(by_teacher)["item_id"].unique().to_list()
    others = rankings.filter(~by_teacher)["item_id"].unique().to_list()
    changed = sorted({*changed, *_headless(cursor, others)})
    if changed:
        refresh_heads(cursor, changed)


def _headless(cursor: Cursor, item_ids: list[str]) -> list[str]:
    """Return those without a ranking under review: only theirs may be one that no teacher made."""
    marks = ", ".join("?" * len(item_ids)) or "NULL"
    found = cursor.execute(
        f"SELECT item_id FROM item_heads WHERE item_id IN ({marks})",  # noqa: S608 - question marks
        item_ids,
    ).fetchall()
    return sorted({*item_ids} - {item_id for (item_id,) in found})


# A teacher's ranking comes before others, a second teacher's after the first's.
_UNDER_REVIEW = (
    "r.author <> 'teacher', coalesce(o.judge, FALSE), coalesce(o.sample, 0), r.created_at,"
    " r.ranking_id"
)


def refresh_heads(cursor: Cursor, item_ids: list[str]) -> None:
    """Note the ranking under review of items whose rankings changed, within a transaction."""
    insert_frame(
        cursor,
        f"""
        INSERT INTO item_heads BY NAME
        SELECT
            i.item_id, i.domain, len(i.docids) AS n_candidates,
            len(i.relevant_docids) AS n_relevant, i.created_at, r.ranking_id, r.author_name,
            r.status, r.ndcg, r.recall, r.overlap, r.first_relevant,
            CASE WHEN len(c.failed) > 0 THEN ' ' || array_to_string(c.failed, ' ') || ' '
                 ELSE '' END AS failed
        FROM incoming
        JOIN items i USING (item_id)
        JOIN rankings r USING (item_id)
        LEFT JOIN ranking_origins o USING (ranking_id)
        LEFT JOIN ranking_checks c USING (ranking_id)
        WHERE r.author <> 'checkpoint'
        QUALIFY row_number() OVER (PARTITION BY i.item_id ORDER BY {_UNDER_REVIEW}) = 1
        ON CONFLICT DO UPDATE SET
            ranking_id = excluded.ranking_id, author_name = excluded.author_name,
            status = excluded.status, ndcg = excluded.ndcg, recall = excluded.recall,
            overlap = excluded.overlap, first_relevant = excluded.first_relevant,
            failed = excluded.failed
        """,  # noqa: S608 - a constant
        pl.DataFrame({"item_id": item_ids}, schema={"item_id": pl.String}),
    )


def insert_checks(cursor: Cursor, rankings: pl.DataFrame) -> None:
    """Record what the chains' checks found, within a transaction.

    Args:
        rankings: Columns ranking_id, failed_checks; none of them recorded yet.
    """
    _insert_checks(cursor, rankings)
    refresh_heads(cursor, items_of(cursor, rankings["ranking_id"].to_list()))


def _insert_checks(cursor: Cursor, rankings: pl.DataFrame) -> None:
    insert_frame(
        cursor,
        "INSERT INTO ranking_checks BY NAME"
        " SELECT ranking_id, failed_checks AS failed FROM incoming",
        rankings.select("ranking_id", "failed_checks"),
    )


def items_of(cursor: Cursor, ranking_ids: list[str]) -> list[str]:
    """Return the items that rankings are of."""
    rows = cursor.execute(
        "SELECT DISTINCT item_id FROM rankings WHERE ranking_id IN (SELECT unnest(?::VARCHAR[]))",
        [ranking_ids],
    ).fetchall()
    return [item_id for (item_id,) in rows]


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


def ranking_frame(rankings: list[Ranking]) -> pl.DataFrame:
    """Return rankings as a frame with the columns of `RANKING_SCHEMA`."""
    return pl.DataFrame([asdict(ranking) for ranking in rankings], schema=RANKING_SCHEMA)
