"""Items, their passages and the rankings of them by teacher, human or checkpoint."""

import re
from collections.abc import Callable
from dataclasses import asdict, fields, replace
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


def failed_checks(store: Store) -> dict[str, int]:
    """Return how many items' teacher chains fail each check."""
    rows = store.rows(
        "SELECT unnest(string_split(trim(failed), ' ')) AS name, count(*) AS n FROM item_heads"
        " WHERE failed <> '' GROUP BY name"
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
    row = store.row(
        "SELECT item_id, domain, qid, query, passage_ids, relevant_docids FROM items"
        " WHERE item_id = ?",
        [item_id],
    )
    if row is None:
        raise _no_item(item_id)
    # A list of values is looked up in the index; a subquery would scan every passage.
    marks = ", ".join("?" * len(row["passage_ids"]))
    found = store.rows(
        f"SELECT passage_id, docid, title, text FROM passages WHERE passage_id IN ({marks})",  # noqa: S608 - question marks
        row["passage_ids"],
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


def ranking_under_review(store: Store, item_id: str) -> str:
    """Return the id of an item's ranking under review.

    Raises:
        NotFoundError: If there is no such item.
    """
    row = store.row("SELECT ranking_id FROM item_heads WHERE item_id = ?", [item_id])
    if row is None:
        raise _no_item(item_id)
    return str(row["ranking_id"])


def _no_item(item_id: str) -> NotFoundError:
    return NotFoundError(f"There is no item {item_id}; the list may have changed, go back to it.")


def get_rankings(store: Store, item_id: str) -> list[Ranking]:
    """Return every ranking of an item; the first is the one under review.

    A teacher's come before others, those of a second teacher after the first's.
    """
    found = store.rows("SELECT * FROM rankings WHERE item_id = ?", [item_id])
    ids = [row["ranking_id"] for row in found]
    origins = _by_ranking(store, "SELECT ranking_id, judge, sample FROM ranking_origins", ids)
    texts = _by_ranking(store, "SELECT ranking_id, chain, response FROM ranking_texts", ids)
    failed = _by_ranking(store, "SELECT ranking_id, failed FROM ranking_checks", ids)

    def place(row: dict[str, Any]) -> tuple[object, ...]:  # as _UNDER_REVIEW has it
        ranking_id = row["ranking_id"]
        origin = origins.get(ranking_id, {"judge": False, "sample": 0})
        other = row["author"] != "teacher"
        return other, bool(origin["judge"]), origin["sample"], row["created_at"], ranking_id

    rankings = []
    for row in sorted(found, key=place):
        del row["created_at"]
        checks = failed.get(row["ranking_id"], {"failed": ()})["failed"]
        rankings.append(
            Ranking(
                **{
                    **row,
                    **texts[row["ranking_id"]],
                    "docids": tuple(row["docids"]),
                    "failed_checks": tuple(checks),
                }
            )
        )
    return rankings


def _by_ranking(store: Store, select: str, ids: list[str]) -> dict[str, dict[str, Any]]:
    """Return rows by ranking id: looked up in the index one by one, where a join would scan."""
    marks = ", ".join("?" * len(ids))
    rows = store.rows(f"{select} WHERE ranking_id IN ({marks})", ids) if ids else []
    return {row["ranking_id"]: row for row in rows}


def _moved_tau(chosen: ItemFilter) -> bool:
    return chosen.min_tau > -1 or chosen.max_tau < 1


# What a filter asks for, and the condition that answers it. Only what is asked for is looked at:
# at a million rankings, what is not needed costs more than what is.
_CONDITIONS: tuple[tuple[Callable[[ItemFilter], bool], str], ...] = (
    (lambda f: bool(f.domains), "list_contains($domains::VARCHAR[], h.domain)"),
    (lambda f: f.verdict == "open", "h.verdict IS NULL"),
    (
        lambda f: f.verdict == "returned",
        "h.item_id IN (SELECT item_id FROM open_returns)",
    ),
    (lambda f: f.verdict not in ("any", "open", "returned"), "h.verdict = $verdict"),
    (lambda f: f.reviewer is not None, "h.reviewer = $reviewer"),
    (
        lambda f: f.min_ndcg > 0 or f.max_ndcg < 1,
        "h.ndcg >= $min_ndcg AND (h.ndcg < $max_ndcg OR $max_ndcg >= 1)",
    ),
    (lambda f: bool(f.text), "contains(lower(i.query), lower($text))"),
    (lambda f: f.found is not None, "h.item_id IN (SELECT unnest($found::VARCHAR[]))"),
    (lambda f: bool(f.tag), "h.item_id IN (SELECT item_id FROM item_tags WHERE tag = $tag)"),
    (
        lambda f: bool(f.batch),
        "h.item_id IN (SELECT item_id FROM batch_items WHERE batch_id = $batch)",
    ),
    (lambda f: bool(f.check), "contains(h.failed, ' ' || $check || ' ')"),
    (_moved_tau, "a.tau >= $min_tau AND (a.tau < $max_tau OR $max_tau >= 1)"),
)
_JOINS: tuple[tuple[Callable[[ItemFilter], bool], str], ...] = (
    (lambda f: bool(f.text), "JOIN items i USING (item_id)"),
    (
        lambda f: _moved_tau(f) or f.order == "least_agreed",
        "LEFT JOIN sample_agreement a ON a.item_id = h.item_id AND a.under_review",
    ),
    (
        lambda f: f.order == "other_teacher",
        (
            "LEFT JOIN (SELECT item_id, min(review_tau) AS other_tau FROM sample_agreement"
            " GROUP BY item_id) AS others USING (item_id)"
        ),
    ),
)


def _listed(chosen: ItemFilter) -> str:
    """Return FROM and WHERE of the items that a filter lets through, from heads alone."""
    joins = [sql for asked, sql in _JOINS if asked(chosen)]
    conditions = [sql for asked, sql in _CONDITIONS if asked(chosen)]
    return " ".join(["FROM item_heads h", *joins, "WHERE", " AND ".join(conditions or ["TRUE"])])


_LISTED = (
    "item_id",
    "domain",
    "qid",
    "query",
    "n_candidates",
    "n_relevant",
    "ranking_id",
    "author_name",
    "status",
    "ndcg",
    "recall",
    "overlap",
    "first_relevant",
    "verdict",
    "reviewer",
    "judged_at",
)
_SORT_KEYS = {
    "near_cut": "abs(h.ndcg - $cut),",
    "lowest": "h.ndcg,",
    "highest": "-h.ndcg,",
    "least_agreed": "a.tau,",
    "other_teacher": "other_tau,",
    "newest": "-epoch(h.created_at),",
    "judged": "-epoch(h.judged_at),",
    "imported": "",
}


def _sorted(chosen: ItemFilter) -> str:
    return f"ORDER BY {_SORT_KEYS[chosen.order]} h.created_at, h.item_id"


def _parameters(chosen: ItemFilter, sql: str, **more: Any) -> dict[str, Any]:
    """Return the values of the parameters that `sql` names; DuckDB refuses others."""
    values = {field.name: getattr(chosen, field.name) for field in fields(chosen)}
    found = None if chosen.found is None else list(chosen.found)
    given = {**values, "domains": list(chosen.domains), "found": found, **more}
    return {name: given[name] for name in re.findall(r"\$(\w+)", sql)}


def list_items(store: Store, chosen: ItemFilter, *, limit: int, offset: int = 0) -> pl.DataFrame:
    """Return one page of items under a filter.

    Returns:
        Columns item_id, domain, qid, query, n_candidates, n_relevant, ranking_id, author_name,
        status, ndcg, recall, overlap, first_relevant, verdict, reviewer, judged_at.
    """
    sql = f"SELECT h.* {_listed(chosen)} {_sorted(chosen)} LIMIT $limit OFFSET $offset"
    heads = store.frame(sql, _parameters(chosen, sql, limit=limit, offset=offset))
    ids = heads["item_id"].to_list()
    marks = ", ".join("?" * len(ids)) or "NULL"  # a list of values is looked up in the index
    texts = store.frame(f"SELECT item_id, qid, query FROM items WHERE item_id IN ({marks})", ids)  # noqa: S608 - question marks
    return heads.join(texts, on="item_id", maintain_order="left").select(_LISTED)


def count_items(store: Store, chosen: ItemFilter) -> int:
    """Return how many items a filter lets through."""
    sql = "SELECT count(*) AS n " + _listed(replace(chosen, order="imported"))
    row = store.row(sql, _parameters(chosen, sql))
    assert row is not None
    return int(row["n"])


def next_item_ids(
    store: Store,
    chosen: ItemFilter,
    *,
    skipped: tuple[str, ...] = (),
    limit: int = 2,
) -> list[str]:
    """Return the first items under a filter that are not in `skipped`, in its order."""
    sql = "SELECT h.item_id " + _listed(chosen)
    if skipped:
        sql += " AND NOT list_contains($skipped::VARCHAR[], h.item_id) "
    sql += f" {_sorted(chosen)} LIMIT $limit"
    parameters = _parameters(chosen, sql, skipped=list(skipped), limit=limit)
    return [row["item_id"] for row in store.rows(sql, parameters)]


def titles(store: Store, item_ids: list[str]) -> dict[str, str]:
    """Return the queries of items by id."""
    marks = ", ".join("?" * len(item_ids)) or "NULL"
    rows = store.rows(f"SELECT item_id, query FROM items WHERE item_id IN ({marks})", item_ids)  # noqa: S608 - question marks
    return {row["item_id"]: row["query"] for row in rows}


def queries(store: Store) -> list[dict[str, Any]]:
    """Return item_id, query of every item."""
    return store.rows("SELECT item_id, query FROM items ORDER BY item_id")


def consistency_values(store: Store) -> pl.DataFrame:
    """Return item_id, domain, ndcg, recall, overlap, first_relevant, status, verdict of every item.

    The rankings are the teacher's; frames of a million rows are fine here, no text is read.
    """
    return store.frame(
        "SELECT h.item_id, h.domain, h.ndcg, h.recall, h.overlap, h.first_relevant, h.status,"
        " h.verdict FROM item_heads h ORDER BY h.domain, h.item_id"
    )


def domains(store: Store) -> list[str]:
    """Return the domain keys in use, sorted."""
    return [
        row["domain"] for row in store.rows("SELECT DISTINCT domain FROM item_heads ORDER BY 1")
    ]


def counts(store: Store) -> dict[str, int]:
    """Return how much there is: items, rankings, passages, judged."""
    row = store.row(
        "SELECT (SELECT count(*) FROM items) AS items,"
        " (SELECT count(*) FROM rankings) AS rankings,"
        " (SELECT count(*) FROM passages) AS passages,"
        " (SELECT count(verdict) FROM item_heads) AS judged"
    )
    assert row is not None
    return {name: int(value) for name, value in row.items()}
