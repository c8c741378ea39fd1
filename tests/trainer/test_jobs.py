import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
import yaml

from tests.trainer.small import kill, wait_for_event, wait_for_state
from trainer import jobs
from trainer.engines.opening import Embedded, Served
from trainer.errors import JobError
from trainer.joblog import append_record, read_events, write_event
from trainer.jobs import EvaluateSpec
from trainer.recipes import load_recipe


@pytest.fixture
def spec(tmp_path: Path) -> EvaluateSpec:
    return EvaluateSpec(
        name="evaluate nothing",
        engine=Embedded(model=str(tmp_path / "no model")),
        benchmark=tmp_path / "no benchmark",
        settings=load_recipe("demo-sft").evaluation_settings(),
    )


@pytest.fixture
def job_dir(tmp_path: Path, spec: EvaluateSpec) -> Path:
    return jobs.prepare_job(tmp_path / "jobs", spec)


@contextmanager
def taken_slot(jobs_dir: Path) -> Iterator[None]:
    with (jobs_dir / "slot.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def attempt_of(job_dir: Path, pid: int, create_time: float) -> None:
    record = {"argv": [], "pid": pid, "create_time": create_time, "started_at": ""}
    append_record(job_dir / "attempts.jsonl", {**record, "events_offset": 0})


@pytest.fixture
def sleeper() -> Iterator[psutil.Process]:
    process = subprocess.Popen(["sleep", "60"])
    yield psutil.Process(process.pid)
    process.kill()
    process.wait()


def test_config_comes_back_as_it_was_written(job_dir, spec):
    config = jobs.load_config(job_dir)
    assert config.spec == spec
    assert (config.job_id, config.kind) == (job_dir.name, "evaluate")
    written = yaml.safe_load((job_dir / "config.yaml").read_text())
    assert written["spec"] == yaml.safe_load(jobs.config_yaml(spec))  # the preview is the truth


def test_the_preview_is_the_command_that_runs(job_dir):
    config = jobs.load_config(job_dir)
    shown = jobs.command_preview(config, job_dir.parent)
    assert shown.split() == jobs.command("evaluate", job_dir)
    assert jobs.command_preview(config.spec, job_dir.parent).endswith("/jobs/'<job>'")


def test_ids_sort_by_the_time_they_were_made(tmp_path, spec):
    folders = [jobs.prepare_job(tmp_path / "jobs", spec) for _ in range(20)]
    assert folders == sorted(folders)


def test_a_folder_that_is_no_job_is_refused(tmp_path, job_dir):
    with pytest.raises(JobError, match="no job folder"):
        jobs.load_config(tmp_path)
    (job_dir / "config.yaml").write_text("job_id: x\n")
    with pytest.raises(JobError, match=r"config.yaml: .*spec: Field required"):
        jobs.load_config(job_dir)


def test_a_job_that_never_started_says_so(job_dir):
    now = jobs.state(job_dir)
    assert (now.state, now.message, now.pid) == ("interrupted", "never started", None)


def test_a_live_process_is_queued_until_it_has_the_slot(job_dir, sleeper):
    attempt_of(job_dir, sleeper.pid, sleeper.create_time())
    assert jobs.state(job_dir).state == "queued"
    write_event(job_dir, "queued", pid=sleeper.pid)
    assert jobs.state(job_dir).state == "queued"
    write_event(job_dir, "started", pid=sleeper.pid)
    write_event(job_dir, "progress", step=3, total=9, unit="step", eta_s=1.5)
    now = jobs.state(job_dir)
    assert (now.state, now.step, now.total, now.eta_s) == ("running", 3, 9, 1.5)
    with pytest.raises(JobError, match="is running"):
        jobs.resume(job_dir)


def test_another_process_with_the_jobs_pid_is_not_the_job(job_dir, sleeper):
    attempt_of(job_dir, sleeper.pid, sleeper.create_time() - 100)
    assert jobs.state(job_dir).state == "interrupted"
    with pytest.raises(JobError, match="no process to stop"):
        jobs.request_stop(job_dir, save=False)
    assert sleeper.is_running()


def test_a_child_that_ended_and_was_not_waited_for_is_gone(job_dir):
    child = subprocess.Popen([sys.executable, "-c", ""])
    process = psutil.Process(child.pid)
    created = process.create_time()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # ended, still in the process table
    assert process.status() == psutil.STATUS_ZOMBIE
    attempt_of(job_dir, child.pid, created)
    assert jobs.state(job_dir).state == "interrupted"
    child.wait()


@pytest.mark.parametrize("outcome", ["done", "stopped", "failed"])
def test_an_ended_job_says_how(job_dir, sleeper, outcome):
    attempt_of(job_dir, sleeper.pid, sleeper.create_time())
    write_event(job_dir, "ended", outcome=outcome, message="because")
    now = jobs.state(job_dir)
    assert (now.state, now.message, now.pid) == (outcome, "because", None)


def test_an_earlier_attempts_end_does_not_end_the_next(job_dir, sleeper):
    write_event(job_dir, "ended", outcome="failed", message="the first time")
    offset = (job_dir / "events.jsonl").stat().st_size
    record = {"argv": [], "pid": sleeper.pid, "create_time": sleeper.create_time()}
    append_record(job_dir / "attempts.jsonl", {**record, "started_at": "", "events_offset": offset})
    assert jobs.state(job_dir).state == "queued"


def test_a_job_process_gets_only_the_secret_that_it_needs(monkeypatch, spec):
    for name in ("OPENAI_API_KEY", "OTHER_KEY", "HF_TOKEN", "DB_PASSWORD"):
        monkeypatch.setenv(name, "s3cret")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")

    def secrets(spec: EvaluateSpec) -> set[str]:
        config = jobs.JobConfig(job_id="j", created_at="now", spec=spec)
        environment = jobs._environment(jobs._needed_secrets(config))
        assert environment["OMP_NUM_THREADS"] == "1"
        return {name for name, value in environment.items() if value == "s3cret"}

    served = Served(model="r1", base_urls=("http://localhost",), key_variable="OTHER_KEY")
    assert secrets(spec) == {"HF_TOKEN"}
    assert secrets(spec.model_copy(update={"engine": served})) == {"OTHER_KEY"}


def test_a_waiting_job_is_stopped_killed_and_resumed(job_dir):
    with taken_slot(job_dir.parent):
        jobs.start(job_dir)
        wait_for_event(job_dir, "queued")
        assert jobs.state(job_dir).state == "queued"
        with pytest.raises(JobError, match="is queued"):
            jobs.start(job_dir)

        kill(job_dir)
        wait_for_state(job_dir, "interrupted")

        jobs.resume(job_dir)
        wait_for_event(job_dir, "queued")
        jobs.request_stop(job_dir, save=True)
        wait_for_state(job_dir, "stopped")

        jobs.resume(job_dir)
        wait_for_event(job_dir, "queued")
        jobs.request_stop(job_dir, save=False)
        wait_for_state(job_dir, "stopped")
    assert jobs.state(job_dir).attempts == 3
    assert not [e for e in read_events(job_dir)[0] if e["type"] == "started"]


def test_the_earlier_of_two_waiting_jobs_goes_first_and_a_failure_is_a_sentence(tmp_path, spec):
    first, second = (jobs.prepare_job(tmp_path / "jobs", spec) for _ in range(2))
    with taken_slot(tmp_path / "jobs"):
        jobs.start(second)
        wait_for_event(second, "queued")
        jobs.start(first)
        wait_for_event(first, "queued")
    wait_for_state(first, "failed")
    wait_for_state(second, "failed")
    (began,) = (e["ts"] for e in read_events(second)[0] if e["type"] == "started")
    (ended,) = (e["ts"] for e in read_events(first)[0] if e["type"] == "ended")
    assert ended <= began
    now = jobs.state(first)
    assert "no benchmark" in now.message
    assert "\n" not in now.message


def test_pages_and_waiting_jobs_load_no_torch_and_job_processes_no_database():
    code = (
        "import sys, trainer.jobs, trainer.recipes, trainer.preflight, trainer.joblog\n"
        "import trainer.sft, trainer.grpo, trainer.evaluate\n"
        "print([m for m in ('torch', 'transformers', 'duckdb', 'streamlit') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_folders_are_absolute_for_a_process_that_runs_elsewhere(spec, tmp_path, monkeypatch):
    (tmp_path / "model").mkdir()
    monkeypatch.chdir(tmp_path)
    given = {**spec.model_dump(), "benchmark": "bench"}
    resolved = EvaluateSpec.model_validate(given | {"engine": {"kind": "vllm", "model": "model"}})
    assert resolved.benchmark == tmp_path / "bench"
    assert resolved.engine.model == str(tmp_path / "model")
    hub = EvaluateSpec.model_validate(
        {**given, "engine": {"kind": "transformers", "model": "Qwen/Qwen3-8B"}}
    )
    assert hub.engine.model == "Qwen/Qwen3-8B"
