"""Campaigns: appended events, of which the latest of each campaign holds, and how far they are."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any, Literal

import polars as pl

from db.errors import NotFoundError, StoreError
from db.ids import now
from db.records import ItemFilter
from db.store import Store

_ALL = asdict(ItemFilter())
Event = Literal["create", "change", "close", "reopen"]

# When each item was first decided in a campaign, by a verdict that was not undone.
_FIRST = """
SELECT item_id, min(judged_at) AS first
FROM judgment_events
WHERE campaign = $id AND kind = 'judge'
  AND event_id NOT IN (SELECT undoes FROM judgment_events WHERE kind = 'undo')
GROUP BY item_id
"""


@dataclass(frozen=True, slots=True)
class Campaign:
    """A goal that reviewers work on together.

    Attributes:
        chosen: Its items; those of them that wait are given out.
        goal: How many of them to decide.
        due_on: Day by whose end, UTC, that should be; None for no such day.
        guideline: Name of the guidelines to go by.
        members: Who takes part; nobody named means everybody.
        open: Whether it goes on.
    """

    campaign_id: str
    name: str
    chosen: ItemFilter
    goal: int
    due_on: date | None
    guideline: str
    members: tuple[str, ...]
    open: bool
    created_at: datetime

    def is_for(self, reviewer: str) -> bool:
        """Return whether a reviewer takes part."""
        return not self.members or reviewer in self.members


def append_event(
    store: Store,
    campaign_id: str,
    kind: Event,
    *,
    name: str,
    chosen: ItemFilter,
    goal: int,
    due_on: date | None,
    guideline: str,
    members: Sequence[str],
    done_by: str,
) -> None:
    """Append what a campaign is from now on.

    Raises:
        StoreError: If another open campaign has the name.
    """
    with store.transaction() as cursor:
        same = cursor.execute(
            "SELECT 1 FROM campaigns WHERE lower(name) = lower(?) AND kind <> 'close'"
            " AND campaign_id <> ?",
            [name, campaign_id],
        ).fetchall()
        if same and kind != "close":
            raise StoreError(f"There is an open campaign named {name} already: take another name.")
        said = {key: value for key, value in asdict(chosen).items() if value != _ALL[key]}
        cursor.execute(
            "INSERT INTO campaign_events (campaign_id, kind, name, filter, goal, due_on,"
            " guideline, members, done_by, done_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                *(campaign_id, kind, name, json.dumps(said), goal, due_on, guideline),
                *(list(members), done_by, now()),
            ],
        ).fetchall()


def _campaign(row: dict[str, Any]) -> Campaign:
    chosen: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in json.loads(row["filter"]).items()
    }
    return Campaign(
        campaign_id=row["campaign_id"],
        name=row["name"],
        chosen=ItemFilter(**chosen),
        goal=row["goal"],
        due_on=row["due_on"],
        guideline=row["guideline"],
        members=tuple(row["members"]),
        open=row["kind"] != "close",
        created_at=row["created_at"],
    )


def get_campaign(store: Store, campaign_id: str) -> Campaign:
    """Return a campaign as it is now.

    Raises:
        NotFoundError: If there is none.
    """
    row = store.row("SELECT * FROM campaigns WHERE campaign_id = ?", [campaign_id])
    if row is None:
        raise NotFoundError(
            f"There is no campaign {campaign_id}: choose one on the page Campaigns."
        )
    return _campaign(row)


def list_campaigns(store: Store) -> list[Campaign]:
    """Return every campaign, the open ones first, then by the day that they are due."""
    rows = store.rows(
        "SELECT * FROM campaigns ORDER BY kind = 'close', due_on NULLS LAST, campaign_id"
    )
    return [_campaign(row) for row in rows]


def decided_by_day(store: Store, campaign_id: str) -> pl.DataFrame:
    """Return how many items were decided in a campaign on each day.

    An item counts on the day of its first verdict in the campaign that was not undone.

    Returns:
        Columns day (UTC), items; only days with any, in order.
    """
    return store.frame(
        f"SELECT first::DATE AS day, count(*) AS items FROM ({_FIRST}) GROUP BY 1 ORDER BY 1",  # noqa: S608 - a constant
        {"id": campaign_id},
    )


def decided_since(store: Store, campaign_id: str, since: datetime) -> int:
    """Return how many items were first decided in a campaign from a time on."""
    row = store.row(
        f"SELECT count(*) AS n FROM ({_FIRST}) WHERE first >= $since",  # noqa: S608 - a constant
        {"id": campaign_id, "since": since},
    )
    assert row is not None
    return int(row["n"])
