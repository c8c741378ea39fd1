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
        every = summaries(store, 0.4)
        rows = store.rows(
            "SELECT r.author_name, count(*) AS n, sum((r.status <> 'ok')::INT) AS malformed"
            " FROM rankings r GROUP BY ALL"
        )
        spent = store.row(
            "SELECT sum(g.price) AS price, (SELECT sum(price) FROM ranking_origins WHERE judge)"
            " AS judge FROM generated g JOIN jobs j USING (job_id) WHERE j.name LIKE 'quick%'"
        )
    for row in rows:
        own = [each for each in every if each.author_name == row["author_name"]]
        assert sum(each.answers for each in own) == row["n"]
        assert sum(sum(each.kinds.values()) for each in own) == row["malformed"]
    found = {each.author_name: each for each in every if not each.judge}
    assert found.keys() == {QUICK, CAREFUL}
    quick, careful = found[QUICK], found[CAREFUL]
    # What it was asked as judge and again as teacher is one answer, and the teacher's.
    assert careful.items == careful.answers > N_ITEMS / 2
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
        pairs = comparisons(store)
        found = {each.name: each for each in summaries(store, 0.4)}
    pair = next(each for each in pairs if "judge" not in each.first + each.second)
    assert {pair.first, pair.second} == {name for name in found if "judge" not in name}
    assert N_ITEMS / 2 < pair.comparison.n <= N_ITEMS
    assert pair.comparison.difference > 0  # by name, the careful one is first
    assert all(each.p_corrected >= each.comparison.p for each in pairs)


def test_the_page_draws_table_chart_and_pairs(sampled: Workspace, open_page: OpenPage):
    app = open_page("teachers")
    assert errors(app) == []
    table, pairs = (each.value for each in app.dataframe)
    assert set(table["model"]) == {QUICK, CAREFUL}
    assert table["$ / 1,000 items"].min() > 0
    assert (pairs["queries"] <= N_ITEMS).all()
    words = told(app)
    assert "Malformed orders" in words
    assert "Samples agree at τ" in words
    app.slider(key="cut").set_value(1.0).run()
    assert errors(app) == []
    assert app.dataframe[0].value["kept %"].sum() < table["kept %"].sum()


def test_imported_rankings_have_no_prompt_and_no_price(sample: Workspace, open_page: OpenPage):
    app = open_page("teachers")
    assert errors(app) == []
    assert "imported" in set(app.dataframe[0].value["prompt"])
    assert "No price is known" in told(app)


def test_the_commands_tell_the_same(sampled: Workspace):
    found = run(sampled, "teachers")
    assert {each["author_name"] for each in found["teachers"]} == {QUICK, CAREFUL}
    assert {QUICK, CAREFUL} <= {
        each[side].split(" ")[0] for each in found["pairs"] for side in ("first", "second")
    }
    shown = CliRunner().invoke(cli, ["--workspace", str(sampled.root), "teachers"])
    assert CAREFUL in shown.stdout
    samples = run(sampled, "consistency")["samples"]
    assert samples["items"] > 0
    assert -1 <= samples["tau"] <= 1


def test_without_samples_the_command_says_so_by_leaving_them_out(sample: Workspace):
    assert run(sample, "consistency")["samples"] is None
    assert run(sample, "teachers")["teachers"][0]["tau"] is None
