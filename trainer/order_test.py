"""The shuffle test: an evaluation run again on shuffled candidates, and what comes of it."""

from typing import Any

import polars as pl

from curation import order_bias
from curation.order_bias import OrderTest
from curation.repeats import alike, setting
from db import evaluations, jobs
from db.store import Store
from trainer import desk
from trainer import jobs as folders
from trainer.desk import PreparedJob
from trainer.errors import EvaluationError
from trainer.jobs import EvaluateSpec
from trainer.preflight import preflight_evaluation

SEEDS = (1, 2, 3)


def siblings(store: Store, evaluation: dict[str, Any]) -> dict[int, dict[str, Any]]:
    """Return by seed the evaluations that differ from one in the shuffle alone, the newest each."""
    rows = evaluations.list_evaluations(store, evaluation["benchmark_id"])
    group = next(
        (
            group
            for group in alike(rows, but_for="shuffle")
            if any(row["evaluation_id"] == evaluation["evaluation_id"] for row in group)
        ),
        [],
    )
    return {
        int(seed): dict(row)
        for row in group  # oldest first
        if (seed := setting(row, "shuffle")) is not None
    }


def running(store: Store, evaluation: dict[str, Any]) -> set[int]:
    """Return the seeds whose evaluations wait or run."""
    alive = {
        job["name"]: job["job_id"]
        for job in jobs.list_jobs(store)
        if job["checkpoint_id"] == evaluation["checkpoint_id"]
        and job["benchmark_id"] == evaluation["benchmark_id"]
    }
    return {
        seed
        for seed in SEEDS
        if (job_id := alive.get(_name(evaluation["name"], seed)))
        and desk.job_state(store, job_id).state in ("queued", "running")
    }


def _name(name: str, seed: int) -> str:
    return f"{name}, shuffled {seed}"


def prepare(store: Store, evaluation: dict[str, Any]) -> list[PreparedJob]:
    """Resolve the jobs that are missing (and not on their way): the same on shuffled candidates.

    Raises:
        EvaluationError: The evaluation is a first stage, or is itself on shuffled candidates.
        JobError: Its job's folder is gone.
    """
    if not evaluation["settings"]:
        raise EvaluationError("A first-stage order is shown nothing: test a ranker.")
    if setting(evaluation, "shuffle") is not None:
        raise EvaluationError(
            f"{evaluation['name']} ran on shuffled candidates itself: test the one it repeats."
        )
    spec = folders.load_config(store.workspace.jobs / evaluation["evaluation_id"]).spec
    assert isinstance(spec, EvaluateSpec)
    known = siblings(store, evaluation).keys() | running(store, evaluation)
    prepared = []
    for seed in SEEDS:
        if seed in known:
            continue
        settings = spec.settings.model_copy(update={"shuffle": seed})
        again = spec.model_copy(update={"name": _name(spec.name, seed), "settings": settings})
        prepared.append(
            PreparedJob(
                spec=again,
                config_yaml=folders.config_yaml(again),
                command=folders.command_preview(again, store.workspace.jobs),
                checks=preflight_evaluation(again, store.workspace.root),
                benchmark_id=evaluation["benchmark_id"],
                checkpoint_id=evaluation["checkpoint_id"],
            )
        )
    return prepared


def result(store: Store, evaluation: dict[str, Any], measure: str) -> OrderTest | None:
    """Return what the shuffled evaluations that are there say; None without any."""
    ids = [evaluation["evaluation_id"]]
    ids += [row["evaluation_id"] for row in siblings(store, evaluation).values()]
    if len(ids) < 2:
        return None
    values = evaluations.per_query(store, ids, measure)
    given, *others = (
        dict(values.filter(pl.col("evaluation_id") == each).select("qid", "value").iter_rows())
        for each in ids
    )
    orders = [evaluations.rankings(store, each) for each in ids]
    depth = int(evaluation["settings"].get("depth", 1000))
    return order_bias.order_test(measure, given, others, orders, depth=depth)
