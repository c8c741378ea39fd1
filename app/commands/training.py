"""Commands over training and jobs: train, jobs, job."""

import time
from typing import Annotated, Any

import typer

from app.commands.terminal import Json, Progress, emit, open_store, render, say, user
from db import jobs
from db.errors import RankDeskError
from db.store import Store
from trainer import desk, ingest
from trainer.jobs import JobState

train = typer.Typer(help="Start a trainer on a snapshot.", no_args_is_help=True)
job = typer.Typer(help="One job.", no_args_is_help=True)

Snapshot = Annotated[str, typer.Option(help="A snapshot's id, or its batch's name.")]
RecipeName = Annotated[str, typer.Option(help="A shipped recipe, or a YAML file.")]
Base = Annotated[
    str | None, typer.Option(help="A checkpoint, model folder or hub name [the recipe's].")
]
Settings = Annotated[list[str] | None, typer.Option("--set", help="key=value (repeatable).")]
Wait = Annotated[bool, typer.Option("--wait", help="Stay until it ends; ^C leaves it running.")]
Name = Annotated[str | None, typer.Option(help="What to call it.")]
JobName = Annotated[str, typer.Argument(metavar="ID", help="The job's id or name.")]


def register(cli: typer.Typer) -> None:
    """Add this module's commands."""
    cli.add_typer(train, name="train")
    cli.command("jobs")(list_jobs)
    cli.add_typer(job, name="job")


def open_synced(context: typer.Context) -> Store:
    """Open the workspace and read what jobs wrote since."""
    store = open_store(context)
    ingest.sync(store)
    return store


@train.command("sft")
def train_sft(
    context: typer.Context,
    snapshot: Snapshot,
    recipe: RecipeName,
    base: Base = None,
    settings: Settings = None,
    name: Name = None,
    wait: Wait = False,
    as_json: Json = False,
) -> None:
    """Fine-tune on chains and answers."""
    _train(context, "sft", snapshot, recipe, base, settings or [], name, wait, as_json)


@train.command("grpo")
def train_grpo(
    context: typer.Context,
    snapshot: Snapshot,
    recipe: RecipeName,
    base: Base = None,
    settings: Settings = None,
    name: Name = None,
    wait: Wait = False,
    as_json: Json = False,
) -> None:
    """Train by GRPO with the multi-view reward."""
    _train(context, "grpo", snapshot, recipe, base, settings or [], name, wait, as_json)


def _train(
    context: typer.Context,
    kind: str,
    snapshot: str,
    recipe: str,
    base: str | None,
    settings: list[str],
    name: str | None,
    wait: bool,
    as_json: bool,
) -> None:
    with open_synced(context) as store:
        prepared = desk.prepare_training(
            store,
            kind=kind,
            snapshot=snapshot,
            recipe_name=recipe,
            base=base,
            overrides=settings,
            name=name,
        )
        start(store, prepared, wait, as_json)


def start(store: Store, prepared: desk.PreparedJob, wait: bool, as_json: bool) -> None:
    """Start a prepared job, wait for it if asked, and print what it is doing."""
    say_warnings(prepared)
    job_id = desk.start(store, prepared, created_by=user())
    say(f"job {job_id} started: {prepared.command}")
    if wait:
        wait_for(store, job_id, prepared.spec.name)
    _emit_job(store, job_id, as_json)


def say_warnings(prepared: desk.PreparedJob) -> None:
    """Print what the preflight warns of; what it refuses is an error of its own."""
    for check in prepared.checks:
        if check.level == "warning":
            say(f"{check.level}: {check.name}: {check.message}")


def wait_for(store: Store, job_id: str, label: str) -> None:
    """Show a job's progress until it ends; raise if it did not end well."""
    progress = Progress(label)
    while (now := desk.job_state(store, job_id)).state in ("queued", "running"):
        eta = "" if now.eta_s is None else f"about {now.eta_s:.0f} s left"
        progress(now.step or 0, now.total or 0, f"{now.state} {now.unit or ''} {eta}")
        time.sleep(0.5)
    ingest.sync(store)
    progress.done(f"{now.state} {now.message}".rstrip())
    if now.state != "done":
        raise RankDeskError(
            f"Job {job_id} is {now.state}: {now.message}. "
            f"Its log: {store.workspace.jobs / job_id / 'stderr.log'}. "
            f"Go on with `rankdesk job resume {job_id}`."
        )


def _describe(store: Store, row: dict[str, Any], now: JobState) -> dict[str, Any]:
    return {
        "job_id": row["job_id"],
        "kind": row["kind"],
        "name": row["name"],
        "state": now.state,
        "message": now.message,
        "step": now.step,
        "total": now.total,
        "eta_s": now.eta_s,
        "recipe": row["recipe"],
        "snapshot_id": row["snapshot_id"],
        "benchmark_id": row["benchmark_id"],
        "checkpoint_id": row["checkpoint_id"],
        "created_at": row["created_at"],
        "folder": str(store.workspace.jobs / row["job_id"]),
    }


_COLUMNS = {
    "job_id": "job",
    "kind": "kind",
    "name": "name",
    "state": "state",
    "step": "step",
    "total": "of",
}


def _emit_job(store: Store, wanted: str, as_json: bool) -> None:
    ingest.sync(store)
    row = jobs.get_job(store, wanted)
    shown = _describe(store, row, desk.job_state(store, row["job_id"]))
    emit(shown, as_json, lambda: "\n".join(f"{k}: {v}" for k, v in shown.items() if v is not None))


def list_jobs(context: typer.Context, as_json: Json = False) -> None:
    """List the jobs, newest first."""
    with open_synced(context) as store:
        rows = [
            _describe(store, row, desk.job_state(store, row["job_id"]))
            for row in jobs.list_jobs(store)
        ]
    emit(rows, as_json, lambda: render(rows, _COLUMNS))


@job.command("show")
def job_show(context: typer.Context, job_id: JobName, as_json: Json = False) -> None:
    """Show one job."""
    with open_synced(context) as store:
        _emit_job(store, job_id, as_json)


@job.command("stop")
def job_stop(
    context: typer.Context,
    job_id: JobName,
    save: Annotated[bool, typer.Option("--save", help="Save a checkpoint first.")] = False,
    as_json: Json = False,
) -> None:
    """Stop a running or queued job."""
    with open_synced(context) as store:
        found = jobs.get_job(store, job_id)["job_id"]
        desk.stop(store, found, save=save, stopped_by=user())
        while desk.job_state(store, found).state in ("queued", "running"):
            time.sleep(0.2)
        _emit_job(store, found, as_json)


@job.command("resume")
def job_resume(
    context: typer.Context, job_id: JobName, wait: Wait = False, as_json: Json = False
) -> None:
    """Go on from the last complete checkpoint, or the last answered call."""
    with open_synced(context) as store:
        found = jobs.get_job(store, job_id)["job_id"]
        desk.resume(store, found, resumed_by=user())
        if wait:
            wait_for(store, found, job_id)
        _emit_job(store, found, as_json)
