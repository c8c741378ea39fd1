"""The report of a comparison: one file, whole, offline and inert."""

import base64
import re
from html.parser import HTMLParser

import pytest
from typer.testing import CliRunner

from app.cli import cli
from app.report import comparison_report
from db import checkpoints, evaluations
from db.store import Store
from db.workspace import Workspace
from tests.app.sample import HOSTILE, add_evaluation

ALLOWED = {
    *("html", "head", "meta", "title", "style", "body", "h1", "h2", "h3", "p", "div", "table"),
    *("tr", "th", "td", "figure", "img", "figcaption"),
}


class Reader(HTMLParser):
    """Keeps what a browser would see: tags, attributes and text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def report(sample: Workspace) -> str:
    with Store.open(sample) as store:
        checkpoint = checkpoints.get_checkpoint(store, "demo-sft-1")["checkpoint_id"]
        add_evaluation(store, checkpoint, HOSTILE, lost=3)
        ids = [row["evaluation_id"] for row in evaluations.list_evaluations(store)]
        return comparison_report(store, ids, "nDCG@10")


def test_it_tells_numbers_settings_and_versions(report):
    text = Reader(report).text
    for told in ("nDCG@10 on held-out", "12 queries", "first-stage", "sft on held-out"):
        assert told in text
    assert "83.9" in text  # 9 of 12 at 1.0, the others at 0.3562
    assert "43.07" in text  # the first stage has its relevant passage at place 4
    assert "strategy.window" in text
    assert "listwise-short" in text
    assert "not separable" in text
    assert report.count("<img ") == 1 + 3 + 2 + 1  # matrix, costs, differences, query length


def test_it_refers_to_nothing_outside_itself(report):
    page = Reader(report)
    sources = [value for name, value in page.attributes if name in ("src", "href", "action")]
    assert sources
    assert all(value.startswith("data:image/svg+xml;base64,") for value in sources)
    assert "url(" not in report
    assert "@import" not in report
    assert (
        "default-src 'none'" in dict(page.attributes).get("content", "")
        or ("content", "default-src 'none'; img-src data:; style-src 'unsafe-inline'")
        in page.attributes
    )


def test_a_hostile_name_is_only_text(report):
    page = Reader(report)
    assert HOSTILE in page.text
    assert page.tags <= ALLOWED
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    pictures = [
        base64.b64decode(found).decode() for found in re.findall(r"base64,([\w+/=]+)", report)
    ]
    assert any("onerror" in picture for picture in pictures)  # it is drawn, as text
    for picture in pictures:
        drawn = Reader(picture)
        assert not drawn.tags & {"script", "a", "image", "foreignobject", "iframe"}
        assert not [name for name, _ in drawn.attributes if name.startswith("on")]


def test_the_command_writes_the_same_report(sample, monkeypatch):
    monkeypatch.setenv("RANKDESK_WORKSPACE", str(sample.root))
    result = CliRunner().invoke(
        cli, ["compare", "first-stage", "sft on held-out", "--format", "html"]
    )
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("<!doctype html>")
    assert "sft on held-out" in Reader(result.stdout).text
