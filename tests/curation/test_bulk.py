"""What is done to many items at once, and what taking it back leaves."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curation import bulk, people, queueing, review
from curation.bulk import BulkError
from curation.people import Operator
from curation.review import JudgmentError
from db import assignments, items, judgments, tags
from db.bulk import get_bulk, recent_bulks
from db.errors import NotFoundError
from db.records import ItemFilter
from tests.samples import add_samples


@pytest.fixture(autouse=True)
def samples(store):
    add_samples(store)


def approve(store, *item_ids, reviewer="ada"):
    return review.decide_many(store, item_ids=item_ids, reviewer=reviewer, verdict="approve")


def verdicts(store):
    found = items.list_items(store, ItemFilter(order="imported"), limit=9)
    return dict(found.filter(found["verdict"].is_not_null()).select("item_id", "verdict").rows())


def test_many_verdicts_are_as_good_as_single_ones(store):
    review.decide_many(
        store,
        item_ids=["i1", "i3", "i1"],
        reviewer="ada",
        verdict="reject",
        reasons=["bad_query"],
        note="spam",
    )
    (judgment,) = judgments.judgments_of(store, "i3")
    assert (judgment.verdict, judgment.reasons, judgment.note) == ("reject", ("bad_query",), "spam")
    assert judgment.ranking_id == "ri3"
    assert judgment.grades == {}
    assert verdicts(store) == {"i1": "reject", "i3": "reject"}
    (made,) = recent_bulks(store, "ada")
    assert (made["action"], made["detail"], made["n_items"]) == ("reject", "bad_query", 2)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"verdict": "reject"}, JudgmentError, "needs a reason"),
        ({"verdict": "reject", "reasons": ["because"]}, JudgmentError, "Unknown reasons"),
        ({"reviewer": " "}, JudgmentError, "enter your name"),
        ({"item_ids": []}, JudgmentError, "choose some"),
        ({"item_ids": ["i1", "gone"]}, NotFoundError, "1 of 2 chosen items"),
    ],
)
def test_what_is_not_sound_records_nothing(store, options, error, message):
    sound = {"item_ids": ["i1"], "reviewer": "ada", "verdict": "approve"}
    with pytest.raises(error, match=message):
        review.decide_many(store, **{**sound, **options})
    assert verdicts(store) == {}
    assert recent_bulks(store, "ada") == []


def test_undo_takes_back_what_is_still_in_force(store):
    review.decide(store, item_id="i2", reviewer="ada", verdict="cannot_judge")
    made = approve(store, "i1", "i2", "i3", "i4")
    review.decide(store, item_id="i1", reviewer="ada", verdict="reject", reasons=["bad_query"])
    review.decide(store, item_id="i4", reviewer="ben", verdict="cannot_judge")
    assert bulk.undo(store, made, done_by="ada") == 3
    # i1 was decided anew, i2 has its earlier verdict again, i4 has ben's
    assert verdicts(store) == {"i1": "reject", "i2": "cannot_judge", "i4": "cannot_judge"}
    assert [each.reviewer for each in judgments.judgments_of(store, "i4")] == ["ben"]
    assert get_bulk(store, made)["undone"]
    assert recent_bulks(store, "ada") == []


def test_a_single_undo_before_it_is_not_taken_back_twice(store):
    made = approve(store, "i1", "i2")
    undone = review.undo(store, "ada")
    assert bulk.undo(store, made, done_by="ada") == 1
    assert verdicts(store) == {}
    assert undone in ("i1", "i2")
    assert review.undo(store, "ada") is None


def test_only_one_s_own_can_be_taken_back_and_once(store):
    made = approve(store, "i1")
    with pytest.raises(NotFoundError, match="ben has no bulk action"):
        bulk.undo(store, made, done_by="ben")
    bulk.undo(store, made, done_by="ada")
    with pytest.raises(NotFoundError, match="ada has no bulk action"):
        bulk.undo(store, made, done_by="ada")
    with pytest.raises(NotFoundError):
        get_bulk(store, "gone")


def test_tags_are_events_and_a_filter(store):
    bulk.tag(store, ["i1", "i2"], "  hard   case ", done_by="ada")
    bulk.tag(store, ["i2"], "easy", done_by="ben")
    assert tags.all_tags(store) == ["easy", "hard case"]
    assert tags.tags_of(store, ["i1", "i2", "i3"]) == {
        "i1": ["hard case"],
        "i2": ["easy", "hard case"],
    }
    assert items.count_items(store, ItemFilter(tag="hard case")) == 2
    bulk.tag(store, ["i1", "i3"], "hard case", done_by="ben", remove=True)
    assert tags.tags_of(store, ["i1", "i2"]) == {"i2": ["easy", "hard case"]}
    assert [row["n_items"] for row in recent_bulks(store, "ben")] == [1, 1]


def test_undoing_tags_leaves_what_was_there_before_and_what_came_after(store):
    bulk.tag(store, ["i1"], "t", done_by="ada")
    second = bulk.tag(store, ["i1", "i2", "i3", "gone"], "t", done_by="ben")
    assert get_bulk(store, second)["n_items"] == 2
    bulk.tag(store, ["i3"], "t", done_by="ada", remove=True)
    bulk.tag(store, ["i3"], "t", done_by="ada")
    assert bulk.undo(store, second, done_by="ben") == 1
    assert set(tags.tags_of(store, ["i1", "i2", "i3"])) == {"i1", "i3"}
    off = bulk.tag(store, ["i1"], "t", done_by="ada", remove=True)
    bulk.undo(store, off, done_by="ada")
    assert set(tags.tags_of(store, ["i1", "i2", "i3"])) == {"i1", "i3"}


@pytest.mark.parametrize("name", ["", "  ", "x" * 41, "a\x1b[31m"])
def test_a_tag_has_a_readable_name(store, name):
    with pytest.raises(BulkError, match="1 to 40"):
        bulk.tag(store, ["i1"], name, done_by="ada")


def test_filters_by_what_was_found(store):
    found = ItemFilter(found=("i4", "i1", "gone"), order="imported")
    assert items.next_item_ids(store, found, limit=9) == ["i1", "i4"]
    assert items.count_items(store, ItemFilter(found=())) == 0


PEOPLE = st.sampled_from(["ada", "ben"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("single"), PEOPLE, st.sampled_from(["i1", "i2", "i3"])),
        st.tuples(
            st.just("bulk"), PEOPLE, st.sets(st.sampled_from(["i1", "i2", "i3"]), min_size=1)
        ),
        st.tuples(st.just("undo"), PEOPLE, st.none()),
    ),
    max_size=12,
)


@given(steps=STEPS)
@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_order_of_verdicts_and_undos_is_a_replay(store, steps):
    """The model: a log of verdicts, of which an undo strikes some out."""
    store.execute("DELETE FROM judgment_events")
    store.execute("DELETE FROM bulk_actions")
    log: list[tuple[str, str, str, str]] = []  # bulk, person, item, verdict: those not undone
    made: list[tuple[str, str]] = []
    for kind, person, what in steps:
        if kind == "single":
            review.decide(store, item_id=what, reviewer=person, verdict="cannot_judge")
            log.append(("", person, what, "cannot_judge"))
        elif kind == "bulk":
            bulk_id = approve(store, *sorted(what), reviewer=person)
            made.append((bulk_id, person))
            log += [(bulk_id, person, item, "approve") for item in sorted(what)]
        elif own_bulks := [bulk_id for bulk_id, by in made if by == person]:
            latest = {(e[1], e[2]): e for e in log}
            struck = [e for e in log if e[0] == own_bulks[-1] and latest[(e[1], e[2])] is e]
            assert bulk.undo(store, own_bulks[-1], done_by=person) == len(struck)
            made.remove((own_bulks[-1], person))
            log = [e for e in log if e not in struck]
    standing = {(e[1], e[2]): e[3] for e in log}
    assert standing == {
        (judgment.reviewer, judgment.item_id): judgment.verdict
        for item in ("i1", "i2", "i3")
        for judgment in judgments.judgments_of(store, item)
    }


def owners(store):
    return assignments.assigned(store, ["i1", "i2", "i3", "i4", "i5"])


def test_assigned_items_come_first_to_one_and_to_nobody_else(store):
    bulk.assign(store, ["i1", "i4", "i1"], " ben ", done_by="lead")
    assert owners(store) == {"i1": "ben", "i4": "ben"}
    assert items.count_items(store, ItemFilter(assigned="ben")) == 2
    assert assignments.assignees(store) == ["ben"]
    assert queueing.left_for(store, "ada") == 3
    given = [queueing.next_item(store, "ben")]
    assert queueing.claim(store, "i4", "ada") == ("taken" if given == ["i4"] else "assigned")
    given.append(queueing.next_item(store, "ben", passed=given))
    assert sorted(given) == ["i1", "i4"]
    for _ in range(3):
        item_id = queueing.next_item(store, "ada")
        assert item_id not in given
        review.decide(store, item_id=item_id, reviewer="ada", verdict="approve")
    assert queueing.next_item(store, "ada") is None
    assert sorted(queueing.taken(store, "ada")) == ["i1", "i4"]
    queueing.decline(store, "i1", "ben")  # then it is everybody's again
    assert queueing.owner(store, "i1") is None
    assert queueing.next_item(store, "ada") == "i1"


def test_who_has_an_item_in_hand_may_still_decide_it(store):
    held = queueing.next_item(store, "ada")
    bulk.assign(store, [held], "ben", done_by="lead")
    assert queueing.claim(store, held, "ada") == "mine"
    assert queueing.claim(store, held, "ben") == "taken"
    queueing.release(store, held, "ada")
    assert queueing.claim(store, held, "ada") == "assigned"
    assert queueing.next_item(store, "ben") == held


def test_undoing_an_assignment_brings_back_whose_it_was(store):
    bulk.assign(store, ["i1"], "ada", done_by="lead")
    made = bulk.assign(store, ["i1", "i2", "i3", "gone"], "ben", done_by="lead")
    assert get_bulk(store, made)["n_items"] == 3
    bulk.assign(store, ["i3"], "cleo", done_by="lead")
    assert bulk.undo(store, made, done_by="lead") == 2
    assert owners(store) == {"i1": "ada", "i3": "cleo"}
    off = bulk.assign(store, ["i1", "i2"], None, done_by="lead")
    assert get_bulk(store, off)["n_items"] == 1
    assert owners(store) == {"i3": "cleo"}
    bulk.undo(store, off, done_by="lead")
    assert owners(store) == {"i1": "ada", "i3": "cleo"}


def test_undoing_assignments_one_by_one_goes_all_the_way_back(store):
    made = [
        bulk.assign(store, ["i1", "i2"], name, done_by="lead") for name in ("ada", "ben", "cleo")
    ]
    bulk.undo(store, made[1], done_by="lead")  # what came later stays
    assert owners(store) == {"i1": "cleo", "i2": "cleo"}
    bulk.undo(store, made[2], done_by="lead")
    assert owners(store) == {"i1": "ada", "i2": "ada"}
    assert bulk.undo(store, made[0], done_by="lead") == 2
    assert owners(store) == {}


SOME = st.sets(st.sampled_from(["i1", "i2", "i3"]), min_size=1).map(sorted)
ACTION = st.one_of(
    st.tuples(st.sampled_from(["tag", "untag"]), SOME, st.sampled_from(["t", "u"])),
    st.tuples(st.just("assign"), SOME, st.sampled_from(["ben", "cleo", None])),
)


def act(store, kind, item_ids, what, done_by):
    if kind == "assign":
        return bulk.assign(store, item_ids, what, done_by=done_by)
    return bulk.tag(store, item_ids, what, done_by=done_by, remove=kind == "untag")


@given(before=st.lists(ACTION, max_size=3), steps=st.lists(ACTION | st.none(), max_size=8))
@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_undone_from_the_last_on_each_action_leaves_what_was_before_it(store, before, steps):
    """A step that is none undoes the latest action; in the end all are undone."""
    for log in ("tag_events", "assignment_events", "bulk_actions"):
        store.execute(f"DELETE FROM {log}")  # noqa: S608 - our own names
    for step in before:
        act(store, *step, done_by="lead")
    made = []
    for step in [*steps, *[None] * len(steps)]:
        if step is not None:
            found = tags.tags_of(store, ["i1", "i2", "i3"]), owners(store)
            made.append((act(store, *step, done_by="ada"), found))
        elif made:
            latest, found = made.pop()
            bulk.undo(store, latest, done_by="ada")
            assert (tags.tags_of(store, ["i1", "i2", "i3"]), owners(store)) == found


def test_undoing_in_another_order_leaves_what_the_others_made(store):
    on = bulk.tag(store, ["i1", "i2"], "t", done_by="ada")
    off = bulk.tag(store, ["i1"], "t", done_by="ada", remove=True)
    assert bulk.undo(store, on, done_by="ada") == 1  # i1 lost it since
    assert bulk.undo(store, off, done_by="ada") == 0  # who gave it to i1 took that back
    assert tags.tags_of(store, ["i1", "i2"]) == {}
    made = [bulk.assign(store, ["i1"], name, done_by="lead") for name in ("ada", "ben", "ada")]
    bulk.undo(store, made[1], done_by="lead")
    assert bulk.undo(store, made[2], done_by="lead") == 0
    assert owners(store) == {"i1": "ada"}


def test_an_assignment_needs_items_and_a_person(store):
    for chosen, name, message in ((["i1"], " ", "Say whose"), ([], "ben", "choose some")):
        with pytest.raises(BulkError, match=message):
            bulk.assign(store, chosen, name, done_by="lead")
    root = Operator("root")
    for name, roles in (("lead", ["admin", "reviewer"]), ("ann", ["annotator"])):
        people.add(store, name, roles=roles, email=f"{name}@b.c", added_by=root)
    assert bulk.assignable(store) == ["ann"]
    with pytest.raises(BulkError, match="no active account"):
        bulk.assign(store, ["i1"], "lead", done_by=root)
    bulk.assign(store, ["i1"], "ann", done_by=root)
