"""Decontamination from the page and the command: scan, release, and what batches do about it."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest
from typer.testing import CliRunner

from app.cli import cli
from app.widgets.text import key_of
from curation.snapshots import read_manifest
from db import batches, benchmarks, evaluations, items, quarantine
from db.store import Store
from db.workspace import Workspace
from tests.app.sample import HOSTILE
from tests.samples import add_samples
from trainer import scoreboard

OpenPage = Callable[..., AppTest]
BATCH = "everything open"


@dataclass(frozen=True)
class Leaky:
    """A benchmark whose queries t1 and t2 two items ask; t1's is in the open batch."""

    benchmark_id: str
    items: dict[str, str]
    batch_id: str


@pytest.fixture
def leaky(sample: Workspace, tmp_path: Path) -> Leaky:
    folder = tmp_path / "leaky"
    folder.mkdir()
    with Store.open(sample) as store:
        batch_id = batches.get_batch(store, BATCH)["batch_id"]
        texts = {row["item_id"]: row["query"] for row in items.queries(store)}
        hostile = next(item_id for item_id, text in texts.items() if text == HOSTILE)
        first = next(
            each for each in batches.batch_items(store, batch_id)["item_id"] if each != hostile
        )
        asked = {"t1": texts[first].upper().replace(" ", "  "), "t2": f"{HOSTILE}!"}
        contents = {
            "queries": [json.dumps({"_id": qid, "text": text}) for qid, text in asked.items()],
            "passages": [json.dumps({"_id": "d", "text": "a CALM passage"})],
            "qrels": [f"{qid} 0 d 1" for qid in asked],
            "run": [f"{qid} Q0 d 1 1.0 x" for qid in asked],
        }
        paths = {part: folder / f"{part}.jsonl" for part in contents}
        for part, lines in contents.items():
            paths[part].write_text("\n".join(lines), encoding="utf-8")
        made = scoreboard.add_benchmark(store, "leaky", added_by="ada", **paths)
    return Leaky(made.benchmark_id, {"t1": first, "t2": hostile}, batch_id)


def decide(workspace: Workspace, benchmark_id: str, qid: str, item_id: str) -> None:
    with Store.open(workspace) as store:
        quarantine.quarantine(store, item_id, benchmark_id, qid, reason="", decided_by="ada")


def rankdesk(workspace: Workspace, *words: str) -> Any:
    result = CliRunner().invoke(cli, ["--workspace", str(workspace.root), *words, "--json"])
    if result.exception is not None:
        raise result.exception
    return json.loads(result.stdout)


def said(app: AppTest) -> str:
    assert not app.exception
    kinds = ("markdown", "caption", "warning", "error")
    return "\n".join(str(each.value) for kind in kinds for each in app.get(kind))


def press(app: AppTest, label: str) -> AppTest:
    return next(each for each in app.button if each.label == label).click().run(timeout=120)


def states(app: AppTest) -> list[str]:
    """Return the states of the pairs in the list: the second table."""
    return sorted(app.dataframe[1].value["state"])


def test_the_command_finds_altered_queries(sample: Workspace, leaky: Leaky):
    (row,) = rankdesk(sample, "decontaminate", "--benchmark", "leaky")
    assert row["exact"] == 2
    assert row["shared_passages"] == row["sharing"] == 1
    held = {each["qid"]: each["item_id"] for each in row["pairs"] if each["exact"]}
    assert held == leaky.items
    assert row["alike_passages"] is None
    (row,) = rankdesk(sample, "decontaminate", "--benchmark", "leaky", "--passages")
    assert row["alike_passages"] > 0  # the benchmark's one passage is a candidate's, in other case
    assert row["sharing"] == 1
    every = rankdesk(sample, "decontaminate", "--cut", "words=1", "--cut", "meaning=1")
    assert {row["name"]: row["quarantined"] for row in every} == {"held-out": 0, "leaky": 2}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--benchmark", "nothing"), "There is no benchmark nothing"),
        (("--cut", "exact=1"), "words=COSINE or meaning=COSINE"),
        (("--cut", "words=2"), "above 0 and at most 1, got 2"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    sample: Workspace, words: tuple[str, str], message: str
):
    with pytest.raises(Exception, match=message):
        rankdesk(sample, "decontaminate", *words)


def test_a_workspace_without_items_or_benchmarks_says_what_to_do(
    workspace: Workspace, open_page: OpenPage
):
    with Store.create(workspace):
        pass
    assert "Nothing to compare yet" in said(open_page("decontamination"))
    with Store.open(workspace) as store:
        add_samples(store)
    assert "No benchmark to compare with" in said(open_page("decontamination"))


