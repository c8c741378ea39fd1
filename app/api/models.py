"""What the API takes and answers: the one place that its description is made from."""

import re
from dataclasses import fields
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, Literal, TypeVar, get_type_hints

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    create_model,
)

from db.records import Cause, Item, ItemFilter, Judgment, Ranking
from trainer.jobs import JobState

Row = TypeVar("Row", bound=BaseModel)
Largest = 2**63 - 1


def _written_out(value: object) -> object:
    if not re.match(r"\d{4}-\d\d-\d\d[Tt ]", str(value)):  # pydantic takes bare numbers too
        raise ValueError("write it as 2026-01-31T12:00:00Z")
    return value


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("this time is outside the calendar in UTC") from error


Moment = Annotated[AwareDatetime, BeforeValidator(_written_out), AfterValidator(_in_utc)]


class NoParameters(BaseModel):
    """Nothing can be asked for."""

    model_config = ConfigDict(extra="forbid")


class Paged(NoParameters):
    """Which part of a list."""

    limit: int = Field(100, ge=1, le=1000, description="Rows at most.")
    offset: int = Field(0, ge=0, le=Largest, description="Rows to skip.")


_FILTERS: dict[str, Any] = {
    field.name: (get_type_hints(ItemFilter)[field.name], field.default)
    for field in fields(ItemFilter)
}
ItemsQuery = create_model("ItemsQuery", __base__=Paged, **_FILTERS)
"""The filters of the review queue, by the same names."""


class EventsQuery(NoParameters):
    """Which part of the judgment log."""

    after: int = Field(0, ge=0, le=Largest, description="Only events with a greater `seq`.")
    since: Moment | None = Field(
        None, description="Only events from this time on, with its offset from UTC."
    )
    limit: int = Field(100, ge=1, le=1000, description="Events at most.")


class EvaluationsQuery(Paged):
    """Which evaluations."""

    benchmark: str | None = Field(None, description="Id or name of a benchmark.")


class Page(BaseModel, Generic[Row]):
    """A part of a list; `total` counts the whole of it."""

    rows: list[Row]
    total: int
    limit: int
    offset: int


class Health(BaseModel):
    """Whether the server can answer; `unavailable` comes with status 503."""

    status: Literal["ok", "unavailable"]
    version: str
    workspace_open: bool


class ItemRow(BaseModel):
    """An item in a list, with its ranking under review and its verdict in force."""

    item_id: str
    domain: str
    qid: str
    query: str
    n_candidates: int
    n_relevant: int
    ranking_id: str
    author_name: str
    status: str
    ndcg: float
    recall: float
    overlap: float
    first_relevant: int
    verdict: str | None
    reviewer: str | None
    judged_at: datetime | None


class ItemDetail(BaseModel):
    """An item whole: passages, every ranking with its chain, the judgments in force."""

    item: Item
    rankings: list[Ranking]
    judgments: list[Judgment]


class JudgmentEvent(BaseModel):
    """A line of the judgment log: a verdict, a reveal with its blind marks, or an undo."""

    seq: int
    event_id: str
    kind: Literal["judge", "reveal", "undo"]
    item_id: str
    reviewer: str
    verdict: str | None
    reasons: list[str]
    note: str
    ranking_id: str | None
    relevant_docids: list[str] | None
    undoes: str | None
    grades: dict[str, int]
    guideline: str | None
    campaign: str | None
    seconds: float | None
    code_version: str
    judged_at: datetime
    cause: Cause | None = Field(
        description="Of an adjudication, why people did not agree; null on any other event."
    )


class Events(BaseModel):
    """A part of the log; ask again with `after` set to `next_after` for what follows."""

    rows: list[JudgmentEvent]
    next_after: int


class BatchRow(BaseModel):
    """A batch, with its snapshot where it is approved."""

    batch_id: str
    name: str
    selection: dict[str, Any]
    cut: float
    created_by: str
    created_at: datetime
    n_items: int
    snapshot_id: str | None
    approved_by: str | None
    approved_at: datetime | None


class JobRow(BaseModel):
    """A job, and what it is doing now."""

    job_id: str
    kind: str
    name: str
    recipe: str | None
    snapshot_id: str | None
    benchmark_id: str | None
    checkpoint_id: str | None
    source_id: str | None
    created_by: str
    created_at: datetime
    state: JobState


class CheckpointRow(BaseModel):
    """A model, and where it comes from."""

    checkpoint_id: str
    name: str
    kind: str
    job_id: str | None
    path: str
    lineage: dict[str, Any]
    created_at: datetime


class Mean(BaseModel):
    """The mean of a measure over `n` queries, 0 to 1."""

    mean: float
    n: int


class EvaluationRow(BaseModel):
    """An evaluation with its measures' means."""

    evaluation_id: str
    benchmark_id: str
    checkpoint_id: str | None
    name: str
    strategy: str
    settings: dict[str, Any]
    summary: dict[str, Any]
    created_at: datetime
    measures: dict[str, Mean]


class EvaluationDetail(EvaluationRow):
    """An evaluation with its measures, query by query."""

    per_query: dict[str, dict[str, float]]


class BenchmarkRow(BaseModel):
    """A benchmark."""

    benchmark_id: str
    name: str
    n_queries: int
    n_passages: int
    retriever: str = Field(description="Of its first-stage run, by the run's tag; may be empty.")
    of_items: bool = Field(
        description="Made of this workspace's items, to see how checkpoints order those."
    )
    created_at: datetime


class FieldError(BaseModel):
    """What is wrong with one parameter."""

    field: str
    message: str


class Problem(BaseModel):
    """Why there is no answer (RFC 9457)."""

    type: Literal["about:blank"] = "about:blank"
    title: str
    status: int
    detail: str
    errors: list[FieldError] = []
