"""Sources: the page and the commands, from files to what Generate takes."""

import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
from streamlit.testing.v1 import AppTest
from typer.testing import CliRunner

from app.cli import cli
from curation.source_folder import read_duplicates, read_source
from db import sources
from db.store import Store
from db.workspace import Workspace
from tests.app.sample import HOSTILE
from tests.trainer.small import wait_for

OpenPage = Callable[..., AppTest]
LINK = "https://example.org/osmosis"


@pytest.fixture
def tables(tmp_path: Path) -> tuple[Path, Path]:
    """Problems with solutions, and passages of which two are the same; with hostile texts."""
    queries, passages = tmp_path / "problems.jsonl", tmp_path / "passages.jsonl"
    rows = [{"problem": "What is 1 + 1?", "solution": "It is 2.", "level": "Level 1"}]
    rows += [{"problem": f"Why {HOSTILE}?", "solution": HOSTILE, "level": HOSTILE}]
    queries.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    texts = ["Adding one.", "adding ONE", HOSTILE, "Short"]
    pool = [{"docid": f"p {n}", "text": text} for n, text in enumerate(texts)]
    passages.write_text("\n".join(map(json.dumps, pool)), encoding="utf-8")
    return queries, passages


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    """A folder with a dump of one question and the page that its answer links to."""
    (tmp_path / "pages").mkdir()
    page = tmp_path / "pages" / f"{quote(LINK, safe='')}.md"
    page.write_text("# Osmosis\n\nWater moves in.\n\n# Salt\n\nSalt holds it back for good.")
    (tmp_path / "Posts.xml").write_text(
        '<posts><row Id="1" PostTypeId="1" AcceptedAnswerId="2" Title="Why?" Body="It wilts." />\n'
        f'<row Id="2" PostTypeId="2" Body="&lt;a href=&quot;{LINK}&quot;&gt;See&lt;/a&gt;" />'
        "</posts>"
    )
    return tmp_path


@pytest.fixture
def empty(workspace: Workspace) -> Workspace:
    Store.create(workspace).close()
    return workspace


def errors(app: AppTest) -> list[str]:
    return [found.value for found in [*app.exception, *app.error]]


