"""The judgment log: appended, never changed; what is in force is a view over it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any, TypeAlias

import polars as pl

from db.adjudications import insert_adjudication
from db.details import insert_detail, mark_rewritten
from db.errors import NotFoundError
from db.ids import new_id
from db.item_writes import insert_rankings, ranking_frame
from db.records import Adjudication, ChainAuthor, Detail, Judgment, Ranking, Verdict
from db.store import Cursor, Store

_FIELDS = (
    "event_id, item_id, reviewer, verdict, reasons, note, ranking_id, relevant_docids, grades,"
    " guideline, campaign, judged_at"
)


def _append(cursor: Cursor, values: dict[str, Any]) -> None:
    ((seq, judged_at),) = cursor.execute(
        "INSERT INTO judgment_events (event_id, kind, item_id, reviewer, verdict, reasons, note,"
        " ranking_id, relevant_docids, grades, guideline, campaign, seconds, undoes, code_version,"
        " judged_at) VALUES ($event_id, $kind, $item_id, $reviewer, $verdict, $reasons, $note,"
        " $ranking_id, $relevant_docids, map($graded::VARCHAR[], $grades::TINYINT[]), $guideline,"
        " $campaign, $seconds, $undoes, $code_version, now()) RETURNING seq, judged_at",
        {
            "verdict": None,
            "reasons": [],
            "note": "",
            "ranking_id": None,
            "relevant_docids": None,
            "graded": [],
            "grades": [],
            "guideline": None,
            "campaign": None,
            "seconds": None,
            "undoes": None,
            **values,
        },
    ).fetchall()
    item_id = values["item_id"]
    if values["kind"] == "judge" and not _may_be_outweighed(cursor, item_id):
        # What `refresh_verdicts` would find, in a quarter of its time: the newest is in force.
        cursor.execute(
            "UPDATE item_heads SET verdict_seq = ?, verdict = ?, reviewer = ?, judged_at = ?"
            " WHERE item_id = ?",
            [seq, values["verdict"], values["reviewer"], judged_at, item_id],
        ).fetchall()
    elif values["kind"] != "reveal":
        refresh_verdicts(cursor, [item_id])


def _may_be_outweighed(cursor: Cursor, item_id: str) -> bool:
    """Return whether something but time may decide which judgment of an item is in force."""
    return any(
        cursor.execute(f"SELECT 1 FROM {log} WHERE item_id = ? LIMIT 1", [item_id]).fetchall()  # noqa: S608 - our own names
        for log in ("adjudications", "gold_events")
    )


# The judgment in force on each of some items: of everybody's latest that was not undone, the
# newest, and before any other an adjudication. On a gold item the lead's, whatever others said.
_IN_FORCE = """
SELECT item_id, seq, verdict, reviewer, judged_at
FROM (
    SELECT e.*, e.event_id IN (SELECT event_id FROM adjudications) AS adjudicated
    FROM judgment_events e
    LEFT JOIN gold_items g USING (item_id)
    WHERE e.kind = 'judge' AND e.item_id {items}
      AND e.reviewer = coalesce(g.set_by, e.reviewer)
      AND e.event_id NOT IN (
          SELECT undoes FROM judgment_events WHERE kind = 'undo' AND item_id {items}
      )
    QUALIFY row_number() OVER (PARTITION BY e.item_id, e.reviewer ORDER BY e.seq DESC) = 1
)
QUALIFY row_number() OVER (PARTITION BY item_id ORDER BY adjudicated DESC, seq DESC) = 1
"""


def refresh_verdicts(cursor: Cursor, item_ids: list[str]) -> None:
    """Note the verdicts in force on items after their log changed, within a transaction."""
    # One item is looked up in the index; many are joined.
    one = len(item_ids) == 1
    in_force = _IN_FORCE.format(items="= $items[1]" if one else "IN (SELECT unnest($items))")
    cursor.execute(
        f"""
        UPDATE item_heads AS h
        SET verdict_seq = f.seq, verdict = f.verdict, reviewer = f.reviewer, judged_at = f.judged_at
        FROM (
            SELECT * FROM (SELECT DISTINCT unnest($items::VARCHAR[]) AS item_id)
            LEFT JOIN ({in_force}) USING (item_id)
        ) AS f
        WHERE h.item_id = f.item_id
        """,  # noqa: S608 - constants
        {"items": item_ids},
    ).fetchall()


def append_judgment(
    store: Store,
    *,
    item_id: str,
    reviewer: str,
    verdict: Verdict,
    reasons: list[str],
    note: str,
    ranking_id: str,
    relevant_docids: list[str] | None,
    corrected: Ranking | None,
    code_version: str,
    grades: Mapping[str, int] | None = None,
    guideline: str | None = None,
    campaign: str | None = None,
    seconds: float | None = None,
    detail: Detail | None = None,
    chain_author: ChainAuthor = "human",
    adjudication: Adjudication | None = None,
) -> str:
    """Append one judgment, with the corrected ranking of a fix, and return its event id.

    When this returns, the judgment is on disk, and the reviewer's draft of the item is gone. A
    corrected ranking with a chain is one whose chain the reviewer wrote, or took.

    Args:
        grades: From docids to 0..3, for those that were graded.
        guideline: Version of the guidelines that stood beside the item.
        campaign: Id of the campaign it was decided in.
        seconds: From showing the item to the verdict.
        chain_author: Of the corrected ranking's chain, where it has one.
        adjudication: What makes this judgment the last word over others.
    """
    event_id = new_id()
    with store.transaction() as cursor:
        if corrected is not None:
            known = cursor.execute(
                "SELECT 1 FROM rankings WHERE ranking_id = ?", [corrected.ranking_id]
            ).fetchall()
            if not known:
                insert_rankings(cursor, ranking_frame([corrected]))
            if corrected.chain:
                mark_rewritten(cursor, {corrected.ranking_id: chain_author})
        if adjudication is not None:
            insert_adjudication(cursor, event_id, item_id, adjudication)
        _append(
            cursor,
            {
                "event_id": event_id,
                "kind": "judge",
                "item_id": item_id,
                "reviewer": reviewer,
                "verdict": verdict,
                "reasons": reasons,
                "note": note,
                "ranking_id": corrected.ranking_id if corrected else ranking_id,
                "relevant_docids": relevant_docids,
                "graded": list(grades or {}),
                "grades": list((grades or {}).values()),
                "guideline": guideline,
                "campaign": campaign,
                "seconds": seconds,
                "code_version": code_version,
            },
        )
        if detail is not None:
            insert_detail(cursor, event_id, detail)
        cursor.execute(
            "DELETE FROM drafts WHERE item_id = ? AND reviewer = ?", [item_id, reviewer]
        ).fetchall()
    return event_id


Fix: TypeAlias = tuple[str, str, str, list[str]]
"""Item id, reviewer, id of the corrected ranking, corrected labels."""


def append_fixes(store: Store, fixes: Sequence[Fix], *, code_version: str) -> None:
    """Append corrections of labels that came in with their rankings, but those that are known.

    A fix that was made or imported here before, taken back or not, is not made again.
    """
    if not fixes:
        return
    with store.transaction() as cursor:
        for item_id, reviewer, ranking_id, labels in fixes:
            known = cursor.execute(
                "SELECT 1 FROM judgment_events WHERE verdict = 'fix' AND item_id = ?"
                " AND reviewer = ? AND ranking_id = ? AND relevant_docids = ?::VARCHAR[]",
                [item_id, reviewer, ranking_id, labels],
            ).fetchall()
            if not known:
                _append(
                    cursor,
                    {
                        "event_id": new_id(),
                        "kind": "judge",
                        "item_id": item_id,
                        "reviewer": reviewer,
                        "verdict": "fix",
                        "note": "imported with its labels",
                        "ranking_id": ranking_id,
                        "relevant_docids": labels,
                        "code_version": code_version,
                    },
                )


def append_reveal(
    store: Store, *, item_id: str, reviewer: str, marks: list[str], code_version: str
) -> None:
    """Append a reviewer's blind relevance marks, made before the teacher's order was shown."""
    with store.transaction() as cursor:
        _append(
            cursor,
            {
                "event_id": new_id(),
                "kind": "reveal",
                "item_id": item_id,
                "reviewer": reviewer,
                "relevant_docids": marks,
                "code_version": code_version,
            },
        )


def append_undo(store: Store, *, event_id: str, reviewer: str, code_version: str) -> str:
    """Append the undoing of one's own judgment and return the item it was on.

    Raises:
        NotFoundError: If the reviewer made no such judgment, or undid it before.
    """
    with store.transaction() as cursor:
        row = cursor.execute(
            "SELECT item_id FROM judgment_events WHERE event_id = ? AND reviewer = ?"
            " AND kind = 'judge' AND event_id NOT IN"
            " (SELECT undoes FROM judgment_events WHERE kind = 'undo')",
            [event_id, reviewer],
        ).fetchall()
        if not row:
            raise NotFoundError(f"{reviewer} has no judgment {event_id} in force to undo.")
        _append(
            cursor,
            {
                "event_id": new_id(),
                "kind": "undo",
                "item_id": row[0][0],
                "reviewer": reviewer,
                "undoes": event_id,
                "code_version": code_version,
            },
        )
    return str(row[0][0])


def _judgment(row: dict[str, Any]) -> Judgment:
    labels = row["relevant_docids"]
    return Judgment(
        **{
            **{name: row[name] for name in _FIELDS.split(", ")},
            "reasons": tuple(row["reasons"]),
            "relevant_docids": None if labels is None else tuple(labels),
            "grades": dict(row["grades"] or {}),
        }
    )


def judgments_of(store: Store, item_id: str) -> list[Judgment]:
    """Return the judgments in force on an item, newest first."""
    return _in_force(_log_of(store, item_id))


def said_of(store: Store, item_id: str, reviewer: str) -> tuple[list[Judgment], list[str] | None]:
    """Return what `judgments_of` does, and a reviewer's blind marks: None before the reveal."""
    log = _log_of(store, item_id)
    reveals = (row for row in log if row["kind"] == "reveal" and row["reviewer"] == reviewer)
    latest = next(reveals, None)
    return _in_force(log), None if latest is None else list(latest["relevant_docids"])


