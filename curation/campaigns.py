"""Campaigns: a goal that reviewers work on together, how far it is, and when it will be reached.

A campaign's items are those that its filter lets through now. The queue gives out those of them
that wait, in its own order (see `curation.queueing.next_item`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Literal

import polars as pl

from curation import queueing
from curation.errors import CurationError
from curation.people import require
from db import campaigns
from db.campaigns import Campaign
from db.ids import new_id
from db.ids import now as present
from db.records import ItemFilter
from db.store import Store

LONGEST_NAME = 60
MOST = 1_000_000  # items of a goal
RECENT = timedelta(days=7)
"""The pace is taken over so long, or since the campaign began."""
SHORTEST = timedelta(hours=1)
"""A pace is never taken over less: a first verdict would promise the world."""
LONGEST_WAIT = timedelta(days=3650)
"""An end that is farther away is none."""


class CampaignError(CurationError):
    """A campaign cannot be as asked; nothing was changed."""


def create(
    store: Store,
    name: str,
    *,
    chosen: ItemFilter,
    goal: int,
    due_on: date | None,
    guideline: str,
    members: Sequence[str],
    created_by: str,
) -> str:
    """Begin a campaign and return its id.

    Args:
        chosen: Its items. Of verdicts it may ask for `open`, `returned` or `any`, of which the
            queue gives out what waits; a reviewer or what a search found is no part of it.
        goal: How many of them to decide, 1 to `MOST`.
        due_on: By the end of this day, UTC; None for no such day.
        guideline: Name of the guidelines to go by.
        members: Who takes part; nobody named means everybody.

    Raises:
        RefusedError: If `created_by` is neither reviewer nor admin.
        CampaignError: If name, goal or filter will not do.
        StoreError: If another open campaign has the name.
    """
    created_by = require(store, created_by, "reviewer", "admin")
    campaign_id = new_id()
    campaigns.append_event(
        store,
        campaign_id,
        "create",
        **_checked(name, chosen, goal, members),
        due_on=due_on,
        guideline=guideline,
        done_by=created_by,
    )
    return campaign_id


def change(
    store: Store,
    campaign_id: str,
    *,
    name: str,
    goal: int,
    due_on: date | None,
    guideline: str,
    members: Sequence[str],
    changed_by: str,
) -> None:
    """Change everything of a campaign but its items; what is in force before is kept.

    Raises:
        RefusedError: If `changed_by` is neither reviewer nor admin.
        CampaignError: If it is closed, name or goal will not do, or nothing changes.
        NotFoundError: If there is no such campaign.
        StoreError: If another open campaign has the name.
    """
    changed_by = require(store, changed_by, "reviewer", "admin")
    before = campaigns.get_campaign(store, campaign_id)
    if not before.open:
        raise CampaignError(f"{before.name} is closed: open it again to change it.")
    checked = _checked(name, before.chosen, goal, members)
    after = replace(
        before,
        name=checked["name"],
        goal=goal,
        due_on=due_on,
        guideline=guideline,
        members=tuple(checked["members"]),
    )
    if after == before:
        raise CampaignError("Nothing differs from the campaign as it is.")
    campaigns.append_event(
        store,
        campaign_id,
        "change",
        **checked,
        due_on=due_on,
        guideline=guideline,
        done_by=changed_by,
    )


def set_open(store: Store, campaign_id: str, on: bool, *, changed_by: str) -> None:
    """Close a campaign, which then gives out no item, or open it again.

    Raises:
        RefusedError: If `changed_by` is neither reviewer nor admin.
        CampaignError: If it is so already.
        NotFoundError: If there is no such campaign.
        StoreError: If another open campaign has the name.
    """
    changed_by = require(store, changed_by, "reviewer", "admin")
    found = campaigns.get_campaign(store, campaign_id)
    if found.open == on:
        raise CampaignError(f"{found.name} is {'open' if on else 'closed'} already.")
    campaigns.append_event(
        store,
        campaign_id,
        "reopen" if on else "close",
        name=found.name,
        chosen=found.chosen,
        goal=found.goal,
        due_on=found.due_on,
        guideline=found.guideline,
        members=found.members,
        done_by=changed_by,
    )


def _checked(name: str, chosen: ItemFilter, goal: int, members: Sequence[str]) -> dict[str, Any]:
    """Return what was checked, as the log keeps it."""
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise CampaignError(f"A name is 1 to {LONGEST_NAME} characters, got {name[:80]!r}.")
    if not 1 <= goal <= MOST:
        raise CampaignError(f"A goal is 1 to {MOST:,} items, not {goal:,}.")
    return {
        "name": name,
        "chosen": drawn_from(chosen),
        "goal": goal,
        "members": sorted({each.strip() for each in members if each.strip()}),
    }


def drawn_from(chosen: ItemFilter) -> ItemFilter:
    """Return a filter as a campaign keeps it: which items, whatever was decided about them.

    What waits is the queue's to say: an item that several people decide has a verdict early.

    Raises:
        CampaignError: If it asks for items that were decided.
    """
    if chosen.verdict not in ("open", "returned", "any") or chosen.reviewer is not None:
        raise CampaignError(
            "A campaign gives out what waits for a verdict: choose items without one, or those "
            "that an evaluation sent back."
        )
    verdict: Literal["returned", "any"] = "returned" if chosen.verdict == "returned" else "any"
    return replace(chosen, verdict=verdict, found=None, order="near_cut")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a campaign is.

    Attributes:
        decided: Items with a verdict in force that was given in it.
        left: To the goal, at least 0.
        waiting: Its items that wait for somebody now.
        a_day: Items decided a day, lately; None where none was.
        ready_at: When the goal is reached at this pace; None where it is, where there is no pace,
            or where that is farther away than `LONGEST_WAIT`.
        by_day: Columns day (UTC), items: what was decided on it.
    """

    decided: int
    left: int
    waiting: int
    a_day: float | None
    ready_at: datetime | None
    by_day: pl.DataFrame

    @property
    def short(self) -> int:
        """Items that the goal asks for and that the filter does not have any more."""
        return max(0, self.left - self.waiting)


def progress(store: Store, campaign: Campaign, *, now: datetime | None = None) -> Progress:
    """Return how far a campaign is.

    The pace is what was decided within `RECENT`, over that time or since the campaign began.
    """
    now = now or present()
    by_day = campaigns.decided_by_day(store, campaign.campaign_id)
    decided = int(by_day["items"].sum())
    since = max(now - RECENT, campaign.created_at)
    lately = campaigns.decided_since(store, campaign.campaign_id, since)
    days = max(now - since, SHORTEST) / timedelta(days=1)
    left = max(0, campaign.goal - decided)
    a_day = lately / days if lately else None
    wait = timedelta(days=left / a_day) if left and a_day else None
    return Progress(
        decided=decided,
        left=left,
        waiting=queueing.waiting(store, campaign.chosen),
        a_day=a_day,
        ready_at=now + wait if wait is not None and wait <= LONGEST_WAIT else None,
        by_day=by_day,
    )
