"""The review queue: what comes first and why, who gets what, and what survives."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from curation import gold, queue_keeping, queueing, review
from curation.queue_policy import Policy, PolicyError, badge, reviewers_needed
from db import items, queue_log, queue_values, returns
from db.records import ItemFilter
from db.store import Store
from tests.samples import add_samples

START = datetime(2026, 11, 26, 9, tzinfo=UTC)


def minutes(n):
    return START + timedelta(minutes=n)


@pytest.fixture
def desk(store):
    add_samples(store)
    return store


def decide(store, item_id, reviewer, verdict="approve"):
    reasons = ["wrong_order"] if verdict == "reject" else []
    return review.decide(
        store, item_id=item_id, reviewer=reviewer, verdict=verdict, reasons=reasons
    )


def use(store, **changes):
    queueing.save_policy(store, replace(Policy(), **changes), note="", saved_by="lead")


def everything(store, reviewer, now=START):
    """Decide until nothing is left, and return what came, in order."""
    found = []
    while item_id := queueing.next_item(store, reviewer, now=now):
        found.append(item_id)
        decide(store, item_id, reviewer)
    return found


def test_nearest_to_the_cut_comes_first_with_its_reason(desk):
    use(desk, audit_share=0.0)
    first = queueing.next_item(desk, "ada", now=START)
    assert first in ("i3", "i5")  # 0.4307 is nearest to 0.4
    reasons = queueing.why(desk, first)
    assert badge(reasons) == "Near the cut"
    assert reasons[0].weight == 1.0
    assert reasons[0].value == pytest.approx(1 - 0.0307 / 0.2, abs=1e-4)
    assert len(reasons) == 10
    assert badge(queueing.why(desk, "i1")) == "Not judged yet"


def test_nobody_gets_what_another_has_in_hand_until_it_expires(desk):
    first = queueing.next_item(desk, "ada", now=START)
    assert queueing.next_item(desk, "ben", now=minutes(14)) != first
    assert queueing.claim(desk, first, "ben", now=minutes(14)) == "taken"
    assert queueing.taken(desk, "ben", now=minutes(14)) == [first]
    assert queueing.claim(desk, first, "ben", now=minutes(15)) == "mine"
    assert queueing.claim(desk, first, "ada", now=minutes(15)) == "taken"


def test_an_item_on_the_screen_is_kept(desk):
    first = queueing.next_item(desk, "ada", now=START)
    assert queueing.claim(desk, first, "ada", now=minutes(4)) == "mine"  # nothing to renew yet
    assert queueing.claim(desk, first, "ada", now=minutes(10)) == "mine"
    assert queueing.claim(desk, first, "ben", now=minutes(24)) == "taken"
    kinds = [row["kind"] for row in queue_log.events_after(desk, 0)]
    assert kinds == ["claim", "renew"]


def test_what_is_in_hand_comes_first_again(desk):
    first = queueing.next_item(desk, "ada", now=START)
    assert queueing.next_item(desk, "ada", now=minutes(1)) == first
    second = queueing.next_item(desk, "ada", passed=[first], now=minutes(1))
    assert second != first
    queueing.release(desk, first, "ada", now=minutes(2))
    assert queueing.next_item(desk, "ada", now=minutes(3)) == second


def test_one_reviewer_gets_each_item_once(desk):
    assert sorted(everything(desk, "ada")) == ["i1", "i2", "i3", "i4", "i5"]
    assert queueing.next_item(desk, "ben", now=START) is None
    assert queueing.counts(desk, now=START) == queueing.Counts(0, 0, 5, 0)


def test_overlap_is_decided_by_as_many_and_no_more(desk):
    use(desk, overlap_share=1.0, overlap_reviewers=2)
    assert sorted(everything(desk, "ada")) == sorted(everything(desk, "ben"))
    assert everything(desk, "cleo") == []


def test_overlap_is_drawn_by_the_seed_alone():
    drawn = [
        reviewers_needed(Policy(overlap_share=0.15), f"item {number}") for number in range(4000)
    ]
    assert 0.13 < drawn.count(3) / 4000 < 0.17
    assert drawn == [
        reviewers_needed(Policy(overlap_share=0.15, cut=0.9), f"item {n}") for n in range(4000)
    ]


def test_skipped_comes_last_and_declined_never(desk):
    first = queueing.next_item(desk, "ada", now=START)
    queueing.skip(desk, first, "ada", now=START)
    second = queueing.next_item(desk, "ada", now=START)
    queueing.decline(desk, second, "ada", now=START)
    left = everything(desk, "ada")
    assert left[-1] == first
    assert second not in left
    assert queueing.claim(desk, second, "ada", now=START) == "closed"
    assert everything(desk, "ben") == [second]


def test_an_undo_brings_an_item_back(desk):
    done = everything(desk, "ada")
    assert review.undo(desk, "ada") == done[-1]
    assert queueing.next_item(desk, "ada", now=START) == done[-1]


def test_a_returned_item_comes_back_to_who_decided_it(desk):
    everything(desk, "ada")
    back = pl.DataFrame(
        [("i1", "e", "q", "lost", "went down", 0.8)],
        schema=["item_id", "evaluation_id", "qid", "reason", "detail", "similarity"],
        orient="row",
    )
    returns.insert_returns(desk, back, "lead")
    queue_keeping.refresh(desk)
    assert badge(queueing.why(desk, "i1")) == "Checkpoint lost nDCG"
    assert everything(desk, "ada") == ["i1"]


def test_a_new_process_finds_the_same_queue(desk):
    mine = queueing.next_item(desk, "ada", now=START)
    skipped = queueing.next_item(desk, "ben", now=START)
    queueing.skip(desk, skipped, "ben", now=START)
    decide(desk, queueing.next_item(desk, "ben", now=START), "ben")
    workspace = desk.workspace
    desk.close()
    with Store.open(workspace) as opened:
        assert queueing.next_item(opened, "ada", now=minutes(1)) == mine
        assert queueing.claim(opened, mine, "ben", now=minutes(1)) == "taken"
        assert everything(opened, "ben", minutes(1))[-1] == skipped


def test_gold_is_mixed_in_and_scored_and_its_verdict_stays_the_leads(desk):
    review.decide(desk, item_id="i4", reviewer="lead", verdict="reject", reasons=["wrong_labels"])
    review.decide(desk, item_id="i1", reviewer="lead", verdict="fix", relevant=["b"])
    gold.set_from_verdict(desk, "i4", "lead")
    gold.set_from_verdict(desk, "i1", "lead", order=True)
    use(desk, gold_share=0.5)
    got = everything(desk, "ada")
    assert {"i1", "i4"} & set(got)
    for item_id in {"i1", "i4"} - set(got):
        decide(desk, item_id, "ada")
    (score,) = gold.scores(desk)
    assert (score.reviewer, score.items, score.verdicts) == ("ada", 2, 0.0)
    assert (score.labels, score.orders) == (0.0, 1.0)
    listed = items.list_items(desk, ItemFilter(reviewer="lead"), limit=9)
    assert sorted(listed["item_id"]) == ["i1", "i4"]
    gold.withdraw(desk, "i4", "lead")
    assert items.list_items(desk, ItemFilter(reviewer="lead"), limit=9)["item_id"].to_list() == [
        "i1"
    ]


def test_a_gold_answer_needs_the_leads_verdict(desk):
    with pytest.raises(gold.GoldError, match="judge it first"):
        gold.set_from_verdict(desk, "i4", "lead")


def test_the_reviewer_does_not_see_what_others_said(desk):
    review.decide(desk, item_id="i2", reviewer="ben", verdict="fix", order=list("abcd"))
    shown = queueing.unseen(review.load(desk, "i2", "ada"), "ada")
    assert shown.judgments == []
    assert [each.author for each in shown.rankings] == ["teacher"]
    decide(desk, "i2", "ada")
    shown = queueing.unseen(review.load(desk, "i2", "ada"), "ada")
    assert {judgment.reviewer for judgment in shown.judgments} == {"ada", "ben"}


def test_policies_are_kept_and_the_latest_holds(desk):
    use(desk, cut=0.6)
    use(desk, cut=0.9, weights={"near_cut": 2.0})
    assert queue_keeping.current_policy(desk).cut == 0.9
    assert [row["settings"]["cut"] for row in queue_log.policies(desk)] == [0.9, 0.6]
    assert queueing.next_item(desk, "ada", now=START) == "i4"
    with pytest.raises(PolicyError, match="in force"):
        use(desk, cut=0.9, weights={"near_cut": 2.0})


@pytest.mark.parametrize(
    "wrong",
    [{"weights": {"mood": 1}}, {"weights": {"near_cut": 11}}, {"cut": 2}, {"claim_minutes": 0}],
)
def test_a_policy_out_of_range_is_refused(wrong):
    with pytest.raises(PolicyError):
        Policy(**wrong)


def test_the_preview_saves_nothing(desk):
    decide(desk, "i3", "ada")
    found = queueing.preview(desk, Policy(weights={"near_cut": 1.0}, cut=0.9), limit=2)
    assert found.first["item_id"].to_list() == ["i4", "i1"]
    assert found.first["reason"].to_list() == ["Near the cut", "Near the cut"]
    near = found.reasons.row(0, named=True)
    assert (near["items"], near["leading"]) == (2, 2)
    assert queue_log.policies(desk) == []


def test_reasons_come_from_what_was_measured(desk):
    queue_values.put_clusters(desk, pl.DataFrame({"item_id": ["i1"], "cluster": [0], "place": [2]}))
    groups = [("j1", "f", "i2", 1, 4, 0.5, 0.5), ("j1", "g", "i2", 2, 4, 0.1, 0.9)]
    queue_values.insert_groups(
        desk, pl.DataFrame(groups, schema=queue_values.GROUP_SCHEMA, orient="row")
    )
    values = {reason.reason: reason.value for reason in queueing.why(desk, "i1")}
    assert values["diverse"] == 0.5
    values = {reason.reason: reason.value for reason in queueing.why(desk, "i2")}
    assert values["flat"] == 0.5
