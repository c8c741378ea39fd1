"""What one reviewer is doing in one browser tab: where they are, what they drafted, what is next.

Verdicts and drafts are in the workspace; this is what a reload may forget (and what it must not is
in the URL: the item and the filters). A verdict is taken for the item that was on the screen only.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial, wraps
from threading import RLock
from typing import Any, ParamSpec

import streamlit as st

from app.drafts import Draft, Drafts, decision, fits, numbers_of, start_from, take
from app.standing import Watch, deciding
from curation import queueing, review
from curation.review import REASONS, ReviewItem, fix_of
from db import items
from db.campaigns import Campaign
from db.errors import RankDeskError
from db.records import ItemFilter, Verdict
from db.store import Store

SHORTEST_LOOK = 0.25
"""Seconds that an item must have been on the screen: a verdict sooner is the second half of a
double press, meant for the item before."""

QUEUE = ItemFilter(verdict="open")
"""The filter as it stands when nobody touched it: then items come from the queue."""

P = ParamSpec("P")

DONE = {
    "approve": "Approved",
    "reject": "Rejected",
    "fix": "Fix saved",
    "cannot_judge": "Recorded as not judgeable",
}


@dataclass
class Desk:
    """The state of one review tab.

    Attributes:
        trail: Items that were visited, in order; `place` is where on it the reviewer stands.
        current: The item on the screen; None while the next one is to be found.
        late: An item that was left before a press on it came in; None without such a press.
        reviewer: Who sits at it.
        campaign: What items are given out for; None outside of campaigns.
        loaded: The next item, in this reviewer's hand and read ahead.
        watch: How the item on the screen stands with the reviewer.
        shows_keys: Whether the dialog with the page's keys is open.
        notice: A line for the next screen: what was just done, or why it was not.
        lock: Held by whatever changes this state: of two fast presses, Streamlit may run the
            second while the first is still being recorded.
    """

    chosen: ItemFilter | None = None
    trail: list[str] = field(default_factory=list)
    place: int = -1
    current: str | None = None
    in_url: str | None = None
    late: str | None = None
    reviewer: str = ""
    campaign: Campaign | None = None
    loaded: dict[str, ReviewItem] = field(default_factory=dict)
    drafts: Drafts = field(default_factory=Drafts)
    watch: Watch = field(default_factory=Watch)
    shows_keys: bool = False
    notice: str = ""
    error: str = ""
    shown_at: float = 0.0
    lock: RLock = field(default_factory=RLock)

    def draft(self, item_id: str) -> Draft:
        """Return the draft of an item, empty at first."""
        return self.drafts.of(item_id)

    def go_to(self, item_id: str) -> None:
        """Show an item: where it stands on the trail, else at its end."""
        if item_id not in self.trail:
            self.trail.append(item_id)
        self.place = self.trail.index(item_id)
        self.current = item_id
        self.shown_at = 0.0

    @property
    def from_queue(self) -> bool:
        """Whether items come from the queue, in its order, and not from a filter."""
        return self.chosen == QUEUE

    @property
    def within(self) -> ItemFilter | None:
        """The items that the queue gives out: the campaign's, or all."""
        return None if self.campaign is None else self.campaign.chosen

    def find_current(
        self,
        store: Store,
        chosen: ItemFilter,
        in_url: str | None,
        reviewer: str,
        campaign: Campaign | None = None,
    ) -> str | None:
        """Return the item to show, following a changed URL or filter; None when none is left."""
        drawn = (chosen, campaign and campaign.campaign_id)
        before = (self.chosen, self.campaign and self.campaign.campaign_id)
        changed = self.chosen is not None and drawn != before
        if changed or reviewer != self.reviewer:
            for item_id in filter(None, (*self.loaded, self.current)):
                queueing.release(store, item_id, self.reviewer)
            self.loaded = {}
        if changed:
            self.start_over()
        # The address that came with a press on an item that is left already is as old as the press.
        if in_url and in_url not in (self.in_url, self.late):
            self.go_to(in_url)
        self.late = None
        self.chosen, self.reviewer, self.campaign = chosen, reviewer, campaign
        if self.current is None:
            self.forward(store)
        return self.current

    def forward(self, store: Store) -> None:
        """Go to the next item: on the trail, else the first that was not visited yet."""
        if self.place + 1 < len(self.trail):
            self.go_to(self.trail[self.place + 1])
            return
        found = next(iter(self.loaded), None)
        if found and queueing.claim(store, found, self.reviewer) != "mine":
            # It was kept for as long as a claim lasts, decided in another tab, or assigned away.
            found, self.loaded = None, {}
        found = found or self._take(store)
        if found:
            self.go_to(found)
        else:
            self.current = None

    def _take(self, store: Store) -> str | None:
        """Take the next item in hand: of the queue, or the first under the filter that is free."""
        if self.from_queue:
            return queueing.next_item(
                store, self.reviewer, passed=set(self.trail), within=self.within
            )
        found = items.next_item_ids(
            store,
            self.chosen or ItemFilter(),
            skipped=(*self.trail, *queueing.taken(store, self.reviewer)),
            limit=1,
        )
        for item_id in found:
            queueing.claim(store, item_id, self.reviewer)
        return next(iter(found), None)

    def back(self) -> None:
        """Go to the item visited before this one."""
        if self.current is None and self.trail:
            self.go_to(self.trail[self.place])
        elif self.place > 0:
            self.go_to(self.trail[self.place - 1])

    def load(self, store: Store, item_id: str, reviewer: str) -> ReviewItem:
        """Return an item, read ahead or read now.

        Without what others said of it, before this reviewer decided, where it comes from the queue
        or several people are asked about it, however it was found.
        """
        found = self.loaded.get(item_id) or review.load(store, item_id, reviewer)
        self.loaded = {}
        self.watch.draw(store, item_id, reviewer, found.judgments)
        alone = self.from_queue or queueing.asks_several(store, item_id)
        return queueing.unseen(found, reviewer) if alone else found

    def read_ahead(self, store: Store) -> None:
        """Take the item that comes next in hand and read it, once the present one is shown."""
        found = self._take(store)
        self.loaded = {found: review.load(store, found, self.reviewer)} if found else {}

    def on_screen(self) -> None:
        """Note that the present item has been drawn."""
        self.shown_at = self.shown_at or time.monotonic()

    @property
    def looked(self) -> float:
        """Seconds that the present item has been on the screen."""
        return time.monotonic() - self.shown_at if self.shown_at else 0.0

    def start_over(self) -> None:
        """Forget what was visited, so that skipped items come again."""
        self.trail, self.place, self.current, self.loaded = [], -1, None, {}

    def leave(self, item_id: str) -> None:
        """Drop an item that cannot be shown."""
        self.trail = [known for known in self.trail if known != item_id]
        self.place, self.current = len(self.trail) - 1, None

    def meant(self, item_id: str) -> bool:
        """Return whether a press that carries `item_id` was made with that item on the screen."""
        if item_id != self.current:
            self.late = item_id
        if item_id != self.current or self.looked < SHORTEST_LOOK:
            self.notice = self.notice or (
                "That press came before the item was on the screen; nothing was recorded."
            )
            return False
        return True


