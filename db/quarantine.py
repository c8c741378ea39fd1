"""Quarantine: scans of items against benchmarks, the pairs they found, and what was decided."""

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from db.errors import StoreError
from db.ids import new_id
from db.store import Store, insert_frame

SCAN = "scan"  # the author of what a scan decides
PAIR_SCHEMA: dict[str, Any] = {
    "item_id": pl.String,
    "qid": pl.String,
    "kind": pl.String,
    "score": pl.Float64,
    "over": pl.Boolean,
}


@dataclass(frozen=True, slots=True)
class Scan:
    """One comparison of every item with one benchmark.

    Attributes:
        words_cut: Cosine from which on a pair counts; meaning_cut likewise.
        encoder: What made the embeddings.
        shared_passages: Of the benchmark's passages, those that are candidates of an item.
        histograms: By way, how many items have their nearest query in each of equal bins over 0..1.
        began: UTC, before the items were read.
        alike: Ids of the items' relevant passages (`passages.passage_id`) that are like relevant
            passages of the benchmark; None where that was not looked at.
    """

    benchmark_id: str
    words_cut: float
    meaning_cut: float
    encoder: str
    n_items: int
    n_queries: int
    shared_passages: int
    histograms: dict[str, list[int]]
    began: datetime
    alike: list[str] | None = None


# A scan has no say on a pair that a person decided about.
_QUARANTINE = """
INSERT INTO quarantine_events BY NAME
SELECT DISTINCT p.item_id, $benchmark AS benchmark_id, p.qid, 'quarantine' AS decision,
       '' AS reason, $scan AS scan_id, $author AS decided_by, now() AS decided_at
FROM contamination_pairs p
LEFT JOIN pair_decisions d
    ON d.item_id = p.item_id AND d.benchmark_id = $benchmark AND d.qid = p.qid
WHERE p.scan_id = $scan AND p.over
  AND (d.decision IS NULL OR (d.decision = 'release' AND d.scan_id IS NOT NULL))
"""
_RELEASE = """
INSERT INTO quarantine_events BY NAME
SELECT d.item_id, d.benchmark_id, d.qid, 'release' AS decision,
       'below the cuts of a later scan' AS reason, $scan AS scan_id, $author AS decided_by,
       now() AS decided_at
FROM pair_decisions d
WHERE d.benchmark_id = $benchmark AND d.decision = 'quarantine' AND d.scan_id IS NOT NULL
  AND NOT EXISTS (
      SELECT 1 FROM contamination_pairs p
      WHERE p.scan_id = $scan AND p.item_id = d.item_id AND p.qid = d.qid AND p.over
  )
"""


def record_scan(
    store: Store, scan: Scan, pairs: pl.DataFrame, shared: list[str], *, scanned_by: str
) -> str:
    """Record a scan whole, quarantine what it found, release what only scans held; return its id.

    Args:
        pairs: Columns of `PAIR_SCHEMA`.
        shared: Ids of the passages (`passages.passage_id`) that the benchmark holds too.
    """
    scan_id = new_id()
    tag = pl.lit(scan_id).alias("scan_id")
    same, like = set(shared), set(scan.alike or ())
    with store.transaction() as cursor:
        cursor.execute(
            "INSERT INTO contamination_scans VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                scan_id,
                scan.benchmark_id,
                scan.words_cut,
                scan.meaning_cut,
                scan.encoder,
                scan.n_items,
                scan.n_queries,
                scan.shared_passages,
                json.dumps(scan.histograms),
                scanned_by,
                scan.began,
                None if scan.alike is None else len(scan.alike),
            ],
        ).fetchall()
        insert_frame(
            cursor,
            "INSERT INTO contamination_pairs BY NAME SELECT * FROM incoming",
            pairs.with_columns(tag),
        )
        insert_frame(
            cursor,
            "INSERT INTO contamination_passages BY NAME"
            " SELECT i.scan_id, u.item_id, count_if(i.shared) AS shared, count_if(i.alike) AS alike"
            " FROM (SELECT item_id, unnest(passage_ids) AS passage_id FROM items) u"
            " JOIN incoming i USING (passage_id) GROUP BY ALL",
            pl.DataFrame(
                [(each, each in same, each in like) for each in sorted(same | like)],
                schema={"passage_id": pl.String, "shared": pl.Boolean, "alike": pl.Boolean},
                orient="row",
            ).with_columns(tag),
        )
        values = {"scan": scan_id, "benchmark": scan.benchmark_id, "author": SCAN}
        cursor.execute(_QUARANTINE, values).fetchall()
        cursor.execute(_RELEASE, values).fetchall()
    return scan_id


