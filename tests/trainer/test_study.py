import polars as pl
import pytest

from db import benchmarks, checkpoints, evaluations
from db.store import Store
from db.workspace import Workspace
from tests.app.sample import fill
from trainer import study


@pytest.fixture
def store(tmp_path):
    with Store.create(Workspace(tmp_path / "workspace")) as opened:
        fill(opened, tmp_path)
        yield opened


def test_four_ways_of_one_checkpoint(store):
    prepared = study.prepare(store, "demo-sft-1", "held-out")
    assert tuple(prepared) == study.VARIANTS
    strategies = [job.spec.settings.strategy for job in prepared.values()]
    assert [strategy.name for strategy in strategies] == [
        "listwise",
        "listwise-direct",
        "pointwise-yesno",
        "pointwise-yesno",
    ]
    assert [strategy.reasoning for strategy in strategies[2:]] == [True, False]
    # As the checkpoint was trained: its windows and its short prompts.
    assert (strategies[0].window, strategies[0].step) == (6, 2)
    assert {name for each in strategies for name in each.templates} == {
        "listwise-short",
        "pointwise-short",
    }
    assert prepared["pointwise, direct"].spec.name == "demo-sft-1: pointwise, direct"


def test_results_are_found_by_name_and_calibrated_by_the_labels(store):
    benchmark_id = benchmarks.list_benchmarks(store)[0]["benchmark_id"]
    assert study.results(store, "demo-sft-1", benchmark_id) == {}
    checkpoint = checkpoints.get_checkpoint(store, "demo-sft-1")["checkpoint_id"]
    calls = pl.DataFrame(
        [
            {
                "qid": "q1",
                "call": at,
                "round": 1,
                "model": "main",
                "kind": "relevance",
                "start": None,
                "docids": [docid],
                "sample": 0,
                "response": "x",
                "permutation": [1],
                "scores": [yes, 1 - yes],
                "status": "ok",
                "prompt_tokens": 5,
                "completion_tokens": 0,
                "seconds": 0.1,
            }
            for at, (docid, yes) in enumerate((("q1 d3", 0.9), ("q1 d0", 0.2), ("q1 d1", 0.7)))
        ],
        schema_overrides={"start": pl.Int64},
    )
    evaluations.insert_evaluation(
        store,
        evaluation_id="e1",
        benchmark_id=benchmark_id,
        checkpoint_id=checkpoint,
        name=study.name_of("demo-sft-1", "pointwise, direct"),
        strategy="pointwise-yesno",
        settings={},
        summary={},
        measures=pl.DataFrame({"qid": ["q1"], "measure": ["nDCG@10"], "value": [1.0]}),
        rankings=pl.DataFrame({"qid": ["q1"], "docids": [["q1 d3", "q1 d1", "q1 d0"]]}),
        calls=calls,
    )
    found = study.results(store, "demo-sft-1", benchmark_id)
    assert list(found) == ["pointwise, direct"]
    rate = study.calibrated(store, "e1", {"q1": {"q1 d3": 1}})
    assert (rate.n, rate.tpr, rate.tnr) == (3, 1.0, 0.5)
    assert rate.ece == pytest.approx((0.1 + 0.2 + 0.7) / 3)
    listwise = evaluations.get_evaluation(store, "sft on held-out")["evaluation_id"]
    assert study.calibrated(store, listwise, {}) is None
