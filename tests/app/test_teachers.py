"""Teachers: the page and the command, over two teachers of one source."""

import json

import pytest
from typer.testing import CliRunner

from app.cli import cli
from curation.teachers import comparisons, summaries
from db.store import Store
from db.workspace import Workspace
from tests.app.conftest import OpenPage
from tests.app.sampled import CAREFUL, N_ITEMS, QUICK


def errors(app) -> list[str]:
    return [each.value for each in [*app.error, *app.exception]]


def told(app) -> str:
    return "\n".join(each.value for each in [*app.markdown, *app.caption]).replace("\\", "")


def run(workspace: Workspace, *words: str) -> dict:
    result = CliRunner().invoke(cli, ["--workspace", str(workspace.root), *words, "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_each_teacher_is_measured_over_its_own_items_answers_and_prices(sampled: Workspace):
    with Store.open(sampled) as store:
        found = {each.author_name: each for each in summaries(store, 0.4)}
        rows = store.rows(
            "SELECT r.author_name, count(*) AS n, avg((r.status <> 'ok')::INT) AS malformed"
            " FROM rankings r GROUP BY ALL"
        )
        spent = store.row(
            "SELECT sum(g.price) AS price, (SELECT sum(price) FROM ranking_origins WHERE judge)"
            " AS judge FROM generated g JOIN jobs j USING (job_id) WHERE j.name LIKE 'quick%'"
        )
    assert found.keys() == {QUICK, CAREFUL}
    for row in rows:
        assert found[row["author_name"]].answers == row["n"]
        assert found[row["author_name"]].malformed.value == pytest.approx(row["malformed"])
    quick, careful = found[QUICK], found[CAREFUL]
    assert sum(quick.kinds.values()) == pytest.approx(quick.malformed.value * quick.answers)
    assert quick.answers == 3 * quick.items
    assert quick.tau is not None
    assert careful.tau is None
    assert careful.ndcg.value > quick.ndcg.value
    assert quick.cost_item is not None
    # All that the first job spent, less the judge's own answers.
    whole = spent["price"] - spent["judge"]
    assert quick.cost_item.value * quick.items == pytest.approx(whole)
    for each in (quick, careful):
        for estimate in (each.ndcg, each.kept, each.malformed, each.cost_item, each.cost_kept):
            assert estimate.ci[0] <= estimate.value <= estimate.ci[1]
        assert each.cost_kept.value >= each.cost_item.value


def test_two_teachers_are_compared_on_the_queries_that_both_labelled(sampled: Workspace):
    with Store.open(sampled) as store:
        (pair,) = comparisons(store)
        means = {each.name: each.ndcg.value for each in summaries(store, 0.4)}
    assert {pair.first, pair.second} == means.keys()
    assert pair.comparison.n <= N_ITEMS
    assert pair.p_corrected == pair.comparison.p


def test_the_page_draws_table_chart_and_pairs(sampled: Workspace, open_page: OpenPage):
    app = open_page("teachers")
    assert errors(app) == []
    table, pairs = (each.value for each in app.dataframe)
    assert set(table["model"]) == {QUICK, CAREFUL}
    assert table["$ / 1,000 items"].min() > 0
    assert len(pairs) == 1
    words = told(app)
    assert "Malformed orders" in words
    assert "Samples agree at τ" in words
    app.slider(key="cut").set_value(1.0).run()
    assert errors(app) == []
    assert app.dataframe[0].value["kept %"].max() < table["kept %"].max()


def test_imported_rankings_have_no_prompt_and_no_price(sample: Workspace, open_page: OpenPage):
    app = open_page("teachers")
    assert errors(app) == []
    assert "imported" in set(app.dataframe[0].value["prompt"])
    assert "No price is known" in told(app)


def test_the_commands_tell_the_same(sampled: Workspace):
    found = run(sampled, "teachers")
    assert {each["author_name"] for each in found["teachers"]} == {QUICK, CAREFUL}
    assert len(found["pairs"]) == 1
    shown = CliRunner().invoke(cli, ["--workspace", str(sampled.root), "teachers"])
    assert CAREFUL in shown.stdout
    samples = run(sampled, "consistency")["samples"]
    assert samples["items"] > 0
    assert -1 <= samples["tau"] <= 1


def test_without_samples_the_command_says_so_by_leaving_them_out(sample: Workspace):
    assert run(sample, "consistency")["samples"] is None
    assert run(sample, "teachers")["teachers"][0]["tau"] is None
