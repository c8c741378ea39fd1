"""Who agrees with whom: what counts as said, each measure by hand, and that it is symmetric."""

from dataclasses import replace
from datetime import timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation import adjudication, review
from curation.reliability import NO_VARIATION
from curation.reviewer_agreement import (
    NOT_TWICE,
    by_item,
    disputed,
    grouped,
    matrix,
    overall,
    pairs,
    said,
    with_others,
)
from db import item_writes, items, opinions
from db.records import Detail
from tests.samples import add_samples


@pytest.fixture
def judged(store):
    """Three people on i2 (the teacher's order is b a c d) and i3 (d c b a)."""
    add_samples(store)
    review.decide(store, item_id="i2", reviewer="ada", verdict="approve", grades={"a": 3, "b": 1})
    review.decide(
        store,
        item_id="i2",
        reviewer="ben",
        verdict="fix",
        order=list("abcd"),
        relevant=["a", "b"],
        grades={"a": 2, "b": 2},
    )
    review.decide(store, item_id="i2", reviewer="cleo", verdict="cannot_judge")
    for reviewer in ("ada", "ben"):
        review.decide(store, item_id="i3", reviewer=reviewer, verdict="approve")
    review.decide(store, item_id="i4", reviewer="ada", verdict="approve")
    return store


def pair(found, item_id, a, b):
    (row,) = found.pairs.filter(
        pl.col("item_id") == item_id, pl.col("a") == a, pl.col("b") == b
    ).to_dicts()
    return row


def add_checkpoint(store, item_id, order):
    first = items.get_rankings(store, item_id)[0]
    made = replace(
        first,
        ranking_id=f"c{item_id}",
        author="checkpoint",
        author_name="sft-1",
        docids=tuple(order),
    )
    with store.transaction() as cursor:
        item_writes.insert_rankings(cursor, item_writes.ranking_frame([made]))


def test_each_measure_by_hand(judged):
    found = said(judged, k=2)
    both = pair(found, "i2", "person:ada", "person:ben")
    # b a c d and a b c d: one pair of six the other way round.
    assert both["tau"] == pytest.approx(1 - 2 / 6)
    assert (both["overlap"], both["equal"], both["labels"]) == (1.0, False, 0.5)
    no_order = pair(found, "i2", "person:ada", "person:cleo")
    assert (no_order["tau"], no_order["labels"], no_order["equal"]) == (None, None, False)
    teacher = pair(found, "i2", "person:ada", "teacher:simulated")
    assert (teacher["tau"], teacher["equal"]) == (1.0, None)


def test_a_list_that_is_no_longer_than_k_has_no_overlap(judged):
    assert said(judged, k=4).pairs["overlap"].null_count() == said(judged, k=4).pairs.height
    people, teachers, _ = overall(said(judged, k=4))
    assert (
        people.overlap.why == teachers.overlap.why == "no list of more than 4 has an order of both"
    )


def test_the_latest_judgment_in_force_counts_and_an_adjudication_does_not(judged):
    review.decide(judged, item_id="i3", reviewer="ben", verdict="reject", reasons=["bad_query"])
    assert not pair(said(judged), "i3", "person:ada", "person:ben")["equal"]
    review.undo(judged, "ben")
    assert pair(said(judged), "i3", "person:ada", "person:ben")["equal"]
    seen = [row["event_id"] for row in opinions.of_item(judged, "i2")]
    adjudication.merge(
        judged, "i2", verdict="cannot_judge", over=seen, cause="slip", decided_by="ada"
    )
    assert pair(said(judged), "i2", "person:ada", "person:ben")["a_verdict"] == "approve"
    assert opinions.of_people(judged).height == 6


def test_overall_by_domain_and_by_week(judged):
    add_checkpoint(judged, "i3", "abcd")
    people, teachers, checkpoints = overall(said(judged, k=2))
    # i2: a, f, c; i3: a, a. Observed disagreement 3/5, by chance 14/20.
    assert people.verdicts.value == pytest.approx(1 - (3 / 5) / (14 / 20))
    assert people.verdicts.n == 2
    # Passage a: 3 and 2; passage b: 1 and 2.
    assert people.grades.n == 1
    assert people.grades.low is None
    assert people.tau.value == pytest.approx((2 / 3 + 1) / 2)
    assert (teachers.verdicts, teachers.tau.n) == (None, 3)
    assert (checkpoints.tau.value, checkpoints.tau.n) == (-1.0, 1)
    rows = grouped(said(judged, k=2), "domain", "person")
    assert [(row.group, row.tau.n) for row in rows] == [("biology", 1), ("leetcode", 1)]
    assert rows[1].verdicts.why == NO_VARIATION
    assert [row.group for row in grouped(said(judged), "domain", "checkpoint")] == ["leetcode"]
    assert [row.group for row in grouped(said(judged, ["biology"]), "domain", "teacher")] == [
        "biology"
    ]


