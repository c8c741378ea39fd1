import dataclasses
import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from tests.trainer.small import GRPO, SFT, make_items
from trainer import preflight
from trainer.engines.opening import Embedded, Served
from trainer.jobs import EvaluateSpec
from trainer.models import locate
from trainer.preflight import preflight_evaluation, preflight_training
from trainer.recipes import apply_overrides, load_recipe
from trainer.strategies.listwise import Listwise

Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def look(train_spec, tmp_path):
    """Run the preflight and return level and message by check."""

    def run(recipe="demo-sft", overrides=SFT, **given):
        spec = train_spec(recipe, overrides)
        spec = spec.model_copy(update=given)
        return {
            check.name: (check.level, check.message) for check in preflight_training(spec, tmp_path)
        }

    return run


@pytest.fixture(autouse=True)
def _no_gpu(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")


def test_a_sound_job_passes_every_check(look):
    checks = look()
    assert {level for level, _ in checks.values()} == {"ok"}
    assert set(checks) >= {
        *("snapshot", "items", "permutations", "positives", "chains", "base model"),
        *("lengths", "batch", "device", "libraries", "disk"),
    }
    assert "24 of 24 items" in checks["items"][1]
    assert "of 400" in checks["lengths"][1]


def test_grpo_passes_too(look):
    assert {level for level, _ in look("demo-grpo", GRPO).values()} == {"ok"}


def test_a_changed_snapshot(look, snapshot):
    items = snapshot / "items.jsonl"
    items.chmod(0o644)
    items.write_text(items.read_text() + "\n")
    level, message = look()["snapshot"]
    assert level == "error"
    assert "items.jsonl" in message


def test_a_missing_snapshot(look, tmp_path):
    assert look(snapshot=tmp_path / "none")["snapshot"][0] == "error"


def test_too_few_items(look):
    level, message = look(overrides=[*SFT, "per_device_train_batch_size=32"])["items"]
    assert level == "error"
    assert "takes 32" in message


def test_items_with_one_candidate_all_relevant_and_no_chain(look, make_snapshot):
    items = make_items(8)
    only = items[5].candidates[1]
    items[5] = dataclasses.replace(
        items[5],
        candidates=(only,),
        relevant_docids=(only.docid,),
        ranking=(only.docid,),
        chain=" ",
    )
    checks = look(snapshot=make_snapshot(items))
    assert checks["permutations"] == (
        "warning",
        "1 items have one candidate, so no order to learn: qid 'q 5'.",
    )
    assert checks["positives"][0] == "warning"
    assert "'q 5'" in checks["positives"][1]
    assert checks["chains"][0] == "warning"


def test_a_chain_with_tags_of_its_own_is_named(look, make_snapshot):
    items = make_items(8)
    items[5] = dataclasses.replace(items[5], chain="<think>[1] fits.</think>")
    level, message = look(snapshot=make_snapshot(items))["chains"]
    assert level == "warning"
    assert message.startswith("1 chains hold <think>")
    assert "'q 5'" in message


def test_items_without_positives_are_an_error():
    items = [dataclasses.replace(item, relevant_docids=()) for item in make_items(5)]
    check = preflight.check_positives(items)
    assert check.level == "error"
    assert "qid 'q 0', 'q 1', 'q 2' and 2 more" in check.message


def test_lengths_over_the_caps(look):
    level, message = look(overrides=[*SFT, "max_completion_tokens=10"])["lengths"]
    assert level == "error"  # nothing would be left
    assert "24 of 24 items" in message


def test_one_prompt_over_the_cap(look, make_snapshot):
    items = make_items(8)
    items[3] = dataclasses.replace(items[3], query="why " * 500)
    level, message = look(snapshot=make_snapshot(items))["lengths"]
    assert level == "warning"
    assert "1 of 8 items" in message
    assert "qid 'q 3'" in message
    assert "the cap is 400" in message


def test_a_context_that_is_too_short(look):
    level, message = look(overrides=[*SFT, "max_completion_tokens=1000"])["context"]
    assert level == "warning"
    assert "made for 1024" in message


def test_an_unknown_template(look):
    level, message = look(overrides=[*SFT, "template=listwize"])["lengths"]
    assert level == "error"
    assert "listwize" in message


def test_rollouts_that_make_no_whole_groups(look):
    level, message = look("demo-grpo", [*GRPO, "per_device_train_batch_size=6"])["batch"]
    assert level == "error"
    assert "6 rollouts a round, which num_generations 4 does not divide" in message


def test_a_checkpoint_inside_a_round_of_rollouts(look):
    level, message = look("demo-grpo", [*GRPO, "steps_per_generation=4"])["batch"]
    assert level == "warning"
    assert "save_steps 2 cuts a round of 4 updates" in message


def test_a_gpu_recipe_without_a_gpu(look, monkeypatch):
    checks = look("reasonrank-7b-grpo", [])
    assert checks["device"][0] == "error"
    level, message = checks["libraries"]
    assert level == "error"
    assert "deepspeed_stage=null and vllm=null" in message
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    level, message = look("reasonrank-7b-grpo", [])["device"]
    assert level == "error"
    assert "processes=2 and gradient_accumulation_steps=32" in message
    assert "steps_per_generation=64" in message


def test_a_full_disk(look, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10, 10, 0))
    level, message = look()["disk"]
    assert level == "error"
    assert "0.0 MiB are free" in message


