"""The queue's log: claims and what ends them, policies, gold answers. Appended, never changed."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from db.ids import new_id
from db.judgments import refresh_verdicts
from db.records import Verdict
from db.store import Store

QueueEvent = Literal["claim", "renew", "release", "skip", "decline"]


def append_event(
    store: Store,
    kind: QueueEvent,
    *,
    item_id: str,
    reviewer: str,
    happened_at: datetime,
    until: datetime | None = None,
) -> dict[str, Any]:
    """Append one event and return it as `events_after` does; when this returns, it is on disk.

    Args:
        until: Of a claim or its renewal, when it ends by itself.
    """
    with store.transaction() as cursor:
        ((seq,),) = cursor.execute(
            "INSERT INTO queue_events (kind, item_id, reviewer, until, happened_at)"
            " VALUES (?, ?, ?, ?, ?) RETURNING seq",
            [kind, item_id, reviewer, until, happened_at],
        ).fetchall()
    return {
        "seq": seq,
        "kind": kind,
        "item_id": item_id,
        "reviewer": reviewer,
        "event_id": None,
        "undoes": None,
        "until": until,
        "happened_at": happened_at,
    }


def events_after(store: Store, seq: int) -> list[dict[str, Any]]:
    """Return what happened to items after the event `seq`, oldest first: three logs in one.

    Returns:
        Rows of seq, kind (`judge`, `undo`, `assign` or a `QueueEvent`), item_id, reviewer (none
        where an item is nobody's in particular again), event_id and undoes (of judgments), until,
        happened_at.
    """
    return store.rows(
        """
        SELECT seq, kind, item_id, reviewer, event_id, undoes, NULL AS until,
               judged_at AS happened_at
        FROM judgment_events
        WHERE seq > $seq AND kind <> 'reveal'
        UNION ALL
        SELECT seq, kind, item_id, reviewer, NULL, NULL, until, happened_at
        FROM queue_events
        WHERE seq > $seq
        UNION ALL
        SELECT seq, 'assign', item_id, assignee, NULL, NULL, NULL, assigned_at
        FROM assignment_events
        WHERE seq > $seq
        ORDER BY seq
        """,
        {"seq": seq},
    )


def claims_in_force(store: Store, now: datetime) -> list[dict[str, Any]]:
    """Return item_id, reviewer, until, happened_at of every claim, oldest first."""
    return store.rows(
        "SELECT * FROM queue_claims WHERE until > ? ORDER BY happened_at, item_id", [now]
    )


def append_policy(
    store: Store, settings: Mapping[str, Any], *, note: str, saved_by: str, saved_at: datetime
) -> str:
    """Append a version of the policy, which holds from now on, and return its id."""
    policy_id = new_id()
    store.execute(
        "INSERT INTO queue_policies VALUES (?, ?, ?, ?, ?)",
        [policy_id, json.dumps(settings), note, saved_by, saved_at],
    )
    return policy_id


def policies(store: Store) -> list[dict[str, Any]]:
    """Return policy_id, settings, note, saved_by, saved_at of every version, newest first."""
    rows = store.rows("SELECT * FROM queue_policies ORDER BY policy_id DESC")
    return [row | {"settings": json.loads(row["settings"])} for row in rows]


def set_gold(
    store: Store,
    item_id: str,
    *,
    verdict: Verdict | None,
    relevant_docids: Sequence[str] | None,
    docids: Sequence[str] | None,
    set_by: str,
    set_at: datetime,
) -> None:
    """Append the known answer of an item, which from now on measures care."""
    with store.transaction() as cursor:
        cursor.execute(
            "INSERT INTO gold_events (kind, item_id, verdict, relevant_docids, docids, set_by,"
            " set_at) VALUES ('set', ?, ?, ?, ?, ?, ?)",
            [item_id, verdict, relevant_docids, docids, set_by, set_at],
        ).fetchall()
        refresh_verdicts(cursor, [item_id])


def withdraw_gold(store: Store, item_id: str, *, set_by: str, set_at: datetime) -> None:
    """Append that an item is an ordinary one again."""
    with store.transaction() as cursor:
        cursor.execute(
            "INSERT INTO gold_events (kind, item_id, set_by, set_at) VALUES ('withdraw', ?, ?, ?)",
            [item_id, set_by, set_at],
        ).fetchall()
        refresh_verdicts(cursor, [item_id])


def gold_items(store: Store) -> list[dict[str, Any]]:
    """Return item_id, verdict, relevant_docids, docids, set_by, set_at of every gold item."""
    return store.rows("SELECT * FROM gold_items ORDER BY set_at, item_id")


def gold_judgments(store: Store) -> list[dict[str, Any]]:
    """Return what reviewers said on gold items, in force, the lead's own left out.

    Returns:
        Rows of item_id, reviewer, verdict, relevant_docids and docids (theirs: the labels and the
        order that their verdict leaves in force), gold_verdict, gold_relevant, gold_docids.
    """
    return store.rows(
        """
        SELECT
            j.item_id, j.reviewer, j.verdict,
            coalesce(j.relevant_docids, i.relevant_docids) AS relevant_docids, r.docids,
            g.verdict AS gold_verdict, g.relevant_docids AS gold_relevant,
            g.docids AS gold_docids
        FROM gold_items g
        JOIN judgments j ON j.item_id = g.item_id AND j.reviewer <> g.set_by
        JOIN items i ON i.item_id = g.item_id
        JOIN rankings r ON r.ranking_id = j.ranking_id
        ORDER BY j.reviewer, j.item_id
        """
    )
