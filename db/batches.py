"""Batches: named selections of items; approving one records the snapshot it was frozen to."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

import polars as pl

from db.errors import NotFoundError, StoreError
from db.ids import new_id
from db.store import Store, insert_frame
from db.webhooks import tell

# What a batch trains on: a reviewer's corrected order and labels where there is a fix, else the
# teacher's. The chain is the teacher's too, unless the reviewer rewrote it.
_CHOSEN = """
SELECT i.item_id, i.domain, t.ndcg, v.verdict, v.reviewer,
       CASE WHEN v.verdict = 'fix' THEN v.ranking_id ELSE t.ranking_id END AS ranking_id,
       CASE WHEN v.verdict = 'fix' AND v.ranking_id IN (SELECT ranking_id FROM rewritten_chains)
            THEN v.ranking_id ELSE t.ranking_id END AS chain_id,
       CASE WHEN v.verdict = 'fix' THEN coalesce(v.relevant_docids, i.relevant_docids)
            ELSE i.relevant_docids END AS relevant_docids
FROM items i
JOIN teacher_rankings t USING (item_id)
LEFT JOIN item_verdicts v USING (item_id)
WHERE (len($domains::VARCHAR[]) = 0 OR list_contains($domains::VARCHAR[], i.domain))
  AND list_contains($verdicts::VARCHAR[], coalesce(v.verdict, 'open'))
  AND (t.ndcg >= $cut OR v.verdict = 'fix')
  AND (len($reviewers::VARCHAR[]) = 0 OR v.verdict IS NULL
       OR list_contains($reviewers::VARCHAR[], v.reviewer))
  AND ($judged_since::TIMESTAMPTZ IS NULL OR v.verdict IS NULL OR v.judged_at >= $judged_since)
  AND ($only_ok = FALSE OR v.verdict = 'fix' OR t.status = 'ok')
  AND ($quarantined OR i.item_id NOT IN (SELECT item_id FROM quarantined_items))
ORDER BY i.domain, i.qid, i.item_id
"""


_LISTED = """
SELECT b.*, coalesce(s.n_items, (SELECT count(*) FROM batch_items i WHERE i.batch_id = b.batch_id))
           AS n_items,
       s.snapshot_id, s.approved_by, s.approved_at
