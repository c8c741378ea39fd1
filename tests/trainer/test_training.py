"""Training in real processes: queue, kill, stop, resume, and what is left behind."""

import json
import shutil
from pathlib import Path

import polars as pl
import pytest

from tests.trainer.small import (
    GRPO,
    SFT,
    kill,
    metrics,
    read_json,
    wait_for_event,
    wait_for_state,
)
from trainer import jobs
from trainer.joblog import read_events

pytestmark = pytest.mark.slow


def test_a_killed_job_resumes_to_the_losses_of_one_that_was_not(train_spec, tmp_path, tiny_model):
    killed = jobs.prepare_job(tmp_path / "jobs", train_spec("demo-sft", SFT))
    whole = jobs.prepare_job(tmp_path / "jobs", train_spec("demo-sft", SFT))
    jobs.start(killed)
    wait_for_event(killed, "started")
    jobs.start(whole)
    wait_for_event(whole, "queued")
    wait_for_event(killed, "checkpoint")
    assert jobs.state(whole).state == "queued"  # one at a time
    kill(killed)
    wait_for_state(killed, "interrupted")
    # A kill while saving leaves a folder without trainer_state.json, which must not be resumed.
    (killed / "checkpoints" / "checkpoint-9999").mkdir()

    jobs.resume(killed)
    wait_for_event(killed, "queued")
    wait_for_state(whole, "done")
    wait_for_state(killed, "done")

    expected, found = metrics(whole, "loss"), metrics(killed, "loss")
    assert list(found) == list(expected) == list(range(1, 25))
    assert found == pytest.approx(expected, abs=2e-6)
    assert expected[24] < expected[1]
    again, _ = read_events(killed, jobs.attempts(killed)[-1].events_offset)
    first = next(event["step"] for event in again if event["type"] == "metrics")
    assert first in range(5, 25, 4)  # after the last checkpoint, not from the start

    lineage = read_json(killed / "model" / "lineage.json")
    assert (lineage["job_id"], lineage["kind"]) == (killed.name, "sft")
    assert lineage["snapshot_id"] == train_spec("demo-sft", SFT).snapshot.name
    assert lineage["recipe"]["learning_rate"] == 1.5e-3
    assert {"base", "parent", "code_version", "libraries", "seed", "created_at"} <= set(lineage)
    names = {path.name for path in (killed / "model").iterdir()}
    assert {"model.safetensors", "tokenizer.json", "config.json"} <= names
    assert not any(name.endswith((".bin", ".pt", ".pth")) for name in names)
    result = read_json(killed / "result.json")
    assert (result["steps"], result["data"]["rows"]) == (24, 24)
    assert metrics(whole, "tokens_per_s")
    assert metrics(whole, "memory_mib")
    with pytest.raises(jobs.JobError, match="is done"):
        jobs.resume(killed)

    # Killed after the last checkpoint, before the goodbye: nothing is left to train.
    weights = (killed / "model" / "model.safetensors").read_bytes()
    shutil.rmtree(killed / "model")
    events = killed / "events.jsonl"
    lines = events.read_text().splitlines(keepends=True)
    events.write_text("".join(line for line in lines if '"ended"' not in line))
    wait_for_state(killed, "interrupted")
    jobs.resume(killed)
    wait_for_state(killed, "done")
    assert read_json(killed / "result.json")["steps"] == 24
    assert (killed / "model" / "model.safetensors").read_bytes() == weights


