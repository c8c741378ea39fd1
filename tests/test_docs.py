"""The documents' commands run, and every command and recipe is documented."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import typer

from app.cli import cli
from curation import review
from curation.demo.world import build_world, write_benchmark_files
from db import items
from db.records import ItemFilter
from db.store import Store
from db.workspace import Workspace
from tests.app.sample import write_layout
from trainer.demo import seed_workspace
from trainer.recipes import list_recipes

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
RANKDESK = [sys.executable, "-c", "from app.cli import main; main()"]


def console_lines(path: Path) -> list[str]:
    blocks = re.findall(r"^```console\n(.*?)^```", path.read_text(), re.MULTILINE | re.DOTALL)
    return [line.removeprefix("$ ") for block in blocks for line in block.splitlines()]


def write_source_files(folder: Path) -> None:
    """Write a small dump with a linked page, theorems, and a BEIR folder."""
    link = "https://example.org/osmosis"
    (folder / "bio" / "pages").mkdir(parents=True)
    (folder / "bio" / "pages" / f"{quote(link, safe='')}.md").write_text(
        "# Osmosis\n\nWater moves."
    )
    (folder / "bio" / "Posts.xml").write_text(
        '<posts><row Id="1" PostTypeId="1" AcceptedAnswerId="2" Title="Why?" Body="It wilts." />\n'
        f'<row Id="2" PostTypeId="2" Body="&lt;a href=&quot;{link}&quot;&gt;See&lt;/a&gt;" />\n'
        "</posts>"
    )
    theorem = {"id": 2, "statement": "2 > 1.", "proof": "By order.", "references": [1]}
    rows = [{"id": 1, "title": "Order", "statement": "n + 1 > n."}, theorem]
    (folder / "theorems.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (folder / "beir" / "qrels").mkdir(parents=True)
    (folder / "beir" / "queries.jsonl").write_text('{"_id": "q", "text": "why?"}')
    (folder / "beir" / "corpus.jsonl").write_text('{"_id": "a", "title": "", "text": "because"}')
    (folder / "beir" / "qrels" / "train.tsv").write_text("query-id\tcorpus-id\tscore\nq\ta\t1")


@pytest.mark.slow
def test_every_documented_command_runs(tmp_path):
    with Store.create(Workspace(tmp_path / "workspace")) as store:
        size = {"n_items": 40, "n_benchmark": 4, "n_spare": 0}
        seed_workspace(store, seed=3, **size, on_progress=lambda *_: None)
        first, *_ = items.next_item_ids(store, ItemFilter())
        review.decide(store, item_id=first, reviewer="ada", verdict="approve")
    write_layout(tmp_path / "layout", per_domain=1)
    write_benchmark_files(build_world(seed=4, n_items=1, n_benchmark=3), tmp_path)
    (tmp_path / "r2med").mkdir()
    (tmp_path / "r2med" / "query.jsonl").write_text('{"id": "q", "text": "why?"}')
    (tmp_path / "r2med" / "corpus.jsonl").write_text('{"id": "a b", "text": "because"}')
    (tmp_path / "r2med" / "qrels.jsonl").write_text('{"q_id": "q", "p_id": "a b", "score": 1}')
    (tmp_path / "r2med.run").write_text("q Q0 a b 1 1.0 bm25")
    (tmp_path / "problems.csv").write_text("task,code\nAdd two numbers,return a + b\n")
    write_source_files(tmp_path)
    response = "<think>x</think><answer>[2] > [1]</answer>"
    (tmp_path / "rewards.jsonl").write_text(
        json.dumps(
            {
                "response": response,
                "initial_list": ["a", "b"],
                "relevant_docids": ["b"],
                "ground_truth": "[2] > [1]",
            }
        )
    )
    (tmp_path / "responses.jsonl").write_text(json.dumps({"response": response, "n": 2}))
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    lines = console_lines(DOCS / "commands.md")
    assert len(lines) > 15
    for line in lines:
        program, *arguments = shlex.split(line)
        assert program == "rankdesk"
        result = subprocess.run(
            [*RANKDESK, *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, f"{line}\n{result.stderr}"
        assert result.stdout.strip(), line
        if "--json" in arguments:
            json.loads(result.stdout)


def commands(group: Any, prefix: str = "") -> Iterator[str]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{prefix}{name} ")
        else:
            yield f"{prefix}{name}"


def test_every_command_is_documented_and_has_help():
    text = (DOCS / "commands.md").read_text()
    group = typer.main.get_command(cli)
    for name in commands(group):
        assert re.search(rf"rankdesk( --workspace \w+)? {name}\b", text), name


def test_the_readme_s_make_targets_exist():
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for line in console_lines(ROOT / "README.md"):
        if line.startswith("make "):
            assert line.split()[1] in targets


def test_links_between_documents_lead_somewhere():
    for page in [ROOT / "README.md", *DOCS.glob("*.md")]:
        for target in re.findall(r"\]\((?!http)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_shipped_recipes_are_the_ones_the_recipe_page_names():
    text = (DOCS / "recipe.md").read_text()
    for name in list_recipes():
        family = name.removesuffix("-sft").removesuffix("-grpo").removeprefix("qwen3-8b")
        assert family in text
