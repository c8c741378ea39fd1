"""What can be read: each endpoint's path, its parameters, its answer and the function between."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from app.api.models import (
    BatchRow,
    BenchmarkRow,
    CheckpointRow,
    EvaluationDetail,
    EvaluationRow,
    EvaluationsQuery,
    Events,
    EventsQuery,
    ItemDetail,
    ItemRow,
    ItemsQuery,
    JobRow,
    NoParameters,
    Page,
    Paged,
    Row,
)
from curation.snapshots import Manifest, read_manifest
from db import batches, benchmarks, checkpoints, evaluations, items, jobs, judgments
from db.records import ItemFilter
from db.store import Store
from trainer import desk


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One thing to read.

    Attributes:
        path: Below the API's root; `{id}` is given to `answer` as its third argument.
        answer: Takes the store and the checked parameters, and returns an `answers`. Runs in a
            thread of its own.
    """

    path: str
    summary: str
    answer: Callable[..., BaseModel]
    answers: type[BaseModel]
    parameters: type[BaseModel] = NoParameters


def _page(model: type[Row], rows: list[Mapping[str, Any]], query: Paged) -> Page[Row]:
    """Return the part of a short list that was asked for."""
    part = rows[query.offset : query.offset + query.limit]
    return _listed(model, part, len(rows), query)


def _listed(
    model: type[Row], part: Iterable[Mapping[str, Any]], total: int, query: Paged
) -> Page[Row]:
    return Page[model](  # type: ignore[valid-type]
        rows=[model.model_validate(row) for row in part],
        total=total,
        limit=query.limit,
        offset=query.offset,
    )


def _items(store: Store, query: Paged) -> Page[ItemRow]:
    chosen = ItemFilter(**query.model_dump(exclude={"limit", "offset"}))
    found = items.list_items(store, chosen, limit=query.limit, offset=query.offset)
    return _listed(ItemRow, found.to_dicts(), items.count_items(store, chosen), query)


def _item(store: Store, _: NoParameters, item_id: str) -> ItemDetail:
    return ItemDetail(
        item=items.get_item(store, item_id),
        rankings=items.get_rankings(store, item_id),
        judgments=judgments.judgments_of(store, item_id),
    )


def _events(store: Store, query: EventsQuery) -> Events:
    rows = judgments.events_after(store, query.after, since=query.since, limit=query.limit)
    return Events.model_validate(
        {"rows": rows, "next_after": rows[-1]["seq"] if rows else query.after}
    )


def _batches(store: Store, query: Paged) -> Page[BatchRow]:
    rows = batches.list_batches(store).to_dicts()
    return _page(
        BatchRow, [{**row, "selection": json.loads(row["selection"])} for row in rows], query
    )


def _snapshot(store: Store, _: NoParameters, wanted: str) -> Manifest:
    found = batches.find_snapshot(store, wanted)
    return read_manifest(store.workspace.snapshots / found["snapshot_id"])


def _jobs(store: Store, query: Paged) -> Page[JobRow]:
    rows = jobs.list_jobs(store)
    part = rows[query.offset : query.offset + query.limit]
    states = [{**row, "state": desk.job_state(store, row["job_id"])} for row in part]
    return _listed(JobRow, states, len(rows), query)


def _checkpoints(store: Store, query: Paged) -> Page[CheckpointRow]:
    return _page(CheckpointRow, list(checkpoints.list_checkpoints(store)), query)


def _evaluations(store: Store, query: EvaluationsQuery) -> Page[EvaluationRow]:
    of = query.benchmark
    benchmark_id = None if of is None else benchmarks.get_benchmark(store, of)["benchmark_id"]
    rows = evaluations.list_evaluations(store, benchmark_id)
    means = evaluations.summaries(store, [row["evaluation_id"] for row in rows])
    return _page(
        EvaluationRow,
        [{**row, "measures": means.get(row["evaluation_id"], {})} for row in rows],
        query,
    )


def _evaluation(store: Store, _: NoParameters, wanted: str) -> EvaluationDetail:
    row = evaluations.get_evaluation(store, wanted)
    evaluation_id = row["evaluation_id"]
    return EvaluationDetail.model_validate(
        {
            **row,
            "measures": evaluations.summaries(store, [evaluation_id]).get(evaluation_id, {}),
            "per_query": evaluations.measures_by_query(store, evaluation_id),
        }
    )


def _benchmarks(store: Store, query: Paged) -> Page[BenchmarkRow]:
    return _page(BenchmarkRow, list(benchmarks.list_benchmarks(store)), query)


ENDPOINTS = (
    Endpoint("/v1/items", "Items under a filter", _items, Page[ItemRow], ItemsQuery),
    Endpoint("/v1/items/{id}", "One item with rankings and judgments", _item, ItemDetail),
    Endpoint("/v1/judgments", "The judgment log, oldest first", _events, Events, EventsQuery),
    Endpoint("/v1/batches", "Batches, newest first", _batches, Page[BatchRow], Paged),
    Endpoint("/v1/snapshots/{id}", "A snapshot's manifest", _snapshot, Manifest),
    Endpoint("/v1/jobs", "Jobs and what they do, newest first", _jobs, Page[JobRow], Paged),
    Endpoint("/v1/checkpoints", "Models, newest first", _checkpoints, Page[CheckpointRow], Paged),
    Endpoint(
        "/v1/evaluations",
        "Evaluations with their measures, oldest first",
        _evaluations,
        Page[EvaluationRow],
        EvaluationsQuery,
    ),
    Endpoint(
        "/v1/evaluations/{id}", "One evaluation, query by query", _evaluation, EvaluationDetail
    ),
    Endpoint("/v1/benchmarks", "Benchmarks, oldest first", _benchmarks, Page[BenchmarkRow], Paged),
)
