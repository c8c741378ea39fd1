"""Whether an item is still as its reviewer saw it when the verdict comes.

While it is on a screen, it may be decided in another tab, or its claim may end and somebody else
take it. Then the first press records nothing and says so; what was entered stays.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from threading import Lock
from typing import Literal

from curation import queueing
from db.records import Judgment
from db.store import Store

deciding = Lock()
"""Held from the look at an item to the verdict on it: of one reviewer's two tabs, only one decides.
One process owns the workspace, so a lock in it is enough."""

Hand = Literal["mine", "taken", "assigned", "closed"]

_HAPPENED = {
    "own": "You decided this item in another tab",
    "taken": "Somebody else has this item in hand",
    "assigned": "This item was assigned to somebody else",
    "closed": "This item left your queue while you had it open",
}


@dataclass(frozen=True, slots=True)
class Standing:
    """How an item stands with a reviewer.

    Attributes:
        hand: As `curation.queueing.claim` has it.
        own: The event id of their own verdict in force; None without one.
    """

    item_id: str
    reviewer: str
    hand: Hand
    own: str | None


class Watch:
    """What one tab shows, and what its reviewer knows, of how the item on the screen stands."""

    def __init__(self) -> None:
        self._drawn: Standing | None = None
        self._known: Standing | None = None

    @property
    def hand(self) -> Hand:
        """In whose hand the item is drawn; before any was, in one's own."""
        return "mine" if self._drawn is None else self._drawn.hand

    def draw(self, store: Store, item_id: str, reviewer: str, judged: Iterable[Judgment]) -> None:
        """Note what is drawn, and keep the item in the reviewer's hand.

        Args:
            judged: The verdicts that are drawn with it.
        """
        own = next((each.event_id for each in judged if each.reviewer == reviewer), None)
        drawn = Standing(item_id, reviewer, queueing.claim(store, item_id, reviewer), own)
        self._drawn = drawn
        known = self._known
        if known is None or (known.item_id, known.reviewer) != (item_id, reviewer):
            # That it is in another hand is said at a verdict, wherever the reviewer came from.
            self._known = drawn if drawn.hand != "taken" else None

    def has_changed(self, store: Store) -> bool:
        """Return whether the item stands otherwise than it was drawn, and keep it in hand."""
        drawn = self._drawn
        return drawn is not None and _now(store, drawn.item_id, drawn.reviewer) != drawn

    def news(self, store: Store, item_id: str, reviewer: str) -> str:
        """Return what the reviewer must hear before deciding; empty for nothing, and once heard."""
        now, known = _now(store, item_id, reviewer), self._known
        self._known = now
        if now == known:
            return ""
        if now.own and (known is None or now.own != known.own):
            return _HAPPENED["own"]
        if now.hand == "taken" or (
            now.hand != "mine" and (known is None or known.hand != now.hand)
        ):
            return _HAPPENED[now.hand]
        return ""


def _now(store: Store, item_id: str, reviewer: str) -> Standing:
    hand = queueing.claim(store, item_id, reviewer)
    return Standing(item_id, reviewer, hand, queueing.verdict_of(store, item_id, reviewer))
