"""The review queue: what a reviewer gets next, and why.

Claims are events on disk; which item is free is answered from memory (see `queue_index`), by the
one process that owns the workspace. A claim that was returned to a reviewer is on disk.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

import polars as pl

from curation.errors import CurationError
from curation.people import require
from curation.queue_index import QueueIndex
from curation.queue_keeping import (
    as_known,
    choosing,
    current_policy,
    index_of,
    mask_of,
    rearrange,
    record,
)
from curation.queue_policy import (
    REASONS,
    Policy,
    PolicyError,
    Why,
    badge,
    order_of,
    reasons_for,
    reviewers_needed,
    values_of,
    weights_of,
)
from curation.review import ReviewItem
from db import queue_log
from db.ids import now as present
from db.records import ItemFilter
from db.store import Store


class QueueError(CurationError):
    """The queue cannot do what was asked; nothing was changed."""


def save_policy(
    store: Store, policy: Policy, *, note: str, saved_by: str, now: datetime | None = None
) -> str:
    """Put a policy in force, keeping those before it, and return its id.

    Raises:
        RefusedError: If `saved_by` is neither reviewer nor trainer.
        PolicyError: If it is the one in force already.
    """
    saved_by = require(store, saved_by, "reviewer", "trainer")
    if policy == current_policy(store):
        raise PolicyError("This is the policy in force: change something before saving it.")
    policy_id = queue_log.append_policy(
        store, policy.settings(), note=note, saved_by=saved_by, saved_at=now or present()
    )
    rearrange(store)
    return policy_id


def next_item(
    store: Store,
    reviewer: str,
    *,
    passed: Collection[str] = (),
    within: ItemFilter | None = None,
    now: datetime | None = None,
) -> str | None:
    """Claim the next item for a reviewer and return its id; None when nothing is left for them.

    An item that they have in hand already comes first, then what is assigned to them. Nobody gets
    an item that they decided (since it was last sent back) or declined, one that as many people as
    decide it have in hand, one that is somebody else's to decide, or one that was adjudicated.

    Args:
        passed: Item ids that are not wanted.
        within: Only items that this filter lets through.
    """
    now = now or present()
    with choosing:
        index = index_of(store)
        number = index.next_for(reviewer, now, passed, mask_of(store, index, within))
        if number is None:
            return None
        _claim(store, index, number, reviewer, now)
        return index.ids[number]


def claim(
    store: Store, item_id: str, reviewer: str, *, now: datetime | None = None
) -> Literal["mine", "taken", "assigned", "closed"]:
    """Take a certain item in hand, or keep it there, and return what came of it.

    A claim with less than two thirds of its time left is renewed.

    Returns:
        `mine`; `assigned` where it is somebody else's to decide; `taken` where others have it in
        hand, as many as decide it; `closed` where it was decided, as often as it should be or by
        this reviewer, or was adjudicated or declined.
    """
    now = now or present()
    with choosing:
        index = index_of(store)
        number = index.numbers.get(item_id)
        if number is None:
            return "closed"
        if index.free_for(number, reviewer, now):
            _claim(store, index, number, reviewer, now)
            return "mine"
        if not index.open_to(number, reviewer):
            return "closed"
        return "taken" if index.holders(number, now) - {reviewer} else "assigned"


def _claim(store: Store, index: QueueIndex, number: int, reviewer: str, now: datetime) -> None:
    whole = timedelta(minutes=index.policy.claim_minutes)
    until = index.claim_of(number, reviewer, now)
    if until is None or until - now < whole * 2 / 3:
        record(
            store,
            "claim" if until is None else "renew",
            item_id=index.ids[number],
            reviewer=reviewer,
            happened_at=now,
            until=now + whole,
        )


def release(store: Store, item_id: str, reviewer: str, *, now: datetime | None = None) -> None:
    """Give an item back; it may come again."""
    _end(store, "release", item_id, reviewer, now)


def skip(store: Store, item_id: str, reviewer: str, *, now: datetime | None = None) -> None:
    """Give an item back; it comes again to this reviewer when nothing else is left."""
    _end(store, "skip", item_id, reviewer, now)


def decline(store: Store, item_id: str, reviewer: str, *, now: datetime | None = None) -> None:
    """Give an item back; it does not come again to this reviewer."""
    _end(store, "decline", item_id, reviewer, now)


def _end(
    store: Store,
    kind: queue_log.QueueEvent,
    item_id: str,
    reviewer: str,
    now: datetime | None,
) -> None:
    with choosing:
        index = index_of(store)
        if item_id not in index.numbers:
            if kind == "release":
                return  # nobody has it in hand
            raise QueueError(f"There is no item {item_id}; the list may have changed.")
        held = index.claim_of(index.numbers[item_id], reviewer, now or present())
        if kind != "release" or held:
            record(store, kind, item_id=item_id, reviewer=reviewer, happened_at=now or present())


def taken(store: Store, reviewer: str, *, now: datetime | None = None) -> list[str]:
    """Return the items that others have in hand, or to decide, and this reviewer cannot get."""
    now = now or present()
    with choosing:
        index = index_of(store)
        return [
            index.ids[number]
            for number in dict.fromkeys([*index.claimed_items(now), *index.assigned_items()])
            if not index.free_for(number, reviewer, now)
        ]


def owner(store: Store, item_id: str) -> str | None:
    """Return whose an item is to decide; None for nobody's in particular, or once they have."""
    with choosing:
        index = index_of(store)
        number = index.numbers.get(item_id)
        return None if number is None else index.owner(number)


