"""The queue in the memory of the process that owns the workspace: who may get which item next.

A fold over three logs (judgments, queue events and assignments, in their one order) beside the
policy's order of the items. Nothing here is the truth: after a crash the same logs make the same
queue. An item is found by its place in the order, in a bytearray of places that still wait for
somebody, so that the next item costs the same at any number of items.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from curation.queue_policy import (
    Policy,
    Values,
    draw,
    order_of,
    reviewers_needed,
    values_of,
)

Mask = npt.NDArray[np.bool_]
"""For each item, by its number."""


class QueueIndex:
    """Items in the policy's order, with who decided, claimed, skipped and declined them.

    Attributes:
        ids: Item ids, as imported; elsewhere in here an item is its number in this list.
        read: What the values were made from, a row for each item.
        values: Of each item for each reason, an array of (items, reasons).
        seq: The last event that was folded in.
    """

    def __init__(
        self,
        read: pl.DataFrame,
        returned: Mapping[str, datetime],
        policy: Policy,
        gold: Mapping[str, str],
    ) -> None:
        """Take in every item; what happened to them is folded in afterwards.

        Args:
            read: Columns of `db.queue_values.reason_values`.
            returned: When items were last sent back.
            policy: See `arrange`, gold likewise.
        """
        self.read = read
        self.ids: list[str] = read["item_id"].to_list()
        self.numbers = {item_id: number for number, item_id in enumerate(self.ids)}
        self.seq = 0
        self._returned = {
            self.numbers[i]: sent for i, sent in returned.items() if i in self.numbers
        }
        # item -> reviewer -> event ids of judgments that were not undone
        self._judged: dict[int, dict[str, dict[str, datetime]]] = defaultdict(dict)
        # item -> event ids of those of them that are adjudications
        self._adjudicated: dict[int, dict[str, datetime]] = defaultdict(dict)
        self._decided: dict[str, set[int]] = defaultdict(set)  # by reviewer, undone ones too
        self._claims: dict[int, dict[str, datetime]] = defaultdict(dict)
        self._held: dict[str, dict[int, None]] = defaultdict(dict)  # by reviewer, oldest first
        self._skipped: dict[str, dict[int, None]] = defaultdict(dict)  # likewise
        self._declined: dict[str, set[int]] = defaultdict(set)
        self._drawn: dict[str, int] = defaultdict(int)  # claims that a reviewer made
        self._undoable: dict[str, int] = defaultdict(int)  # a reviewer's judgments, but the undone
        self._assigned: dict[int, str] = {}
        self._theirs: dict[str, set[int]] = defaultdict(set)  # the same, by person
        self.arrange(policy, gold)

    def arrange(self, policy: Policy, gold: Mapping[str, str]) -> None:
        """Put the items in the policy's order.

        Args:
            gold: From gold items to who gave the answer.
        """
        self.policy = policy
        self.values: Values = values_of(self.read, policy)
        self.gold = {self.numbers[i]: lead for i, lead in gold.items() if i in self.numbers}
        order = order_of(self.values, policy)
        places = np.empty(len(order), dtype=np.int64)
        places[order] = np.arange(len(order))
        self._by_place, self._by_number = order, places  # item by place, place by item
        self._order, self._place = order.tolist(), places.tolist()  # the same, one at a time
        self._needed = (
            [reviewers_needed(policy, item_id) for item_id in self.ids]
            if policy.overlap_share > 0
            else None
        )
        self._waiting = bytearray(b"\x01" * len(order))  # by place
        for number in {*self._judged, *self.gold}:
            self._settle(number)

    def fold(self, events: Iterable[Mapping[str, Any]]) -> list[str]:
        """Take in what happened, oldest first (rows of `db.queue_log.events_after`).

        Returns:
            Event ids of judgments that may be adjudications, as two people judged the item; those
            that are go to `adjudicate`.
        """
        disputable: list[str] = []
        for event in events:
            self.seq = event["seq"]
            number = self.numbers.get(event["item_id"])
            if number is None:
                continue
            kind, reviewer = event["kind"], event["reviewer"]
            if kind == "judge":
                judged = self._judged[number].setdefault(reviewer, {})
                judged[event["event_id"]] = event["happened_at"]
                if len(self._judged[number]) > 1:
                    disputable.append(event["event_id"])
                self._undoable[reviewer] += 1
                self._decided[reviewer].add(number)
                self._end_claim(number, reviewer)
                self._skipped[reviewer].pop(number, None)
                self._settle(number)
            elif kind == "undo":
                self._judged[number].get(reviewer, {}).pop(event["undoes"], None)
                self._adjudicated.get(number, {}).pop(event["undoes"], None)
                self._undoable[reviewer] -= 1
                self._settle(number)
            elif kind == "assign":
                self._assign(number, reviewer)
            elif kind in ("claim", "renew"):
                self._claims[number][reviewer] = event["until"]
                self._held[reviewer][number] = None
                self._drawn[reviewer] += kind == "claim"
            else:
                self._end_claim(number, reviewer)
                if kind == "skip":
                    self._skipped[reviewer].pop(number, None)
                    self._skipped[reviewer][number] = None
                elif kind == "decline":
                    self._declined[reviewer].add(number)
        return disputable

    def adjudicate(self, events: Iterable[Mapping[str, str]]) -> None:
        """Take in which judgments, of those folded in, are adjudications (item_id, event_id)."""
        for event in events:
            number, event_id = self.numbers[event["item_id"]], event["event_id"]
            for judged in self._judged[number].values():
                if event_id in judged:  # else it was undone since
                    self._adjudicated[number][event_id] = judged[event_id]
            self._settle(number)

    def _end_claim(self, number: int, reviewer: str) -> None:
        self._claims.get(number, {}).pop(reviewer, None)
        if not self._claims.get(number, True):
            del self._claims[number]
        self._held[reviewer].pop(number, None)

    def _assign(self, number: int, person: str | None) -> None:
        if before := self._assigned.pop(number, None):
            self._theirs[before].discard(number)
        if person:
            self._assigned[number] = person
            self._theirs[person].add(number)

    def _settle(self, number: int) -> None:
        """Note whether an item waits for anybody, whoever has it in hand at the moment."""
        wanting = number not in self.gold and not self._is_done(number, len(self.deciders(number)))
        self._waiting[self._place[number]] = wanting

    def needed(self, number: int) -> int:
        """Return how many people decide an item."""
        return 1 if self._needed is None else self._needed[number]

    def deciders(self, number: int) -> set[str]:
        """Return who decided an item, since it was last sent back."""
        sent = self._returned.get(number)
        return {
            reviewer
            for reviewer, judged in self._judged.get(number, {}).items()
            if any(sent is None or when > sent for when in judged.values())
        }

    def _is_done(self, number: int, deciders: int) -> bool:
        """Return whether an item was decided as often as it should be, or has the last word."""
        if deciders >= self.needed(number):
            return True
        sent = self._returned.get(number)
        adjudicated = self._adjudicated.get(number, {})
        return any(sent is None or when > sent for when in adjudicated.values())

    def verdict_of(self, number: int, reviewer: str) -> str | None:
        """Return the event id of a reviewer's verdict in force on an item, or None."""
        return next(reversed(self._judged.get(number, {}).get(reviewer, {})), None)

    def undoable(self, reviewer: str) -> int:
        """Return how many of a reviewer's judgments were not undone."""
        return self._undoable.get(reviewer, 0)

    def holders(self, number: int, now: datetime) -> set[str]:
        """Return who has an item in hand."""
        return {who for who, until in self._claims.get(number, {}).items() if until > now}

    def claim_of(self, number: int, reviewer: str, now: datetime) -> datetime | None:
        """Return until when a reviewer has an item in hand, or None."""
        until = self._claims.get(number, {}).get(reviewer)
        return until if until is not None and until > now else None

    def open_to(self, number: int, reviewer: str) -> bool:
        """Return whether a reviewer may decide an item at some time, whoever has it in hand now."""
        deciders = self.deciders(number)
        if reviewer in deciders or number in self._declined.get(reviewer, ()):
            return False
        if number in self.gold:
            return self.gold[number] != reviewer
        return not self._is_done(number, len(deciders))

    def owner(self, number: int) -> str | None:
        """Return whose an item is to decide; None once they have, or declined it."""
        person = self._assigned.get(number)
        if person is None or number in self.gold:
            return None
        touched = number in self._judged or number in self._declined.get(person, ())
        return None if touched and not self.open_to(number, person) else person

    def free_for(self, number: int, reviewer: str, now: datetime) -> bool:
        """Return whether a reviewer may take an item in hand, or has it there already."""
        if not self.open_to(number, reviewer):
            return False
        if self.owner(number) not in (None, reviewer):
            return self.claim_of(number, reviewer, now) is not None
        others = (self.holders(number, now) | self.deciders(number)) - {reviewer}
        return number in self.gold or len(others) < self.needed(number)

    def held_by(self, reviewer: str, now: datetime) -> list[int]:
        """Return the items that a reviewer has in hand and did not decide, the oldest first."""
        return [
            number
            for number in self._held.get(reviewer, {})
            if self.claim_of(number, reviewer, now) and self.free_for(number, reviewer, now)
        ]

    def next_for(
        self,
        reviewer: str,
        now: datetime,
        passed: Collection[str] = (),
        within: Mask | None = None,
    ) -> int | None:
        """Return what a reviewer gets next, or None when nothing is left for them.

        What they have in hand comes first, then what is assigned to them; skipped items last.

        Args:
            passed: Item ids that are not wanted: where they were before in this sitting.
            within: For each item, whether it may come; None for all.
        """
        skipped = self._skipped.get(reviewer, {})
        for candidates in (
            self.held_by(reviewer, now),
            self._assigned_to(reviewer),
            self._gold_for(reviewer),
            (number for number in self._in_order(within) if number not in skipped),
            skipped,
        ):
            for number in candidates:
                if within is not None and not within[number]:
                    continue
                if self.ids[number] not in passed and self.free_for(number, reviewer, now):
                    return number
        return None

    def _assigned_to(self, reviewer: str) -> Iterator[int]:
        """Yield what is this reviewer's to decide, in the policy's order."""
        skipped = self._skipped.get(reviewer, {})
        yield from sorted(
            (n for n in self._theirs.get(reviewer, ()) if self.waits(n) and n not in skipped),
            key=self._place.__getitem__,
        )

    def _in_order(self, within: Mask | None = None) -> Iterator[int]:
        if within is not None:
            waiting = np.frombuffer(self._waiting, dtype=np.bool_) & within[self._by_place]
            yield from (self._order[place] for place in np.flatnonzero(waiting))
            return
        place = self._waiting.find(1)
        while place >= 0:
            yield self._order[place]
            place = self._waiting.find(1, place + 1)

    def _gold_for(self, reviewer: str) -> Iterator[int]:
        """Yield the gold items in this reviewer's order, where it is time for one."""
        seed, share = self.policy.seed, self.policy.gold_share
        if not self.gold or draw(seed, "gold", reviewer, self._drawn.get(reviewer, 0)) >= share:
            return
        skipped = self._skipped.get(reviewer, {})
        yield from sorted(
            (number for number in self.gold if number not in skipped),
            key=lambda number: draw(seed, "gold", reviewer, self.ids[number]),
        )

    def first(self, n: int) -> list[int]:
        """Return the first items that wait for somebody."""
        return [number for number, _ in zip(self._in_order(), range(n), strict=False)]

    def waiting(self, within: Mask | None = None) -> int:
        """Return how many items wait for somebody, those in hand included."""
        if within is not None:
            return int((self.waiting_mask() & within).sum())
        return self._waiting.count(1)

    def waiting_mask(self) -> Mask:
        """Return for each item whether it waits for somebody."""
        return np.frombuffer(bytes(self._waiting), dtype=np.bool_)[self._by_number]

    def assigned_items(self) -> list[int]:
        """Return the items that are somebody's to decide, or were."""
        return list(self._assigned)

    def claimed_items(self, now: datetime) -> list[int]:
        """Return the items that somebody has in hand."""
        return [number for number in self._claims if self.holders(number, now)]

    def waits(self, number: int) -> bool:
        """Return whether an item waits for somebody."""
        return bool(self._waiting[self._place[number]])

    def left_for(self, reviewer: str, within: Mask | None = None) -> int:
        """Return how many items wait for a reviewer.

        Left out is what they decided or declined, and what is somebody else's to decide.
        """
        waiting, place = self._waiting, self._place  # the whole of one's work is looked through
        passed = {
            number
            for number in self._decided.get(reviewer, ())
            if waiting[place[number]] and reviewer in self.deciders(number)
        }
        passed |= {number for number in self._declined.get(reviewer, ()) if self.waits(number)}
        passed |= {
            number
            for number in self._assigned
            if self.waits(number) and self.owner(number) not in (None, reviewer)
        }
        return self.waiting(within) - sum(1 for n in passed if within is None or within[n])

    def gold_ahead(self, reviewer: str, within: Mask | None = None) -> int:
        """Return how many gold items a reviewer may still get."""
        if self.policy.gold_share == 0:
            return 0
        return sum(
            self.open_to(number, reviewer)
            for number in self.gold
            if within is None or within[number]
        )
