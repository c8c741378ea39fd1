"""From the desk to the trainers: prepare a job, look at what will run, start it, steer it.

Here the database and the job folders meet. No torch: pages import this.
"""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from curation.benchmarks import BenchmarkError, read_manifest
from curation.people import require
from db import batches, benchmarks, checkpoints, jobs, quarantine
from db.actions import append_action
from db.errors import NotFoundError
from db.store import Store
from trainer import jobs as folders
from trainer.engines.opening import Embedded, Served, Vllm
from trainer.errors import RecipeError
from trainer.jobs import AnySpec, EvaluateSpec, JobState, TrainSpec
from trainer.preflight import Check, preflight_evaluation, preflight_training
from trainer.recipes import (
    EvaluationSettings,
    apply_overrides,
    load_recipe,
    override_settings,
    parse_recipe,
)
from trainer.strategies import STRATEGIES, Strategy

TINY = "tiny"
PAPER = "reasonrank-7b-sft"  # how a model is asked of which nothing else is known


@dataclass(frozen=True, slots=True)
class PreparedJob:
    """A job that was looked at but not started.

    Attributes:
        config_yaml: What its `config.yaml` will say of it.
        command: The shell line that will run; the job's id is not known yet.
        checks: What the preflight found.
    """

    spec: AnySpec
    config_yaml: str
    command: str
    checks: list[Check]
    recipe_name: str | None = None
    snapshot_id: str | None = None
    benchmark_id: str | None = None
    checkpoint_id: str | None = None
    source_id: str | None = None

    @property
    def blocked(self) -> bool:
        """Whether a check says that the job cannot succeed."""
        return any(check.level == "error" for check in self.checks)


def prepare_training(
    store: Store,
    *,
    kind: str,
    snapshot: str,
    recipe_name: str,
    base: str | None = None,
    overrides: list[str] | None = None,
    name: str | None = None,
) -> PreparedJob:
    """Resolve a training job: recipe with its overrides, base model, snapshot, checks.

    Args:
        kind: `sft` or `grpo`; the recipe must be of that kind.
        snapshot: A snapshot's id, or its batch's id or name.
        base: A checkpoint's id or name, `tiny`, a model folder or a hub name; None is the
            recipe's own.
        overrides: `key=value` settings over the recipe.

    Raises:
        NotFoundError: If there is no such snapshot.
        RecipeError: If the recipe is missing, of another kind, or an override does not fit.
    """
    found = batches.find_snapshot(store, snapshot)
    recipe = apply_overrides(load_recipe(recipe_name), overrides or [])
    if recipe.kind != kind:
        raise RecipeError(f"Recipe {recipe_name} is for {recipe.kind}, not for {kind}.")
    path, parent = resolve_model(store, base or recipe.base)
    spec = TrainSpec(
        name=name or f"{Path(recipe_name).stem}-{found['snapshot_id'][:6]}",
        snapshot=store.workspace.snapshots / found["snapshot_id"],
        base=path,
        parent=parent,
        recipe_name=recipe_name,
        recipe=recipe,
    )
    return PreparedJob(
        spec=spec,
        config_yaml=folders.config_yaml(spec),
        command=folders.command_preview(spec, store.workspace.jobs),
        checks=[
            *preflight_training(spec, store.workspace.root),
            *_quarantine_check(store, found["snapshot_id"]),
        ],
        recipe_name=recipe_name,
        snapshot_id=found["snapshot_id"],
        checkpoint_id=parent,
    )


def _quarantine_check(store: Store, snapshot_id: str) -> list[Check]:
    """Warn of a snapshot that holds items which ask a test query."""
    held = quarantine.quarantined_in_snapshot(store, snapshot_id)
    if not held:
        return []
    return [
        Check(
            "quarantine",
            "warning",
            f"{held} of the snapshot's items are quarantined: what they ask is a test query. "
            "Approve a batch without them, or read the clean numbers of its evaluations alone.",
        )
    ]


