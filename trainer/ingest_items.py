"""Read what generate jobs made into the workspace; reading again changes nothing."""

import json
from pathlib import Path
from typing import Any

import polars as pl

from curation.intake import Given, Intake
from curation.reasonrank import SourceRow
from curation.samples import measure_agreement
from curation.source_folder import PASSAGES, QUERIES
from curation.training_items import ranking_id
from db import generation
from db.generation import GENERATED_SCHEMA
from db.ids import content_id
from db.records import Passage
from db.samples import ORIGIN_SCHEMA, insert_origins
from db.store import Store
from trainer.joblog import read_records
from trainer.jobs import GenerateSpec, load_config

ITEMS = "items.jsonl"


def read_items(store: Store, job_id: str, folder: Path) -> int:
    """Bring the workspace up to date with a generate job; return how many items were read."""
    start = generation.read_to(store, job_id)
    path = folder / ITEMS
    if not path.exists() or path.stat().st_size <= start:
        return 0
    records, end = read_records(path, start)
    if end <= start:
        return 0
    latest = {record["qid"]: record for record in records}
    spec = load_config(folder).spec
    assert isinstance(spec, GenerateSpec)
    # Origins go first: the view of rankings under review goes by the sample's number.
    labelled = _labelled(store, job_id, spec, latest)
    made = [
        {
            **{key: record[key] for key in GENERATED_SCHEMA if key in record},
            "job_id": job_id,
            "item_id": labelled.get(qid),
            "statuses": json.dumps(record["statuses"]),
            "prompts": json.dumps(record.get("prompts", {})),
        }
        for qid, record in latest.items()
    ]
    measure_agreement(store)
    first = next((record["samples"][0] for record in latest.values() if record["samples"]), None)
    with store.transaction() as cursor:
        generation.record(
            cursor,
            job_id,
            pl.DataFrame(made, schema=GENERATED_SCHEMA),
            end,
            None if first is None else (first["model"], first["prompt"]),
        )
    return len(labelled)


def _labelled(
    store: Store, job_id: str, spec: GenerateSpec, made: dict[str, dict[str, Any]]
) -> dict[str, str]:
    """Insert the labelled items with their rankings; return item ids by qid."""
    wanted = {qid: each for qid, each in made.items() if each["outcome"] == "labelled"}
    if not wanted:
        return {}
    queries = _rows(spec.source / QUERIES, "qid", wanted)
    docids = {docid for each in wanted.values() for docid in each["candidates"]}
    passages = {
        docid: Passage(**row)
        for docid, row in _rows(spec.source / PASSAGES, "docid", docids).items()
    }
    intake = Intake(store, job_id)
    found: dict[str, str] = {}
    origins: list[dict[str, Any]] = []
    for qid in sorted(wanted):
        each = wanted[qid]
        row = _row(queries[qid], passages, each)
        found[qid] = intake.item_id(row)
        samples = [_sample(found[qid], sample) for sample in each["samples"]]
        origins += [
            {
                **{key: sample[key] for key in ORIGIN_SCHEMA if key in sample},
                "ranking_id": given.ranking_id,
                "job_id": job_id,
                "judge": at >= spec.settings.samples,
            }
            for at, (given, sample) in enumerate(zip(samples, each["samples"], strict=True))
        ]
        intake.add_samples(row, samples, queries[qid]["answer"])
    insert_origins(store, pl.DataFrame(origins, schema=ORIGIN_SCHEMA))
    intake.flush()
    return found


def _sample(item: str, sample: dict[str, Any]) -> Given:
    known = ranking_id(item, "teacher", sample["model"], sample["ranking"], sample["chain"])
    if sample["sample"]:  # two samples may say the same, and are two all the same
        known = content_id([known, sample["sample"]])
    return Given(
        ranking_id=known,
        author="teacher",
        author_name=sample["model"],
        ranking=sample["ranking"],
        chain=sample["chain"],
        status=sample["status"],
        shown=sample["shown"],
        response=sample["response"],
        prompt_tokens=sample["prompt_tokens"],
        completion_tokens=sample["completion_tokens"],
    )


def _row(query: dict[str, Any], passages: dict[str, Passage], made: dict[str, Any]) -> SourceRow:
    first = made["samples"][0]
    return SourceRow(
        line=0,
        domain=query["domain"],
        qid=query["qid"],
        query=query["text"],
        candidates=tuple(passages[docid] for docid in made["candidates"]),
        relevant_docids=tuple(d for d in made["candidates"] if d in set(made["relevant"])),
        ranking=tuple(first["ranking"]),
        chain=first["chain"],
        author_name=first["model"],
        status=first["status"],
    )


def _rows(path: Path, key: str, wanted: Any) -> dict[str, dict[str, Any]]:
    frame = pl.scan_parquet(path).filter(pl.col(key).is_in(list(wanted))).collect()
    return {row[key]: row for row in frame.iter_rows(named=True)}