def quarantine(
    store: Store, item_id: str, benchmark_id: str, qid: str, *, reason: str, decided_by: str
) -> None:
    """Keep an item out of batches, because its query is this test query."""
    _decide(store, item_id, benchmark_id, qid, "quarantine", reason, decided_by)


def release(
    store: Store, item_id: str, benchmark_id: str, qid: str, *, reason: str, decided_by: str
) -> None:
    """Say that an item's query is not this test query; no scan overrules it.

    Raises:
        StoreError: If there is no reason.
    """
    if not reason.strip():
        raise StoreError("A release needs a reason: why is this query not the test query?")
    _decide(store, item_id, benchmark_id, qid, "release", reason, decided_by)


def _decide(
    store: Store,
    item_id: str,
    benchmark_id: str,
    qid: str,
    decision: str,
    reason: str,
    decided_by: str,
) -> None:
    store.execute(
        "INSERT INTO quarantine_events BY NAME SELECT $item AS item_id,"
        " $benchmark AS benchmark_id, $qid AS qid, $decision AS decision, $reason AS reason,"
        " $author AS decided_by, now() AS decided_at",
        {
            "item": item_id,
            "benchmark": benchmark_id,
            "qid": qid,
            "decision": decision,
            "reason": reason.strip(),
            "author": decided_by,
        },
    )


def summary(store: Store) -> list[dict[str, Any]]:
    """Return every benchmark with its latest scan, oldest first; those made of items left out.

    Returns:
        Rows of benchmark_id, name and the columns of contamination_scans (None where it was never
        compared), histograms decoded, and: exact, words, meaning (pairs at or above the cut),
        quarantined, released (items), sharing (items with a passage of the benchmark), new_items
        (that came in after the scan).
    """
    rows = store.rows(
        """
        SELECT b.benchmark_id, b.name, s.* EXCLUDE (benchmark_id), p.*,
               (SELECT count_if(shared > 0) FROM contamination_passages c
                WHERE c.scan_id = s.scan_id) AS sharing,
               (SELECT count(*) FROM items i WHERE i.created_at > s.scanned_at) AS new_items,
               (SELECT count(DISTINCT item_id) FROM pair_decisions d
                WHERE d.benchmark_id = b.benchmark_id AND d.decision = 'quarantine') AS quarantined,
               (SELECT count(DISTINCT item_id) FROM pair_decisions d
                WHERE d.benchmark_id = b.benchmark_id AND d.decision = 'release'
                  AND d.scan_id IS NULL) AS released
        FROM benchmarks b
        LEFT JOIN latest_scans s USING (benchmark_id)
        LEFT JOIN (
            SELECT scan_id AS of_scan, count(*) FILTER (over AND kind = 'exact') AS exact,
                   count(*) FILTER (over AND kind = 'words') AS words,
                   count(*) FILTER (over AND kind = 'meaning') AS meaning
            FROM contamination_pairs GROUP BY scan_id
        ) p ON p.of_scan = s.scan_id
        WHERE NOT b.of_items
        ORDER BY b.created_at, b.benchmark_id
        """
    )
    for row in rows:
        row["histograms"] = json.loads(row["histograms"] or "{}")
        del row["of_scan"]
        if row["scan_id"]:
            row |= {kind: row[kind] or 0 for kind in ("exact", "words", "meaning")}
    return rows


