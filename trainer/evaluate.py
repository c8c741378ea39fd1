"""Rerank a benchmark with a checkpoint and measure it: `python -m trainer.evaluate JOB_FOLDER`.

Writes into the job's folder: `calls.jsonl` (each answered call at once), `run.txt` (TREC run),
`per_query.json` ({qid: {measure: value}}) and, last, `result.json`.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from statistics import fmean
from typing import Any

from curation import benchmarks, scoring, trec
from curation.benchmarks import Benchmark
from curation.order_bias import shuffled
from curation.passages import cut_in, reader
from curation.retrieval import bm25
from curation.training_items import full_text
from trainer.asking import Answering, Call, Desk, read_calls, summarize
from trainer.engines.opening import open_engines
from trainer.inflight import InFlight
from trainer.joblog import append_record, write_event
from trainer.jobs import EvaluateSpec, JobConfig
from trainer.process import raise_if_stopped, run_job, write_json
from trainer.recipes import EvaluationSettings
from trainer.rerank import count_calls, rerank

CALLS, RUN, PER_QUERY, RESULT = "calls.jsonl", "run.txt", "per_query.json", "result.json"
PROGRESS_EVERY_S = 1.0


def evaluate(job_dir: Path, config: JobConfig) -> str:
    """Rerank, measure and write the results; goes on from the calls answered before.

    Raises:
        ModelError: The checkpoint cannot be loaded.
        EngineError: A call cannot be answered; those answered so far are kept.
        EvaluationError: Earlier calls do not fit the benchmark.
        StopNow: Someone asked to stop; the calls answered so far are kept.
    """
    spec = config.spec
    assert isinstance(spec, EvaluateSpec)
    # Imports stand here, because a job waits for its turn before it loads torch.
    from curation.code_version import code_version
    from trainer.environment import device, library_versions

    began = time.monotonic()
    benchmark = benchmarks.read_benchmark(spec.benchmark)
    answered = read_calls(job_dir / CALLS)
    made = list(answered.values())
    progress = _Progress(job_dir, benchmark, spec, done=len(made))

    def on_call(call: Call) -> None:
        append_record(job_dir / CALLS, asdict(call))
        made.append(call)
        progress.step(len(made))
        raise_if_stopped(job_dir)

    order, engines = asyncio.run(_rerank(job_dir, spec, benchmark, answered, on_call, progress))
    progress.total = len(made)
    progress.write(len(made))
    trec.write_run(job_dir / RUN, order, config.job_id)
    per_query = scoring.per_query(benchmark.qrels, _scores(order), spec.settings.measures)
    write_json(job_dir / PER_QUERY, per_query)
    means = scoring.mean(per_query)
    result = {
        "job_id": config.job_id,
        "measures": means,
        "queries": len(per_query),
        **summarize(made),
        "seconds": round(time.monotonic() - began, 1),  # of this attempt, loading included
        "engines": engines,
        "device": asdict(device()),
        "libraries": library_versions(),
        "code_version": code_version(),
    }
    write_json(job_dir / RESULT, result)
    name, value = next(iter(means.items()))
    return f"{name} {value:.4f} over {len(per_query)} queries, {len(made)} calls"


async def _rerank(
    job_dir: Path,
    spec: EvaluateSpec,
    benchmark: Benchmark,
    answered: dict[tuple[str, int], Call],
    on_call: Callable[[Call], None],
    progress: "_Progress",
) -> tuple[dict[str, list[str]], dict[str, Any]]:
    """Return every query's order, and what the engines say of themselves."""
    settings = spec.settings
    async with open_engines(spec.engines, job_dir) as engines:
        cut_passages = engines["main"].cut_passages
        candidates = _candidates(benchmark, settings)
        progress.total = count_calls(candidates, settings.strategy, settings.depth)
        progress.write(len(answered))
        desk = Desk(
            engines=engines,
            answering=Answering(
                max_new_tokens=settings.max_new_tokens,
                temperature=settings.temperature,
                top_p=settings.top_p,
                top_k=settings.top_k,
                min_p=settings.min_p,
                enable_thinking=settings.enable_thinking,
                thinking_budget=settings.thinking_budget,
                seed=spec.seed,
            ),
            passage_texts=reader(
                benchmark.every_passage(),
                settings.style,
                cut_in(
                    settings.style, lambda texts: cut_passages(texts, settings.max_passage_tokens)
                ),
            ),
            in_flight=InFlight(min(engine.in_flight for engine in engines.values())),
            answered=answered,
            on_call=on_call,
            style=settings.style,
        )
        order = await rerank(
            benchmark.queries,
            candidates,
            settings.strategy,
            settings.depth,
            desk,
            progress.ranked,
        )
        return order, {model: asdict(engine.info) for model, engine in engines.items()}


