"""The lineage page: from any node to its page, and the diff of two snapshots."""

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from curation import batching, review
from curation.batching import Selection
from curation.lineage import starts
from db import items
from db.records import ItemFilter
from db.store import Store
from db.workspace import Workspace
from tests.app.sample import HOSTILE_DOMAIN

OpenPage = Callable[..., AppTest]


def focus(app: AppTest) -> str:
    """Return the line about the node in the middle."""
    return next(text.value for text in app.markdown if "-badge[" in text.value)


def links(app: AppTest) -> dict[str, str]:
    return {each.proto.label: each.proto.query_string for each in app.get("page_link")}


def test_an_empty_workspace_says_what_is_next(store, open_page: OpenPage) -> None:
    store.close()
    app = open_page("lineage")
    assert any("Nothing to follow yet" in text.value for text in app.markdown)
    app = open_page("lineage", lens="diff")
    assert any("Two snapshots are needed" in text.value for text in app.markdown)


def test_it_starts_at_the_newest_snapshot_and_goes_on(sample, open_page: OpenPage) -> None:
    app = open_page("lineage")
    assert "Snapshot] **first round**" in focus(app)
    with Store.open(sample) as store:
        evaluation = next(each for each in starts(store) if each.kind == "evaluation")
    app.selectbox(key="lineage-start").set_value(evaluation.key).run()
    assert app.query_params["node"] == evaluation.key
    assert "Evaluation]" in focus(app)
    assert not app.exception


@pytest.mark.parametrize("node", ["gone", "job:gone", "query:x/<b>y</b>"])
def test_what_is_not_there_is_said(sample, open_page: OpenPage, node: str) -> None:
    app = open_page("lineage", node=node)
    assert not app.exception
    assert len(app.error) == 1


def test_a_hostile_item_stays_text(sample, open_page: OpenPage) -> None:
    with Store.open(sample) as store:
        (item_id,) = items.next_item_ids(store, ItemFilter(domains=(HOSTILE_DOMAIN,)), limit=1)
    app = open_page("lineage", node=f"item:{item_id}")
    assert not app.exception
    assert "<img" not in focus(app).replace(r"\<img", "")
    assert item_id in links(app)["Open its page"]


def test_two_snapshots_beside_each_other(sample: Workspace, open_page: OpenPage) -> None:
    with Store.open(sample) as store:
        approved = items.next_item_ids(store, ItemFilter(verdict="approve"), limit=9)
        review.decide_many(
            store,
            item_ids=approved[:2],
            reviewer="**ben**",
            verdict="reject",
            reasons=["bad_query"],
        )
        made = batching.create(store, "second round", Selection(cut=0.3), created_by="ada")
        second = batching.approve(store, made, approved_by="grace").snapshot_id
    app = open_page("lineage", lens="diff")
    assert not app.exception
    assert app.query_params["after"] == second
    assert any("− 2**" in text.value for text in app.markdown)
    assert any("cut 0\\.4 → 0\\.3" in text.value for text in app.markdown)
    table = app.dataframe[0].value
    assert set(table["decided"]) == {"**ben**: reject (bad query)"}
    assert any("No benchmark was ranked" in text.value for text in app.caption)
    app.button_group(key="change").set_value(["added"]).run()
    assert any("None of that kind" in text.value for text in app.caption)
