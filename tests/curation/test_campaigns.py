"""Campaigns: what is given out in one, what counts for it, and when it will be done."""

from datetime import UTC, date, datetime, timedelta

import pytest

from curation import campaigns, guidelines, queueing, review
from curation.campaigns import CampaignError
from curation.queue_policy import Policy
from curation.review import JudgmentError
from db import campaigns as log
from db import judgments
from db.errors import NotFoundError, StoreError
from db.records import ItemFilter
from tests.samples import add_samples

LEETCODE = ItemFilter(domains=("leetcode",))


@pytest.fixture
def desk(store):
    add_samples(store)
    return store


def begin(store, name="near the cut", **options):
    sound = {
        "chosen": LEETCODE,
        "goal": 3,
        "due_on": date(2026, 11, 27),
        "guideline": "general",
        "members": (),
        "created_by": "lead",
    }
    return campaigns.create(store, name, **{**sound, **options})


def decide(store, item_id, campaign, reviewer="ada"):
    review.decide(
        store, item_id=item_id, reviewer=reviewer, verdict="approve", campaign=campaign, seconds=3
    )


def work(store, campaign, reviewer="ada"):
    """Decide all that a campaign gives out, and return it in order."""
    chosen, found = log.get_campaign(store, campaign).chosen, []
    while item_id := queueing.next_item(store, reviewer, within=chosen):
        found.append(item_id)
        decide(store, item_id, campaign, reviewer)
    return found


def test_it_gives_out_its_items_in_the_queue_s_order(desk):
    campaign = begin(desk)
    chosen = log.get_campaign(desk, campaign).chosen
    assert chosen == LEETCODE
    assert queueing.left_for(desk, "ada", chosen) == queueing.waiting(desk, chosen) == 3
    assert queueing.left_for(desk, "ada") == 5
    given = work(desk, campaign)
    assert sorted(given) == ["i3", "i4", "i5"]
    assert given[-1] == "i4"  # farthest from the cut
    assert queueing.left_for(desk, "ada", chosen) == 0
    assert sorted(work_outside(desk)) == ["i1", "i2"]


def work_outside(store):
    found = []
    while item_id := queueing.next_item(store, "ada"):
        found.append(item_id)
        decide(store, item_id, None)
    return found


def test_what_is_in_hand_outside_does_not_come_in_it(desk):
    campaign = begin(desk, chosen=ItemFilter(domains=("biology",)))
    held = queueing.next_item(desk, "ada")
    assert held in ("i3", "i5")
    assert queueing.next_item(desk, "ada", within=log.get_campaign(desk, campaign).chosen) in (
        "i1",
        "i2",
    )


def test_an_item_that_two_decide_comes_to_both(desk):
    policy = Policy(overlap_share=1.0, overlap_reviewers=2)
    queueing.save_policy(desk, policy, note="", saved_by="lead")
    campaign = begin(desk, chosen=ItemFilter(domains=("leetcode",), verdict="open"))
    assert sorted(work(desk, campaign)) == sorted(work(desk, campaign, "ben"))
    assert campaigns.progress(desk, log.get_campaign(desk, campaign)).decided == 3


def test_verdicts_carry_the_campaign_and_its_guidelines(desk):
    for name in ("general", "code"):
        guidelines.publish(desk, name, "Read.", note="", after=0, published_by="lead")
    campaign = begin(desk, guideline="code")
    decide(desk, "i3", campaign)
    decide(desk, "i1", campaign)  # opened by its address: none of the campaign's items
    stamps = judgments.in_force(desk).select("item_id", "campaign", "guideline", "seconds").rows()
    assert stamps == [("i3", campaign, "code v1", 3.0), ("i1", None, "general v1", 3.0)]
    with pytest.raises(NotFoundError, match="page Campaigns"):
        decide(desk, "i4", "gone")


def test_it_is_for_its_members(desk):
    campaign = begin(desk, members=("ben", " cleo ", "", "ben"))
    assert log.get_campaign(desk, campaign).members == ("ben", "cleo")
    with pytest.raises(JudgmentError, match="is for ben, cleo"):
        decide(desk, "i3", campaign, "ada")
    decide(desk, "i3", campaign, "cleo")