def list_pairs(store: Store, benchmark_id: str) -> pl.DataFrame:
    """Return the pairs of a benchmark's latest scan, and what is quarantined, the surest first.

    Returns:
        One row for each item and test query: item_id, domain, query (the item's), qid, exact,
        words, meaning (scores, None where that way did not list it), over, state (`quarantined`,
        `released`, `near`: a near miss that nobody decided about), reason, decided_by, shared (of
        the item's candidates, those that the benchmark holds), alike (of its relevant ones, those
        like a relevant passage of the benchmark; None where that was not looked at).
    """
    return store.frame(
        """
        WITH found AS (
            SELECT p.item_id, p.qid, max(score) FILTER (kind = 'exact') AS exact,
                   max(score) FILTER (kind = 'words') AS words,
                   max(score) FILTER (kind = 'meaning') AS meaning, bool_or(over) AS over
            FROM contamination_pairs p
            JOIN latest_scans s USING (scan_id)
            WHERE s.benchmark_id = $benchmark
            GROUP BY ALL
        ), decided AS (
            SELECT item_id, qid, decision, reason, decided_by
            FROM pair_decisions
            WHERE benchmark_id = $benchmark
              AND NOT (decision = 'release' AND scan_id IS NOT NULL)
        )
        SELECT item_id, i.domain, i.query, qid, exact, words, meaning,
               coalesce(over, FALSE) AS over,
               CASE decision WHEN 'quarantine' THEN 'quarantined' WHEN 'release' THEN 'released'
                    ELSE 'near' END AS state,
               coalesce(reason, '') AS reason, coalesce(decided_by, '') AS decided_by,
               coalesce(c.shared, 0) AS shared, c.alike
        FROM found FULL JOIN decided USING (item_id, qid)
        JOIN items i USING (item_id)
        LEFT JOIN (
            SELECT item_id, shared, alike FROM contamination_passages
            JOIN latest_scans USING (scan_id) WHERE benchmark_id = $benchmark
        ) c USING (item_id)
        ORDER BY exact IS NULL, greatest(coalesce(words, 0), coalesce(meaning, 0)) DESC,
                 item_id, qid
        """,
        {"benchmark": benchmark_id},
    )


def quarantined_items(store: Store) -> list[str]:
    """Return the ids of every quarantined item, sorted."""
    return [
        row["item_id"] for row in store.rows("SELECT item_id FROM quarantined_items ORDER BY 1")
    ]


def quarantined_in(store: Store, batch_id: str) -> list[dict[str, Any]]:
    """Return a batch's quarantined items, by item id.

    Returns:
        Rows of item_id and benchmarks (names of those whose queries they hold).
    """
    return store.rows(
        """
        SELECT item_id, list(DISTINCT coalesce(b.name, benchmark_id)) AS benchmarks
        FROM batch_items
        JOIN pair_decisions d USING (item_id)
        LEFT JOIN benchmarks b USING (benchmark_id)
        WHERE batch_id = ? AND d.decision = 'quarantine'
        GROUP BY item_id
        ORDER BY item_id
        """,
        [batch_id],
    )


def tainted_queries(
    store: Store, benchmark_id: str, snapshot_ids: list[str]
) -> list[tuple[str, str]]:
    """Return qid and item id of the benchmark's quarantined pairs whose items are in snapshots."""
    rows = store.rows(
        """
        SELECT DISTINCT d.qid, d.item_id
        FROM pair_decisions d
        JOIN batch_items i USING (item_id)
        JOIN snapshots s USING (batch_id)
        LEFT JOIN batch_quarantines q USING (batch_id)
        WHERE d.benchmark_id = $benchmark AND d.decision = 'quarantine'
          AND list_contains($snapshots::VARCHAR[], s.snapshot_id)
          AND NOT coalesce(list_contains(q.left_out, d.item_id), FALSE)
        ORDER BY ALL
        """,
        {"benchmark": benchmark_id, "snapshots": snapshot_ids},
    )
    return [(row["qid"], row["item_id"]) for row in rows]


def quarantined_in_snapshot(store: Store, snapshot_id: str) -> int:
    """Return how many of a snapshot's items are quarantined now."""
    row = store.row(
        """
        SELECT count(DISTINCT i.item_id) AS n
        FROM snapshots s
        JOIN batch_items i USING (batch_id)
        JOIN quarantined_items USING (item_id)
        LEFT JOIN batch_quarantines q USING (batch_id)
        WHERE s.snapshot_id = ? AND NOT coalesce(list_contains(q.left_out, i.item_id), FALSE)
        """,
        [snapshot_id],
    )
    assert row is not None
    return int(row["n"])


def item_passages(store: Store) -> Iterator[tuple[str, str]]:
    """Yield id and text of every candidate passage, each once."""
    with closing(store.cursor()) as cursor:
        result = cursor.execute("SELECT passage_id, text FROM passages")
        while rows := result.fetchmany(2000):
            yield from rows


def relevant_passages(store: Store) -> dict[str, str]:
    """Return id and text of every passage that is relevant to some item."""
    rows = store.rows(
        """
        SELECT passage_id, text FROM passages WHERE passage_id IN (
            SELECT passage_id
            FROM (
                SELECT unnest(passage_ids) AS passage_id, unnest(docids) AS docid, relevant_docids
                FROM items
            )
            WHERE list_contains(relevant_docids, docid)
        )
        ORDER BY passage_id
        """
    )
    return {row["passage_id"]: row["text"] for row in rows}
