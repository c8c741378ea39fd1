"""What a person can get wrong on the command line is refused in a sentence, before any work."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from app.cli import cli
from app.widgets.importing import ImportRun, _work
from db.errors import RankDeskError
from db.store import Store
from db.workspace import Workspace
from tests.app.sample import write_benchmark, write_layout
from tests.samples import add_samples


def run(workspace: Workspace, *words: object) -> Any:
    """Run a command with --json and return what it printed; raise what it refused with."""
    arguments = ["--workspace", str(workspace.root), *map(str, words), "--json"]
    result = CliRunner().invoke(cli, arguments)
    if result.exception is not None:
        raise result.exception
    return json.loads(result.stdout)


@pytest.fixture
def place(workspace: Workspace) -> Workspace:
    Store.create(workspace).close()
    return workspace


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    return write_benchmark(tmp_path / "files")


@pytest.mark.parametrize("command", ["init", "demo"])
def test_a_workspace_cannot_be_a_file(tmp_path: Path, command: str):
    (tmp_path / "file").write_text("")
    with pytest.raises(RankDeskError, match="no workspace in .*file: Not a directory"):
        run(Workspace(tmp_path / "file"), command)


def test_a_home_folder_of_nobody_is_named(place: Workspace):
    with pytest.raises(RankDeskError, match="nobody of that name"):
        Workspace.locate("~nouser-here/x")
    with Store.open(place) as store:
        imported = ImportRun("~nouser-here/x", "ada")
        _work(store, imported)
    assert "nobody of that name" in imported.error


def test_known_content_under_a_new_name_is_refused_with_its_name(place: Workspace, files):
    options = [word for part, path in files.items() for word in (f"--{part}", path)]
    assert run(place, "benchmark", "add", "first", *options)["name"] == "first"
    assert run(place, "benchmark", "add", "first", *options)["name"] == "first"
    with pytest.raises(RankDeskError, match="named first"):
        run(place, "benchmark", "add", "second", *options)
    options = ["--queries", files["queries"], "--passages", files["passages"]]
    made = run(place, "source", "add", "first", *options)
    with pytest.raises(RankDeskError, match="named first"):
        run(place, "source", "add", "second", *options, "--domain", "first")
    assert (place.sources / made["source_id"]).is_dir()


@pytest.mark.parametrize(
    ("output", "message"), [("no/out.run", "there is no folder"), ("files", "is a folder")]
)
def test_an_output_that_cannot_be_written_is_refused_before_the_work(
    place: Workspace, files, tmp_path: Path, output: str, message: str
):
    run(place, "source", "add", "s", "--queries", files["queries"], "--passages", files["passages"])
    with pytest.raises(RankDeskError, match=message):
        run(place, "mine", "s", "--output", tmp_path / output, "--no-dense")
    inputs: list[object] = []
    for part in ("queries", "passages", "run"):
        inputs += [f"--{part}", files[part]]
    for outputs in (
        ["--output", tmp_path / output],
        ["--output", tmp_path / "fine.run", "--trace", tmp_path / output],
    ):
        with pytest.raises(RankDeskError, match=message):
            run(place, "rerank", *inputs, *outputs, "--dry-run")


def test_a_batch_s_name_is_its_own(place: Workspace):
    with Store.open(place) as store:
        add_samples(store)
    create = ("batch", "create", "first", "--verdict", "open")
    run(place, *create)
    with pytest.raises(RankDeskError, match="a batch named first already"):
        run(place, *create)
    (listed,) = run(place, "batch", "list")
    assert listed["selection"]["verdicts"] == ["open"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--overlap", "5"), "^An overlap is at most"),
        (("--language", "xx"), "^No language has"),
        (("--near", "7"), "^near: "),
    ],
)
def test_a_wrong_way_of_cleaning_is_told_in_a_sentence(place: Workspace, files, options, message):
    tables = ("--queries", files["queries"], "--passages", files["passages"])
    with pytest.raises(RankDeskError, match=message):
        run(place, "source", "add", "s", *tables, *options)


def test_an_empty_run_scores_0_and_is_told(place: Workspace, tmp_path: Path):
    (tmp_path / "qrels").write_text("q1 0 a 1\n")
    (tmp_path / "run").write_text("\n")
    words = [
        "metrics",
        "--qrels",
        str(tmp_path / "qrels"),
        "--run",
        str(tmp_path / "run"),
        "--json",
    ]
    result = CliRunner().invoke(cli, [*words, "-m", "nDCG@10", "-m", "AP"])
    assert json.loads(result.stdout) == {"nDCG@10": 0.0, "AP": 0.0}
    assert "every query counts as 0" in result.stderr


def test_lists_over_one_window_are_counted(place: Workspace, tmp_path: Path):
    write_layout(tmp_path / "layout", per_domain=1, n=21)
    found = run(place, "import", "reasonrank", tmp_path / "layout")
    assert (found["long_lists"], found["rejected"]) == (3, 2)
    before = run(place, "consistency")["before"]
    assert (before["rows"], before["refused"], before["queries"]) == (6, 2, 0)
