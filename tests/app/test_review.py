"""The review page: a verdict is for what was on the screen, and the teacher stays hidden."""

import re
from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from app import session
from app.widgets.text import key_of
from curation import review
from db import items, judgments
from db.records import ItemFilter
from db.store import Store
from db.workspace import Workspace

OpenPage = Callable[..., AppTest]
OPEN = ItemFilter(verdict="open")


def current(app: AppTest) -> str:
    found = app.session_state["desk"].current
    assert isinstance(found, str)
    return found


def press(app: AppTest, name: str) -> AppTest:
    """Press the button that belongs to the item on the screen, as its key would."""
    return app.button(key=f"{name}-{key_of(current(app))}").click().run()


def verdicts(workspace: Workspace, item_id: str) -> list[str]:
    with Store.open(workspace) as store:
        return [found.verdict for found in judgments.judgments_of(store, item_id)]


def test_approve_goes_on_and_undo_comes_back(sample: Workspace, open_page: OpenPage) -> None:
    app = open_page("review")
    first = current(app)
    press(app, "approve")
    second = current(app)
    assert second != first
    assert verdicts(sample, first) == ["approve"]
    assert app.query_params["item"] == second
    app.button(key="undo").click().run()
    assert current(app) == first
    assert verdicts(sample, first) == []


def test_a_press_for_another_item_is_not_taken(sample: Workspace, open_page: OpenPage) -> None:
    app = open_page("review")
    first = current(app)
    with Store.open(sample) as store:
        unseen = items.next_item_ids(store, OPEN, skipped=(first,), limit=1)[0]
    state = app.session_state["desk"]
    state.go_to(unseen)  # as if an earlier press had just moved on, before the browser knows
    state.on_screen()
    app.button(key=f"approve-{key_of(first)}").click().run()
    assert verdicts(sample, first) == verdicts(sample, unseen) == []
    assert current(app) == unseen


