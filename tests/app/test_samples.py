"""Samples of a teacher and of a judge: their page, Consistency's views, and the queue."""

import polars as pl
import pytest

from app.widgets.filters import ORDERS
from curation import review
from curation.samples import load, measure_agreement
from db import agreement, items
from db.records import ItemFilter
from db.store import Store
from db.workspace import Workspace
from tests.app.conftest import OpenPage
from tests.app.sampled import CAREFUL, N_ITEMS, QUICK


def errors(app) -> list[str]:
    return [each.value for each in [*app.error, *app.exception]]


def told(app) -> str:
    return "\n".join(each.value for each in [*app.markdown, *app.caption]).replace("\\", "")


def least_agreed(place: Workspace) -> str:
    with Store.open(place) as store:
        return agreement.sampled_items(store, "least_agreed", [])[0]


def test_what_was_measured_when_the_samples_came_in(sampled: Workspace):
    with Store.open(sampled) as store:
        assert measure_agreement(store) == 0
        found = agreement.values(store)
        before = store.frame("SELECT * FROM sample_agreement ORDER BY ALL")
        store.execute("DELETE FROM sample_agreement")
        assert measure_agreement(store) == before["item_id"].n_unique()
        again = store.frame("SELECT * FROM sample_agreement ORDER BY ALL")
        least = agreement.sampled_items(store, "least_agreed", [])
    assert again.equals(before)
    assert found["samples"].max() == 3
    taus = dict(found.select("item_id", "tau").iter_rows())
    assert [taus[each] for each in least] == sorted(taus[each] for each in least)
    assert taus[least[0]] < 1
    # The judge errs least, so it agrees with whoever is right more than another error would.
    assert found["other_tau"].is_not_null().any()


def test_the_ranking_under_review_is_the_first_teacher_s_first_sample(sampled: Workspace):
    with Store.open(sampled) as store:
        rows = store.rows(
            "SELECT t.item_id, t.ranking_id, t.author_name, o.sample, o.judge, o.shown,"
            " i.docids AS candidates FROM teacher_rankings t"
            " JOIN ranking_origins o USING (ranking_id) JOIN items i USING (item_id)"
        )
        judged = {
            row["item_id"]
            for row in store.rows(
                "SELECT item_id FROM rankings JOIN ranking_origins USING (ranking_id) WHERE judge"
            )
        }
        shown = {row["item_id"]: review.load(store, row["item_id"], "ada") for row in rows}
    assert judged
    for row in rows:
        assert (row["sample"], row["judge"]) == (0, False)
        assert row["shown"] == row["candidates"]
        assert row["author_name"] == (QUICK if row["item_id"] in judged else CAREFUL)
        assert shown[row["item_id"]].teacher.ranking_id == row["ranking_id"]


def test_the_queue_goes_by_agreement_and_filters_by_it(sampled: Workspace, open_page: OpenPage):
    with Store.open(sampled) as store:
        least = agreement.sampled_items(store, "least_agreed", [])
        values = dict(agreement.values(store).select("item_id", "tau").iter_rows())
        chosen = ItemFilter(order="least_agreed", max_tau=0.9)
        low = items.next_item_ids(store, chosen, limit=100)
        assert low == [each for each in least if (values[each] or 0) < 0.9]
        assert items.count_items(store, chosen) == len(low) < items.counts(store)["items"]
        (own,) = [each for each in agreement.agreement_of(store, least[0]) if each["under_review"]]
        everything = items.list_items(store, ItemFilter(order="other_teacher"), limit=100)
        assert len(everything) == items.counts(store)["items"]
    app = open_page("review", order=ORDERS["least_agreed"], tau="-1.0", verdict="Any")
    assert errors(app) == []
    assert app.session_state["desk"].current == least[0]
    assert f"among {own['samples']} samples" in told(app)


