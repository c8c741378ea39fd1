"""Drafts: what was entered for an item is there again, until a verdict or a cancel drops it."""

from collections.abc import Callable

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from app.drafts import Draft, Drafts, fits
from app.widgets.text import key_of
from curation import review
from curation.segments import steps_of
from db import details, drafts, judgments
from db.store import Store
from db.workspace import Workspace
from tests.app.test_review import current, press

OpenPage = Callable[..., AppTest]


def draft(app: AppTest) -> Draft:
    found: Draft = app.session_state["desk"].draft(current(app))
    return found


def test_a_fix_is_there_after_a_restart(sample: Workspace, open_page: OpenPage) -> None:
    app = open_page("review")
    item_id = current(app)
    press(app, "start-fix")
    draft(app).order.reverse()
    draft(app).grades = {1: 3}
    app.run()
    order = list(draft(app).order)
    st.cache_resource.clear()  # the server ends, and with it every session
    app = open_page("review", item=item_id)
    assert draft(app).fixing
    assert draft(app).order == order
    assert draft(app).grades == {1: 3}
    assert app.button(key=f"fix-{key_of(item_id)}").label == "Save fix"


def test_reasons_note_and_marks_are_there_after_a_reload(
    sample: Workspace, open_page: OpenPage
) -> None:
    app = open_page("review")
    item_id = current(app)
    press(app, "reason-bad_query")
    app.text_input(key=f"note-{key_of(item_id)}").set_value("half a question").run()
    draft(app).marks, draft(app).steps = {2}, {0: -1}
    app.run()
    app = open_page("review", item=item_id)
    assert draft(app) == Draft(
        reasons=["bad_query"], note="half a question", marks={2}, steps={0: -1}
    )
    assert app.text_input(key=f"note-{key_of(item_id)}").value == "half a question"
    press(app, "reject")
    with Store.open(sample) as store:
        (judgment,) = judgments.judgments_of(store, item_id)
        (detail,) = details.details_of(store, item_id).values()
        assert drafts.get_draft(store, item_id, "ada") is None
    assert (judgment.reasons, judgment.note) == (("bad_query",), "half a question")
    assert detail.first_wrong is not None
    assert detail.first_wrong.start == 0


def test_cancel_drops_the_fix_but_not_what_was_said_of_steps(
    sample: Workspace, open_page: OpenPage
) -> None:
    app = open_page("review")
    item_id = current(app)
    draft(app).steps = {0: 1}
    press(app, "start-fix")
    draft(app).order.reverse()
    press(app, "cancel")
    app = open_page("review", item=item_id)
    assert draft(app) == Draft(steps={0: 1})


def test_a_draft_is_one_reviewers(store: Store) -> None:
    ada, grace = Drafts(), Drafts()
    ada.restore(store, "i1", "ada").note = "mine"
    ada.keep(store, "i1")
    assert grace.restore(store, "i1", "grace").note == ""
    assert grace.restore(store, "i1", "ada").note == "mine"
    ada.cancel("i1")
    ada.of("i1").note = ""
    ada.keep(store, "i1")
    assert drafts.get_draft(store, "i1", "ada") is None


def test_of_two_tabs_the_later_takes_in_what_the_other_wrote(store: Store) -> None:
    here, there = Drafts(), Drafts()
    for tab in (here, there):
        tab.restore(store, "i1", "ada")
    there.of("i1").note = "there"
    assert there.keep(store, "i1")
    here.of("i1").note = "here"
    assert not here.keep(store, "i1")
    assert here.of("i1").note == "there"
    assert there.token("i1") == "i1" != here.token("i1")  # what is on its way to it is too late
    for tab in (here, there):  # both say the same
        tab.of("i1").note = "both"
        assert tab.keep(store, "i1")
    here.of("i1").note = ""
    assert here.keep(store, "i1")  # dropped: there is nothing to lose
    there.of("i1").note = "more"
    assert there.keep(store, "i1")
    assert Drafts().restore(store, "i1", "ada").note == "more"


def test_a_tab_says_so_and_shows_what_another_wrote(sample: Workspace, open_page: OpenPage) -> None:
    here = open_page("review")
    item_id = current(here)
    there = open_page("review", item=item_id)
    press(there, "start-fix")
    draft(there).order.reverse()
    there.run()
    here.run()
    assert not here.toast  # nothing to write, nothing to say
    here.text_input(key=f"note-{key_of(item_id)}").set_value("from here").run()
    assert "edited in another tab" in here.toast[0].value
    assert draft(here) == draft(there)
    assert here.button(key=f"fix-{key_of(item_id)}").label == "Save fix"
    press(here, "cancel")
    (note,) = (field for field in here.text_input if field.label == "Note")
    note.set_value("on from there").run()
    assert not here.toast
    with Store.open(sample) as store:
        assert Drafts().restore(store, item_id, "ada") == Draft(note="on from there")


def test_a_draft_that_cannot_be_read_is_none(store: Store) -> None:
    drafts.put_draft(store, item_id="i1", reviewer="ada", content='{"order": "x"}')
    assert Drafts().restore(store, "i1", "ada") == Draft()


@pytest.mark.parametrize(
    "change",
    [
        {"grades": [[1, 4]]},
        {"grades": [[99, 1]]},
        {"grades": [[1]]},
        {"grades": {"1": 2}},
        {"ranked": 99},
        {"ranked": True},
        {"tied": [0]},
        {"steps": [[1, 1]]},
        {"steps": [[0, 2]]},
        {"steps": "x"},
    ],
)
def test_a_forged_change_does_not_fit(
    change: dict[str, object], sample: Workspace, open_page: OpenPage
) -> None:
    item_id = current(open_page("review"))
    with Store.open(sample) as store:
        shown = review.load(store, item_id, "ada")
    n = len(shown.item.candidates)
    sound = {
        "token": item_id,
        "order": list(range(n, 0, -1)),
        "relevant": [1],
        "grades": [[1, 3], [2, 0]],
        "ranked": 2,
        "tied": [1],
        "steps": [[steps_of(shown.teacher.chain)[1].start, -1]],
    }
    assert fits(shown, sound, item_id)
    assert fits(shown, {"token": item_id, "steps": sound["steps"]}, item_id)
    assert not fits(shown, {**sound, **change}, item_id)