def asks_several(store: Store, item_id: str) -> bool:
    """Return whether people decide an item each for themselves: by overlap, or as it is gold."""
    with choosing:
        index = index_of(store)
        number = index.numbers.get(item_id)
        return number is not None and (number in index.gold or index.needed(number) > 1)


def verdict_of(store: Store, item_id: str, reviewer: str) -> str | None:
    """Return the event id of a reviewer's verdict in force on an item; None without one."""
    with choosing:
        index = index_of(store)
        number = index.numbers.get(item_id)
        return None if number is None else index.verdict_of(number, reviewer)


def undoable(store: Store, reviewer: str) -> int:
    """Return how many verdicts a reviewer may take back."""
    with choosing:
        return index_of(store).undoable(reviewer)


def why(store: Store, item_id: str) -> list[Why]:
    """Return every reason of an item with its weight and value, what adds most first."""
    with choosing:
        index = as_known(store)
        number = index.numbers.get(item_id)
        return [] if number is None else reasons_for(index.values[number], index.policy)


@dataclass(frozen=True, slots=True)
class Counts:
    """How far the queue is.

    Attributes:
        waiting: Items that need somebody's decision, those in hand included.
        in_hand: Of all items, those that somebody has in hand.
        done: Items that were decided as often as they should be, or adjudicated.
    """

    waiting: int
    in_hand: int
    done: int
    gold: int


def counts(store: Store, *, now: datetime | None = None) -> Counts:
    """Return how many items wait, are in hand, are done, and are gold."""
    with choosing:
        index = index_of(store)
        waiting = index.waiting()
        return Counts(
            waiting=waiting,
            in_hand=len(index.claimed_items(now or present())),
            done=len(index.ids) - waiting - len(index.gold),
            gold=len(index.gold),
        )


def left_for(store: Store, reviewer: str, within: ItemFilter | None = None) -> int:
    """Return how many items wait for this reviewer, of those that a filter lets through.

    Left out is what they decided or declined, and what is somebody else's to decide.
    """
    with choosing:
        index = index_of(store)
        return index.left_for(reviewer, mask_of(store, index, within))


def waiting(store: Store, within: ItemFilter) -> int:
    """Return how many items that a filter lets through wait for anybody."""
    with choosing:
        index = index_of(store)
        return index.waiting(mask_of(store, index, within))


def gold_ahead(store: Store, reviewer: str, within: ItemFilter | None = None) -> int:
    """Return how many gold items a reviewer has not decided, as long as they are mixed in."""
    with choosing:
        index = as_known(store)
        return index.gold_ahead(reviewer, mask_of(store, index, within))


@dataclass(frozen=True, slots=True)
class Preview:
    """What a policy would put first.

    Attributes:
        first: Columns item_id, reason (the badge), score, needed (reviewers).
        reasons: Columns reason (label), weight, items (waiting, with a value above 0), leading
            (waiting, whose badge it is).
    """

    first: pl.DataFrame
    reasons: pl.DataFrame


def preview(store: Store, policy: Policy, *, limit: int = 20) -> Preview:
    """Return what a policy would do with the items that wait now, without saving it."""
    with choosing:
        index = index_of(store)
        values = values_of(index.read, policy)
        waiting = index.waiting_mask()
    order = [int(number) for number in order_of(values, policy) if waiting[number]]
    adds = values * weights_of(policy)
    leading = adds.argmax(axis=1)
    some = adds.max(axis=1, initial=0) > 0
    first = [(number, reasons_for(values[number], policy)) for number in order[:limit]]
    return Preview(
        first=pl.DataFrame(
            {
                "item_id": [index.ids[number] for number, _ in first],
                "reason": [badge(reasons) for _, reasons in first],
                "score": [sum(reason.adds for reason in reasons) for _, reasons in first],
                "needed": [reviewers_needed(policy, index.ids[number]) for number, _ in first],
            },
            schema={
                "item_id": pl.String,
                "reason": pl.String,
                "score": pl.Float64,
                "needed": pl.Int64,
            },
        ),
        reasons=pl.DataFrame(
            {
                "reason": [label for label, _ in REASONS.values()],
                "weight": [float(policy.weights.get(name, 0.0)) for name in REASONS],
                "items": [int(((values[:, at] > 0) & waiting).sum()) for at in range(len(REASONS))],
                "leading": [
                    int(((leading == at) & some & waiting).sum()) for at in range(len(REASONS))
                ],
            }
        ),
    )


def unseen(shown: ReviewItem, reviewer: str) -> ReviewItem:
    """Return an item without what other people said of it, unless the reviewer decided it."""
    if any(judgment.reviewer == reviewer for judgment in shown.judgments):
        return shown
    return replace(
        shown,
        judgments=[],
        rankings=[
            each
            for each in shown.rankings
            if each.author != "human" or each is shown.teacher or each.author_name == reviewer
        ],
    )


def claims(store: Store, *, now: datetime | None = None) -> list[dict[str, Any]]:
    """Return item_id, reviewer, until, happened_at of every claim in force, oldest first."""
    return queue_log.claims_in_force(store, now or present())
