"""Leaderboard, prices and suites, over a workspace with two evaluations of one benchmark."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest
from typer.testing import CliRunner

from app.cli import cli
from curation.prices import Price, write_prices
from curation.trec import read_run
from db import benchmarks, evaluations, suites
from db.errors import NotFoundError, RankDeskError, StoreError
from db.store import Store
from db.workspace import Workspace
from trainer import costs, scoreboard

OpenPage = Callable[..., AppTest]


def rankdesk(sample: Workspace, *arguments: str) -> str:
    result = CliRunner().invoke(cli, ["--workspace", str(sample.root), *arguments])
    if isinstance(result.exception, RankDeskError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def errors(app: AppTest) -> list[str]:
    return [found.value for found in [*app.exception, *app.error]]


def test_a_suite_is_the_latest_list_of_its_name(sample: Workspace) -> None:
    with Store.open(sample) as store:
        name = benchmarks.list_benchmarks(store)[0]["name"]
        suites.set_suite(store, "both", [name, name], made_by="ada")
        assert suites.get_suite(store, "both")["benchmarks"] == [name]
        assert suites.get_suite(store, name)["benchmarks"] == [name]
        assert [row["name"] for row in suites.list_suites(store)] == ["both"]
        with pytest.raises(StoreError, match="is a benchmark"):
            suites.set_suite(store, name, [name], made_by="ada")
        with pytest.raises(NotFoundError, match="Suites: both"):
            suites.get_suite(store, "nothing")


def test_an_evaluation_s_run_goes_out_and_comes_back(sample: Workspace, tmp_path: Path) -> None:
    with Store.open(sample) as store:
        row = evaluations.list_evaluations(store)[-1]
        orders = evaluations.rankings(store, row["evaluation_id"])
    for name, form in (("out.run", "trec"), ("out.json", "rankllm")):
        told = rankdesk(
            sample, "evaluation", "export", row["name"], "--output", str(tmp_path / name), "--json"
        )
        assert json.loads(told)["form"] == form
        found = read_run(tmp_path / name)
        assert {qid: list(scores) for qid, scores in found.items()} == orders
    with pytest.raises(RankDeskError, match="make it first"):
        rankdesk(sample, "evaluation", "export", row["name"], "--output", "/no/such/x.run")


def test_an_evaluation_of_several_benchmarks_has_no_one_name(sample: Workspace) -> None:
    with Store.open(sample) as store:
        held_out = benchmarks.list_benchmarks(store)[0]
        copy = {**held_out, "benchmark_id": "b" * 16, "name": "second"}
        benchmarks.insert_benchmark(store, **{k: v for k, v in copy.items() if k != "created_at"})
    rankdesk(sample, "benchmark", "suite", "both", held_out["name"], "second")
    asked = ("evaluate", "--checkpoint", "sft", "--benchmark", "both")
    with pytest.raises(RankDeskError, match="leave it out with several"):
        rankdesk(sample, *asked, "--name", "mine")
    with pytest.raises(NotFoundError, match="no suite and no benchmark nothing"):
        rankdesk(sample, *asked, "--benchmark", "nothing")


def test_measured_rows_stand_beside_published_ones(sample: Workspace, open_page: OpenPage) -> None:
    rankdesk(sample, "benchmark", "suite", "mine", "held-out")
    rows = json.loads(rankdesk(sample, "benchmark", "leaderboard", "mine", "--json"))
    assert {row["kind"] for row in rows} == {"measured"}  # no published set is named so
    assert [row["average"] for row in rows] == sorted((r["average"] for r in rows), reverse=True)
    assert rows[-1]["values"].keys() == {"held-out"}
    shown = rankdesk(sample, "benchmark", "leaderboard", "mine", "--published", "BRIGHT")
    assert "ReasonIR 8B" in shown
    app = open_page("leaderboard", suite="mine", published="BRIGHT")
    assert errors(app) == []
    kinds = list(app.dataframe[0].value["kind"])
    assert set(kinds) == {"measured", "published"}
    assert kinds[0] == "measured"  # published rows have no average over these benchmarks
    assert any("held" in warning.value for warning in app.warning)


def test_published_tables_can_be_read_without_a_benchmark(
    workspace: Workspace, open_page: OpenPage
) -> None:
    Store.create(workspace).close()
    app = open_page("leaderboard", suite="published: BRIGHT")
    assert errors(app) == []
    assert "RaDeR + BM25" in list(app.dataframe[0].value["system"])


def test_a_published_table_stands_by_itself(sample: Workspace, open_page: OpenPage) -> None:
    app = open_page("leaderboard", suite="published: R2MED")
    assert errors(app) == []
    shown = app.dataframe[0].value
    assert set(shown["kind"]) == {"published"}
    assert list(shown["average"].round(2))[:2] == [42.85, 39.53]
    assert shown["as published"].isna().all()


def test_what_nobody_judged_stands_beside_each_evaluation(sample: Workspace) -> None:
    with Store.open(sample) as store:
        benchmark = benchmarks.list_benchmarks(store)[0]
        for row in scoreboard.table(store, benchmark["benchmark_id"]):
            # Each query has eight candidates, one of them judged.
            assert (row["judged"], row["holes"]) == (pytest.approx(1 / 8), 7)


def test_a_query_costs_what_its_tokens_do(sample: Workspace, open_page: OpenPage) -> None:
    with Store.open(sample) as store:
        trained = evaluations.get_evaluation(store, "sft on held-out")
        first = evaluations.get_evaluation(store, "first-stage")
        (model,) = costs.models_of(store, trained).values()
        assert costs.price_per_query(store, [trained, first]) == {
            trained["evaluation_id"]: None,
            first["evaluation_id"]: 0.0,
        }
        write_prices(sample.prices, {model: Price(prompt=1, completion=10)})
        # Each query made one call: 300 prompt and 60 generated tokens.
        assert costs.price_per_query(store, [trained])[trained["evaluation_id"]] == pytest.approx(
            (300 * 1 + 60 * 10) / 1e6
        )
    app = open_page("compare", cost="price")
    assert errors(app) == []
    (table,) = [each.value for each in app.dataframe if "price" in each.value]
    assert 0.9 in [round(value, 6) for value in table["price"]]  # for 1,000 queries


def test_a_broken_price_table_is_named_where_it_is_used(
    sample: Workspace, open_page: OpenPage
) -> None:
    sample.prices.write_text("model: cheap")
    app = open_page("compare")
    assert any("prices" in error.replace("\\", "") for error in errors(app))
    assert app.tabs


def test_what_a_benchmark_holds(sample: Workspace) -> None:
    shown = json.loads(rankdesk(sample, "benchmark", "show", "held-out", "--json"))
    assert shown["n_queries"] == 12
    assert shown["n_excluded"] == 0
    assert 0 <= shown["first_stage"]["Judged@10"] <= 1
