"""Items, their passages and the rankings of them by teacher, human or checkpoint."""

import re
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import polars as pl

from db.errors import NotFoundError
from db.records import Item, ItemFilter, Passage, Ranking
from db.store import Store


def failed_checks(store: Store) -> dict[str, int]:
    """Return how many items' teacher chains fail each check."""
    rows = store.rows(
        "SELECT unnest(string_split(trim(failed), ' ')) AS name, count(*) AS n FROM item_heads"
        " WHERE failed <> '' GROUP BY name"
    )
    return {row["name"]: int(row["n"]) for row in rows}


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
    hints = _by_ranking(store, "SELECT ranking_id, hint FROM hinted_rankings", ids)

    def place(row: dict[str, Any]) -> tuple[object, ...]:  # as `item_writes` has it
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
                    "hint": hints.get(row["ranking_id"], {"hint": None})["hint"],
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
    (lambda f: f.verdict == "judged", "h.verdict IS NOT NULL"),
    (
        lambda f: f.verdict == "returned",
        "h.item_id IN (SELECT item_id FROM open_returns)",
    ),
    (lambda f: f.verdict not in ("any", "open", "judged", "returned"), "h.verdict = $verdict"),
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
    (
        lambda f: bool(f.assigned),
        "h.item_id IN (SELECT item_id FROM item_assignments WHERE assignee = $assigned)",
    ),
    (lambda f: f.flagged, "h.item_id IN (SELECT item_id FROM open_flags)"),
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


def whole_items(store: Store, chosen: ItemFilter) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the items that a filter lets through, as imported, and their passages.

    Returns:
        Columns item_id, domain, query, passage_ids, docids (the same passages, in initial order),
        relevant_docids; and passage_id, title, text.
    """
    listed = _listed(replace(chosen, order="imported"))
    parameters = _parameters(chosen, listed)
    items = store.frame(
        "SELECT i.item_id, i.domain, i.query, i.passage_ids, i.docids, i.relevant_docids"  # noqa: S608 - our own conditions
        f" FROM items i WHERE i.item_id IN (SELECT h.item_id {listed})"
        " ORDER BY i.created_at, i.item_id",
        parameters,
    )
    passages = store.frame(
        "SELECT passage_id, title, text FROM passages"
        " WHERE passage_id IN (SELECT unnest($ids::VARCHAR[]))",
        {"ids": items["passage_ids"].explode().unique().to_list()},
    )
    return items, passages


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


def how_far(store: Store) -> tuple[int, int]:
    """Return how many items there are, and how many of them were judged."""
    row = store.row("SELECT count(*) AS items, count(verdict_seq) AS judged FROM item_heads")
    assert row is not None
    return int(row["items"]), int(row["judged"])


def counts(store: Store) -> dict[str, int]:
    """Return how much there is: items, rankings, passages, judged."""
    row = store.row(
        "SELECT (SELECT count(*) FROM items) AS items,"
        " (SELECT count(*) FROM rankings) AS rankings,"
        " (SELECT count(*) FROM passages) AS passages,"
        " (SELECT count(verdict_seq) FROM item_heads) AS judged"
    )
    assert row is not None
    return {name: int(value) for name, value in row.items()}