def test_the_page_steps_from_the_least_agreed_item_on(sampled: Workspace, open_page: OpenPage):
    first = least_agreed(sampled)
    app = open_page("samples")
    assert errors(app) == []
    assert app.query_params["item"] == first
    with Store.open(sampled) as store:
        shown = load(store, first)
    assert [each.name for each in shown.given] == [
        "sample 1",
        "sample 2",
        "sample 3",
        f"{CAREFUL} 1",
    ]
    table = app.dataframe[0].value
    assert table["place"].to_list() == list(range(1, len(shown.item.candidates) + 1))
    assert table["docid"].to_list() == list(shown.said.consensus)
    given = [each for each in shown.given if each.ordered]
    assert len(given) > 1
    for at, sample in enumerate(given):
        assert [sample.docids[place - 1] for place in table[f"sample{at}"]] == list(
            shown.said.consensus
        )
    assert f"τ {shown.said.tau:.2f}" in told(app)
    assert app.button(key="sample-previous").disabled
    app.button(key="sample-next").click().run()
    assert errors(app) == []
    assert app.query_params["item"] != first
    app.button(key="sample-previous").click().run()
    assert app.query_params["item"] == first


def test_chains_are_numbered_alike_whatever_order_was_shown(sampled: Workspace):
    with Store.open(sampled) as store:
        shown = load(store, least_agreed_in(store))
    candidates = [passage.docid for passage in shown.item.candidates]
    assert shown.given[0].numbers == tuple(range(1, len(candidates) + 1))
    assert len({each.numbers for each in shown.given[:3]}) > 1
    for each in shown.given:
        assert sorted(each.numbers) == list(range(1, len(candidates) + 1))


def least_agreed_in(store: Store) -> str:
    return agreement.sampled_items(store, "least_agreed", [])[0]


@pytest.mark.parametrize("chains", ["two", "all"])
def test_a_shared_link_opens_the_same_item_and_chains(
    chains: str, sampled: Workspace, open_page: OpenPage
):
    with Store.open(sampled) as store:
        last = agreement.sampled_items(store, "imported", [])[-1]
    app = open_page("samples", item=last, sorted="imported", chains=chains, left="1", right="2")
    assert errors(app) == []
    assert app.query_params["item"] == last
    if chains == "two":
        assert (app.query_params["left"], app.query_params["right"]) == ("1", "2")


def test_an_unknown_item_is_said(sampled: Workspace, open_page: OpenPage):
    assert "no item nobody" in " ".join(errors(open_page("samples", item="nobody")))


@pytest.mark.parametrize(
    ("signal", "words"),
    [
        ("samples", "Agreement of samples"),
        ("shown", "a passage shown one place lower is ranked"),
        ("apart", "How many places apart two samples put a passage"),
        ("other", "Two teachers that judge alike"),
    ],
)
def test_consistency_draws_each_signal(
    signal: str, words: str, sampled: Workspace, open_page: OpenPage
):
    app = open_page("consistency", signal=signal)
    assert errors(app) == []
    assert words in told(app)
    table = app.dataframe[0].value
    assert 0 < len(table) <= 2 * N_ITEMS


def test_the_two_cuts_part_the_items_in_four(sampled: Workspace, open_page: OpenPage):
    app = open_page("consistency", signal="samples", quarter="unsure")
    app.slider(key="agree").set_value(0.9).run()
    assert errors(app) == []
    counts = [int(each.value.split(" ")[0]) for each in app.metric]
    with Store.open(sampled) as store:
        values = agreement.values(store).filter(pl.col("tau").is_not_null())
    assert sum(counts) == values.height
    unsure = values.filter((pl.col("ndcg") >= 0.4) & (pl.col("tau") < 0.9))
    assert len(app.dataframe[0].value) == counts[1] == unsure.height > 0


@pytest.mark.parametrize("signal", ["samples", "shown", "apart", "other"])
def test_without_samples_the_way_to_them_is_said(
    signal: str, sample: Workspace, open_page: OpenPage
):
    app = open_page("consistency", signal=signal)
    assert errors(app) == []
    assert "Generate" in told(app)
    empty = open_page("samples")
    assert errors(empty) == []
    assert "No item has several samples" in told(empty)