def prepare_evaluation(
    store: Store,
    *,
    checkpoint: str | None,
    benchmark: str,
    served: Served | None = None,
    vllm: bool = False,
    small: str | None = None,
    recipe_name: str | None = None,
    overrides: list[str] | None = None,
    seed: int = 0,
    name: str | None = None,
) -> PreparedJob:
    """Resolve an evaluation job: the checkpoint, the benchmark, and how the one reranks the other.

    Args:
        checkpoint: A checkpoint's id or name; None where `served` answers.
        served: Endpoints that serve a model already.
        vllm: Start a vLLM server for the checkpoint instead of loading it into the job.
        small: The second model, where the strategy has one: a checkpoint's id or name, or what the
            same endpoints call it.
        recipe_name: Whose prompt, caps and windows to use; None is the recipe that trained the
            checkpoint, and the paper's for endpoints.
        overrides: `key=value` over the evaluation settings, such as `strategy.window=20`. Passages
            are cut where published results on the benchmark cut them, if nothing else is said.
        seed: Of the draws at a temperature above 0, and of every shuffling.

    Raises:
        NotFoundError: If there is no such checkpoint or benchmark.
        RecipeError: If a setting does not fit.
    """
    target = benchmarks.get_benchmark(store, benchmark)
    engine: Embedded | Served | Vllm
    second: Embedded | Served | Vllm | None = None
    if checkpoint is not None:
        model = checkpoints.get_checkpoint(store, checkpoint)
        kind = Vllm if vllm else Embedded
        engine = kind(model=model["path"])
        if small is not None:
            second = kind(model=checkpoints.get_checkpoint(store, small)["path"])
        own, called = evaluation_settings(model["lineage"], recipe_name), model["name"]
        checkpoint_id = model["checkpoint_id"]
    elif served is not None:
        engine, called, checkpoint_id = served, served.model, None
        if small is not None:
            second = served.model_copy(update={"model": small, "tokenizer": None})
        own = load_recipe(recipe_name or PAPER).evaluation_settings()
    else:
        raise RecipeError("An evaluation needs a checkpoint, or endpoints that serve a model.")
    folder = store.workspace.benchmarks / target["benchmark_id"]
    settings = override_settings(_as_published(own, folder), overrides or [])
    check_models(settings.strategy, has_small=second is not None)
    about = [called, settings.strategy.name if settings.strategy != own.strategy else ""]
    about.append(f"seed {seed}" if seed else "")
    spec = EvaluateSpec(
        name=name or f"{', '.join(filter(None, about))} on {target['name']}",
        engine=engine,
        small=second,
        seed=seed,
        benchmark=folder,
        settings=settings,
    )
    return PreparedJob(
        spec=spec,
        config_yaml=folders.config_yaml(spec),
        command=folders.command_preview(spec, store.workspace.jobs),
        checks=preflight_evaluation(spec, store.workspace.root),
        benchmark_id=target["benchmark_id"],
        checkpoint_id=checkpoint_id,
    )


def _as_published(own: EvaluationSettings, benchmark: Path) -> EvaluationSettings:
    """Return settings whose passages are cut as in a benchmark's published results."""
    try:
        published = read_manifest(benchmark).max_passage_tokens
    except BenchmarkError:  # the preflight says what is wrong with it
        published = None
    return own.model_copy(update={"max_passage_tokens": published}) if published else own


def check_models(strategy: Strategy, *, has_small: bool) -> None:
    """Raise RecipeError unless there is a second model exactly where the strategy asks one."""
    if has_small != ("small" in strategy.models):
        raise RecipeError(
            f"The strategy `{strategy.label}` asks one model, but a small one is named too: leave "
            "it out, or take `collaborative`, or a cascade with a stage of `model: small`."
            if has_small
            else f"The strategy `{strategy.label}` shares the work between two models: name the "
            "small one too."
        )


def evaluation_settings(
    lineage: dict[str, Any], recipe_name: str | None = None
) -> EvaluationSettings:
    """Return how a checkpoint is evaluated: by a named recipe, else by the one that trained it."""
    if recipe_name is None and isinstance(lineage.get("recipe"), dict):
        try:
            return parse_recipe(lineage["recipe"], "of the checkpoint").evaluation_settings()
        except RecipeError as error:
            raise RecipeError(
                f"{error} It was written by another version of RankDesk: name a recipe to ask this "
                "checkpoint by."
            ) from error
    chosen = recipe_name or lineage.get("recipe_name")
    if chosen is None:
        raise RecipeError(
            "This model was not trained here, so nothing says how it is prompted: name a recipe."
        )
    return load_recipe(chosen).evaluation_settings()