def desk() -> Desk:
    """Return this session's desk."""
    if "desk" not in st.session_state:
        st.session_state["desk"] = Desk()
    found: Desk = st.session_state["desk"]
    return found


def _alone(action: Callable[P, None]) -> Callable[P, None]:
    """Let one action on this session's desk run at a time, to its end."""

    @wraps(action)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        with desk().lock:
            action(*args, **kwargs)

    return run


@_alone
def decide(store: Store, item_id: str, reviewer: str, verdict: Verdict, note: str) -> None:
    """Record a verdict on the item on the screen, and go on to the next."""
    state = desk()
    if not state.meant(item_id):
        return
    try:
        read = partial(review.load, store, item_id, reviewer)
        verdict, entered = decision(state.draft(item_id), verdict, read)
        with deciding:
            if news := state.watch.news(store, item_id, reviewer):
                state.shown_at = 0.0
                state.notice = (
                    f"{news}. Nothing was recorded, and what you entered is kept. Press again to "
                    "decide all the same, or → for the next item."
                )
                return
            review.decide(
                store,
                item_id=item_id,
                reviewer=reviewer,
                verdict=verdict,
                note=note,
                campaign=state.campaign.campaign_id if state.campaign else None,
                seconds=state.looked,
                **entered,
            )
    except RankDeskError as error:
        state.error = str(error)
        return
    state.drafts.forget(item_id)
    state.notice = f"{DONE[verdict]} · U takes it back"
    state.forward(store)