@pytest.mark.parametrize(
    ("base", "level", "told"),
    [
        ("/no/such/folder", "error", "no model folder '/no/such/folder'"),
        ("tiny", "error", "no model folder 'tiny'"),
        ("nobody/nothing", "error", "HF_HUB_OFFLINE"),
    ],
)
def test_a_base_model_that_is_not_here(look, base, level, told):
    checks = look(base=base)
    assert checks["base model"][0] == level
    assert told in checks["base model"][1]
    assert checks["lengths"][0] == "warning"
    assert "Not counted" in checks["lengths"][1]


def test_a_hub_model_that_can_be_downloaded(look, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    checks = look(base="nobody/nothing")
    assert checks["base model"][0] == "warning"
    assert checks["disk"][0] == "warning"


def test_pickled_weights_and_adapters_are_no_base(look, tmp_path):
    pickled = tmp_path / "pickled"
    pickled.mkdir()
    (pickled / "config.json").write_text("{}")
    (pickled / "pytorch_model.bin").write_bytes(b"x")
    assert "no safetensors" in look(base=str(pickled))["base model"][1]
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text("{}")
    (adapter / "adapter_model.safetensors").write_bytes(b"x")
    assert locate(str(adapter)).kind == "adapter"
    level, message = look(base=str(adapter))["base model"]
    assert level == "error"
    assert "LoRA adapter" in message


@pytest.fixture
def evaluation(tiny_model, benchmark):
    recipe = apply_overrides(load_recipe("demo-sft"), SFT)
    return EvaluateSpec(
        name="e",
        engine=Embedded(model=str(tiny_model)),
        benchmark=benchmark,
        settings=recipe.evaluation_settings(),
    )


def test_an_evaluation_counts_its_calls(evaluation, tmp_path):
    checks = preflight_evaluation(evaluation, tmp_path)
    assert {check.level for check in checks} == {"ok"}
    assert "5 queries, 9 calls at most" in checks[1].message


def test_endpoints_without_a_key_are_asked_without(evaluation, tmp_path, monkeypatch):
    served = Served(model="r1", base_urls=("http://localhost/v1",), key_variable="THE_KEY")
    evaluation = evaluation.model_copy(update={"engine": served})

    def check():
        return preflight_evaluation(evaluation, tmp_path)[0]

    assert (check().level, "THE_KEY is not set" in check().message) == ("warning", True)
    monkeypatch.setenv("THE_KEY", "s3cret")
    assert check().level == "ok"
    assert "s3cret" not in check().message


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("benchmark", Path("/no/benchmark"), "no benchmark"),
        ("engine", Embedded(model="/no/model"), "no model folder"),
        ("template", "nothing", "no such template"),
        ("measures", ("nDCG@10", "nope@3"), "nope@3"),
    ],
)
def test_an_evaluation_that_cannot_run(evaluation, tmp_path, field, value, told):
    if field == "template":
        field, value = "strategy", Listwise(template=value)
    if field in ("strategy", "measures"):
        settings = evaluation.settings.model_copy(update={field: value})
        evaluation = evaluation.model_copy(update={"settings": settings})
    else:
        evaluation = evaluation.model_copy(update={field: value})
    errors = [c for c in preflight_evaluation(evaluation, tmp_path) if c.level == "error"]
    assert [told in check.message for check in errors] == [True]
