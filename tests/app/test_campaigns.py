"""The Campaigns page, and judging in a campaign."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from app.widgets.text import key_of
from curation import campaigns, guidelines
from db import campaigns as log
from db import items, judgments
from db.records import ItemFilter
from db.store import Store
from db.workspace import Workspace
from tests.app.sample import HOSTILE

OpenPage = Callable[..., AppTest]
ECONOMICS = ItemFilter(domains=("economics",))


def begin(workspace: Workspace, **options: Any) -> str:
    sound: dict[str, Any] = {
        "chosen": ECONOMICS,
        "goal": 5,
        "due_on": date(2026, 1, 2),
        "guideline": "general",
        "members": (),
    }
    with Store.open(workspace) as store:
        name = options.pop("name", "economics first")
        return campaigns.create(store, name, **{**sound, **options}, created_by="grace")


def current(app: AppTest) -> str:
    found = app.session_state["desk"].current
    assert isinstance(found, str)
    return found


def approve(app: AppTest) -> str:
    item_id = current(app)
    app.button(key=f"approve-{key_of(item_id)}").click().run()
    assert not app.exception
    return item_id


def texts(app: AppTest) -> str:
    return "\n".join(text.value for text in [*app.markdown, *app.caption]).replace("\\", "")


def test_it_begins_with_a_filter_a_goal_and_a_day(sample: Workspace, open_page: OpenPage) -> None:
    app = open_page("campaigns", domain="economics")
    assert any("No campaign is open" in text.value for text in app.markdown)
    app.session_state["new_campaign"] = True
    app.run()
    assert "of economics" in texts(app)
    app.text_input(key="campaign-name").set_value("near the cut by Friday")
    app.number_input(key="campaign-goal").set_value(7)
    app.multiselect(key="campaign-members").set_value(["ada", "grace"])
    app.button(key="campaign-now").click().run()
    assert not app.exception
    with Store.open(sample) as store:
        (made,) = log.list_campaigns(store)
    assert (made.name, made.goal, made.members) == ("near the cut by Friday", 7, ("ada", "grace"))
    assert made.chosen == ECONOMICS
    assert made.due_on == datetime.now(UTC).date() + timedelta(days=7)
    assert "**0** of 7 decided" in app.get("progress")[0].proto.text
    assert "End: unknown" in texts(app)


def test_items_that_were_decided_are_no_campaign(sample: Workspace, open_page: OpenPage) -> None:
    app = open_page("campaigns", verdict="Approved")
    app.session_state["new_campaign"] = True
    app.run()
    assert "waits for a verdict" in app.error[0].value


def test_judging_draws_its_items_and_stamps_it(sample: Workspace, open_page: OpenPage) -> None:
    with Store.open(sample) as store:
        guidelines.publish(store, "money", "Count twice.", note="", after=0, published_by="grace")
        within = items.next_item_ids(store, ECONOMICS, limit=99)
        waiting = items.count_items(store, ItemFilter(verdict="open", domains=("economics",)))
    campaign = begin(sample, guideline="money")
    app = open_page("review", campaign=campaign, beside="guidelines")
    assert f"**{waiting}** left for you" in texts(app)
    assert "Count twice." in texts(app)
    judged = [approve(app) for _ in range(2)]
    assert set(judged) <= set(within)
    with Store.open(sample) as store:
        for item_id in judged:
            found = judgments.judgments_of(store, item_id)[0]
            assert (found.campaign, found.guideline) == (campaign, "money v1")
        assert judgments.in_force(store, reviewers=["ada"])["seconds"].drop_nulls().len() == 2
    for _ in range(waiting - 2):
        approve(app)
    assert "All done in this campaign" in texts(app)
    next(button for button in app.button if button.label == "Leave the campaign").click().run()
    assert "campaign" not in app.query_params
    assert current(app) not in within


@pytest.mark.parametrize(
    ("options", "said"),
    [({"members": ["grace"]}, "is for others"), ({"name": HOSTILE[:55]}, "is closed")],
)
def test_one_that_is_closed_or_for_others_says_so(
    options: dict[str, Any], said: str, sample: Workspace, open_page: OpenPage
) -> None:
    campaign = begin(sample, **options)
    if said == "is closed":
        with Store.open(sample) as store:
            campaigns.set_open(store, campaign, False, changed_by="grace")
    app = open_page("review", campaign=campaign)
    assert said in texts(app)
    item_id = approve(app)
    with Store.open(sample) as store:
        assert judgments.judgments_of(store, item_id)[0].campaign is None
    assert "not there" in texts(open_page("review", campaign="gone"))


def test_the_whole_of_one_is_changed_and_closed(sample: Workspace, open_page: OpenPage) -> None:
    campaign = begin(sample, name=f"c {HOSTILE[:50]}", members=["<b>ben</b>"])
    app = open_page("campaigns", campaign=campaign)
    assert not app.exception
    assert "due 2026-01-02" in texts(app)
    assert "ago" in texts(app)
    assert not [text for text in app.markdown if "<img" in text.value.replace(r"\<img", "")]
    app.text_input(key="campaign-name").set_value("renamed")
    app.date_input(key="campaign-due").set_value(None)
    app.button(key="campaign-now").click().run()
    assert "no due day" in texts(app)
    app.button(key="set-open").click().run()
    assert not app.exception
    with Store.open(sample) as store:
        found = log.get_campaign(store, campaign)
    assert (found.name, found.due_on, found.open) == ("renamed", None, False)
    assert "gone" in open_page("campaigns", campaign="gone").error[0].value


def test_progress_and_pace_are_told_and_nobody_is_named(
    sample: Workspace, open_page: OpenPage
) -> None:
    campaign = begin(sample, goal=2, due_on=date(2099, 1, 1))
    app = open_page("review", campaign=campaign)
    approve(app)
    app = open_page("campaigns")
    assert "**1** of 2 decided (50%)" in app.get("progress")[0].proto.text
    assert "in time" in texts(app)
    app.button(key=key_of("details", campaign)).click().run()
    assert app.query_params["campaign"] == campaign
    assert app.get("vega_lite_chart") or app.get("arrow_vega_lite_chart")
    assert "**Waiting now**" in texts(app)
    app = open_page("review", campaign=campaign)
    approve(app)
    assert "goal reached" in texts(open_page("campaigns"))
