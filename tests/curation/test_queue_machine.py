"""Claims, verdicts, undo, expiry, skip, assignment, overlap and restarts, against a plain model."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from curation import bulk, queue_keeping, queueing, review
from curation.queue_policy import Policy, reviewers_needed
from db import judgments
from tests.samples import add_samples

START = datetime(2026, 11, 26, 9, tzinfo=UTC)
POLICY = Policy(weights={"near_cut": 1.0}, overlap_share=0.5, overlap_reviewers=2, seed=3)
ORDER = ("i3", "i5", "i1", "i2", "i4")  # the nearest to the cut, then as imported
NEEDED = {item: reviewers_needed(POLICY, item) for item in ORDER}
CLAIM = timedelta(minutes=POLICY.claim_minutes)

reviewers = st.sampled_from(("ada", "ben", "cleo"))
items = st.sampled_from(ORDER)


@dataclass
class Model:
    """The queue as one would explain it: lists that are looked through from the start."""

    now: datetime = START
    verdicts: list[tuple[str, str, str]] = field(default_factory=list)  # event, reviewer, item
    claims: dict[tuple[str, str], datetime] = field(default_factory=dict)  # item, reviewer
    skipped: list[tuple[str, str]] = field(default_factory=list)
    declined: set[tuple[str, str]] = field(default_factory=set)
    assigned: dict[str, str] = field(default_factory=dict)  # item, to whom

    def deciders(self, item: str) -> set[str]:
        return {reviewer for _, reviewer, judged in self.verdicts if judged == item}

    def holders(self, item: str) -> set[str]:
        return {
            who for (held, who), until in self.claims.items() if held == item and self.now < until
        }

    def may_decide(self, item: str, reviewer: str) -> bool:
        if reviewer in self.deciders(item) or (item, reviewer) in self.declined:
            return False
        return len(self.deciders(item)) < NEEDED[item]

    def owner(self, item: str) -> str | None:
        person = self.assigned.get(item)
        return person if person and self.may_decide(item, person) else None

    def free(self, item: str, reviewer: str) -> bool:
        if not self.may_decide(item, reviewer):
            return False
        if self.owner(item) not in (None, reviewer):
            return reviewer in self.holders(item)
        return len((self.holders(item) | self.deciders(item)) - {reviewer}) < NEEDED[item]

    def next(self, reviewer: str) -> str | None:
        free = [item for item in ORDER if self.free(item, reviewer)]
        held = [item for (item, who) in self.claims if who == reviewer]
        later = [item for item, who in self.skipped if who == reviewer]
        wanted = [item for item in held if item in free and reviewer in self.holders(item)]
        wanted += [i for i in free if self.owner(i) == reviewer and i not in later]
        wanted += [item for item in free if item not in later]
        wanted += [item for item in later if item in free]
        return wanted[0] if wanted else None

    def take(self, item: str, reviewer: str) -> None:
        until = self.claims.get((item, reviewer))
        live = until is not None and until > self.now
        if not live or until - self.now < CLAIM * 2 / 3:
            if not live:
                self.claims.pop((item, reviewer), None)
            self.claims[item, reviewer] = self.now + CLAIM

    def give_back(self, item: str, reviewer: str) -> None:
        self.claims.pop((item, reviewer), None)


class Machine(RuleBasedStateMachine):
    store = None

    def __init__(self):
        super().__init__()
        self.model = Model()
        self.store.execute("DELETE FROM judgment_events")
        self.store.execute("DELETE FROM queue_events")
        self.store.execute("DELETE FROM assignment_events")
        self.store.execute("UPDATE item_heads SET verdict_seq = NULL, verdict = NULL")
        queue_keeping.refresh(self.store)

    @rule(reviewer=reviewers)
    def next_item(self, reviewer):
        expected = self.model.next(reviewer)
        assert queueing.next_item(self.store, reviewer, now=self.model.now) == expected
        if expected:
            self.model.take(expected, reviewer)

    @rule(reviewer=reviewers, item=items)
    def open_by_url(self, reviewer, item):
        got = queueing.claim(self.store, item, reviewer, now=self.model.now)
        assert (got == "mine") == self.model.free(item, reviewer)
        if got == "mine":
            self.model.take(item, reviewer)
        elif got == "taken":
            assert self.model.holders(item) - {reviewer}
        elif got == "assigned":
            assert self.model.owner(item) not in (None, reviewer)

    @rule(reviewer=reviewers, item=items)
    def decide(self, reviewer, item):
        event = review.decide(self.store, item_id=item, reviewer=reviewer, verdict="cannot_judge")
        self.model.verdicts.append((event, reviewer, item))
        self.model.give_back(item, reviewer)
        self.model.skipped = [entry for entry in self.model.skipped if entry != (item, reviewer)]

    @rule(reviewer=reviewers)
    def undo(self, reviewer):
        mine = [entry for entry in self.model.verdicts if entry[1] == reviewer]
        undone = review.undo(self.store, reviewer)
        assert undone == (mine[-1][2] if mine else None)
        if mine:
            self.model.verdicts.remove(mine[-1])

    @rule(reviewer=reviewers, item=items, kind=st.sampled_from(("skip", "decline", "release")))
    def give_back(self, reviewer, item, kind):
        getattr(queueing, kind)(self.store, item, reviewer, now=self.model.now)
        held = reviewer in self.model.holders(item)
        if kind != "release" or held:
            self.model.give_back(item, reviewer)
        if kind == "skip":
            entry = (item, reviewer)
            self.model.skipped = [other for other in self.model.skipped if other != entry]
            self.model.skipped.append(entry)
        elif kind == "decline":
            self.model.declined.add((item, reviewer))

    @rule(item=items, reviewer=st.none() | reviewers, undone=st.booleans())
    def assign(self, item, reviewer, undone):
        made = bulk.assign(self.store, [item], reviewer, done_by="lead")
        if undone:
            bulk.undo(self.store, made, done_by="lead")
        elif reviewer:
            self.model.assigned[item] = reviewer
        else:
            self.model.assigned.pop(item, None)

    @rule(minutes=st.integers(1, 20))
    def wait(self, minutes):
        self.model.now += timedelta(minutes=minutes)

    @rule()
    def restart(self):
        queue_keeping.refresh(self.store)

    @invariant()
    def the_log_says_the_same(self):
        found = {
            (row["item_id"], row["reviewer"]): row["until"]
            for row in queueing.claims(self.store, now=self.model.now)
        }
        live = {key: until for key, until in self.model.claims.items() if until > self.model.now}
        assert found == live

    @invariant()
    def nobody_shares_an_item_unless_overlap_asks(self):
        for item in ORDER:
            assert len(self.model.holders(item) - self.model.deciders(item)) <= NEEDED[item]

    @invariant()
    def no_verdict_is_lost(self):
        waiting = sum(len(self.model.deciders(item)) < NEEDED[item] for item in ORDER)
        assert queueing.counts(self.store, now=self.model.now).waiting == waiting
        for reviewer in ("ada", "ben", "cleo"):
            assert queueing.left_for(self.store, reviewer) == sum(
                self.model.may_decide(item, reviewer) and self.model.owner(item) in (None, reviewer)
                for item in ORDER
            )
        judged = {item for _, _, item in self.model.verdicts}
        assert {row["verdict"]: row["n"] for row in judgments.progress(self.store).to_dicts()} == (
            {"cannot_judge": len(judged)} if judged else {}
        )

    @invariant()
    def everybody_has_their_latest_verdict(self):
        latest = {(reviewer, item): event for event, reviewer, item in self.model.verdicts}
        for reviewer in ("ada", "ben", "cleo"):
            given = sum(who == reviewer for _, who, _ in self.model.verdicts)
            assert queueing.undoable(self.store, reviewer) == given
            for item in ORDER:
                assert queueing.verdict_of(self.store, item, reviewer) == latest.get(
                    (reviewer, item)
                )


def test_the_queue_does_what_the_model_says(store):
    add_samples(store)
    queueing.save_policy(store, POLICY, note="", saved_by="lead")
    Machine.store = store
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=8,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert set(NEEDED.values()) == {1, 2}
