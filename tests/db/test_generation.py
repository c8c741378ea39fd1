import polars as pl

from db import generation, jobs
from db.generation import GENERATED_SCHEMA


def record(store, job_id, **outcomes):
    jobs.insert_job(
        store,
        job_id=job_id,
        kind="generate",
        name=job_id,
        config="",
        created_by="ada",
        source_id="s",
    )
    rows = [
        (job_id, qid, "d", outcome, "", None, "{}", "{}", 0.0, 1, 1)
        for qid, outcome in outcomes.items()
    ]
    made = pl.DataFrame(rows, schema=GENERATED_SCHEMA, orient="row")
    with store.transaction() as cursor:
        generation.record(cursor, job_id, made, 1, None)


def test_a_query_without_an_item_counts_once_by_its_latest_outcome(store):
    assert generation.without_item(store) == (0, {})
    record(store, "j1", q1="labelled", q2="no_positives", q3="failed", q4="malformed")
    record(store, "j2", q1="failed", q2="no_positives", q3="no_positives", q4="labelled")
    assert generation.without_item(store) == (4, {"no_positives": 2})