def _candidates(benchmark: Benchmark, settings: EvaluationSettings) -> dict[str, list[str]]:
    """Return each query's candidates in the order that the model is shown."""
    found = _found(benchmark, settings)
    if settings.shuffle is None:
        return found
    return {
        qid: shuffled(qid, docids, depth=settings.depth, seed=settings.shuffle)
        for qid, docids in found.items()
    }


def _found(benchmark: Benchmark, settings: EvaluationSettings) -> dict[str, list[str]]:
    """Return each query's candidates, best first: the benchmark's run, or what a search finds."""
    if settings.first_stage == "run":
        return benchmark.first_stage
    texts = {docid: full_text(passage) for docid, passage in benchmark.every_passage().items()}
    most = settings.depth + max(map(len, benchmark.excluded.values()), default=0)
    if settings.first_stage == "bm25":
        found = {qid: list(hits) for qid, hits in bm25(benchmark.queries, texts, most).items()}
    else:
        from trainer.similar import nearest

        near = nearest(benchmark.queries, texts, most)
        found = {qid: [docid for docid, _ in hits] for qid, hits in near.items()}
    nothing: set[str] = set()
    return {
        qid: [docid for docid in docids if docid not in benchmark.excluded.get(qid, nothing)][
            : settings.depth
        ]
        for qid, docids in found.items()
    }


def _scores(order: dict[str, list[str]]) -> dict[str, dict[str, float]]:
    """Return orders as a run whose scores fall by rank."""
    return {
        qid: {docid: 1 / rank for rank, docid in enumerate(docids, start=1)}
        for qid, docids in order.items()
    }


class _Progress:
    """Progress in calls with the measure so far, at most once a second.

    The ETA counts this attempt's calls only. The total is the most that the strategy takes, and
    falls as queries are done with fewer.
    """

    def __init__(self, job_dir: Path, benchmark: Benchmark, spec: EvaluateSpec, done: int) -> None:
        self.total = 0
        self._job_dir = job_dir
        self._benchmark = benchmark
        self._spec = spec
        self._values: list[float] = []  # of the first measure, for each query that is done
        self._done_before = done
        self._began = self._last = time.monotonic()

    def ranked(self, qid: str, order: list[str], calls: int) -> None:
        """Count a query that is done."""
        settings = self._spec.settings
        self.total += calls - settings.strategy.calls(min(len(order), settings.depth))
        if qid in self._benchmark.qrels:
            measure = settings.measures[0]
            labels = {qid: self._benchmark.qrels[qid]}
            found = scoring.per_query(labels, _scores({qid: order}), [measure])
            self._values.append(found[qid][measure])

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
        so_far = {}
        if self._values:
            measure = self._spec.settings.measures[0]
            so_far = {"queries": len(self._values), measure: round(fmean(self._values), 4)}
        write_event(
            self._job_dir,
            "progress",
            step=done,
            total=self.total,
            unit="call",
            eta_s=eta_s,
            so_far=so_far,
        )


if __name__ == "__main__":
    run_job(evaluate)