def run(workspace: Workspace, *words: str) -> dict:
    result = CliRunner().invoke(cli, ["--workspace", str(workspace.root), *words, "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def checked(app: AppTest) -> AppTest:
    """Press Check and wait for what comes of it."""
    app.button(key="source-go").click().run()

    def ended() -> bool:
        app.run()
        return bool(errors(app)) or any(each.key == "source-add" for each in app.button)

    wait_for(ended, "the check", 30)
    return app


def test_tables_are_mapped_checked_added_and_looked_into(
    empty: Workspace, tables: tuple[Path, Path], open_page: OpenPage
):
    app = open_page("sources")
    assert "No source yet" in "\n".join(each.value for each in app.markdown)
    app.text_input(key="source-name").set_value("mine")
    app.text_input(key="source-queries").set_value(str(tables[0]))
    app.text_input(key="source-passages").set_value(str(tables[1])).run()
    chosen = {box.label: box.value for box in app.selectbox}
    assert chosen["Query"] == "problem"
    assert chosen["Answer"] == "solution"
    assert chosen["Domain"] == ""
    next(box for box in app.selectbox if box.label == "Domain").set_value("level").run()
    app.text_input(key="source-passage-words").set_value("2:").run()
    checked(app)
    assert errors(app) == []
    assert any("2 queries" in each.value and "2 passages" in each.value for each in app.markdown)
    assert list(empty.sources.iterdir()) == []  # nothing is kept before it is asked for
    app.button(key="source-add").click().run()
    assert errors(app) == []
    (folder,) = empty.sources.iterdir()
    source = read_source(folder)
    assert [query.domain for query in source.queries] == ["Level 1", HOSTILE]
    assert source.passages["docid"].to_list() == ["p 0", "p 2"]
    assert source.manifest.kind == "problems"
    assert [each.value for each in app.text] == ["What is 1 + 1?", "It is 2."]
    app.text_input(key="source-search").set_value("WHY").run()
    assert [each.value for each in app.text] == [f"Why {HOSTILE}?", HOSTILE]
    for view in ("duplicates", "report"):
        app.segmented_control(key="pick-source-view").set_value(view).run()
        assert errors(app) == []


def test_duplicates_stand_beside_each_other(
    empty: Workspace, tables: tuple[Path, Path], open_page: OpenPage
):
    run(empty, "source", "add", "mine", "--queries", str(tables[0]), "--passages", str(tables[1]))
    app = open_page("sources", **{"source-view": "duplicates"})
    assert errors(app) == []
    assert ["Adding one.", "adding ONE"] == [each.value for each in app.text]
    assert [(each.label, each.value) for each in app.metric] == [("Passages, same words", "1")]


def test_a_fault_in_a_file_is_shown_and_nothing_is_kept(
    empty: Workspace, tables: tuple[Path, Path], open_page: OpenPage
):
    tables[1].write_text('{"docid": "a", "text": "x"}\n{"docid": "b"}')
    app = open_page("sources")
    app.text_input(key="source-name").set_value("mine")
    app.text_input(key="source-queries").set_value(str(tables[0]))
    app.text_input(key="source-passages").set_value(str(tables[1])).run()
    checked(app)
    assert "passages.jsonl:2" in errors(app)[0].replace("\\", "")
    assert list(empty.sources.iterdir()) == []


def test_files_can_be_uploaded(empty: Workspace, tables: tuple[Path, Path], open_page: OpenPage):
    app = open_page("sources")
    app.text_input(key="source-name").set_value("mine")
    app.segmented_control(key="source-from").set_value("Upload").run()
    for key, path in zip(("queries", "passages"), tables, strict=True):
        app.file_uploader(key=f"upload-{key}").set_value(
            (f"../../{path.name}", path.read_bytes(), "application/jsonl")
        ).run()
    checked(app)
    assert errors(app) == []
    app.button(key="source-add").click().run()
    (folder,) = empty.sources.iterdir()
    assert read_source(folder).manifest.n_queries == 2


def test_a_dump_comes_by_command_with_parts_and_a_report(empty: Workspace, dump: Path):
    words = ["source", "add", "bio", "--posts", str(dump / "Posts.xml"), "--domain", "biology"]
    words += ["--pages", str(dump / "pages"), "--length", "8"]
    assert run(empty, *words, "--dry-run")["n_passages"] == 2
    assert list(empty.sources.iterdir()) == []
    made = run(empty, *words)
    assert (made["new"], made["domains"]) == (True, {"biology": 1})
    source = read_source(empty.sources / made["source_id"])
    assert source.queries[0].linked == (f"{LINK}#1", f"{LINK}#2")
    assert source.passages["text"].to_list() == [
        "# Osmosis\n\nWater moves in.",
        "# Salt\n\nSalt holds it back for good.",
    ]
    assert run(empty, *words)["new"] is False
    shown = run(empty, "source", "show", "bio")
    assert shown["report"]["read"] == {"posts": 2, "questions": 1, "linked pages": 1}
    assert shown["report"]["cleaning"]["length"] == 8


def test_a_name_that_is_taken_leaves_nothing_behind(empty: Workspace, tables: tuple[Path, Path]):
    words = ["source", "add", "mine", "--queries", str(tables[0]), "--passages", str(tables[1])]
    run(empty, *words)
    result = CliRunner().invoke(
        cli, ["--workspace", str(empty.root), *words, "--duplicates", "none"]
    )
    assert "There is a source named mine with other content" in str(result.exception)
    assert len(list(empty.sources.iterdir())) == 1


def test_duplicates_by_meaning_use_the_sentence_encoder(
    empty: Workspace, tables: tuple[Path, Path]
):
    texts = [
        "The cat sat on the mat in the morning.",
        "In the morning, the cat sat on the mat.",
        "Interest rates rose by half a point.",
    ]
    pool = [{"docid": str(n), "text": text} for n, text in enumerate(texts)]
    tables[1].write_text("\n".join(map(json.dumps, pool)))
    words = ["source", "add", "mine", "--queries", str(tables[0]), "--passages", str(tables[1])]
    made = run(empty, *words, "--duplicates", "semantic", "--semantic", "0.9")
    gone = read_duplicates(empty.sources / made["source_id"])
    assert gone.select("cluster", "id", "kind").rows() == [
        ("0", "0", "kept"),
        ("0", "1", "semantic"),
    ]


def test_theorems_are_no_candidates_of_their_own(empty: Workspace, tmp_path: Path):
    rows = [
        {"id": 1, "statement": "Every number has a successor."},
        {"id": 2, "statement": "A number has one successor.", "proof": "By 1.", "references": [1]},
    ]
    (tmp_path / "t.jsonl").write_text("\n".join(map(json.dumps, rows)))
    run(empty, "source", "add", "proofs", "--theorems", str(tmp_path / "t.jsonl"))
    output = tmp_path / "mined.run"
    run(empty, "mine", "proofs", "--no-dense", "--output", str(output))
    assert [line.split()[2] for line in output.read_text().splitlines()] == ["1"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "Name one form of source"),
        (["--theorems", "t.jsonl", "--folder", "beir"], "Name one form of source"),
        (["--queries", "q.jsonl"], "--queries with --passages"),
        (["--theorems", "t.jsonl", "--query-words", "9"], "write LEAST:MOST"),
        (["--theorems", "t.jsonl", "--language", "English"], "o language has the code 'English'"),
        (["--theorems", "t.jsonl", "--duplicates", "all"], "'none', 'exact', 'near' or 'semantic'"),
        (["--theorems", "t.jsonl"], "t.jsonl: it cannot be read"),
    ],
)
def test_what_cannot_work_is_said(empty: Workspace, words: list[str], told: str):
    result = CliRunner().invoke(
        cli, ["--workspace", str(empty.root), "source", "add", "mine", *words]
    )
    assert result.exit_code != 0
    assert told in str(result.exception)
    with Store.open(empty) as store:
        assert sources.list_sources(store) == []
