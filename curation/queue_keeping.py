"""The queue's index of each open workspace, kept up to date in memory.

It is read from every item once, and then follows the logs (see `queue_index`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from threading import RLock
from time import perf_counter
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from curation.queue_index import Mask, QueueIndex
from curation.queue_policy import Policy
from db import adjudications, items, queue_log, queue_values
from db.queue_log import QueueEvent
from db.records import ItemFilter
from db.store import Store

REBUILD_SHARE = 0.05  # of the time, at most, that goes into reading every item's values anew
CHECK_S = 5.0  # seconds between two looks whether those values may have changed


@dataclass(frozen=True, slots=True)
class _Among:
    """Which items a filter lets through; times of `perf_counter`."""

    mask: Mask
    built_at: float
    took: float


@dataclass
class _Kept:
    """The index of one open workspace and what it was made from; times of `perf_counter`.

    Attributes:
        commits: Of the store, when the log was last read.
    """

    index: QueueIndex
    stamp: tuple[tuple[int, ...], tuple[int, ...]]
    built_at: float
    took: float
    checked_at: float
    among: dict[ItemFilter, _Among] = field(default_factory=dict)
    commits: int = -1

    def catch_up(self, store: Store) -> None:
        """Take in what happened since the log was last read; nothing, where nothing was written."""
        commits = store.commits  # before reading: what comes meanwhile is looked for again
        if commits != self.commits:
            disputable = self.index.fold(queue_log.events_after(store, self.index.seq))
            if disputable:  # where one person decides an item, there are none
                self.index.adjudicate(adjudications.among(store, disputable))
            self.commits = commits

    def take_in(self, store: Store, event: Mapping[str, Any]) -> None:
        """Take in an event that was just written, if nothing else was since the log was read."""
        if store.commits == self.commits + 1:
            self.index.fold([event])
            self.commits += 1


_kept: WeakKeyDictionary[Store, _Kept] = WeakKeyDictionary()
choosing = RLock()
"""Held while an item is chosen and its claim recorded: two reviewers never choose at once."""


def index_of(store: Store) -> QueueIndex:
    """Return the index with everything that happened until now; the caller holds the lock."""
    kept, began = _kept.get(store), perf_counter()
    if kept is None or began - kept.checked_at > CHECK_S:
        stamp = queue_values.stamp(store)
        if kept is None or (
            stamp[0] != kept.stamp[0] and began - kept.built_at > kept.took / REBUILD_SHARE
        ):
            kept = _kept[store] = _build(store, stamp)
        elif stamp[1] != kept.stamp[1]:
            kept.index.arrange(current_policy(store), _leads(store))
            kept.stamp = (kept.stamp[0], stamp[1])
        kept.checked_at = perf_counter()
    kept.catch_up(store)
    return kept.index


def _build(store: Store, stamp: tuple[tuple[int, ...], tuple[int, ...]]) -> _Kept:
    began = perf_counter()
    index = QueueIndex(
        queue_values.reason_values(store),
        queue_values.latest_returns(store),
        current_policy(store),
        _leads(store),
    )
    kept = _Kept(index, stamp, built_at=began, took=0.0, checked_at=began)
    kept.catch_up(store)
    kept.built_at = perf_counter()
    kept.took = kept.built_at - began
    return kept


def record(
    store: Store,
    kind: QueueEvent,
    *,
    item_id: str,
    reviewer: str,
    happened_at: datetime,
    until: datetime | None = None,
) -> None:
    """Append an event to the queue's log, and take it in; the caller holds the lock."""
    event = queue_log.append_event(
        store, kind, item_id=item_id, reviewer=reviewer, happened_at=happened_at, until=until
    )
    if kept := _kept.get(store):
        kept.take_in(store, event)


def as_known(store: Store) -> QueueIndex:
    """Return the index as it is: for what changes with the policy or by one's own deeds alone."""
    kept = _kept.get(store)
    return index_of(store) if kept is None else kept.index


def mask_of(store: Store, index: QueueIndex, within: ItemFilter | None) -> Mask | None:
    """Return which items a filter lets through, whatever was decided about them meanwhile.

    It is read anew after a second, or later where that took long: a tag that was just set, or an
    item that just came in, is seen a moment later. The caller holds the lock.
    """
    if within is None:
        return None
    kept, began = _kept[store], perf_counter()
    found = kept.among.get(within)
    if (
        found is None
        or len(found.mask) != len(index.ids)
        or began - found.built_at > max(CHECK_S, found.took / REBUILD_SHARE)
    ):
        mask = np.zeros(len(index.ids), dtype=np.bool_)
        ids = items.next_item_ids(store, replace(within, order="imported"), limit=len(index.ids))
        mask[[index.numbers[item_id] for item_id in ids if item_id in index.numbers]] = True
        ended = perf_counter()
        found = kept.among[within] = _Among(mask, built_at=ended, took=ended - began)
    return found.mask


def _leads(store: Store) -> dict[str, str]:
    return {row["item_id"]: row["set_by"] for row in queue_log.gold_items(store)}


def refresh(store: Store) -> None:
    """Have every item's values read anew at the next question."""
    with choosing:
        _kept.pop(store, None)


def rearrange(store: Store) -> None:
    """Take a new policy, or other gold items, into account at the next question."""
    with choosing:
        if kept := _kept.get(store):
            kept.checked_at = 0.0


def current_policy(store: Store) -> Policy:
    """Return the policy in force; the built-in one before any was saved."""
    saved = queue_log.policies(store)
    return Policy(**saved[0]["settings"]) if saved else Policy()
