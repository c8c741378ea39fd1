"""The last word: who may have it, what it makes of the item, and how it is taken back."""

import polars as pl
import pytest

from curation import (
    adjudication,
    batching,
    gold,
    judgment_exports,
    people,
    queue_keeping,
    queueing,
    review,
)
from curation.adjudication import AdjudicationError
from curation.people import Operator
from curation.queue_policy import Policy
from db import adjudications, audit, batches, items, judgments, returns
from db.audit import AuditFilter
from db.errors import NotFoundError
from db.records import Detail, ItemFilter, StepMark
from tests.samples import add_samples

FIXED = [*"abcd"]


@pytest.fixture
def disputed(store):
    """ada approves i3, ben fixes it; both approve i1."""
    add_samples(store)
    steps = Detail(chain_id="ri3", steps=(StepMark(0, 6, 1),))
    review.decide(store, item_id="i3", reviewer="ada", verdict="approve", detail=steps)
    review.decide(
        store,
        item_id="i3",
        reviewer="ben",
        verdict="fix",
        order=FIXED,
        relevant=["a", "b"],
        grades={"a": 3, "b": 2},
        chain="I say [1].",
    )
    for reviewer in ("ada", "ben"):
        review.decide(store, item_id="i1", reviewer=reviewer, verdict="approve")
    return store


def waiting(store, **options):
    return adjudication.waiting(store, asked_by="grace", **options)["item_id"].to_list()


def head(store, item_id="i3"):
    row = items.list_items(store, ItemFilter(), limit=9).filter(item_id=item_id).row(0, named=True)
    return row["verdict"], row["reviewer"]


def versions(store):
    """Return the event ids of what people said of i3."""
    case = adjudication.load(store, "i3", asked_by="grace")
    return {each.letter: each.judgment.event_id for each in case.versions}


def take(store, letter, by="grace", over=None, **options):
    seen = over or versions(store)
    return adjudication.take(
        store, "i3", seen[letter], over=seen.values(), cause="slip", decided_by=by, **options
    )


def merge(store, **options):
    options = {"cause": "ambiguous", "decided_by": "grace", **options}
    return adjudication.merge(store, "i3", over=versions(store).values(), **options)


def test_what_people_do_not_agree_on_waits(disputed):
    assert waiting(disputed) == ["i3"]
    assert waiting(disputed, domains=["biology"]) == []
    # Two fixes are apart by the cut alone.
    review.decide(disputed, item_id="i3", reviewer="ada", verdict="fix", order=[*"abdc"])
    assert waiting(disputed, cut=0.5) == []
    assert waiting(disputed, cut=0.6) == ["i3"]


def test_versions_stand_side_by_side_with_marked_steps(disputed):
    case = adjudication.load(disputed, "i3", asked_by="grace")
    first, second = case.versions
    assert [each.letter for each in case.versions] == ["A", "B"]
    assert first.ranking == case.shown.teacher
    assert (first.labels, second.labels) == (("a",), ("a", "b"))
    assert first.detail.steps == (StepMark(0, 6, 1),)
    assert second.ranking.docids == tuple(FIXED)
    assert case.open
    assert case.decided is None


def test_a_version_is_taken_as_it_is(disputed):
    before = judgments.judgments_of(disputed, "i3")
    event = take(disputed, "B", note="ben is right")
    assert head(disputed) == ("fix", "grace")
    assert waiting(disputed) == []
    (made, *_) = judgments.judgments_of(disputed, "i3")
    bens = next(each for each in before if each.reviewer == "ben")
    assert (made.event_id, made.ranking_id, made.note) == (event, bens.ranking_id, "ben is right")
    assert (made.relevant_docids, made.grades) == (("a", "b"), {"a": 3, "b": 2})
    chosen = batches.select_items(disputed, batching.Selection(verdicts=("fix",)).as_row())
    assert chosen.select("ranking_id", "chain_id", "relevant_docids").row(0) == (
        bens.ranking_id,
        bens.ranking_id,  # ben's chain too
        ["a", "b"],
    )
    case = adjudication.load(disputed, "i3", asked_by="grace")
    assert not case.open
    assert case.decided["taken"] == bens.event_id
    assert set(case.decided["over"]) == {each.event_id for each in before}
    assert [each.author for each in case.versions] == ["ada", "ben"]


def test_a_merge_is_what_is_trained_on(disputed):
    merge(disputed, verdict="fix", order=[*"bacd"], relevant=["b"])
    chosen = batches.select_items(disputed, batching.Selection(verdicts=("fix",)).as_row())
    row = chosen.row(0, named=True)
    assert (row["reviewer"], row["relevant_docids"], row["chain_id"]) == ("grace", ["b"], "ri3")
    ranking = next(
        each for each in items.get_rankings(disputed, "i3") if each.ranking_id == row["ranking_id"]
    )
    assert (ranking.author_name, ranking.docids) == ("grace", tuple("bacd"))