def test_an_item_stands_in_the_week_of_its_latest_judgment(judged):
    judged.execute(
        "UPDATE judgment_events SET judged_at = '2026-11-01 12:00:00+00' WHERE item_id = 'i3'"
    )
    judged.execute(
        "UPDATE judgment_events SET judged_at = '2026-11-02 00:30:00+00' WHERE item_id <> 'i3'"
    )
    weeks = grouped(said(judged), "week", "person")
    assert [row.group for row in weeks] == ["2026-10-26", "2026-11-02"]


def test_nothing_to_compare_says_so(store):
    add_samples(store)
    people, teachers, _ = overall(said(store))
    assert people.verdicts.why == NOT_TWICE
    assert people.tau.value is teachers.tau.value is None
    review.decide(store, item_id="i1", reviewer="ada", verdict="approve")
    people, teachers, _ = overall(said(store))
    assert people.tau.value is None
    assert teachers.tau.value == 1.0


def test_the_matrix_has_each_pair_both_ways(judged):
    for measure in ("tau", "overlap", "equal"):
        cells = {
            (row["a"], row["b"]): (row["value"], row["low"], row["high"], row["n"])
            for row in matrix(said(judged, k=2), measure).to_dicts()
        }
        assert all(cells[b, a] == cell for (a, b), cell in cells.items())
    assert cells["person:ada", "person:ben"][::3] == (0.5, 2)
    assert cells["person:ada", "teacher:simulated"] == (None, None, None, 0)


def test_one_person_with_the_others(judged):
    ada = with_others(said(judged, k=2), "ada")
    assert (ada.verdicts.n, ada.tau.n, ada.grades.n) == (2, 2, 1)
    # Pairs on i2: approve with fix, approve with cannot judge; on i3: approve twice.
    assert ada.verdicts.value == pytest.approx(1 - (4 / 6) / (18 / 30))
    nobody = with_others(said(judged), "dora")
    assert (nobody.verdicts.value, nobody.tau.value) == (None, None)


def test_items_that_are_disputed_say_in_what(judged):
    of_people = by_item(said(judged).pairs.filter(pl.col("b_kind") == "person"))
    assert of_people["people"].to_list() == [3, 2]
    assert {row["item_id"]: row["apart"] for row in disputed(of_people, 0.6).to_dicts()} == {
        "i2": ["verdicts", "labels"]
    }
    (row,) = disputed(of_people, 0.7).to_dicts()
    assert row["apart"] == ["verdicts", "order", "labels"]


def people_frame(rows):
    return pl.DataFrame(
        [
            {
                "item_id": "i",
                "domain": "d",
                "ndcg": 0.5,
                "author": author,
                "kind": "person",
                "verdict": "fix",
                "judged_at": START + timedelta(hours=at),
                "places": places,
                "tied": tied,
                "labels": [1],
            }
            for at, (author, places, tied) in enumerate(rows)
        ],
        schema_overrides={"places": pl.List(pl.Int32), "tied": pl.List(pl.Int32)},
    )


START = pl.datetime_range(
    pl.datetime(2026, 11, 2, time_zone="UTC"), pl.datetime(2026, 11, 2, time_zone="UTC"), eager=True
)[0]
NO_MODELS = pl.DataFrame(
    schema={
        **dict.fromkeys(("item_id", "domain", "kind", "author"), pl.String),
        "places": pl.List(pl.Int32),
    }
)
orders = st.permutations(range(1, 7))
ties = st.sets(st.integers(2, 6))


@settings(max_examples=30, deadline=None)
@given(a=orders, b=orders, tied_a=ties, tied_b=ties, k=st.integers(1, 7))
def test_two_orders_agree_as_much_either_way_round(a, b, tied_a, tied_b, k):
    one = pairs(people_frame([("x", a, sorted(tied_a)), ("y", b, sorted(tied_b))]), NO_MODELS, k=k)
    other = pairs(
        people_frame([("x", b, sorted(tied_b)), ("y", a, sorted(tied_a))]), NO_MODELS, k=k
    )
    assert one.select("tau", "overlap").equals(other.select("tau", "overlap"))
    same = pairs(people_frame([("x", a, []), ("y", a, [])]), NO_MODELS, k=k)
    assert same["tau"].to_list() == [1.0]
    assert same["overlap"].to_list() == [1.0 if k < 6 else None]


def test_a_tie_takes_no_side(store):
    add_samples(store)
    level = Detail(tied=("b",))
    review.decide(store, item_id="i1", reviewer="ada", verdict="fix", order=list("bacd"))
    review.decide(
        store, item_id="i1", reviewer="ben", verdict="fix", order=list("abdc"), detail=level
    )
    # Of six pairs a-b is tied by ben, c-d differs: 4 for, 1 against, tau-b over √(6 · 5).
    assert pair(said(store), "i1", "person:ada", "person:ben")["tau"] == pytest.approx(3 / 30**0.5)
