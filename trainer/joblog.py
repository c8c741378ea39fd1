"""Append-only JSON lines: a job's events, its attempts and an evaluation's calls.

One writer appends whole lines; readers follow by byte offset while it writes. A writer that was
killed can leave half a line at the end: the next writer closes it with a newline, and readers
skip it.
"""

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

EVENTS = "events.jsonl"

EventType = Literal["queued", "started", "progress", "metrics", "warning", "checkpoint", "ended"]
Record = dict[str, Any]


def utc_now() -> str:
    """Return the present time as ISO 8601 in UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def append_record(path: Path, record: Mapping[str, Any]) -> None:
    """Append `record` as one JSON line, in one write, closing a half-written line before it."""
    line = json.dumps(record, ensure_ascii=False, allow_nan=False).encode() + b"\n"
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        size = os.fstat(descriptor).st_size
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            line = b"\n" + line
        os.write(descriptor, line)
    finally:
        os.close(descriptor)


def read_records(path: Path, offset: int = 0) -> tuple[list[Record], int]:
    """Read the complete lines from byte `offset` on.

    Returns:
        The records, and the offset to read on from. A last line without its newline is left for
        the next call; a line that is no JSON object (a writer was killed there) is skipped. A file
        that does not exist yet has no records.
    """
    try:
        with path.open("rb") as file:
            file.seek(offset)
            data = file.read()
    except FileNotFoundError:
        return [], offset
    complete = data[: data.rfind(b"\n") + 1]
    records = []
    for line in complete.split(b"\n"):
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict):
            records.append(record)
    return records, offset + len(complete)


def write_event(job_dir: Path, event: EventType, /, **fields: Any) -> None:
    """Append one event to the job's `events.jsonl`, stamped with the present time."""
    append_record(job_dir / EVENTS, {"ts": utc_now(), "type": event, **fields})


def read_events(job_dir: Path, offset: int = 0) -> tuple[list[Record], int]:
    """Read the job's events from byte `offset` on; see `read_records`."""
    return read_records(job_dir / EVENTS, offset)
