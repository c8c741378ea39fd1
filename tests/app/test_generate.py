"""Generate: the page and the commands, against the simulated teacher over HTTP."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest
from streamlit.testing.v1 import AppTest
from typer.testing import CliRunner

from app.cli import cli
from curation import teachers
from curation.demo.teacher import MODEL
from curation.demo.teacher_server import serve_teacher
from curation.demo.world import World, build_world
from curation.source_folder import SourceQuery, write_source
from db import generation, items, jobs, sources
from db.store import Store
from db.workspace import Workspace
from tests.trainer.small import wait_for
from trainer import ingest
from trainer import jobs as folders

OpenPage = Callable[..., AppTest]


@pytest.fixture(scope="module")
def world() -> World:
    return build_world(seed=5, n_items=12, n_benchmark=2)


@pytest.fixture(scope="module")
def teacher(world: World) -> Iterator[str]:
    with serve_teacher(world, seed=5) as url:
        yield url


@pytest.fixture
def stocked(workspace: Workspace, world: World) -> Workspace:
    """A workspace with one source: queries with answers, and a pool of passages without lists."""
    passages = [passage for item in world.items for passage in item.candidates]
    frame = pl.DataFrame(
        [(p.docid, p.title, p.text) for p in passages],
        schema={"docid": pl.String, "title": pl.String, "text": pl.String},
        orient="row",
    )
    queries = [SourceQuery(i.qid, i.domain, i.query, i.answer) for i in world.items]
    with Store.create(workspace) as store:
        made = write_source(workspace.sources, "pool", "demo", queries, frame)
        sources.insert_source(
            store,
            source_id=made.source_id,
            name=made.name,
            kind=made.kind,
            n_queries=made.n_queries,
            n_passages=made.n_passages,
            domains=made.domains,
            report={},
            added_by="ada",
        )
    workspace.prices.write_text(f"{MODEL}: {{prompt: 1.0, completion: 2.0}}\n", encoding="utf-8")
    return workspace


def run(workspace: Workspace, *words: str) -> dict[str, object]:
    result = CliRunner().invoke(cli, ["--workspace", str(workspace.root), *words, "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_the_commands_mine_estimate_and_label_a_source(
    stocked: Workspace, teacher: str, world: World, tmp_path: Path
):
    output = tmp_path / "mined.run"
    found = run(stocked, "mine", "pool", "--depth", "12", "--no-dense", "--output", str(output))
    assert found["queries"] == len(world.items)
    asked = ["generate", "pool", "--model", MODEL, "--base-url", teacher, "--samples", "2"]
    asked += ["--orders", "2", "--set", "dense=false", "--set", "depth=12", "--set", "size=8"]
    expected = run(stocked, *asked, "--dry-run")
    assert expected["requests"] == {"select": 12, "negatives": 12, "rank": 24}
    assert expected["price"] > 0
    assert run(stocked, *asked, "--wait")["state"] == "done"
    with Store.open(stocked) as store:
        ingest.sync(store)  # again: it changes nothing
        (job,) = jobs.list_jobs(store)
        outcomes = generation.outcomes(store, job["job_id"])
        assert outcomes["queries"].sum() == len(world.items)
        labelled = int(outcomes.filter(pl.col("outcome") == "labelled")["queries"].sum())
        assert labelled == items.counts(store)["items"] > 6
        assert items.counts(store)["rankings"] == 2 * labelled
        shown = store.rows(
            "SELECT r.docids, o.shown, o.sample, i.docids AS candidates FROM rankings r"
            " JOIN ranking_origins o USING (ranking_id) JOIN items i USING (item_id)"
        )
        first = store.rows(
            "SELECT o.sample FROM teacher_rankings JOIN ranking_origins o USING (ranking_id)"
        )
        (teacher_found,) = teachers.summaries(store, 0.4)
    assert [each.partition("@")[0] for each in teacher_found.label_prompts] == [
        "teacher-negatives",
        "teacher-select",
    ]
    assert {row["sample"] for row in first} == {0}
    for row in shown:
        assert sorted(row["docids"]) == sorted(row["shown"]) == sorted(row["candidates"])
        assert len(row["candidates"]) <= 8
        assert (row["shown"] == row["candidates"]) or row["sample"] == 1


def test_the_page_starts_a_job_and_shows_what_came_back(
    stocked: Workspace, teacher: str, open_page: OpenPage
):
    app = open_page("generate")
    app.text_input(key="teacher-model").set_value(MODEL)
    app.text_input(key="teacher-urls").set_value(teacher).run()
    app.text_area(key="generate--more").set_value("dense=false\ndepth=10\nlimit=5").run()
    assert "5" in [metric.value for metric in app.metric]
    app.button(key="start-job").click().run()

    (folder,) = [path for path in stocked.jobs.iterdir() if path.is_dir()]
    wait_for(lambda: folders.state(folder).state not in ("queued", "running"), "the job", 60)
    assert folders.state(folder).state == "done", folders.state(folder).message
    app = open_page("jobs", job=folder.name)
    assert [each.value for each in [*app.error, *app.exception]] == []
    assert "5 of 5" in [metric.value for metric in app.metric]
    assert any("0001" in each.label for each in app.expander)


def test_the_page_offers_a_vllm_server_and_a_cluster(stocked: Workspace, open_page: OpenPage):
    app = open_page("generate")
    app.text_input(key="teacher-model").set_value("/no/such/model")
    app.selectbox(key="teacher-by").set_value("ray").run()
    app.text_input(key="teacher-cluster").set_value("local")
    app.number_input(key="teacher-workers").set_value(2).run()
    assert app.button(key="start-job").disabled
    assert "/no/such/model" in "".join(each.value for each in [*app.markdown, *app.error]).replace(
        "\\", ""
    )


def test_the_page_says_what_to_do_without_a_source(workspace: Workspace, open_page: OpenPage):
    Store.create(workspace).close()
    app = open_page("generate")
    assert "No source yet" in "\n".join(each.value for each in app.markdown)


def test_a_prompt_is_kept_under_a_new_name_and_used(
    stocked: Workspace, teacher: str, open_page: OpenPage
):
    app = open_page("generate")
    area = app.text_area(key="prompt-text-teacher-select")
    area.set_value(area.value.replace("Give nothing else.", "Nothing else, please."))
    app.text_input(key="prompt-name").set_value("teacher-select-2").run()
    app.button(key="prompt-save").click().run()
    assert [each.value for each in [*app.error, *app.exception]] == []
    assert "Nothing else, please." in (stocked.templates / "teacher-select-2.yaml").read_text()
    app.button(key="prompt-save").click().run()  # a version stays as it is
    assert any("versions stay" in each.value for each in app.error)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["generate", "pool"], "Name the source, and the teacher"),
        (["generate", "pool", "--model", "m"], "--base-url"),
        (["generate", "other", "--model", "m", "--base-url", "http://h/v1"], "no source other"),
        (
            ["generate", "pool", "--model", "m", "--base-url", "http://h/v1", "--budget", "1"],
            "a budget needs prices",
        ),
        (
            ["generate", "pool", "--model", "m", "--base-url", "http://h/v1", "--stage", "x"],
            "until",
        ),
        (
            ["generate", "pool", "--model", "m", "--base-url", "ftp://x", "--dry-run"],
            "no http:// or https:// and host: 'ftp://x'",
        ),
        (
            ["generate", "pool", "--model", "m", "--base-url", "http://h/v1", "--dry-run"]
            + ["--tokenizer", "/no/such/folder"],
            "okenizer: There is no model folder '/no/such/folder'",
        ),
        (
            ["generate", "pool", "--model", "m", "--base-url", "http://h/v1"]
            + ["--set", "rank_template=teacher-select"],
            "rank_template=teacher-select is a selection template",
        ),
    ],
)
def test_what_cannot_work_is_said(stocked: Workspace, words: list[str], told: str):
    result = CliRunner().invoke(cli, ["--workspace", str(stocked.root), *words])
    assert result.exit_code != 0
    assert told in str(result.exception)
    assert told not in result.output  # once is enough
