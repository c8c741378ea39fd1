"""The command line as a shell sees it: results, words and exit codes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from db.store import Store
from tests.samples import add_samples
from tests.shared_data import SHARED, needs_shared_data

ROOT = Path(__file__).parents[2]


def rankdesk(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from app.cli import main; main()", *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_metrics_of_a_run_by_query_and_as_a_mean(tmp_path):
    (tmp_path / "qrels").write_text("q1 0 a b 1\nq2 0 c 1\n")
    (tmp_path / "run").write_text("q1 Q0 x 1 2 t\nq1 Q0 a b 2 1 t\n")
    files = ("--qrels", tmp_path / "qrels", "--run", tmp_path / "run")
    mean = json.loads(rankdesk("metrics", *files, "-m", "nDCG@10", "--json").stdout)
    assert mean == {"nDCG@10": pytest.approx(0.6309 / 2, abs=1e-4)}
    each = json.loads(rankdesk("metrics", *files, "-m", "RR@10", "--per-query", "--json").stdout)
    assert each == {"q1": {"RR@10": 0.5}, "q2": {"RR@10": 0.0}}


@needs_shared_data
def test_the_published_value_comes_out_of_the_command():
    bright = SHARED / "bright"
    result = rankdesk(
        "metrics",
        "--qrels",
        bright / "biology.qrels",
        "--run",
        bright / "biology.run",
        "-m",
        "nDCG@10",
        "--json",
    )
    assert round(100 * json.loads(result.stdout)["nDCG@10"], 2) == 43.49


def test_rewards_and_permutations_come_one_json_line_each(tmp_path):
    good = "<think>x</think><answer>[2] > [1]</answer>"
    rows = [
        {
            "response": response,
            "initial_list": ["a", "b"],
            "relevant_docids": ["b"],
            "ground_truth": "[2] > [1]",
        }
        for response in (good, "[2] > [1]")
    ]
    file = tmp_path / "r.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)))
    first, second = map(json.loads, rankdesk("reward", file, "--json").stdout.splitlines())
    assert first == {
        "reward": pytest.approx(1.3),
        "format": "ok",
        "ndcg@10": 1.0,
        "recall@10": 1.0,
        "overlap": 1.0,
        "permutation": [2, 1],
        "status": "ok",
    }
    assert (second["reward"], second["format"], second["status"]) == (
        -1.0,
        "bad_output",
        "no_answer",
    )
    file.write_text("\ufeff" + json.dumps({"response": good, "n": 3}))
    assert json.loads(rankdesk("parse", file, "--json").stdout) == {
        "permutation": [2, 1, 3],
        "status": "missing",
    }


@pytest.mark.parametrize(
    ("command", "content", "message"),
    [
        (
            "parse",
            '{"response": "x", "n": 2}\n{"response": 5, "n": 2}',
            ":2: response: must be a st",
        ),
        ("parse", '{"response": "x"}', ":1: n: is missing"),
        ("parse", "{", ":1: is not JSON"),
        ("parse", '{"n": 2, "response": "\xff"}'.encode("latin-1"), ":1: is not UTF-8"),
        ("parse", "[1]", ":1: must be a JSON object"),
        ("parse", '{"response": "x", "n": 0}', ":1: n: must be a whole number"),
        (
            "reward",
            '{"response": "", "initial_list": ["a"], "relevant_docids": [], "ground_truth": "[1]"}',
            ":1: relevant_docids:",
        ),
        (
            "reward",
            '{"response": "", "initial_list": ["a"], "relevant_docids": ["a"], "ground_truth": ""}',
            ":1: ground_truth: must name",
        ),
    ],
)
def test_a_bad_line_is_named_and_nothing_is_printed(tmp_path, command, content, message):
    file = tmp_path / "lines.jsonl"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    result = rankdesk(command, file, "--json")
    assert (result.returncode, result.stdout) == (1, "")
    assert "lines.jsonl" + message in result.stderr
    assert "Traceback" not in result.stderr


def test_a_missing_workspace_a_busy_one_and_a_wrong_command(tmp_path, workspace):
    missing = rankdesk("--workspace", tmp_path / "no", "jobs")
    assert missing.returncode == 1
    assert "init --demo" in missing.stderr
    with Store.create(workspace):
        busy = rankdesk("--workspace", workspace.root, "jobs")
    assert busy.returncode == 1
    assert "is in use by process" in busy.stderr
    assert "Traceback" not in busy.stderr + missing.stderr
    assert rankdesk("nonsense").returncode == 2


def test_consistency_batches_and_snapshots(workspace):
    with Store.create(workspace) as store:
        add_samples(store)
    place = ("--workspace", workspace.root)
    counts = json.loads(rankdesk(*place, "consistency", "--cut", "0.5", "--json").stdout)
    assert (counts["kept"], counts["dropped"]) == (3, 2)
    made = json.loads(
        rankdesk(*place, "batch", "create", "b", "--verdict", "open", "--json").stdout
    )
    assert made["n_items"] == 5
    snapshot = json.loads(rankdesk(*place, "batch", "approve", "b", "--json").stdout)
    assert (workspace.snapshots / snapshot["snapshot_id"] / "items.jsonl").exists()
    again = rankdesk(*place, "batch", "approve", "b")
    assert again.returncode == 1
    assert "was approved by ada" in again.stderr
    rankdesk(*place, "batch", "create", "few", "--verdict", "open", "--cut", "0.6")
    rankdesk(*place, "batch", "approve", "few")
    changed = json.loads(rankdesk(*place, "snapshot", "diff", "b", "few", "--json").stdout)
    assert changed["counts"] == {"added": 0, "removed": 2, "changed": 0, "unchanged": 3}
    assert changed["filters"] == {"cut": {"before": 0.4, "after": 0.6}}
    words = rankdesk(*place, "snapshot", "diff", "b", "few").stdout
    assert "2 removed" in words
    assert "other filters" in words


def test_commands_do_not_wait_for_torch():
    code = "import sys, app.cli; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_brackets_in_help_texts_are_shown():
    shown = " ".join(rankdesk("source", "add", "--help").stdout.split())
    assert "Of queries that bring none [the source's name]." in shown
