"""The benchmark commands: files or a published folder in, what they hold out."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli import cli
from db.errors import RankDeskError
from db.store import Store
from db.workspace import Workspace


def call(workspace: Workspace, *arguments: object, code: int = 0) -> str:
    words = ["--workspace", str(workspace.root), "benchmark", *map(str, arguments)]
    result = CliRunner().invoke(cli, words)
    if isinstance(result.exception, RankDeskError):
        raise result.exception
    assert result.exit_code == code, result.output
    return " ".join(result.output.split())


@pytest.fixture
def place(workspace: Workspace) -> Workspace:
    Store.create(workspace).close()
    return workspace


@pytest.fixture
def run(tmp_path: Path) -> Path:
    (tmp_path / "first.run").write_text("q1 Q0 a b 1 2 t\nq1 Q0 c 2 1 t\n")
    return tmp_path / "first.run"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An R2MED folder whose second passage nobody judged."""
    made = tmp_path / "r2med"
    made.mkdir()
    (made / "query.jsonl").write_text('{"id": "q1", "text": "?"}\n')
    (made / "corpus.jsonl").write_text('{"id": "a b", "text": "x"}\n{"id": "c", "text": "y"}\n')
    (made / "qrels.jsonl").write_text('{"q_id": "q1", "p_id": "a b", "score": 1}\n')
    return made


def test_a_folder_is_added_and_shown(place, folder, run):
    added = json.loads(call(place, "add", "med", "--folder", folder, "--run", run, "--json"))
    assert (added["n_queries"], added["max_passage_tokens"]) == (1, 512)
    assert added["first_stage"] == {"nDCG@10": 1.0}
    shown = json.loads(call(place, "show", "med", "--json"))
    assert shown["benchmark_id"] == added["benchmark_id"]
    assert (shown["n_passages"], shown["n_excluded"]) == (2, 0)
    assert shown["first_stage"]["Judged@10"] == 0.5
    assert shown["first_stage"]["holes@10"] == 1
    assert set(shown["files"]) == {f"{n}.parquet" for n in ("queries", "passages", "qrels", "run")}
    assert "passages cut at, as published (tokens) 512" in call(place, "show", "med")


def test_the_same_again_is_there_already_and_has_one_name(place, folder, run):
    for _ in range(2):
        assert "med: 1 queries" in call(place, "add", "med", "--folder", folder, "--run", run)
    with pytest.raises(RankDeskError, match="already, named med"):
        call(place, "add", "other", "--folder", folder, "--run", run)


@pytest.mark.parametrize(
    "given", [("--folder", "x", "--queries", "q"), ("--queries", "q"), ()], ids=str
)
def test_a_mixture_is_refused(place, run, given):
    with pytest.raises(RankDeskError, match="a published folder, or the files of queries"):
        call(place, "add", "x", "--run", run, *given)


def test_a_split_without_a_folder_is_a_wrong_command(place, run):
    files = ("--queries", "q", "--passages", "p", "--qrels", "r")
    call(place, "add", "x", "--run", run, *files, "--split", "dev", code=2)


def test_suites_are_made_replaced_and_listed(place, folder, run):
    assert call(place, "suites") == "(none)"
    call(place, "add", "med", "--folder", folder, "--run", run)
    call(place, "suite", "all", "med")
    (listed,) = json.loads(call(place, "suites", "--json"))
    assert (listed["name"], listed["benchmarks"]) == ("all", ["med"])
    with pytest.raises(RankDeskError, match="There is no benchmark nobody"):
        call(place, "suite", "all", "med", "nobody")


def test_an_unknown_benchmark_is_named(place):
    with pytest.raises(RankDeskError, match="There is no benchmark nobody"):
        call(place, "show", "nobody")