def _log_of(store: Store, item_id: str) -> list[dict[str, Any]]:
    """Return what happened to one item, newest first.

    It is little and found by the index; what is in force is chosen from it here, as the view
    `judgments` does for all items: its joins and windows would cost the review desk three times
    as much.
    """
    rows = store.rows(
        f"SELECT seq, kind, undoes, {_FIELDS} FROM judgment_events WHERE item_id = ?",  # noqa: S608 - a constant
        [item_id],
    )
    return sorted(rows, key=itemgetter("seq"), reverse=True)


def _in_force(log: Sequence[dict[str, Any]]) -> list[Judgment]:
    undone = {row["undoes"] for row in log if row["kind"] == "undo"}
    latest: dict[str, dict[str, Any]] = {}  # by reviewer
    for row in log:
        if row["kind"] == "judge" and row["event_id"] not in undone:
            latest.setdefault(row["reviewer"], row)
    return [_judgment(row) for row in latest.values()]


def by_events(store: Store, event_ids: Sequence[str]) -> list[Judgment]:
    """Return the judgments with these event ids, in force or not, oldest first."""
    rows = store.rows(
        f"SELECT {_FIELDS} FROM judgment_events WHERE kind = 'judge'"  # noqa: S608 - a constant
        " AND event_id IN (SELECT unnest($ids::VARCHAR[])) ORDER BY seq",
        {"ids": list(event_ids)},
    )
    return [_judgment(row) for row in rows]