@_alone
def choose_reason(store: Store, item_id: str, reviewer: str, reason: str, note: str) -> None:
    """Add a reason or take it off; after Reject was pressed, it completes the rejection."""
    state = desk()
    if reason not in REASONS or not state.meant(item_id):
        return
    draft = state.draft(item_id)
    draft.turn(reason)
    if draft.rejecting and reason in draft.reasons:
        decide(store, item_id, reviewer, "reject", note)


@_alone
def reject(store: Store, item_id: str, reviewer: str, note: str) -> None:
    """Reject for the reasons that are chosen; without one, ask for it."""
    state = desk()
    if not state.meant(item_id):
        return
    if state.draft(item_id).reasons:
        decide(store, item_id, reviewer, "reject", note)
    else:
        state.draft(item_id).rejecting = True


@_alone
def start_fix(shown: ReviewItem) -> None:
    """Open the order and labels for editing: one's own fix in force, else the teacher's."""
    state = desk()
    if not state.meant(shown.item.item_id):
        return
    draft = state.draft(shown.item.item_id)
    draft.fixing, draft.rejecting = True, False
    if not draft.order:
        numbers, own = numbers_of(shown), fix_of(shown, state.reviewer)
        start_from(draft, shown, own[1] if own else shown.teacher)
        labels = shown.item.relevant_docids
        if own:
            judgment, ranking = own
            labels = judgment.relevant_docids or labels
            draft.grades = {numbers[docid]: grade for docid, grade in judgment.grades.items()}
            draft.chain = ranking.chain or None
        draft.relevant = {numbers[docid] for docid in labels}


@_alone
def cancel(item_id: str) -> None:
    """Leave fixing or rejecting; what was edited is dropped."""
    desk().drafts.cancel(item_id)


@_alone
def edit(shown: ReviewItem, change: Mapping[str, Any]) -> None:
    """Take a mark or move from the browser into the draft, if it fits the item on the screen."""
    state = desk()
    item_id = shown.item.item_id
    if item_id == state.current and fits(shown, change, state.drafts.token(item_id)):
        take(state.draft(item_id), change)


@_alone
def reveal(store: Store, shown: ReviewItem, reviewer: str) -> None:
    """Keep the blind marks and show what the teacher answered."""
    state = desk()
    item = shown.item
    if not state.meant(item.item_id):
        return
    marks = state.draft(item.item_id).marks
    try:
        review.reveal(
            store,
            item_id=item.item_id,
            reviewer=reviewer,
            marks=[item.candidates[number - 1].docid for number in sorted(marks)],
        )
    except RankDeskError as error:
        state.error = str(error)


@_alone
def undo(store: Store, reviewer: str) -> None:
    """Take the reviewer's latest verdict back and return to its item."""
    state = desk()
    try:
        item_id = review.undo(store, reviewer)
    except RankDeskError as error:
        state.error = str(error)
        return
    if item_id is None:
        state.notice = "There is no verdict of yours to take back."
        return
    state.notice = "Taken back"
    state.loaded = {}
    state.go_to(item_id)


@_alone
def forward(store: Store, item_id: str) -> None:
    """Leave `item_id`, if it is on the screen, for the next item."""
    if desk().current == item_id:
        desk().forward(store)


@_alone
def skip(store: Store, item_id: str, reviewer: str, *, for_good: bool = False) -> None:
    """Give the item on the screen back and go on.

    Args:
        for_good: It is declined: it does not come again to this reviewer.
    """
    state = desk()
    if not state.meant(item_id):
        return
    if for_good:
        queueing.decline(store, item_id, reviewer)
        state.notice = "Declined: it will not come to you again"
    else:
        queueing.skip(store, item_id, reviewer)
    state.forward(store)


@_alone
def back() -> None:
    """Return to the item visited before."""
    desk().back()
