"""Disagreements, Adjudicate and My work; and that Review keeps others' orders from who decides."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from streamlit.testing.v1 import AppTest

from app.widgets.text import key_of
from curation import adjudication, gold, people, queueing, review, signing_in
from curation.people import Operator
from curation.queue_policy import Policy
from db import adjudications, items, judgments
from db.ids import now
from db.records import ItemFilter, Judgment
from db.store import Store
from db.workspace import Workspace

OpenPage = Callable[..., AppTest]
PEOPLE = ("ben", "cleo", "dora")


def errors(app: AppTest) -> list[str]:
    return [found.value for found in [*app.exception, *app.error]]


def text(app: AppTest) -> str:
    """Return everything that is written on a page, tables and choices included."""
    written = [each.value for kind in ("markdown", "caption", "text") for each in app.get(kind)]
    written += [str(each.value.to_dict()) for each in app.dataframe]
    written += [each.label for each in app.button]
    written += [str(pane) for each in app.get("bidi_component") for pane in [each.proto]]
    return "\n".join(written).replace("\\", "")


def charts(app: AppTest) -> bytes:
    """Return everything that the charts of a page are sent."""
    return b"".join(chart.proto.SerializeToString() for chart in app.get("vega_lite_chart"))


def press(app: AppTest, name: str) -> AppTest:
    """Press a button of the item on the screen, as its key would."""
    return app.button(key=f"{name}-{key_of(app.query_params['item'])}").click().run()


def in_force(workspace: Workspace, item_id: str) -> Judgment:
    with Store.open(workspace) as store:
        return judgments.judgments_of(store, item_id)[0]


def disputes(workspace: Workspace) -> list[str]:
    with Store.open(workspace) as store:
        return adjudication.waiting(store, asked_by="ada")["item_id"].to_list()


# Disagreements


def test_an_empty_workspace_says_what_to_do(workspace: Workspace, open_page: OpenPage) -> None:
    Store.create(workspace).close()
    for view, title in (
        ("disagreements", "Nobody has judged anything"),
        ("adjudicate", "Nothing to adjudicate"),
        ("my_work", "No verdict in force"),
    ):
        app = open_page(view)
        assert errors(app) == []
        assert title in text(app)


def test_without_overlap_it_says_how_to_get_it(sample: Workspace, open_page: OpenPage) -> None:
    app = open_page("disagreements", facet="items")
    assert "undefined: no item was judged by two people" in text(app)
    assert "Let several people decide" in text(app)
    assert "people judged" not in text(
        open_page("disagreements", facet="domain", **{"with": "teacher"})
    )


def test_overall_agreement_stands_with_interval_and_n(
    judged: Workspace, open_page: OpenPage
) -> None:
    app = open_page("disagreements")
    assert errors(app) == []
    (table,) = [each.value for each in app.markdown if "| People with |" in each.value]
    people_line, teachers, checkpoints = table.splitlines()[2:]
    assert "6 items" in people_line
    assert " to " in people_line
    assert teachers.startswith("| Teachers | – | – | **")
    assert checkpoints.count("undefined") == 2


def test_the_chosen_pair_stands_in_the_address(judged: Workspace, open_page: OpenPage) -> None:
    app = open_page("disagreements", a="person:ben", b="person:dora", compared="tau")
    rows = app.dataframe[-1].value
    assert rows["verdicts"][0] == "approve · fix"
    assert rows["tau"][0] == -1.0
    assert list(rows["verdicts"]).count("approve · approve") == 2
    app.selectbox(key="pick-b").select("teacher:teacher").run()
    assert app.query_params["b"] == "teacher:teacher"
    assert errors(app) == []


@pytest.mark.parametrize("part", ["authors", "items", "domain", "week"])
def test_draws_every_part(part: str, judged: Workspace, open_page: OpenPage) -> None:
    app = open_page("disagreements", facet=part, compared="equal", of="labels")
    assert errors(app) == []
    assert bool(charts(app)) == (part != "domain")
    assert b'"scale": null' not in charts(app)  # the browser's theme breaks on it


def test_items_are_listed_the_least_agreed_first_and_one_alone(
    judged: Workspace, open_page: OpenPage
) -> None:
    app = open_page("disagreements", facet="items")
    taus = app.dataframe[-1].value["tau"].tolist()
    assert taus == sorted(taus)
    one = disputes(judged)[0]
    app = open_page("disagreements", facet="items", item=one)
    assert len(app.dataframe[-1].value) == 1
    app.button(key="all-items").click().run()
    assert len(app.dataframe[-1].value) == len(taus)


# Adjudicate


def test_names_are_hidden_until_it_is_decided(judged: Workspace, open_page: OpenPage) -> None:
    app = open_page("adjudicate")
    assert errors(app) == []
    item_id = app.query_params["item"]
    assert not any(name in text(app) for name in PEOPLE)
    assert "the first half was upside down" in text(app)
    press(app, "take-B")
    assert app.button(key=f"decide-{key_of(item_id)}").disabled
    press(app, "cause-guideline_gap")
    app.text_input(key=f"case-note-{key_of(item_id)}").set_value("not said").run()
    press(app, "decide")
    assert errors(app) == []
    assert app.query_params["item"] != item_id
    assert "cause" not in app.query_params
    made = in_force(judged, item_id)
    assert (made.reviewer, made.verdict, made.note) == ("ada", "fix", "not said")
    app = open_page("adjudicate", list="decided", item=item_id)
    assert all(name in text(app) for name in PEOPLE)
    assert "took B: fix, guideline gap" in text(app)
    undo = next(button for button in app.button if button.label == "Undo")
    undo.click().run()
    assert item_id in disputes(judged)
    assert app.query_params["list"] == "waiting"
    assert not any(name in text(app) for name in PEOPLE)


def test_versions_are_merged_and_the_draft_survives(judged: Workspace, open_page: OpenPage) -> None:
    app = open_page("adjudicate")
    item_id = app.query_params["item"]
    press(app, "take-B")
    press(app, "merge")
    draft = app.session_state["desk"].drafts.of(item_id)
    assert draft.grades
    draft.order.reverse()
    app.run()
    order = list(draft.order)
    app = open_page("adjudicate", item=item_id, take="merge", cause="ambiguous")  # a new tab
    assert app.session_state["desk"].drafts.of(item_id).order == order
    press(app, "decide")
    assert errors(app) == []
    made = in_force(judged, item_id)
    assert (made.verdict, made.reviewer) == ("fix", "ada")
    with Store.open(judged) as store:
        shown = review.load(store, item_id, "ada")
        (decided,) = adjudications.in_force(store)
    docids = [candidate.docid for candidate in shown.item.candidates]
    ranking = next(each for each in shown.rankings if each.ranking_id == made.ranking_id)
    assert list(ranking.docids) == [docids[number - 1] for number in order]
    assert (decided["cause"], decided["taken"], len(decided["over"])) == ("ambiguous", None, 3)


def test_another_tab_s_draft_is_shown_and_not_written_over(
    judged: Workspace, open_page: OpenPage
) -> None:
    item_id = disputes(judged)[0]
    here, there = (open_page("adjudicate", item=item_id) for _ in range(2))
    for app, said in ((there, "from there"), (here, "from here")):
        app.text_input(key=f"case-note-{key_of(item_id)}").set_value(said).run()
    assert "edited in another tab" in here.toast[0].value
    (note,) = (field for field in here.text_input if field.label == "Note")
    assert note.value == "from there"


def test_a_merge_begins_as_the_next_version(judged: Workspace, open_page: OpenPage) -> None:
    app = open_page("adjudicate", item=disputes(judged)[0])
    press(app, "merge")
    draft = app.session_state["desk"].drafts.of(app.query_params["item"])
    begun = [draft.started_from]
    for _ in range(3):
        press(app, "begin")
        begun.append(draft.started_from)
    assert len(set(begun)) > 2
    assert "" in begun  # the initial order
    # One that changes nothing is an approval.
    while draft.started_from != begun[0]:
        press(app, "begin")
    draft.grades = {}
    press(app, "cause-slip")
    item_id = app.query_params["item"]
    press(app, "decide")
    assert errors(app) == []
    assert in_force(judged, item_id).verdict == "approve"


def test_it_can_be_rejected_for_a_reason(judged: Workspace, open_page: OpenPage) -> None:
    app = open_page("adjudicate")
    item_id = app.query_params["item"]
    press(app, "reject")
    press(app, "cause-slip")
    assert app.button(key=f"decide-{key_of(item_id)}").disabled
    press(app, "reason-bad_query")
    press(app, "decide")
    assert in_force(judged, item_id).reasons == ("bad_query",)


def test_what_was_judged_meanwhile_is_looked_at_first(
    judged: Workspace, open_page: OpenPage
) -> None:
    app = open_page("adjudicate", cut="0.5")
    item_id = app.query_params["item"]
    press(app, "take-A")
    press(app, "cause-slip")
    with Store.open(judged) as store:
        review.decide(store, item_id=item_id, reviewer="ben", verdict="cannot_judge")
    press(app, "decide")  # what was drawn is older than what is in force
    assert "look at the versions anew" in errors(app)[0].replace("\\", "")


def test_the_cut_decides_what_waits(judged: Workspace, open_page: OpenPage) -> None:
    app = open_page("adjudicate", item="nobody")
    assert "nobody" in errors(app)[0]
    with Store.open(judged) as store:
        for item_id in disputes(judged)[1:]:
            take_first(store, item_id)
    assert "**1** of 1" in text(open_page("adjudicate"))


def take_first(store: Store, item_id: str) -> None:
    case = adjudication.load(store, item_id, asked_by="ada")
    over = [each.judgment.event_id for each in case.versions]
    adjudication.take(store, item_id, over[0], over=over, cause="slip", decided_by="ada")


# My work


def test_ones_work_is_counted_and_compared(judged: Workspace, open_page: OpenPage) -> None:
    with Store.open(judged) as store:
        first = items.list_items(store, ItemFilter(verdict="approve"), limit=1)["item_id"][0]
        gold.set_from_verdict(store, first, judgments.judgments_of(store, first)[0].reviewer)
        made = judgments.in_force(store, reviewers=["cleo"])["judged_at"]
    # They were made when the tests began, which may have been before midnight.
    today = sum(each.date() == datetime.now(UTC).date() for each in made)
    app = open_page("my_work", person="cleo")
    assert errors(app) == []
    assert [metric.value for metric in app.metric] == [str(today), "6", "0", "0"]
    assert "| cleo | **" in text(app)
    assert len(app.dataframe[-1].value) == 6
    app.selectbox(key="pick-person").select("ada").run()
    assert app.query_params["person"] == "ada"
    assert errors(app) == []


def test_annotators_see_nobody_else(judged: Workspace, open_page: OpenPage) -> None:
    root = Operator("root")
    with Store.open(judged) as store:
        people.add(store, "root", roles=["admin"], email="root@b.c", added_by=root)
        people.add(store, "ben", roles=["annotator"], email="ben@b.c", added_by=root)
        token = signing_in.sign_in_by_email(store, "ben@b.c", address="here", issued_at=now())
    app = open_page()
    app.session_state["session_token"] = token
    app.run()
    app.switch_page("views/my_work.py").run()
    assert errors(app) == []
    assert "| ben | **" in text(app)
    assert not app.selectbox
    app.query_params["person"] = "cleo"
    app.run()
    (message,) = errors(app)
    assert "takes the role reviewer or admin" in message.replace("\\", "")
    assert "cleo" not in text(app)
    with pytest.raises(Exception, match="adjudicate"):
        app.switch_page("views/adjudicate.py").run()


# Review


@pytest.mark.parametrize("asked", [1, 4])
def test_others_orders_are_hidden_on_overlap_until_one_has_decided(
    asked: int, judged: Workspace, open_page: OpenPage
) -> None:
    item_id = disputes(judged)[0]
    if asked > 1:
        with Store.open(judged) as store:
            policy = Policy(overlap_share=1.0, overlap_reviewers=asked)
            queueing.save_policy(store, policy, note="", saved_by="ada")
    hers = {"item": item_id, "verdict": "Any", "reviewer": "ada"}
    app = open_page("review", **hers, compare="yes")
    shown = asked == 1
    assert charts(app)
    assert (b"cleo" in charts(app)) == ("cleo: fix" in text(app)) == shown
    app.button(key="compare").click().run()
    press(app, "start-fix")
    assert ("cleo" in app.button(key=f"begin-{key_of(item_id)}").help) == shown
    press(app, "cancel")
    press(app, "approve")
    app = open_page("review", **hers, compare="yes")
    assert "cleo: fix" in text(app)
