"""Rerank a benchmark with a checkpoint and measure it: `python -m trainer.evaluate JOB_FOLDER`.

Writes into the job's folder: `calls.jsonl` (each answered call at once), `run.txt` (TREC run),
`per_query.json` ({qid: {measure: value}}) and, last, `result.json`.
"""

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curation import benchmarks, scoring, trec
from trainer.joblog import append_record, read_records, write_event
from trainer.jobs import EvaluateSpec, JobConfig
from trainer.process import raise_if_stopped, run_job, write_json

if TYPE_CHECKING:
    from trainer.rerank import Call

CALLS, RUN, PER_QUERY, RESULT = "calls.jsonl", "run.txt", "per_query.json", "result.json"
PROGRESS_EVERY_S = 1.0


def evaluate(job_dir: Path, config: JobConfig) -> str:
    """Rerank, measure and write the results; goes on from the calls answered before.

    Raises:
        ModelError: The checkpoint cannot be loaded.
        EvaluationError: Earlier calls do not fit the benchmark.
        StopNow: Someone asked to stop; the calls answered so far are kept.
    """
    spec = config.spec
    assert isinstance(spec, EvaluateSpec)
    # Imports stand here, because a job waits for its turn before it loads torch.
    from trainer.engine import TransformersEngine
    from trainer.environment import device, library_versions
    from trainer.rerank import Reranker

    began = time.monotonic()
    benchmark = benchmarks.read_benchmark(spec.benchmark)
    engine = TransformersEngine(str(spec.checkpoint), seed=spec.seed)
    answered = read_calls(job_dir / CALLS)
    made = list(answered.values())
    progress = _Progress(job_dir, done=len(made))

    def on_call(call: "Call") -> None:
        append_record(job_dir / CALLS, asdict(call))
        made.append(call)
        progress.step(len(made))
        raise_if_stopped(job_dir)

    reranker = Reranker(
        engine,
        spec.settings,
        passage_texts=benchmark.texts,
        on_call=on_call,
    )
    progress.total = reranker.count_calls(benchmark.first_stage)
    progress.write(len(made))
    order = reranker.rerank(benchmark.queries, benchmark.first_stage, answered)
    progress.write(len(made))
    trec.write_run(job_dir / RUN, order, config.job_id)
    run = {
        qid: {docid: 1 / rank for rank, docid in enumerate(docids, start=1)}
        for qid, docids in order.items()
    }
    per_query = scoring.per_query(benchmark.qrels, run, spec.settings.measures)
    write_json(job_dir / PER_QUERY, per_query)
    means = scoring.mean(per_query)
    result = {
        "job_id": config.job_id,
        "measures": means,
        "queries": len(per_query),
        **summarize(made),
        "seconds": round(time.monotonic() - began, 1),  # of this attempt, loading included
        "device": asdict(device()),
        "libraries": library_versions(),
    }
    write_json(job_dir / RESULT, result)
    name, value = next(iter(means.items()))
    return f"{name} {value:.4f} over {len(per_query)} queries, {len(made)} calls"


def read_calls(path: Path) -> "dict[tuple[str, int], Call]":
    """Return the calls answered so far by (qid, call)."""
    from trainer.rerank import Call

    records, _ = read_records(path)
    calls = (
        Call(
            **{
                **record,
                "docids": tuple(record["docids"]),
                "permutation": tuple(record["permutation"]),
            }
        )
        for record in records
    )
    return {(call.qid, call.call): call for call in calls}


def summarize(calls: "Iterable[Call]") -> dict[str, Any]:
    """Return counts over calls: how many, their statuses, tokens and generation seconds."""
    calls = list(calls)
    return {
        "calls": len(calls),
        "statuses": dict(Counter(call.status for call in calls)),
        "prompt_tokens": sum(call.prompt_tokens for call in calls),
        "completion_tokens": sum(call.completion_tokens for call in calls),
        "generation_seconds": round(sum(call.seconds for call in calls), 3),
    }


class _Progress:
    """Progress in calls, at most once a second; the ETA counts this attempt's calls only."""

    def __init__(self, job_dir: Path, done: int) -> None:
        self.total = 0
        self._job_dir = job_dir
        self._done_before = done
        self._began = self._last = time.monotonic()

    def step(self, done: int) -> None:
        """Report unless the last report is fresh."""
        if time.monotonic() - self._last >= PROGRESS_EVERY_S:
            self.write(done)

    def write(self, done: int) -> None:
        """Report now."""
        self._last = time.monotonic()
        new = done - self._done_before
        rate = (self._last - self._began) / new if new else None
        eta_s = None if rate is None else round(rate * (self.total - done), 1)
        write_event(
            self._job_dir, "progress", step=done, total=self.total, unit="call", eta_s=eta_s
        )


if __name__ == "__main__":
    run_job(evaluate)
