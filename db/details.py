"""What a judgment says of order and chain beside its verdict."""

from collections.abc import Mapping
from dataclasses import asdict

from db.records import ChainAuthor, Detail, StepMark
from db.store import Cursor, Store

_NOTHING = Detail()


def insert_detail(cursor: Cursor, event_id: str, detail: Detail) -> None:
    """Record a judgment's detail, within the judgment's transaction; nothing for an empty one."""
    if detail == _NOTHING:
        return
    cursor.execute(
        "INSERT INTO judgment_details VALUES ($event_id, $started_from, $ranked, $tied, $chain_id,"
        " $steps)",
        {
            "event_id": event_id,
            "started_from": detail.started_from,
            "ranked": detail.ranked,
            "tied": list(detail.tied),
            "chain_id": detail.chain_id,
            "steps": [asdict(step) for step in detail.steps],
        },
    ).fetchall()


def details_of(store: Store, item_id: str) -> dict[str, Detail]:
    """Return the details of an item's judgments, by event id; those that have none are left out."""
    rows = store.rows(
        "SELECT d.* FROM judgment_details d JOIN judgment_events e USING (event_id)"
        " WHERE e.item_id = ?",
        [item_id],
    )
    return {
        row.pop("event_id"): Detail(
            **{
                **row,
                "tied": tuple(row["tied"]),
                "steps": tuple(StepMark(**step) for step in row["steps"]),
            }
        )
        for row in rows
    }


def mark_rewritten(cursor: Cursor, authors: Mapping[str, ChainAuthor]) -> None:
    """Record who wrote the chains of these human rankings, within a transaction."""
    cursor.execute(
        "INSERT OR IGNORE INTO rewritten_chains"
        " SELECT unnest($ids::VARCHAR[]), unnest($hinted::BOOLEAN[])",
        {"ids": list(authors), "hinted": [author == "hinted" for author in authors.values()]},
    ).fetchall()