def test_progress_pace_and_end(desk):
    campaign = begin(desk, goal=4)
    found = log.get_campaign(desk, campaign)
    fresh = campaigns.progress(desk, found)
    assert (fresh.decided, fresh.left, fresh.waiting, fresh.short) == (0, 4, 3, 1)
    assert fresh.a_day is fresh.ready_at is None
    decide(desk, "i3", campaign)
    decide(desk, "i3", campaign, "ben")  # the same item again
    decide(desk, "i5", campaign)
    review.undo(desk, "ada")
    decide(desk, "i4", campaign)
    day = datetime.now(UTC) + timedelta(days=1)
    moved = campaigns.progress(desk, found, now=day)
    assert (moved.decided, moved.left, moved.waiting, moved.short) == (2, 2, 1, 1)
    assert moved.a_day == pytest.approx(2, rel=0.01)
    assert moved.ready_at is not None
    assert moved.ready_at - day == pytest.approx(timedelta(days=1), abs=timedelta(minutes=15))
    assert moved.by_day["items"].sum() == 2
    # An hour at least: the first minute's verdicts promise no thousands a day.
    assert campaigns.progress(desk, found).a_day == pytest.approx(48, rel=0.01)
    # A week without verdicts: no pace, and so no end.
    late = campaigns.progress(desk, found, now=day + timedelta(days=9))
    assert late.a_day is late.ready_at is None


def test_an_end_in_ages_is_none(desk):
    campaign = begin(desk, goal=1_000_000)
    decide(desk, "i3", campaign)
    week = datetime.now(UTC) + timedelta(days=6)
    found = campaigns.progress(desk, log.get_campaign(desk, campaign), now=week)
    assert found.a_day is not None
    assert found.ready_at is None


def test_a_goal_that_is_reached_has_no_end_to_wait_for(desk):
    campaign = begin(desk, goal=1)
    decide(desk, "i3", campaign)
    reached = campaigns.progress(desk, log.get_campaign(desk, campaign))
    assert (reached.left, reached.ready_at, reached.short) == (0, None, 0)


def test_changes_closing_and_reopening_are_events(desk):
    campaign = begin(desk)
    same = {"goal": 3, "due_on": date(2026, 11, 27), "guideline": "general", "members": ()}
    with pytest.raises(CampaignError, match="Nothing differs"):
        campaigns.change(desk, campaign, name="near the cut", **same, changed_by="lead")
    campaigns.change(desk, campaign, name="code", **{**same, "goal": 9}, changed_by="lead")
    campaigns.set_open(desk, campaign, False, changed_by="lead")
    with pytest.raises(CampaignError, match="closed already"):
        campaigns.set_open(desk, campaign, False, changed_by="lead")
    with pytest.raises(CampaignError, match="open it again"):
        campaigns.change(desk, campaign, name="x", **same, changed_by="lead")
    other = begin(desk, "Code")
    with pytest.raises(StoreError, match="open campaign named code"):
        campaigns.set_open(desk, campaign, True, changed_by="lead")
    campaigns.set_open(desk, other, False, changed_by="lead")
    campaigns.set_open(desk, campaign, True, changed_by="lead")
    (first, second) = log.list_campaigns(desk)
    assert (first.name, first.goal, first.open) == ("code", 9, True)
    assert (second.name, second.open) == ("Code", False)
    kinds = desk.rows(
        "SELECT kind FROM campaign_events WHERE campaign_id = ? ORDER BY seq", [campaign]
    )
    assert [row["kind"] for row in kinds] == ["create", "change", "close", "reopen"]


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        ({"name": " "}, CampaignError, "A name is"),
        ({"name": "\u202eabc"}, CampaignError, "A name is"),
        ({"goal": 0}, CampaignError, "1 to 1,000,000 items"),
        ({"chosen": ItemFilter(verdict="approve")}, CampaignError, "waits for a verdict"),
        ({"chosen": ItemFilter(reviewer="ada")}, CampaignError, "waits for a verdict"),
        ({"name": "TAKEN"}, StoreError, "open campaign named"),
    ],
)
def test_what_will_not_do_is_refused(desk, wrong, error, message):
    begin(desk, "taken")
    with pytest.raises(error, match=message):
        begin(desk, **wrong)
    assert len(log.list_campaigns(desk)) == 1