def test_lora_stops_with_a_checkpoint_resumes_and_leaves_a_merged_model(train_spec, tmp_path):
    spec = train_spec("demo-sft", [*SFT, "lora.r=4", "lora.alpha=8", "save_steps=1000"])
    job_dir = jobs.prepare_job(tmp_path / "jobs", spec)
    jobs.start(job_dir)
    wait_for_event(job_dir, "metrics")
    jobs.request_stop(job_dir, save=True)
    wait_for_state(job_dir, "stopped")
    assert "which is saved" in jobs.state(job_dir).message
    (saved,) = [event for event in read_events(job_dir)[0] if event["type"] == "checkpoint"]
    assert not (job_dir / "model").exists()

    jobs.resume(job_dir)
    wait_for_state(job_dir, "done")
    offset = jobs.attempts(job_dir)[-1].events_offset
    steps = [e["step"] for e in read_events(job_dir, offset)[0] if e["type"] == "metrics"]
    assert steps[0] == saved["step"] + 1
    assert steps[-1] == 24
    assert "model.safetensors" in {path.name for path in (job_dir / "model").iterdir()}
    assert not (job_dir / "model" / "adapter_config.json").exists()


def test_grpo_logs_the_rewards_parts_keeps_every_rollout_and_resumes(
    train_spec, tmp_path, taught_model
):
    spec = train_spec("demo-grpo", GRPO, base=taught_model)
    whole, killed = (jobs.prepare_job(tmp_path / "jobs", spec) for _ in range(2))
    jobs.start(killed)
    wait_for_event(killed, "checkpoint")
    kill(killed)
    wait_for_state(killed, "interrupted")
    jobs.start(whole)
    wait_for_event(whole, "queued")
    jobs.resume(killed)
    wait_for_state(whole, "done")
    wait_for_state(killed, "done")

    steps = list(range(1, 9))
    names = {"reward", "kl", "reward/ndcg", "reward/recall", "reward/overlap", "format/ok"}
    names |= {"status/ok", "status/no_answer", "status/truncated", "frac_reward_zero_std"}
    names |= {"completions/mean_length", "loss", "grad_norm", "tokens_per_s", "memory_mib"}
    logged = {name: metrics(whole, name) for name in names}
    for name in names - {"tokens_per_s"}:
        assert list(logged[name]) == steps, name
    rollouts = pl.read_parquet(whole / "rollouts" / "*.parquet")
    assert rollouts.group_by("step").len().sort("step").rows() == [(step, 8) for step in steps]
    assert rollouts.group_by("step", "item_id").len()["len"].unique().to_list() == [4]
    by_step = dict(rollouts.group_by("step").agg(pl.col("reward").mean()).iter_rows())
    assert by_step == pytest.approx(logged["reward"], abs=1e-6)

    assert len(set(logged["reward"].values())) > 4  # there is something to learn from
    assert logged["kl"][8] > 1e-4  # and the model moved

    # The same prompts, the same samples: the resumed job cannot be told from the other.
    again = pl.read_parquet(killed / "rollouts" / "*.parquet")
    assert again["completion"].to_list() == rollouts["completion"].to_list()
    for name in ("reward", "kl", "grad_norm"):
        assert metrics(killed, name) == pytest.approx(logged[name], abs=2e-6)


def test_a_missing_base_model_is_told_in_a_sentence(train_spec, tmp_path):
    spec = train_spec("demo-sft", SFT, base="nobody/no-such-model")
    job_dir = jobs.prepare_job(tmp_path / "jobs", spec)
    jobs.start(job_dir)
    wait_for_state(job_dir, "failed")
    assert "nobody/no-such-model" in jobs.state(job_dir).message
    assert "Traceback" not in (job_dir / "stderr.log").read_text()


def test_a_changed_snapshot_is_not_trained_on(train_spec, tmp_path):
    spec = train_spec("demo-sft", SFT)
    items = Path(spec.snapshot) / "items.jsonl"
    items.chmod(0o644)
    line, rest = items.read_text().split("\n", 1)
    changed = {**json.loads(line), "query": "another"}
    items.write_text(json.dumps(changed) + "\n" + rest)
    job_dir = jobs.prepare_job(tmp_path / "jobs", spec)
    jobs.start(job_dir)
    wait_for_state(job_dir, "failed")
    assert "items.jsonl" in jobs.state(job_dir).message
