"""Job folders: prepare, start, watch, stop and resume a process of its own (design rule 2).

All truth is in the folder's files, together with the process table: the app may be closed, killed
and opened again, and derives every job's state anew. No database and no torch here.
"""

import fcntl
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Literal

import psutil
import yaml
from pydantic import AfterValidator, Field, TypeAdapter, ValidationError

from curation.prices import Price
from curation.prompts import Template, load_template
from db.ids import new_id
from trainer.engines.opening import Embedded, EngineSpec, Served, Vllm, absolute, model_name
from trainer.errors import JobError
from trainer.joblog import EVENTS, append_record, read_events, read_records, utc_now
from trainer.recipes import EvaluationSettings, Recipe, describe
from trainer.settings import Strict
from trainer.strategies.base import Model
from trainer.synthesis_settings import Stage, SynthesisSettings

CONFIG, ATTEMPTS, CONTROL = "config.yaml", "attempts.jsonl", "control"
TEMPLATES = "templates"
STOP, STOP_AND_SAVE = "stop", "stop-and-save"

State = Literal["queued", "running", "done", "stopped", "failed", "interrupted"]
RESUMABLE: frozenset[State] = frozenset({"stopped", "failed", "interrupted"})

# Processes that this one started, by pid: polling them reaps those that ended.
_CHILDREN: dict[int, "subprocess.Popen[bytes]"] = {}
_SECRET = re.compile(r"key|token|secret|passw|credential", re.IGNORECASE)
_ROOT = Path(__file__).parents[1]


class TrainSpec(Strict):
    """What a training job is given; the recipe decides between SFT and GRPO."""

    kind: Literal["train"] = "train"
    name: str
    snapshot: Annotated[Path, AfterValidator(Path.absolute)]  # snapshot folder
    base: Annotated[str, AfterValidator(absolute)]  # model folder or hub name to start from
    parent: str | None = None  # id of the job that wrote `base`, for the lineage
    recipe_name: str
    recipe: Recipe


class EvaluateSpec(Strict):
    """What an evaluation job is given."""

    kind: Literal["evaluate"] = "evaluate"
    name: str
    engine: EngineSpec  # what answers: a checkpoint, or endpoints that serve a model
    small: EngineSpec | None = None  # the second model, of strategies that share the work
    benchmark: Annotated[Path, AfterValidator(Path.absolute)]  # benchmark folder
    settings: EvaluationSettings
    seed: int = 0  # matters only at a temperature above 0

    @property
    def engines(self) -> dict[Model, Embedded | Served | Vllm]:
        """What answers, by the name that strategies have for it."""
        found: dict[Model, Embedded | Served | Vllm] = {"main": self.engine}
        if self.small is not None:
            found["small"] = self.small
        return found


class GenerateSpec(Strict):
    """What a generate job is given: a source, and the teacher that labels it."""

    kind: Literal["generate"] = "generate"
    name: str
    source: Annotated[Path, AfterValidator(Path.absolute)]  # source folder
    answers: Annotated[Path, AfterValidator(Path.absolute)]  # the workspace's paid answers
    engine: EngineSpec
    judge: EngineSpec | None = None  # a second teacher that ranks the same lists
    # Of the two models, as they were when the job was made.
    prices: Mapping[str, Price] = Field(default_factory=dict)
    settings: SynthesisSettings
    seed: int = 0

    @property
    def engines(self) -> dict[Model, Embedded | Served | Vllm]:
        """What answers: `main`, and `small` where there is a judge."""
        found: dict[Model, Embedded | Served | Vllm] = {"main": self.engine}
        if self.judge is not None:
            found["small"] = self.judge
        return found

    def price_of(self, engine: Embedded | Served | Vllm) -> Price | None:
        """Return what a model's tokens cost as it is asked; None where it has no price."""
        price = self.prices.get(model_name(engine))
        batch = isinstance(engine, Served) and engine.batch
        return price.in_batches() if price is not None and batch else price


AnySpec = TrainSpec | EvaluateSpec | GenerateSpec
Kind = Literal["sft", "grpo", "evaluate", "generate"]
Spec = Annotated[AnySpec, Field(discriminator="kind")]


def kind_of(spec: AnySpec) -> Kind:
    """Return a job's kind, which is also its module in `trainer`."""
    return spec.recipe.kind if isinstance(spec, TrainSpec) else spec.kind