def strategy_options(own: EvaluationSettings, name: str) -> dict[str, Any]:
    """Return a strategy's options for a checkpoint whose own settings are `own`.

    Its own strategy keeps its options; another one has its defaults, asked by the checkpoint's
    prompt where both put windows in order and that is not RankDesk's own.
    """
    if own.strategy.name == name:
        return own.strategy.model_dump(mode="json")
    chosen = STRATEGIES[name]
    options = {
        key: field.default for key, field in chosen.model_fields.items() if not field.is_required()
    }
    ours = ("listwise", "listwise-direct")
    if options.get("template") in ours and own.strategy.templates:
        prompt = own.strategy.templates[-1]
        options["template"] = options["template"] if prompt in ours else prompt
    return options


def resolve_model(store: Store, wanted: str) -> tuple[str, str | None]:
    """Return the path (or hub name) of a model and the id of the checkpoint it is, if one."""
    try:
        found = checkpoints.get_checkpoint(store, wanted)
    except NotFoundError:
        if wanted == TINY:
            raise NotFoundError(
                "This workspace has no tiny base model: make it with `rankdesk init --demo`, or "
                "choose a model folder or a hub name as the base."
            ) from None
        return wanted, None
    return str(found["path"]), str(found["checkpoint_id"])


def require_sound(prepared: PreparedJob) -> None:
    """Raise PreflightError if a check says that the job cannot succeed."""
    if prepared.blocked:
        raise PreflightError(
            " ".join(
                f"{check.name.capitalize()}: {check.message}"
                for check in prepared.checks
                if check.level == "error"
            )
        )


def start(store: Store, prepared: PreparedJob, *, created_by: str) -> str:
    """Start a prepared job and return its id; its process outlives this one.

    Raises:
        RefusedError: If `created_by` is no trainer.
        PreflightError: If a check says that it cannot succeed.
    """
    created_by = require(store, created_by, "trainer")
    require_sound(prepared)
    job_dir = folders.prepare_job(store.workspace.jobs, prepared.spec)
    config = folders.load_config(job_dir)
    jobs.insert_job(
        store,
        job_id=config.job_id,
        kind=config.kind,
        name=prepared.spec.name,
        config=(job_dir / folders.CONFIG).read_text(encoding="utf-8"),
        created_by=created_by,
        recipe=prepared.recipe_name,
        snapshot_id=prepared.snapshot_id,
        benchmark_id=prepared.benchmark_id,
        checkpoint_id=prepared.checkpoint_id,
        source_id=prepared.source_id,
    )
    folders.start(job_dir)
    return config.job_id


class PreflightError(RecipeError):
    """A job was not started because it could not succeed; the message lists why."""


def job_state(store: Store, job_id: str) -> JobState:
    """Return what a job is doing, derived from its folder and the process table."""
    return folders.state(store.workspace.jobs / job_id)


def stop(store: Store, job_id: str, *, save: bool, stopped_by: str) -> None:
    """Stop a running or queued job; with `save`, after a checkpoint at the end of its step.

    Raises:
        RefusedError: If `stopped_by` is no trainer.
        JobError: If it does not run.
    """
    stopped_by = require(store, stopped_by, "trainer")
    before = job_state(store, job_id).state
    folders.request_stop(store.workspace.jobs / job_id, save=save)
    after = "asked to save and stop" if save else "asked to stop"
    append_action(store, "stop", job_id, before=before, after=after, done_by=stopped_by)


def resume(store: Store, job_id: str, *, resumed_by: str) -> None:
    """Go on with a stopped, failed or interrupted job from its last complete checkpoint.

    Raises:
        RefusedError: If `resumed_by` is no trainer.
        JobError: If it cannot go on.
    """
    resumed_by = require(store, resumed_by, "trainer")
    before = job_state(store, job_id).state
    folders.resume(store.workspace.jobs / job_id)
    append_action(store, "resume", job_id, before=before, after="queued", done_by=resumed_by)


def log_tails(store: Store, job_id: str, size: int = 8000) -> dict[str, str]:
    """Return the last `size` bytes of each log of a job, by name.

    They are what it wrote to stderr and stdout, and the logs of the vLLM servers that it started.
    """
    folder = store.workspace.jobs / job_id
    own = [folder / "stderr.log", folder / "stdout.log"]
    tails = {}
    for path in own + sorted(set(folder.glob("*.log")) - set(own)):
        with suppress(FileNotFoundError), path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - size))
            tails[path.stem] = file.read().decode("utf-8", "replace")
    return tails


def overrides_of(config: str) -> dict[str, Any]:
    """Return the recipe's values in a job's `config.yaml`, to fill the form for a next job."""
    spec = yaml.safe_load(config)["spec"]
    return dict(spec.get("recipe") or spec.get("settings") or {})