def recent_judgments(store: Store, reviewer: str, limit: int = 10) -> list[Judgment]:
    """Return a reviewer's latest judgments that were not undone, newest first."""
    rows = store.rows(
        f"SELECT {_FIELDS} FROM judgment_events WHERE kind = 'judge' AND reviewer = ?"  # noqa: S608 - a constant
        " AND event_id NOT IN"
        " (SELECT undoes FROM judgment_events WHERE kind = 'undo' AND reviewer = ?)"
        " ORDER BY seq DESC LIMIT ?",
        [reviewer, reviewer, limit],
    )
    return [_judgment(row) for row in rows]


def revealed_labels(store: Store, reviewer: str | None = None) -> list[dict[str, Any]]:
    """Return blind marks with the labels that stood after, of items approved or fixed since.

    Returns:
        Rows of item_id, reviewer, docids, before (marked blind), shown (the teacher's), after.
    """
    return store.rows(
        "SELECT * FROM revealed_labels WHERE after IS NOT NULL"
        " AND ($reviewer::VARCHAR IS NULL OR reviewer = $reviewer) ORDER BY item_id, reviewer",
        {"reviewer": reviewer},
    )


def history(store: Store, item_id: str | None = None) -> pl.DataFrame:
    """Return the log, whole or of one item, oldest first."""
    return store.frame(
        "SELECT * FROM judgment_events WHERE $item_id::VARCHAR IS NULL OR item_id = $item_id"
        " ORDER BY seq",
        {"item_id": item_id},
    )