def test_a_double_press_does_not_reach_the_next_item(
    sample: Workspace, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = open_page("review")
    press(app, "approve")
    monkeypatch.setattr(session, "SHORTEST_LOOK", 60.0)
    unseen = current(app)
    press(app, "approve")
    assert current(app) == unseen
    assert verdicts(sample, unseen) == []
    assert "nothing was recorded" in app.toast[0].value.replace("\\", "")


def test_ten_verdicts_are_undone_one_at_a_time(sample: Workspace, open_page: OpenPage) -> None:
    app = open_page("review")
    judged = []
    for _ in range(10):
        judged.append(current(app))
        press(app, "cannot_judge")
    for item_id in reversed(judged):
        app.button(key="undo").click().run()
        assert current(app) == item_id
    assert [verdicts(sample, item_id) for item_id in judged] == [[]] * 10


def test_reject_asks_for_a_reason_which_completes_it(
    sample: Workspace, open_page: OpenPage
) -> None:
    app = open_page("review")
    first = current(app)
    press(app, "reject")
    assert current(app) == first
    assert any("Why?" in text.value for text in app.markdown)
    app.text_input(key=f"note-{key_of(first)}").set_value("order is upside down").run()
    press(app, "reason-wrong_order")
    assert current(app) != first
    with Store.open(sample) as store:
        (judgment,) = judgments.judgments_of(store, first)
    assert judgment.reasons == ("wrong_order",)
    assert judgment.note == "order is upside down"


def test_reasons_first_then_reject(sample: Workspace, open_page: OpenPage) -> None:
    app = open_page("review")
    first = current(app)
    press(app, "reason-bad_query")
    press(app, "reason-duplicate")
    press(app, "reason-bad_query")
    press(app, "reject")
    with Store.open(sample) as store:
        (judgment,) = judgments.judgments_of(store, first)
    assert judgment.reasons == ("duplicate",)


def test_fix_records_order_and_labels(sample: Workspace, open_page: OpenPage) -> None:
    app = open_page("review")
    first = current(app)
    press(app, "start-fix")
    draft = app.session_state["desk"].draft(first)
    draft.order.reverse()
    draft.relevant = {1}
    order = list(draft.order)
    press(app, "fix")
    with Store.open(sample) as store:
        shown = review.load(store, first, "ada")
    docids = [candidate.docid for candidate in shown.item.candidates]
    assert shown.judgments[0].verdict == "fix"
    assert shown.judgments[0].relevant_docids == (docids[0],)
    assert list(shown.rankings[-1].docids) == [docids[number - 1] for number in order]


def test_a_fix_that_changes_nothing_is_refused(sample: Workspace, open_page: OpenPage) -> None:
    app = open_page("review")
    first = current(app)
    press(app, "start-fix")
    press(app, "fix")
    assert "approve the item instead" in app.error[0].value
    assert current(app) == first


@pytest.mark.parametrize(
    "change",
    [
        {"order": [1, 1], "relevant": [1]},
        {"order": [1, 2, 3], "relevant": [9]},
        {"order": "21", "relevant": [1]},
        {"order": None},
        {"order": [[1], 2], "relevant": [1]},
        {"order": [2, 1], "relevant": [{}]},
    ],
)
def test_a_forged_edit_leaves_the_draft(
    change: dict[str, object], sample: Workspace, open_page: OpenPage
) -> None:
    app = open_page("review")
    first = current(app)
    press(app, "start-fix")
    before = list(app.session_state["desk"].draft(first).order)
    with Store.open(sample) as store:
        shown = review.load(store, first, "ada")
    state = app.session_state["desk"]
    assert not session.fits(shown, {**change, "token": first}, first)
    assert session.fits(shown, {"token": first, "order": before, "relevant": before[:1]}, first)
    assert not session.fits(shown, {"token": "x", "order": before, "relevant": []}, first)
    assert state.draft(first).order == before


def test_blind_mode_hides_the_teacher_until_the_reveal(
    sample: Workspace, open_page: OpenPage
) -> None:
    app = open_page("review", mode="Blind first")
    first = current(app)
    keys = {button.key for button in app.button}
    assert f"approve-{key_of(first)}" not in keys
    assert not any("self-consistency" in text.value for text in app.markdown)
    assert app.button(key=f"reveal-{key_of(first)}").disabled
    app.session_state["desk"].draft(first).marks = {2, 3}
    app.run()
    press(app, "reveal")
    assert current(app) == first
    assert any("self-consistency" in text.value for text in app.markdown)
    with Store.open(sample) as store:
        shown = review.load(store, first, "ada")
    assert shown.marks == [shown.item.candidates[1].docid, shown.item.candidates[2].docid]
    press(app, "approve")
    assert verdicts(sample, first) == ["approve"]


def test_the_url_holds_item_and_filter(sample: Workspace, open_page: OpenPage) -> None:
    with Store.open(sample) as store:
        wanted = items.next_item_ids(store, ItemFilter(domains=("economics",)), limit=3)[2]
    app = open_page("review", item=wanted, domain="economics", verdict="Any")
    assert current(app) == wanted
    assert app.session_state["desk"].chosen.domains == ("economics",)
    assert app.session_state["desk"].chosen.verdict == "any"


def test_an_unknown_item_says_so_and_offers_the_next(
    sample: Workspace, open_page: OpenPage
) -> None:
    app = open_page("review", item="gone")
    assert "gone" in app.error[0].value
    next(button for button in app.button if button.label == "Next item").click().run()
    assert not app.error
    assert current(app) != "gone"


def test_skip_and_back(sample: Workspace, open_page: OpenPage) -> None:
    app = open_page("review")
    first = current(app)
    press(app, "skip")
    second = current(app)
    assert second != first
    app.button(key="back").click().run()
    assert current(app) == first
    press(app, "next")
    assert current(app) == second


def test_the_end_of_the_queue_says_what_is_next(sample: Workspace, open_page: OpenPage) -> None:
    app = open_page("review")
    with Store.open(sample) as store:
        left = items.count_items(store, OPEN)
    for _ in range(left):
        press(app, "approve")
    assert any("All done in the queue" in text.value for text in app.markdown)
    app.button(key="undo").click().run()
    assert current(app)


def test_foreign_text_reaches_no_markdown(sample: Workspace, open_page: OpenPage) -> None:
    with Store.open(sample) as store:
        found = items.list_items(store, ItemFilter(text="onerror"), limit=5)
    app = open_page("review", item=found["item_id"][0], verdict="Any")
    assert any("<img src=x" in text.value for text in app.text)
    read_as_markdown = [*app.markdown, *app.caption, *app.error, *app.warning, *app.info]
    values = [text.value for text in read_as_markdown]
    assert [value for value in values if r"\<img src" in value]  # the ids are there, inert
    assert not [value for value in values if re.search(r"(?<!\\)(<img|\$x|!\[|:red\[)", value)]


def test_the_next_item_is_read_ahead(sample: Workspace, open_page: OpenPage) -> None:
    app = open_page("review")
    (ahead,) = app.session_state["desk"].loaded
    press(app, "skip")
    assert current(app) == ahead


def test_another_filter_forgets_what_was_read_ahead(sample: Workspace, open_page: OpenPage) -> None:
    app = open_page("review")
    app.session_state["filter"] = True  # as a click on it does
    app.run().multiselect(key="domain").set_value(["economics"]).run()
    shown = current(app)
    press(app, "skip")
    with Store.open(sample) as store:
        wanted = items.next_item_ids(
            store, ItemFilter(verdict="open", domains=("economics",)), limit=2
        )
    assert [shown, current(app)] == wanted


def test_a_link_that_brings_another_filter_shows_its_item(sample: Workspace) -> None:
    desk = session.Desk()
    with Store.open(sample) as store:
        desk.in_url = desk.find_current(store, OPEN, None, "ada")
        wanted = items.next_item_ids(store, ItemFilter(verdict="approve"), limit=1)[0]
        assert desk.find_current(store, ItemFilter(verdict="approve"), wanted, "ada") == wanted
        desk.in_url = wanted
        assert (
            desk.find_current(store, OPEN, wanted, "ada") != wanted
        )  # the filter alone was changed


def test_a_press_that_comes_late_does_not_bring_its_item_back(sample: Workspace) -> None:
    desk = session.Desk()
    with Store.open(sample) as store:
        first = desk.find_current(store, session.QUEUE, None, "ada")
        assert first is not None
        desk.in_url = first
        desk.forward(store)
        second = desk.in_url = desk.current
        assert not desk.meant(first)  # pressed before the browser heard of the second
        assert desk.find_current(store, session.QUEUE, first, "ada") == second
        assert desk.find_current(store, session.QUEUE, first, "ada") == first  # chosen, by Back


def test_a_fix_is_opened_again_as_it_was_saved(sample: Workspace, open_page: OpenPage) -> None:
    with Store.open(sample) as store:
        (item_id,) = items.next_item_ids(store, ItemFilter(verdict="open"), limit=1)
        docids = [each.docid for each in items.get_item(store, item_id).candidates]
        for reviewer, order in (("ada", docids), ("grace", docids[::-1])):
            review.decide(
                store,
                item_id=item_id,
                reviewer=reviewer,
                verdict="fix",
                order=order,
                relevant=docids[:1],
                grades={docids[0]: 3},
                chain=f"As {reviewer} says, [1].",
            )
    app = open_page("review", item=item_id, verdict="Any", reviewer="ada")
    press(app, "start-fix")
    draft = app.session_state["desk"].draft(item_id)
    assert draft.order == list(range(1, len(docids) + 1))
    assert (draft.relevant, draft.grades, draft.chain) == ({1}, {1: 3}, "As ada says, [1].")


def test_a_digit_too_many_marks_not_the_next_item(
    sample: Workspace, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = open_page("review")
    press(app, "reject")
    press(app, "reason-wrong_labels")
    monkeypatch.setattr(session, "SHORTEST_LOOK", 60.0)  # the next digit comes at once
    press(app, "reason-bad_query")
    assert app.session_state["desk"].draft(current(app)).reasons == []


def test_a_filter_says_that_it_is_on_and_is_taken_off_whole(
    sample: Workspace, open_page: OpenPage
) -> None:
    app = open_page("table", domain="biology", verdict="Approved")
    reset = app.button(key="filter-reset")
    assert not reset.disabled
    reset.click().run()
    assert app.session_state["domain"] == []
    assert app.session_state["verdict"] == "any"
    assert app.button(key="filter-reset").disabled


def test_from_an_item_that_is_gone_a_filter_leads_on(
    sample: Workspace, open_page: OpenPage
) -> None:
    app = open_page("review", item="nothing")
    assert "no item nothing" in app.error[0].value
    app.session_state["filter"] = True
    app.run().multiselect(key="domain").set_value(["biology"]).run()
    assert not app.exception
    assert not app.error
    assert current(app) != "nothing"


def test_who_takes_another_name_gives_the_item_to_it(
    sample: Workspace, open_page: OpenPage
) -> None:
    app = open_page("review", reviewer="root")
    shown = current(app)
    app.text_input(key="reviewer").set_value("ada").run()
    assert current(app) == shown
    press(app, "approve")
    with Store.open(sample) as store:
        assert [each.reviewer for each in judgments.judgments_of(store, shown)] == ["ada"]
