"""Published benchmarks in an evaluation: what a query excludes, and where passages are cut."""

import json
from pathlib import Path

import pytest

from curation.benchmarks import Benchmark, add_folder, read_benchmark
from trainer import desk
from trainer.engines.opening import Embedded, Served
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


def test_passages_are_cut_as_published_unless_told_otherwise(bright, tmp_path):
    assert SETTINGS.max_passage_tokens != 512
    assert desk._as_published(SETTINGS, bright).max_passage_tokens == 512
    assert desk._as_published(SETTINGS, tmp_path) == SETTINGS


@pytest.mark.parametrize(("tokenizer", "levels"), [(None, ["error"]), ("/some/model", [])])
def test_the_authors_cleaning_needs_the_model_s_tokens(bright, tmp_path, tokenizer, levels):
    spec = EvaluateSpec(
        name="x",
        engine=Served(model="m", base_urls=("http://host/v1",), tokenizer=tokenizer),
        benchmark=bright,
        settings=SETTINGS.model_copy(update={"style": "reasonrank", "max_passage_tokens": 512}),
    )
    found = [each for each in preflight_evaluation(spec, tmp_path) if each.name == "passages"]
    assert [each.level for each in found] == levels


@pytest.mark.parametrize(
    ("name", "own", "asked_with"),
    [
        ("first", "listwise-short", "listwise-short"),
        ("first", "listwise", "listwise-direct"),
        ("listwise-direct", "/my/own.yaml", "/my/own.yaml"),
        ("partition", "listwise", "listwise"),
    ],
)
def test_another_strategy_asks_with_the_checkpoint_s_prompt(name, own, asked_with):
    settings = SETTINGS.model_copy(
        update={"strategy": SETTINGS.strategy.model_copy(update={"template": own})}
    )
    assert desk.strategy_options(settings, name)["template"] == asked_with