FROM batches b
LEFT JOIN snapshots s USING (batch_id)
"""


def select_items(store: Store, selection: Mapping[str, Any]) -> pl.DataFrame:
    """Return what a selection would put into a batch.

    Args:
        selection: domains, verdicts (`open` means not judged), cut (nDCG@10; a fixed item passes
            whatever the teacher's score), reviewers and judged_since (UTC datetime or None; both
            ask judged items alone), only_ok (leave out rankings whose response had to be repaired,
            unless a reviewer fixed them), quarantined (let quarantined items in).

    Returns:
        Columns item_id, domain, ndcg, verdict, reviewer, ranking_id, chain_id, relevant_docids.
    """
    return store.frame(_CHOSEN, dict(selection))


def create_batch(
    store: Store, *, name: str, selection: Mapping[str, Any], chosen: pl.DataFrame, created_by: str
) -> str:
    """Record a batch with the items that `select_items` chose, and return its id.

    Raises:
        StoreError: If another batch has the name.
    """
    batch_id = new_id()
    with store.transaction() as cursor:
        if cursor.execute("SELECT 1 FROM batches WHERE name = ?", [name]).fetchall():
            raise StoreError(f"There is a batch named {name} already. Choose another name.")
        cursor.execute(
            "INSERT INTO batches VALUES (?, ?, ?, ?, ?, now())",
            [
                batch_id,
                name,
                json.dumps(dict(selection), default=str),
                selection["cut"],
                created_by,
            ],
        ).fetchall()
        insert_frame(
            cursor,
            "INSERT INTO batch_items BY NAME SELECT * FROM incoming",
            chosen.select(
                pl.lit(batch_id).alias("batch_id"),
                "item_id",
                "ranking_id",
                "chain_id",
                "relevant_docids",
            ),
        )
    return batch_id


def list_batches(store: Store) -> pl.DataFrame:
    """Return every batch, newest first, with its size and its snapshot where it is approved.

    Its selection is JSON; `get_batch` decodes it.
    """
    return store.frame(_LISTED + "ORDER BY b.created_at DESC")


def get_batch(store: Store, wanted: str) -> dict[str, Any]:
    """Return the batch with this id or name, its selection decoded.

    Workspaces from before names were kept apart may hold several of one: the newest is returned.

    Raises:
        NotFoundError: If there is no such batch.
    """
    row = store.row(
        _LISTED + "WHERE $wanted IN (b.batch_id, b.name) ORDER BY b.created_at DESC LIMIT 1",
        {"wanted": wanted},
    )
    if row is None:
        raise NotFoundError(f"There is no batch {wanted}; `rankdesk batch list` names them.")
    return {**row, "selection": json.loads(row["selection"])}


def batch_items(store: Store, batch_id: str) -> pl.DataFrame:
    """Return what a batch chose: item_id, ranking_id, chain_id, relevant_docids."""
    return store.frame(
        "SELECT * EXCLUDE (batch_id) FROM batch_items WHERE batch_id = ?", [batch_id]
    )


def batch_rows(store: Store, chosen: pl.DataFrame) -> Iterator[dict[str, Any]]:
    """Yield items in snapshot order (domain, qid, item_id), texts included.

    Args:
        chosen: Columns item_id, ranking_id, chain_id, relevant_docids.

    Each row has item_id, domain, qid, query, candidates (list of docid, title, text in initial
    order), relevant_docids, original_relevant_docids (the teacher's), ranking_id, ranking (docids,
    best first), author, author_name, status, chain, chain_author.
    """
    with closing(store.cursor()) as cursor:
        cursor.register("chosen", chosen.to_arrow())
        result = cursor.execute(
            """
            SELECT i.item_id, i.domain, i.qid, i.query, b.relevant_docids,
                   i.relevant_docids AS original_relevant_docids, b.ranking_id,
                   r.docids AS ranking, r.author, r.author_name, r.status, t.chain,
                   CASE WHEN w.ranking_id IS NULL THEN 'teacher'
                        WHEN w.hinted THEN 'hinted' ELSE 'human' END AS chain_author,
                   (SELECT list({'docid': p.docid, 'title': p.title, 'text': p.text}
                                ORDER BY list_position(i.passage_ids, p.passage_id))
                    FROM passages p WHERE p.passage_id IN (SELECT unnest(i.passage_ids))
                   ) AS candidates
            FROM chosen b
            JOIN items i USING (item_id)
            JOIN rankings r ON r.ranking_id = b.ranking_id
            JOIN ranking_texts t ON t.ranking_id = b.chain_id
            LEFT JOIN rewritten_chains w ON w.ranking_id = b.chain_id
            ORDER BY i.domain, i.qid, i.item_id
            """
        )
        names = [column[0] for column in result.description or []]
        while rows := result.fetchmany(500):
            for row in rows:
                yield dict(zip(names, row, strict=True))


def judged_alone(store: Store, batch_id: str, reviewer: str) -> int:
    """Return how many items of a batch one reviewer alone had judged when it was made.

    What was undone or judged since does not matter: the batch trains on what stood then.
    """
    row = store.row(
        """
        SELECT count(*) AS n
        FROM (
            SELECT e.item_id
            FROM batches b
            JOIN batch_items i USING (batch_id)
            JOIN judgment_events e ON e.item_id = i.item_id AND e.judged_at <= b.created_at
            WHERE b.batch_id = $batch AND e.kind = 'judge'
              AND NOT EXISTS (SELECT 1 FROM judgment_events u
                              WHERE u.undoes = e.event_id AND u.judged_at <= b.created_at)
            GROUP BY e.item_id
            HAVING bool_and(lower(e.reviewer) = lower($reviewer))
        )
        """,
        {"batch": batch_id, "reviewer": reviewer},
    )
    assert row is not None
    return int(row["n"])


def record_snapshot(
    store: Store,
    *,
    batch_id: str,
    snapshot_id: str,
    n_items: int,
    approved_by: str,
    left_out: Sequence[str],
    kept: Sequence[str],
    reason: str,
) -> None:
    """Record that a batch was approved and what it was frozen to.

    Args:
        left_out: Ids of its items that the snapshot lacks: quarantined, or let through no longer.
        kept: Ids of quarantined items that it holds all the same, and the reason.

    Raises:
        StoreError: If the batch is approved already.
    """
    with store.transaction() as cursor:
        found = cursor.execute(
            "SELECT approved_by FROM snapshots WHERE batch_id = ?", [batch_id]
        ).fetchall()
        if found:
            raise StoreError(f"Batch {batch_id} was approved before, by {found[0][0]}.")
        cursor.execute(
            "INSERT INTO snapshots VALUES (?, ?, ?, ?, now())",
            [snapshot_id, batch_id, n_items, approved_by],
        ).fetchall()
        if left_out or kept:
            cursor.execute(
                "INSERT INTO batch_quarantines VALUES (?, ?, ?, ?, ?, now())",
                [batch_id, list(left_out), list(kept), reason, approved_by],
            ).fetchall()
        tell(
            cursor,
            "batch.approved",
            {
                "batch_id": batch_id,
                "snapshot_id": snapshot_id,
                "n_items": n_items,
                "approved_by": approved_by,
            },
        )


def list_snapshots(store: Store) -> pl.DataFrame:
    """Return every snapshot with the batch it came from, newest first."""
    return store.frame(
        "SELECT s.*, b.name, b.cut, b.selection FROM snapshots s JOIN batches b USING (batch_id)"
        " ORDER BY s.approved_at DESC"
    )


def find_snapshot(store: Store, wanted: str) -> dict[str, Any]:
    """Return the snapshot with this id, or with this batch id or batch name.

    Raises:
        NotFoundError: If there is none.
    """
    row = store.row(
        "SELECT s.*, b.name, b.cut FROM snapshots s JOIN batches b USING (batch_id)"
        " WHERE $wanted IN (s.snapshot_id, s.batch_id, b.name)"
        " ORDER BY s.approved_at DESC LIMIT 1",
        {"wanted": wanted},
    )
    if row is None:
        raise NotFoundError(
            f"There is no snapshot {wanted}. Approve a batch first: `rankdesk batch approve`."
        )
    return row
