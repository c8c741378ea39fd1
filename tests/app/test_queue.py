"""The Queue page, and what Review shows and does of the queue."""

from collections.abc import Callable

from streamlit.testing.v1 import AppTest

from app.widgets.text import key_of
from curation import bulk, gold, queueing, review
from db import items, judgments, queue_log
from db.ids import now
from db.records import ItemFilter
from db.store import Store
from db.workspace import Workspace
from trainer.clusters import group

OpenPage = Callable[..., AppTest]


def current(app: AppTest) -> str:
    found = app.session_state["desk"].current
    assert isinstance(found, str)
    return found


def button(app: AppTest, label: str):
    return next(found for found in app.button if found.label == label)


def test_an_empty_workspace_says_what_to_do(workspace: Workspace, open_page: OpenPage) -> None:
    Store.create(workspace).close()
    app = open_page("queue_desk")
    assert not app.exception
    assert any("Nothing to put in order yet" in text.value for text in app.markdown)


def test_edited_weights_are_previewed_from_the_address_and_put_in_force(
    sample: Workspace, open_page: OpenPage
) -> None:
    app = open_page("queue_desk", w_near_cut="0", w_audit="5", audit="100")
    assert not app.exception
    assert app.dataframe[0].value["reason"].to_list()[0] == "Random audit"
    app.text_input(key="policy_note").set_value("audit week").run()
    button(app, "Put in force").click().run()
    assert not app.exception
    with Store.open(sample) as store:
        (saved,) = queue_log.policies(store)
    assert saved["note"] == "audit week"
    assert saved["settings"]["audit_share"] == 1.0
    app.segmented_control(key="part").set_value("history").run()
    assert "audit share: 0.05 → 1.0" in app.dataframe[0].value["changed"][0]


def test_gold_is_made_of_a_verdict_and_taken_back(sample: Workspace, open_page: OpenPage) -> None:
    with Store.open(sample) as store:
        item_id = items.list_items(store, ItemFilter(verdict="approve"), limit=1)["item_id"][0]
        gold.set_from_verdict(store, item_id, "ada")
        review.decide(
            store, item_id=item_id, reviewer="ben", verdict="reject", reasons=["bad_query"]
        )
    app = open_page("queue_desk", part="Gold items")
    assert not app.exception
    assert app.dataframe[0].value["verdict"].to_list() == ["approve"]
    assert app.dataframe[1].value["verdicts"].to_list() == [0.0]


def test_review_says_why_and_declines(sample: Workspace, open_page: OpenPage) -> None:
    app = open_page("review")
    first = current(app)
    assert any("Why am I seeing this?" in text.value for text in app.markdown)
    assert any("| Near the cut | 1 |" in text.value for text in app.markdown)
    app.button(key=f"decline-{key_of(first)}").click().run()
    assert current(app) != first
    with Store.open(sample) as store:
        assert queueing.claim(store, first, "ada") == "closed"
        assert queueing.claim(store, first, "ben") == "mine"


def test_two_reviewers_see_different_items_and_a_link_shows_the_one_asked_for(
    sample: Workspace, open_page: OpenPage
) -> None:
    with Store.open(sample) as store:
        taken = queueing.next_item(store, "ben")
    app = open_page("review")
    assert current(app) != taken
    app = open_page("review", item=taken)
    assert current(app) == taken
    assert any("In another hand" in text.value for text in app.markdown)


def test_an_assigned_item_says_whose_it_is(sample: Workspace, open_page: OpenPage) -> None:
    with Store.open(sample) as store:
        mine, other = items.next_item_ids(
            store, ItemFilter(verdict="open", order="newest"), limit=2
        )
        bulk.assign(store, [mine], "ada", done_by="grace")
        bulk.assign(store, [other], "ben", done_by="grace")
    app = open_page("review")
    assert current(app) == mine
    assert any("Assigned to you" in text.value for text in app.markdown)
    app = open_page("review", item=other)
    assert any("Assigned to another" in text.value for text in app.markdown)


def test_what_happened_to_an_item_in_between_is_said_before_a_verdict(
    sample: Workspace, open_page: OpenPage
) -> None:
    app = open_page("review")
    shown = current(app)
    with Store.open(sample) as store:
        ended = now()
        queue_log.append_event(
            store, "renew", item_id=shown, reviewer="ada", happened_at=ended, until=ended
        )
        assert queueing.claim(store, shown, "ben") == "mine"
    approve = f"approve-{key_of(shown)}"
    app.text_input(key=f"note-{key_of(shown)}").set_value("as typed").run()
    assert any("In another hand" in text.value for text in app.markdown)
    app.button(key=approve).click().run()
    assert "Somebody else has this item in hand" in app.toast[0].value
    assert current(app) == shown
    with Store.open(sample) as store:
        assert judgments.judgments_of(store, shown) == []
        review.decide(store, item_id=shown, reviewer="ben", verdict="approve")
    app.button(key=approve).click().run()
    assert "left your queue" in app.toast[0].value
    app.button(key=approve).click().run()  # all the same
    assert current(app) != shown
    with Store.open(sample) as store:
        mine, bens = judgments.judgments_of(store, shown)
    assert (mine.reviewer, mine.note, bens.reviewer) == ("ada", "as typed", "ben")


def test_what_was_decided_in_another_tab_is_shown_and_not_decided_again(
    sample: Workspace, open_page: OpenPage
) -> None:
    app = open_page("review")
    shown = current(app)
    (ahead,) = app.session_state["desk"].loaded
    with Store.open(sample) as store:
        for item_id in (shown, ahead):
            review.decide(store, item_id=item_id, reviewer="ada", verdict="cannot_judge")
    app.button(key=f"approve-{key_of(shown)}").click().run()
    assert "You decided this item in another tab" in app.toast[0].value
    assert any("cannot judge" in text.value for text in app.markdown)
    app.button(key=f"next-{key_of(shown)}").click().run()
    assert current(app) not in (shown, ahead)
    with Store.open(sample) as store:
        assert judgments.history(store, shown).height == 1


def test_items_alike_are_grouped() -> None:
    import numpy as np

    vectors = np.array([[1.0, 0.0]] * 4 + [[0.0, 1.0]] * 4, dtype=np.float32)
    vectors[0] = [0.8, 0.6]
    frame = group([f"i{number}" for number in range(8)], vectors)
    assert frame["cluster"].n_unique() == 2
    assert sorted(frame["place"]) == [1, 1, 2, 2, 3, 3, 4, 4]
    assert frame.row(0, named=True)["place"] == 4
