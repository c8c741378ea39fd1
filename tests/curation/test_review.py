import pytest

from curation import batching, review
from curation.anchoring import Anchoring, anchoring
from curation.review import JudgmentError
from curation.snapshots import ITEMS
from curation.training_items import read_items
from db import batches, details, items
from db.records import Detail, ItemFilter, StepMark
from tests.samples import add_samples, exported_and_imported


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


def test_grades_go_with_approvals_and_fixes_and_agree_with_the_labels(store):
    review.decide(store, item_id="i1", reviewer="ada", verdict="approve", grades={"a": 3, "b": 1})
    (judgment,) = review.load(store, "i1", "ada").judgments
    assert judgment.grades == {"a": 3, "b": 1}
    for wrong in ({"a": 1}, {"b": 2}, {"a": 4}):
        with pytest.raises(JudgmentError, match=r"grade"):
            review.decide(store, item_id="i2", reviewer="ada", verdict="approve", grades=wrong)
    with pytest.raises(JudgmentError, match="Grades go with"):
        review.decide(store, item_id="i2", reviewer="ada", verdict="cannot_judge", grades={"a": 3})
    review.decide(
        store, item_id="i2", reviewer="ada", verdict="fix", relevant=["b"], grades={"b": 2, "a": 0}
    )
    (judgment,) = review.load(store, "i2", "ada").judgments
    assert (judgment.grades, judgment.relevant_docids) == ({"a": 0, "b": 2}, ("b",))


def test_how_an_order_came_about_and_marked_steps_are_kept(store):
    detail = Detail(
        started_from="ri3",
        ranked=2,
        tied=("b",),
        chain_id="ri3",
        steps=(StepMark(0, 6, 1), StepMark(6, 9, -1)),
    )
    event_id = review.decide(
        store, item_id="i3", reviewer="ada", verdict="fix", order=list("abdc"), detail=detail
    )
    assert details.details_of(store, "i3") == {event_id: detail}
    assert detail.first_wrong == StepMark(6, 9, -1)
    for wrong in (
        Detail(tied=("z",)),
        Detail(ranked=5),
        Detail(steps=(StepMark(0, 999, 1),)),
        Detail(steps=(StepMark(3, 6, 1), StepMark(0, 3, 1))),
    ):
        with pytest.raises(JudgmentError):
            review.decide(store, item_id="i4", reviewer="ada", verdict="approve", detail=wrong)


def test_a_rewritten_chain_is_trained_on_as_a_persons(store, tmp_path):
    review.decide(store, item_id="i3", reviewer="ada", verdict="fix", chain="I say [1].")
    review.decide(store, item_id="i5", reviewer="ada", verdict="fix", order=list("abcd"))
    with pytest.raises(JudgmentError, match="empty"):
        review.decide(store, item_id="i4", reviewer="ada", verdict="fix", chain=" ")
    batch = batching.create(store, "b", batching.Selection(verdicts=("fix",)), created_by="ada")
    manifest = batching.approve(store, batch, approved_by="ben")
    folder = store.workspace.snapshots / manifest.snapshot_id
    written, kept = read_items(folder / ITEMS)
    assert (written.chain, written.chain_author) == ("I say [1].", "human")
    assert written.ranking == tuple("dcba")
    assert (kept.chain, kept.chain_author) == ("First [1], then [2]. i5", "teacher")
    items_back = exported_and_imported(folder, tmp_path)
    assert [item.chain_author for item in items_back] == ["human", "teacher"]


def test_anchoring_counts_labels_that_moved_to_the_teachers(store):
    review.reveal(store, item_id="i1", reviewer="ada", marks=["b", "c"])  # the teacher's: a
    review.reveal(store, item_id="i2", reviewer="ada", marks=["a"])
    review.reveal(store, item_id="i3", reviewer="ada", marks=["b"])
    assert anchoring(store) == Anchoring(0, 0, 0, 0, 0, 0)
    assert anchoring(store).share is None
    # Of three labels apart, a and c move to the teacher's; b stays as it was marked.
    review.decide(store, item_id="i1", reviewer="ada", verdict="fix", relevant=["a", "b"])
    review.decide(store, item_id="i2", reviewer="ada", verdict="fix", relevant=["a", "d"])
    review.decide(store, item_id="i3", reviewer="ada", verdict="cannot_judge")
    found = anchoring(store, "ada")
    assert found == Anchoring(items=2, passages=8, agreed=5, left=1, differed=3, moved=2)
    assert found.share == 2 / 3
    assert anchoring(store, "ben").items == 0
    review.undo(store, "ada")
    review.undo(store, "ada")
    assert anchoring(store).items == 1
