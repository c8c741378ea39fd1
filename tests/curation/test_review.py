import pytest

from curation import review
from curation.review import JudgmentError
from db import batches, items
from db.records import ItemFilter
from tests.samples import add_samples


@pytest.fixture(autouse=True)
def samples(store):
    add_samples(store)


def test_a_verdict_is_in_force_at_once(store):
    review.decide(store, item_id="i2", reviewer="ada", verdict="approve", note="fine")
    (judgment,) = review.load(store, "i2", "ada").judgments
    assert (judgment.verdict, judgment.reviewer, judgment.note) == ("approve", "ada", "fine")
    assert judgment.ranking_id == "ri2"


def test_a_fix_records_a_human_ranking_and_labels(store):
    review.decide(
        store, item_id="i3", reviewer="ada", verdict="fix", order=list("abcd"), relevant=["a", "b"]
    )
    shown = review.load(store, "i3", "ben")
    human = shown.rankings[1]
    assert (human.author, human.author_name, human.docids) == ("human", "ada", tuple("abcd"))
    assert human.ndcg == 1.0
    assert shown.judgments[0].relevant_docids == ("a", "b")
    (row,) = batches.select_items(
        store,
        {
            "domains": [],
            "verdicts": ["fix"],
            "cut": 0.9,  # the teacher's order is below: the fix passes all the same
            "reviewers": [],
            "judged_since": None,
            "only_ok": True,
            "quarantined": False,
        },
    ).to_dicts()
    assert (row["ranking_id"], row["chain_id"]) == (human.ranking_id, "ri3")
    assert row["relevant_docids"] == ["a", "b"]


@pytest.mark.parametrize(
    ("verdict", "options", "message"),
    [
        ("reject", {}, "needs a reason"),
        ("reject", {"reasons": ["because"]}, "Unknown reasons"),
        ("approve", {"order": list("dcba")}, "go with the verdict fix"),
        ("fix", {}, "changes neither"),
        ("fix", {"order": list("abc")}, "each of the item's passages once"),
        ("fix", {"relevant": []}, "No passage is marked relevant"),
        ("fix", {"relevant": ["z"]}, "passages of the item"),
    ],
)
def test_incomplete_verdicts_record_nothing(store, verdict, options, message):
    with pytest.raises(JudgmentError, match=message):
        review.decide(store, item_id="i2", reviewer="ada", verdict=verdict, **options)
    assert review.load(store, "i2", "ada").judgments == []
    assert items.counts(store)["rankings"] == 5


def test_a_judgment_needs_a_name(store):
    with pytest.raises(JudgmentError, match="enter your name"):
        review.decide(store, item_id="i2", reviewer=" ", verdict="approve")


def test_undo_goes_back_one_at_a_time(store):
    for item_id in ("i1", "i2"):
        review.decide(store, item_id=item_id, reviewer="ada", verdict="approve")
    assert review.undo(store, "ben") is None
    assert review.undo(store, "ada") == "i2"
    assert review.undo(store, "ada") == "i1"
    assert review.undo(store, "ada") is None
    assert items.count_items(store, ItemFilter(verdict="open")) == 5


def test_blind_marks_are_kept(store):
    review.reveal(store, item_id="i1", reviewer="ada", marks=["c"])
    assert review.load(store, "i1", "ada").marks == ["c"]
    assert review.load(store, "i1", "ben").marks is None
    with pytest.raises(JudgmentError, match="not in this item"):
        review.reveal(store, item_id="i1", reviewer="ada", marks=["zz"])
