"""rerank and strategies: files in, files out, no workspace."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli import cli
from curation.demo.world import build_world, write_benchmark_files
from curation.trec import read_run
from db.errors import RankDeskError
from tests.shared_data import SHARED, needs_shared_data
from trainer import standalone
from trainer.strategies import STRATEGIES


def call(*arguments: object) -> str:
    result = CliRunner().invoke(cli, [str(each) for each in arguments])
    if isinstance(result.exception, RankDeskError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture
def files(tmp_path: Path) -> list[object]:
    """The options that name three queries of twenty candidates, and where the run goes."""
    write_benchmark_files(build_world(seed=4, n_items=1, n_benchmark=3), tmp_path)
    return [
        *("--queries", tmp_path / "queries.jsonl", "--passages", tmp_path / "passages.jsonl"),
        *("--run", tmp_path / "run.txt", "--output", tmp_path / "new.run"),
    ]


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    return tmp_path / "new.run.trace.jsonl"


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_strategies_are_listed_with_costs_and_options():
    rows = json.loads(call("strategies", "--json"))
    assert {row["name"] for row in rows} == set(STRATEGIES)
    listwise = next(row for row in rows if row["name"] == "listwise")
    assert listwise["options"] == {"window": 20, "step": 10, "passes": 1, "template": "listwise"}
    assert "⌈(n − window) / step⌉" in listwise["calls"]
    assert "ReasonRank" in call("strategies")


def test_a_dry_run_writes_each_query_s_first_window(files, trace, tmp_path):
    call("rerank", *files, "--dry-run", "--option", "window=6", "--option", "step=2")
    windows = lines(trace)
    run = read_run(tmp_path / "run.txt")
    assert [window["qid"] for window in windows] == list(run)
    assert all(set(window) == {"qid", "docids", "messages"} for window in windows)
    for window in windows:
        assert window["docids"] == list(run[window["qid"]])[-6:]  # from the back of the list
        assert [message["role"] for message in window["messages"]] == ["system", "user"]
    assert not (tmp_path / "new.run").exists()


@pytest.mark.parametrize(
    "kept", ['{"qid": "q1", "call": 0, "response": "paid"}\n', '{"qid": "q', "a"]
)
def test_a_dry_run_takes_the_place_of_a_dry_run_alone(files, trace, kept):
    call("rerank", *files, "--dry-run")
    before = trace.read_text()
    call("rerank", *files, "--dry-run")
    assert trace.read_text() == before
    trace.write_text(kept)
    with pytest.raises(RankDeskError, match="is no dry run's"):
        call("rerank", *files, "--dry-run")
    assert trace.read_text() == kept


def test_a_dry_run_shows_how_the_model_s_turn_is_begun(files, trace):
    call("rerank", *files, "--dry-run", "--strategy", "listwise-direct")
    assert {line["prefill"] for line in lines(trace)} == {"<think>\n\n</think>\n<answer>\n"}


@pytest.mark.parametrize(
    "options",
    [
        ["setwise"],
        ["exclusion"],
        ["pairwise"],
        ["pairwise", "--option", "method=all-pairs"],
    ],
)
def test_a_dry_run_skips_queries_that_ask_nothing(files, trace, tmp_path, options):
    run = tmp_path / "run.txt"
    run.write_text(run.read_text().splitlines()[0])
    assert json.loads(call("rerank", *files, "--json", "--dry-run", "--strategy", *options)) == {
        "queries": 0,
        "trace": str(trace),
    }


@needs_shared_data
def test_a_rankllm_template_gives_rankllm_s_prompt(tmp_path):
    (tmp_path / "q.tsv").write_text("q1\twhat is [3] ’rare’?\n")
    long = " ".join(f"w{n}" for n in range(400))
    passages = [
        {"_id": "a b", "title": "On [1]", "text": "  donâ€™t\n\tstop [12] "},
        {"_id": "b", "title": "", "text": long},
    ]
    (tmp_path / "p.jsonl").write_text("".join(json.dumps(each) + "\n" for each in passages))
    (tmp_path / "r.run").write_text("q1 Q0 a b 1 2.0 x\nq1 Q0 b 2 1.0 x\n")
    call(
        *("rerank", "--queries", tmp_path / "q.tsv", "--passages", tmp_path / "p.jsonl"),
        *("--run", tmp_path / "r.run", "--output", tmp_path / "o", "--dry-run"),
        *("--template", SHARED / "templates" / "rank_zephyr_template.yaml"),
        *("--trace", tmp_path / "t"),
    )
    (window,) = lines(tmp_path / "t")
    assert window["docids"] == ["a b", "b"]
    system, user = window["messages"]
    assert system["content"].startswith("You are RankLLM")
    # RankLLM: title and content named, ftfy, 300 words joined by spaces, [n] as (n).
    assert "\n[1] Title: On (1) Content: don't stop (12)\n" in user["content"]
    assert f"\n[2] {' '.join(long.split()[:300])}\n" in user["content"]
    assert "search query: what is (3) ’rare’?.\n" in user["content"]
    assert user["content"].endswith("do not say any word or explain.")


@pytest.mark.parametrize(
    "more", [["--dry-run"], ["--engine", "openai", "--model", "m", "--base-url", "http://h/v1"]]
)
def test_the_authors_cleaning_needs_a_tokenizer(files, more):
    with pytest.raises(RankDeskError, match="--tokenizer"):
        call("rerank", *files, "--recipe", "reasonrank", *more)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--strategy", "quicksort"], "no strategy 'quicksort'. There are: listwise"),
        (["--option", "windw=3"], "windw: Extra inputs"),
        (["--option", "window"], "write key=value"),
        (["--option", "window=["], "not YAML"),
        (["--context-size", "4096", "--model", "m"], "one of its templates with --template"),
        (["--strategy", "first", "--option", "window=30"], "label 26 passages at most"),
        (["--trace", "/no/such/folder/t"], "be written: there is no folder /no/such/folder"),
        (
            ["--output", "/no/such/folder/o"],
            "be written: there is no folder /no/such/folder",
        ),
        (["--output", "/tmp"], "/tmp is a folder"),
        (["--option", "step=30"], "step is 30 with a window of 20"),
        (["--engine", "openai", "--model", "m"], "--base-url"),
        (["--engine", "magic", "--model", "m"], "no engine 'magic'"),
        (["--template", "/no/such.yaml", "--dry-run"], "no such template"),
        ([], "--model"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_asked(files, trace, arguments, told):
    with pytest.raises(RankDeskError, match=told):
        call("rerank", *files, *arguments)
    assert not trace.exists()


def test_options_reach_the_engine_and_what_it_draws_by(files, monkeypatch):
    given = {}
    monkeypatch.setattr(
        standalone,
        "rerank_files",
        lambda work, engines, answering, **_: (
            given.update(engines=engines, answering=answering) or {"calls": 0}
        ),
    )
    call(
        *("rerank", *files, "--engine", "openai", "--model", "m", "--base-url", "http://h/v1"),
        *("--temperature", 0.6, "--top-p", 0.95, "--top-k", 20, "--min-p", 0.1, "--seed", 3),
        *("--no-enable-thinking", "--in-flight", 5, "--timeout", 20),
    )
    served, answering = given["engines"]["main"], given["answering"]
    assert (served.in_flight, served.timeout_s) == (5, 20)
    assert (answering.top_p, answering.top_k, answering.min_p) == (0.95, 20, 0.1)
    assert (answering.seed, answering.enable_thinking) == (3, False)


def test_a_run_of_other_queries_is_refused(files, tmp_path):
    (tmp_path / "queries.jsonl").write_text('{"qid": "another", "text": "query"}\n')
    with pytest.raises(RankDeskError, match=r"run\.txt.*qid.*'test-001' is not in"):
        call("rerank", *files, "--dry-run")