class JobConfig(Strict):
    """A job's `config.yaml`: all that its process reads besides the files named in it."""

    job_id: str
    created_at: str
    spec: Spec

    @property
    def kind(self) -> Kind:
        """The job's kind, which is also its module in `trainer`."""
        return kind_of(self.spec)

    @property
    def needs_device(self) -> bool:
        """Whether the job takes the workspace's slot: endpoints elsewhere keep nothing busy."""
        spec = self.spec
        if not isinstance(spec, GenerateSpec):
            return True
        return any(not isinstance(engine, Served) for engine in spec.engines.values())


@dataclass(frozen=True, slots=True)
class Attempt:
    """One start of a job's process; `events_offset` is the size of `events.jsonl` before it."""

    argv: list[str]
    pid: int
    create_time: float  # seconds since the epoch, as psutil gives it: tells a reused pid apart
    started_at: str
    events_offset: int


@dataclass(frozen=True, slots=True)
class JobState:
    """What the files and the process table say of a job now."""

    state: State
    message: str  # why it ended; "" while it has not
    step: int | None  # of `total`, in `unit`s; None before the first progress
    total: int | None
    unit: str | None
    eta_s: float | None
    so_far: dict[str, float]  # an evaluation's measure over the queries that are done
    attempts: int
    pid: int | None  # of a live process


def prepare_job(jobs_dir: Path, spec: AnySpec) -> Path:
    """Make the folder of a new job in `jobs_dir`, with its `config.yaml`, and return it.

    Raises:
        FormatError: A template of a generate job cannot be read.
    """
    config = JobConfig(job_id=new_id(), created_at=utc_now(), spec=spec)
    job_dir = jobs_dir.resolve() / config.job_id
    job_dir.mkdir(parents=True)
    if isinstance(spec, GenerateSpec):
        _keep_templates(job_dir, spec)
    (job_dir / CONFIG).write_text(config_yaml(config), encoding="utf-8")
    return job_dir


def _keep_templates(job_dir: Path, spec: GenerateSpec) -> None:
    """Copy what a teacher is asked with: a file that is edited later is of later jobs."""
    (job_dir / TEMPLATES).mkdir()
    for stage, name in spec.settings.templates.items():
        template = load_template(name).model_dump(exclude_defaults=True)
        text = yaml.safe_dump(template, sort_keys=False, allow_unicode=True)
        (job_dir / TEMPLATES / f"{stage}.yaml").write_text(text, encoding="utf-8")


def load_templates(job_dir: Path, spec: GenerateSpec) -> dict[Stage, Template]:
    """Return a generate job's templates, as they were when it was made."""
    kept = job_dir / TEMPLATES
    return {
        # Jobs of earlier versions kept none.
        stage: load_template(kept / f"{stage}.yaml" if kept.exists() else name)
        for stage, name in spec.settings.templates.items()
    }