def test_it_stays_the_last_word_until_it_is_undone_and_a_later_judgment_reopens_it(disputed):
    event = take(disputed, "A")
    review.decide(disputed, item_id="i3", reviewer="cleo", verdict="fix", order=[*"abdc"])
    assert head(disputed) == ("approve", "grace")
    assert waiting(disputed) == ["i3"]
    assert adjudication.load(disputed, "i3", asked_by="grace").open
    adjudication.undo(disputed, event, undone_by="grace")
    assert head(disputed) == ("fix", "cleo")
    assert waiting(disputed) == ["i3"]
    with pytest.raises(NotFoundError, match="in force to undo"):
        adjudication.undo(disputed, event, undone_by="grace")
    assert adjudication.decided(disputed, asked_by="grace") == []
    # Of two adjudications the later holds; its author's own later verdict takes its place.
    take(disputed, "A")
    take(disputed, "B", by="henry")
    assert head(disputed) == ("fix", "henry")
    assert [row["reviewer"] for row in adjudications.in_force(disputed)] == ["henry"]


def test_nobody_is_asked_any_more_until_it_is_undone_or_sent_back(disputed):
    asks_five = Policy(overlap_share=1.0, overlap_reviewers=5)
    queueing.save_policy(disputed, asks_five, note="", saved_by="lead")
    i3 = ItemFilter(found=("i3",))
    assert queueing.next_item(disputed, "cleo", within=i3) == "i3"
    event = take(disputed, "B")
    for _ in range(2):
        assert queueing.next_item(disputed, "cleo", within=i3) is None
        assert queueing.claim(disputed, "i3", "cleo") == "closed"
        assert queueing.left_for(disputed, "dora") == queueing.counts(disputed).waiting == 4
        queue_keeping.refresh(disputed)  # as after a restart
    review.decide(disputed, item_id="i3", reviewer="dora", verdict="approve")
    adjudication.undo(disputed, event, undone_by="grace")
    assert queueing.next_item(disputed, "cleo", within=i3) == "i3"
    take(disputed, "B")
    assert queueing.next_item(disputed, "cleo", within=i3) is None
    back = pl.DataFrame(
        [("i3", "e", "q", "lost", "went down", 0.8)],
        schema=["item_id", "evaluation_id", "qid", "reason", "detail", "similarity"],
        orient="row",
    )
    returns.insert_returns(disputed, back, "lead")
    queue_keeping.refresh(disputed)
    assert queueing.next_item(disputed, "grace", within=i3) == "i3"


def test_many_at_once_leave_the_last_word_alone(disputed):
    take(disputed, "B")
    bulk = review.decide_many(disputed, item_ids=["i1", "i3"], reviewer="cleo", verdict="approve")
    assert bulk
    assert head(disputed) == ("fix", "grace")
    assert head(disputed, "i1") == ("approve", "cleo")


def test_only_the_author_undoes_and_only_what_was_seen_is_decided_over(disputed):
    event = take(disputed, "B")
    with pytest.raises(NotFoundError, match="henry has no judgment"):
        adjudication.undo(disputed, event, undone_by="henry")
    seen = versions(disputed)
    review.decide(disputed, item_id="i3", reviewer="cleo", verdict="cannot_judge")
    with pytest.raises(AdjudicationError, match="look at the versions anew"):
        take(disputed, "B", over=seen)
    with pytest.raises(AdjudicationError, match="none of the item's versions"):
        adjudication.take(
            disputed, "i3", event, over=versions(disputed).values(), cause="slip", decided_by="x"
        )
    review.undo(disputed, "cleo")
    review.undo(disputed, "ben")  # takes back i1
    review.undo(disputed, "ben")
    with pytest.raises(AdjudicationError, match="Fewer than two"):
        take(disputed, "A")


@pytest.mark.parametrize(("cause", "name"), [("because", "grace"), ("slip", " ")])
def test_a_decision_needs_a_cause_and_a_name(disputed, cause, name):
    with pytest.raises(AdjudicationError, match="cause is one of|needs a name"):
        merge(disputed, verdict="approve", cause=cause, decided_by=name)
    assert waiting(disputed) == ["i3"]


def test_gold_items_are_not_adjudicated(disputed):
    gold.set_from_verdict(disputed, "i3", "ada")
    assert waiting(disputed) == []
    with pytest.raises(AdjudicationError, match="gold item"):
        take(disputed, "A")


def test_with_the_two_person_rule_nobody_decides_over_their_own(disputed):
    take(disputed, "A", by="ben")
    people.set_setting(disputed, people.TWO_PERSON, True, set_by=Operator("root"))
    with pytest.raises(AdjudicationError, match="You judged this item yourself"):
        take(disputed, "A", by="ada")
    take(disputed, "A", by="grace")


def test_it_stands_in_the_audit_the_export_and_the_lineage(disputed, tmp_path):
    from db import lineage

    take(disputed, "A", note="see § 3")
    found = audit.page(disputed, AuditFilter(item="i3"), limit=9)
    assert found["kind"].to_list() == ["adjudication", "verdict", "verdict"]
    row = found.row(0, named=True)
    assert (row["before"], row["after"]) == ("approve, fix", "approve")
    assert (row["actor"], row["note"]) == ("grace", "slip; see § 3")
    review.decide(disputed, item_id="i3", reviewer="cleo", verdict="fix", order=[*"abdc"])
    # The labels of the adjudicated approval, not of the later fix.
    out = tmp_path / "qrels.txt"
    judgment_exports.export(disputed, "qrels", out, judgment_exports.Chosen())
    assert "q/i3 0 b 0" in out.read_text()
    in_force = judgments.in_force(disputed).filter(reviewer="grace")
    assert in_force["cause"].to_list() == ["slip"]
    batching.create(disputed, "b", batching.Selection(cut=0.0), created_by="grace")
    assert [row["reviewer"] for row in lineage.item_batches(disputed, "i3")] == ["grace"]
