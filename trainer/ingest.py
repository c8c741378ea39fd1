"""Read what jobs wrote into the workspace; reading again changes nothing."""

import json
from pathlib import Path
from threading import Lock
from typing import Any

import polars as pl

from curation import item_benchmarks, trec
from db import benchmarks, checkpoints, evaluations, jobs
from db.store import Store
from trainer.engines.opening import model_name
from trainer.ingest_items import read_items
from trainer.ingest_rollouts import read_groups
from trainer.joblog import EVENTS, read_events, read_records
from trainer.jobs import EvaluateSpec, load_config
from trainer.lineage import read_lineage
from trainer.scoreboard import measure_frame

_CALLS: dict[str, Any] = {
    "qid": pl.String,
    "call": pl.Int64,
    "round": pl.Int64,
    "model": pl.String,
    "kind": pl.String,
    "start": pl.Int64,
    "docids": pl.List(pl.String),
    "sample": pl.Int64,
    "response": pl.String,
    "permutation": pl.List(pl.Int64),
    "scores": pl.List(pl.Float64),
    "status": pl.String,
    "prompt_tokens": pl.Int64,
    "completion_tokens": pl.Int64,
    "seconds": pl.Float64,
}


_TURN = Lock()  # pages and the courier sync whenever they like; one reads at a time


def sync(store: Store) -> None:
    """Bring the workspace up to date with every job's folder.

    Cheap when nothing happened: one file size for each job.
    """
    with _TURN:
        _sync(store)


def _sync(store: Store) -> None:
    for job in jobs.list_jobs(store):
        folder = store.workspace.jobs / job["job_id"]
        _read_events(store, job["job_id"], folder)
        if job["kind"] == "generate":
            read_items(store, job["job_id"], folder)
        elif job["kind"] == "grpo":
            read_groups(store, job["job_id"], folder)
    for job in jobs.done_without_result(store):
        folder = store.workspace.jobs / job["job_id"]
        if job["kind"] == "evaluate":
            _record_evaluation(store, job, folder)
        else:
            _record_checkpoint(store, job, folder)


def _read_events(store: Store, job_id: str, folder: Path) -> None:
    path = folder / EVENTS
    start = jobs.read_to(store, job_id)
    if not path.exists() or path.stat().st_size <= start:
        return
    records, end = read_events(folder, start)
    jobs.append_job_events(store, job_id, records, start=start, end=end)


def _record_checkpoint(store: Store, job: dict[str, Any], folder: Path) -> None:
    model = folder / "model"
    checkpoints.insert_checkpoint(
        store,
        checkpoint_id=job["job_id"],
        name=job["name"],
        kind=job["kind"],
        job_id=job["job_id"],
        path=str(model),
        lineage=read_lineage(model),
    )


def _record_evaluation(store: Store, job: dict[str, Any], folder: Path) -> None:
    result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    per_query = json.loads((folder / "per_query.json").read_text(encoding="utf-8"))
    run = trec.read_run(folder / "run.txt")
    orders = {qid: sorted(scores, key=lambda d: -scores[d]) for qid, scores in run.items()}
    calls, _ = read_records(folder / "calls.jsonl")
    spec = load_config(folder).spec
    assert isinstance(spec, EvaluateSpec)
    if benchmarks.get_benchmark(store, job["benchmark_id"])["of_items"]:
        model = (
            checkpoints.get_checkpoint(store, checkpoint)["name"]
            if (checkpoint := job["checkpoint_id"])
            else model_name(spec.engine)
        )
        item_benchmarks.keep_orders(store, model, orders, calls)
    evaluations.insert_evaluation(
        store,
        evaluation_id=job["job_id"],
        benchmark_id=job["benchmark_id"],
        checkpoint_id=job["checkpoint_id"],
        name=job["name"],
        strategy=spec.settings.label,
        settings={**spec.settings.model_dump(mode="json"), "seed": spec.seed},
        summary=result,
        measures=measure_frame(per_query),
        rankings=pl.DataFrame(
            {"qid": list(orders), "docids": list(orders.values())},
            schema={"qid": pl.String, "docids": pl.List(pl.String)},
        ),
        calls=pl.DataFrame(calls, schema=_CALLS),
    )