def config_yaml(config: JobConfig | AnySpec) -> str:
    """Return the configuration as it is written to (and read from) a job's `config.yaml`."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def load_config(job_dir: Path) -> JobConfig:
    """Read a job's configuration.

    Raises:
        JobError: The folder holds no valid `config.yaml`.
    """
    path = job_dir / CONFIG
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
        return TypeAdapter(JobConfig).validate_python(data)
    except OSError as error:
        raise JobError(f"{job_dir} is no job folder: {error}. See `rankdesk jobs`.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise JobError(f"{path} cannot be read: {error}") from error
    except ValidationError as error:
        raise JobError(f"{path}: {describe(error)}") from error


def command(kind: str, job_dir: Path) -> list[str]:
    """Return the argv that runs a job of this kind in its folder."""
    # -P keeps the working directory off the import path.
    return [sys.executable, "-P", "-m", f"trainer.{kind}", str(job_dir)]


def command_preview(config: JobConfig | AnySpec, jobs_dir: Path) -> str:
    """Return the shell line that `start` runs; a spec not yet prepared shows `<job>` as its id."""
    if isinstance(config, JobConfig):
        return shlex.join(command(config.kind, jobs_dir / config.job_id))
    kind = kind_of(config)
    return f"{shlex.join(command(kind, jobs_dir))}/'<job>'"


def start(job_dir: Path) -> Attempt:
    """Start a prepared job's process and return at once; it waits for the slot by itself.

    The process leads its own session and writes to files, so it outlives whoever started it.

    Raises:
        JobError: The job is running, queued or done.
    """
    job_dir = job_dir.resolve()
    config = load_config(job_dir)
    with (job_dir / CONFIG).open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two clicks on one button start one process
        if attempts(job_dir) and (now := state(job_dir).state) not in RESUMABLE:
            raise JobError(f"Job {config.job_id} is {now}: only an ended job can be resumed.")
        (job_dir / CONTROL).unlink(missing_ok=True)
        attempt = _launch(job_dir, command(config.kind, job_dir), _needed_secrets(config))
        append_record(job_dir / ATTEMPTS, asdict(attempt))
    return attempt


def _launch(job_dir: Path, argv: list[str], keep: set[str]) -> Attempt:
    events = job_dir / EVENTS
    offset = events.stat().st_size if events.exists() else 0
    with (
        (job_dir / "stdout.log").open("ab") as stdout,
        (job_dir / "stderr.log").open("ab") as stderr,
    ):
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            cwd=job_dir,
            env=_environment(keep),
            start_new_session=True,
        )
    _CHILDREN[process.pid] = process
    created = psutil.Process(process.pid).create_time()
    return Attempt(argv, process.pid, created, utc_now(), offset)


def _needed_secrets(config: JobConfig) -> set[str]:
    """Return the variables that the job cannot do without: a hub's token, an endpoint's key."""
    if isinstance(config.spec, TrainSpec):
        return {"HF_TOKEN"}
    return {
        each.key_variable if isinstance(each, Served) else "HF_TOKEN"
        for each in config.spec.engines.values()
    }


def resume(job_dir: Path) -> Attempt:
    """Start an ended job again: from its last whole checkpoint, or its last answered call.

    Raises:
        JobError: The job is running, queued or done.
    """
    return start(job_dir)


def request_stop(job_dir: Path, *, save: bool) -> None:
    """Ask a live job to stop: now, or after saving a checkpoint at the end of its step.

    Raises:
        JobError: The job is not alive.
    """
    now = state(job_dir)
    if now.pid is None:
        raise JobError(f"Job {job_dir.name} is {now.state}: there is no process to stop.")
    control = job_dir / CONTROL
    draft = control.with_suffix(".new")
    draft.write_text(STOP_AND_SAVE if save else STOP, encoding="utf-8")
    draft.replace(control)  # the job never reads half a word
    if not save:
        os.kill(now.pid, signal.SIGTERM)


def attempts(job_dir: Path) -> list[Attempt]:
    """Return every start of the job so far, oldest first."""
    records, _ = read_records(job_dir / ATTEMPTS)
    return [Attempt(**record) for record in records]


def state(job_dir: Path) -> JobState:
    """Derive the job's state from its files and the process table.

    A process that is gone without an `ended` event was stopped if that was asked of it, and is
    interrupted otherwise (killed, or out of memory).
    """
    starts = attempts(job_dir)
    if not starts:
        return JobState("interrupted", "never started", None, None, None, None, {}, 0, None)
    last = starts[-1]
    # The process is looked at before its events: whatever it wrote before it went is then read.
    alive = _alive(last)
    events, _ = read_events(job_dir, last.events_offset)
    progress = next((e for e in reversed(events) if e["type"] == "progress"), {})
    ended = next((e for e in reversed(events) if e["type"] == "ended"), None)
    now: State
    message = ""
    if ended is not None:
        now, message = ended["outcome"], ended.get("message") or ""
    elif alive:
        now = "running" if any(e["type"] == "started" for e in events) else "queued"
    elif (job_dir / CONTROL).exists():
        now, message = "stopped", "stopped before it began"
    else:
        now, message = "interrupted", "the process ended without a word: killed, or out of memory"
    live = alive and ended is None
    return JobState(
        state=now,
        message=message,
        step=progress.get("step"),
        total=progress.get("total"),
        unit=progress.get("unit"),
        eta_s=progress.get("eta_s") if live else None,
        so_far=progress.get("so_far") or {},
        attempts=len(starts),
        pid=last.pid if live else None,
    )


def _alive(attempt: Attempt) -> bool:
    child = _CHILDREN.get(attempt.pid)
    if child is not None and child.poll() is not None:
        del _CHILDREN[attempt.pid]
        return False
    try:
        process = psutil.Process(attempt.pid)
        if abs(process.create_time() - attempt.create_time) > 1.0:
            return False  # the pid was given to another process
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _environment(keep: set[str]) -> dict[str, str]:
    """Return this process's environment with this package importable, and no secrets but `keep`."""
    kept = {n: v for n, v in os.environ.items() if n in keep or not _SECRET.search(n)}
    path = [str(_ROOT), *filter(None, [kept.get("PYTHONPATH")])]
    return kept | {
        "PYTHONPATH": os.pathsep.join(path),
        "PYTHONUNBUFFERED": "1",
        "TOKENIZERS_PARALLELISM": "false",  # the tokenizer's threads do not survive a fork
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "TRANSFORMERS_VERBOSITY": "error",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    }
