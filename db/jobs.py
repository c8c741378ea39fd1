"""Jobs and the lines of their event files. What a job is doing is derived from its folder."""

import json
from typing import Any

import polars as pl

from db.errors import NotFoundError
from db.store import Cursor, Store
from db.webhooks import tell


def insert_job(
    store: Store,
    *,
    job_id: str,
    kind: str,
    name: str,
    config: str,
    created_by: str,
    recipe: str | None = None,
    snapshot_id: str | None = None,
    benchmark_id: str | None = None,
    checkpoint_id: str | None = None,
    source_id: str | None = None,
) -> None:
    """Record a job whose folder is prepared."""
    store.execute(
        "INSERT INTO jobs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, now(), ?)",
        [
            job_id,
            kind,
            name,
            recipe,
            snapshot_id,
            benchmark_id,
            checkpoint_id,
            config,
            created_by,
            source_id,
        ],
    )


def list_jobs(store: Store) -> list[dict[str, Any]]:
    """Return every job, newest first."""
    return store.rows("SELECT * FROM jobs ORDER BY job_id DESC")


def get_job(store: Store, wanted: str) -> dict[str, Any]:
    """Return the job with this id or name, the newest of that name.

    Raises:
        NotFoundError: If there is none.
    """
    row = store.row(
        "SELECT * FROM jobs WHERE $wanted IN (job_id, name) ORDER BY job_id DESC LIMIT 1",
        {"wanted": wanted},
    )
    if row is None:
        raise NotFoundError(f"There is no job {wanted}; `rankdesk jobs` lists them.")
    return row


def done_without_result(store: Store) -> list[dict[str, Any]]:
    """Return the jobs that ended as done but whose checkpoint or evaluation is not recorded."""
    return store.rows(
        "SELECT * FROM jobs AS j WHERE kind <> 'generate' AND EXISTS (SELECT 1 FROM job_events e"
        " WHERE e.job_id = j.job_id AND e.type = 'ended' AND e.payload->>'outcome' = 'done')"
        " AND NOT EXISTS (SELECT 1 FROM checkpoints c WHERE c.job_id = j.job_id)"
        " AND NOT EXISTS (SELECT 1 FROM evaluations v WHERE v.evaluation_id = j.job_id)"
        " ORDER BY job_id"
    )


def read_to(store: Store, job_id: str) -> int:
    """Return the byte offset up to which the job's event file was read."""
    row = store.row("SELECT max(read_to) AS n FROM job_reads WHERE job_id = ?", [job_id])
    return int(row["n"]) if row and row["n"] is not None else 0


def append_job_events(
    store: Store, job_id: str, records: list[dict[str, Any]], *, start: int, end: int
) -> None:
    """Append the records that bytes `start` to `end` of the job's event file hold.

    Reading the same bytes twice changes nothing.

    Args:
        records: Each with `ts` (ISO, UTC) and `type`; whatever else they hold is the payload.
    """
    with store.transaction() as cursor:
        known = cursor.execute(
            "SELECT max(read_to) FROM job_reads WHERE job_id = ?", [job_id]
        ).fetchall()
        if end <= start or (known[0][0] or 0) != start:
            return
        cursor.execute("INSERT INTO job_reads VALUES (?, ?)", [job_id, end]).fetchall()
        rows = [
            [
                job_id,
                record["type"],
                record["ts"],
                json.dumps({k: v for k, v in record.items() if k not in ("type", "ts")}),
            ]
            for record in records
            if "type" in record and "ts" in record
        ]
        if rows:
            cursor.executemany(
                "INSERT INTO job_events (job_id, type, logged_at, payload) VALUES (?, ?, ?, ?)",
                rows,
            )
        for record in records:
            if record.get("type") == "ended":
                _tell_ended(cursor, job_id, record)


def _tell_ended(cursor: Cursor, job_id: str, record: dict[str, Any]) -> None:
    known = cursor.execute("SELECT kind, name FROM jobs WHERE job_id = ?", [job_id]).fetchall()
    for kind, name in known:
        about = {key: str(record.get(key) or "") for key in ("outcome", "message")}
        tell(cursor, "job.ended", {"job_id": job_id, "kind": kind, "name": name, **about})


def job_events(store: Store, job_id: str, event_type: str | None = None) -> list[dict[str, Any]]:
    """Return a job's events in order: type, logged_at, and the payload's own keys."""
    rows = store.rows(
        "SELECT type, logged_at, payload FROM job_events WHERE job_id = $job_id"
        " AND ($type::VARCHAR IS NULL OR type = $type) ORDER BY seq",
        {"job_id": job_id, "type": event_type},
    )
    return [{**json.loads(row.pop("payload")), **row} for row in rows]


def job_metrics(store: Store, job_id: str) -> pl.DataFrame:
    """Return logged_at, step, name, value of everything a job measured, in order."""
    rows = [
        (event["logged_at"], event["step"], name, float(value))
        for event in job_events(store, job_id, "metrics")
        for name, value in event["values"].items()
    ]
    return pl.DataFrame(
        rows,
        schema={
            "logged_at": pl.Datetime("us", "UTC"),
            "step": pl.Int64,
            "name": pl.String,
            "value": pl.Float64,
        },
        orient="row",
    )
