"""Published benchmarks in an evaluation: what a query excludes, and where passages are cut."""

import json
from pathlib import Path

import pytest

from curation.benchmarks import Benchmark, add_folder, read_benchmark
from trainer.engines.opening import Embedded
from trainer.evaluate import _candidates
from trainer.jobs import EvaluateSpec
from trainer.preflight import preflight_evaluation
from trainer.recipes import load_recipe

TEXTS = {"own": "wind over the kite", "a 1": "wind and kite", "b": "kite", "c": "a hat"}
SETTINGS = load_recipe("demo-sft").evaluation_settings()


@pytest.fixture
def bright(tmp_path: Path) -> Path:
    """A benchmark of one query, which excludes the passage that is most like it."""
    folder = tmp_path / "published"
    for name in ("examples", "documents"):
        (folder / name).mkdir(parents=True)
    example = {"id": "q", "query": "wind over the kite", "excluded_ids": ["own"], "gold_ids": ["b"]}
    (folder / "examples" / "demo.jsonl").write_text(json.dumps(example))
    (folder / "documents" / "demo.jsonl").write_text(
        "".join(json.dumps({"id": docid, "content": text}) + "\n" for docid, text in TEXTS.items())
    )
    (tmp_path / "run").write_text("q Q0 own 1 2 t\nq Q0 c 2 1 t\n")
    root = tmp_path / "benchmarks"
    return root / add_folder(root, "demo", folder, run=tmp_path / "run").benchmark_id


@pytest.fixture
def benchmark(bright: Path) -> Benchmark:
    return read_benchmark(bright)


@pytest.mark.parametrize(
    ("first_stage", "found"), [("run", ["c"]), ("bm25", ["a 1", "b"]), ("dense", ["a 1", "b"])]
)
def test_no_first_stage_finds_what_is_excluded(benchmark, first_stage, found):
    settings = SETTINGS.model_copy(update={"first_stage": first_stage, "depth": 2})
    assert _candidates(benchmark, settings) == {"q": found}


@pytest.mark.parametrize(("tokens", "levels"), [(64, ["warning"]), (512, [])])
def test_another_passage_length_than_the_published_one_is_told(bright, tmp_path, tokens, levels):
    spec = EvaluateSpec(
        name="x",
        engine=Embedded(model="/no/model"),
        benchmark=bright,
        settings=SETTINGS.model_copy(update={"max_passage_tokens": tokens}),
    )
    found = [each for each in preflight_evaluation(spec, tmp_path) if each.name == "passages"]
    assert [each.level for each in found] == levels
    assert all("512" in each.message for each in found)