def events_after(
    store: Store, seq: int, *, since: datetime | None = None, limit: int = 100
) -> list[dict[str, Any]]:
    """Return a page of the log: what follows event `seq`, oldest first.

    Args:
        since: Only events from this time on.

    Returns:
        Rows of `judgment_events`, each with its cause: of an adjudication, None on any other.
    """
    rows = store.rows(
        "SELECT e.*, a.cause FROM judgment_events e LEFT JOIN adjudications a USING (event_id)"
        " WHERE seq > $seq AND ($since::TIMESTAMPTZ IS NULL OR judged_at >= $since)"
        " ORDER BY seq LIMIT $limit",
        {"seq": seq, "since": since, "limit": limit},
    )
    return [{**row, "grades": dict(row["grades"] or {})} for row in rows]


def in_force(
    store: Store,
    *,
    domains: Sequence[str] = (),
    verdicts: Sequence[str] = (),
    reviewers: Sequence[str] = (),
    since: datetime | None = None,
) -> pl.DataFrame:
    """Return the judgments in force with what they are about, oldest first.

    Args:
        domains: Any of these; none means all. Verdicts and reviewers likewise.
        since: Only judgments from this time on.

    Returns:
        Columns seq, event_id, item_id, domain, qid, query, candidates (docids in initial order),
        labels (docids that are relevant: the fix's, else the teacher's), reviewer, verdict,
        reasons, note, ranking_id, ranking (docids, best first), grades (list of docid, grade),
        guideline, campaign, seconds, code_version, judged_at, cause (of an adjudication).
    """
    return store.frame(
        """
        SELECT
            j.seq, j.event_id, j.item_id, i.domain, i.qid, i.query, i.docids AS candidates,
            coalesce(j.relevant_docids, i.relevant_docids) AS labels,
            j.reviewer, j.verdict, j.reasons, j.note, j.ranking_id, r.docids AS ranking,
            list_transform(
                map_entries(coalesce(j.grades, map([]::VARCHAR[], []::TINYINT[]))),
                lambda e: {'docid': e.key, 'grade': e.value}) AS grades,
            j.guideline, j.campaign, j.seconds, j.code_version, j.judged_at, a.cause
        FROM judgments j
        JOIN items i USING (item_id)
        LEFT JOIN adjudications a ON a.event_id = j.event_id
        LEFT JOIN rankings r ON r.ranking_id = j.ranking_id
        WHERE (len($domains::VARCHAR[]) = 0 OR list_contains($domains::VARCHAR[], i.domain))
          AND (len($verdicts::VARCHAR[]) = 0 OR list_contains($verdicts::VARCHAR[], j.verdict))
          AND (len($reviewers::VARCHAR[]) = 0 OR list_contains($reviewers::VARCHAR[], j.reviewer))
          AND ($since::TIMESTAMPTZ IS NULL OR j.judged_at >= $since)
        ORDER BY j.seq
        """,
        {
            "domains": list(domains),
            "verdicts": list(verdicts),
            "reviewers": list(reviewers),
            "since": since,
        },
    )


def reviewers(store: Store) -> list[str]:
    """Return everyone who judged, sorted."""
    return [
        row["reviewer"]
        for row in store.rows("SELECT DISTINCT reviewer FROM judgment_events ORDER BY 1")
    ]


def progress(store: Store) -> pl.DataFrame:
    """Return verdict, n of the items' verdicts in force."""
    return store.frame(
        "SELECT verdict, count(*) AS n FROM item_heads WHERE verdict IS NOT NULL"
        " GROUP BY 1 ORDER BY 1"
    )