def test_scan_release_and_quarantine_on_the_page(
    sample: Workspace, leaky: Leaky, open_page: OpenPage
):
    app = open_page("decontamination", pair=key_of(leaky.items["t2"], "t2"))
    assert "Not compared yet: held\\-out, leaky" in said(app)
    app.multiselect(key="scan_benchmarks").set_value([leaky.benchmark_id])
    press(app, "Compare")
    assert "Not compared yet: held\\-out." in said(app)
    assert states(app).count("Quarantined") >= 2
    text = said(app)
    assert "Training query" in text
    assert "<script>" not in text  # every mark in it is escaped
    assert "![i](" not in text
    press(app, "Release")
    assert "needs a reason" in said(app)
    next(each for each in app.text_input if each.label.startswith("Why")).set_value("our own test")
    press(app, "Release")
    assert "our own test" in said(app)
    assert states(app).count("Released") == 1
    press(app, "Quarantine")
    assert "Released" not in states(app)


def test_a_batch_is_approved_without_its_quarantined_items_in_one_click(
    sample: Workspace, leaky: Leaky, open_page: OpenPage
):
    decide(sample, leaky.benchmark_id, "t1", leaky.items["t1"])
    with Store.open(sample) as store:
        before = batches.get_batch(store, BATCH)["n_items"]
    app = open_page("batches", view_of="batches")
    app.button(key=f"approve-{leaky.batch_id}").click().run()
    assert "1 item is quarantined: what they ask is a test query of leaky" in said(app)
    press(app, "Leave 1 out and approve")
    with Store.open(sample) as store:
        batch = batches.get_batch(store, BATCH)
        assert batch["n_items"] == before - 1
        manifest = read_manifest(sample.snapshots / batch["snapshot_id"])
    assert manifest.quarantined is not None
    assert manifest.quarantined.left_out == [leaky.items["t1"]]


def test_a_batch_keeps_them_for_a_reason_alone(
    sample: Workspace, leaky: Leaky, open_page: OpenPage
):
    decide(sample, leaky.benchmark_id, "t1", leaky.items["t1"])
    app = open_page("batches", view_of="batches")
    app.button(key=f"approve-{leaky.batch_id}").click().run()
    press(app, "Approve with them")
    assert "Say why" in said(app)
    app.text_input(key="keep-reason").set_value("to measure the leak")
    press(app, "Approve with them")
    with Store.open(sample) as store:
        batch = batches.get_batch(store, BATCH)
        manifest = read_manifest(sample.snapshots / batch["snapshot_id"])
    assert manifest.quarantined is not None
    assert manifest.quarantined.kept == [leaky.items["t1"]]
    assert manifest.quarantined.reason == "to measure the leak"


def test_the_command_refuses_leaves_out_or_keeps(sample: Workspace, leaky: Leaky):
    decide(sample, leaky.benchmark_id, "t1", leaky.items["t1"])
    with pytest.raises(Exception, match="1 of the .* are quarantined.* --leave-out"):
        rankdesk(sample, "batch", "approve", BATCH)
    kept = ("batch", "create", "kept", "--verdict", "open", "--quarantined")
    left = ("batch", "create", "left", "--verdict", "open")
    assert rankdesk(sample, *kept)["n_items"] == rankdesk(sample, *left)["n_items"] + 1
    first = rankdesk(sample, "batch", "approve", "kept", "--leave-out")
    assert rankdesk(sample, "batch", "approve", "left") == first
    assert (
        rankdesk(sample, "batch", "approve", BATCH, "--keep-because", "known")["n_items"]
        == first["n_items"] + 1
    )


def test_a_new_batch_says_what_it_leaves_out(sample: Workspace, leaky: Leaky, open_page: OpenPage):
    decide(sample, leaky.benchmark_id, "t1", leaky.items["t1"])
    app = open_page("batches", view_of="new")
    app.button_group(key="batch_verdicts").set_value(["open"]).run()
    assert "1 quarantined item left out" in said(app)
    app.checkbox(key="batch_quarantined").check().run()
    assert "left out" not in said(app)


def test_evaluations_show_clean_beside_all_where_training_asked_a_test_query(
    sample: Workspace, open_page: OpenPage
):
    with Store.open(sample) as store:
        (benchmark,) = benchmarks.list_benchmarks(store)
        trained = batches.get_batch(store, "first round")["batch_id"]
        asked = batches.batch_items(store, trained)["item_id"][0]
        evaluation = evaluations.get_evaluation(store, "sft on held-out")["evaluation_id"]
        values = dict(
            evaluations.per_query(store, [evaluation], "nDCG@10").select("qid", "value").iter_rows()
        )
    app = open_page("evaluations")
    assert len(app.dataframe) == 1
    decide(sample, benchmark["benchmark_id"], "q3", asked)
    app.run()
    (row,) = app.dataframe[1].value.to_dict("records")
    rest = [value for qid, value in values.items() if qid != "q3"]
    assert (row["n_all"], row["n_clean"], row["items"], row["queries"]) == (12, 11, 1, 1)
    assert row["clean"] == f"{100 * sum(rest) / 11:.2f}"
    assert row["all"] == f"{100 * sum(values.values()) / 12:.2f}"
