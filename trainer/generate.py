"""Label a source by a teacher: `python -m trainer.generate JOB_FOLDER`.

Writes into the job's folder: `mined.json` (the docids retrieved for each query), `requests.jsonl`
(each request that was paid for, at once), `items.jsonl` (each query that is done, with all that was
answered), `status.json` (the live view) and, last, `result.json`. Answers themselves are kept in
the workspace, by content of the request.
"""

import asyncio
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

from curation.source_folder import Source, SourceQuery, read_source
from curation.training_items import full_text
from trainer.answers import Answers, Stored
from trainer.engines.base import Engine, Sampling
from trainer.engines.opening import Embedded, Served, Vllm, model_name, open_engines
from trainer.errors import EngineError
from trainer.generation_state import GenerationState
from trainer.joblog import append_record, read_records, write_event
from trainer.jobs import GenerateSpec, JobConfig, load_templates
from trainer.mining import mine
from trainer.pacing import Paces
from trainer.process import StopNow, asked_to_stop, run_job, told_to_stop, write_json
from trainer.strategies.base import Model
from trainer.synthesis import Made, Synthesis, requests_of
from trainer.teaching import BudgetSpent, Request, Teacher

MINED = "mined.json"
REQUESTS, ITEMS, STATUS, RESULT = "requests.jsonl", "items.jsonl", "status.json", "result.json"
REPORT_EVERY_S = 1.0
SETTLE_S = 120.0
"""How long a job that ends early waits for answers on their way: they are paid for."""

GIVE_UP_AFTER = 20
"""Queries in a row that failed: the teacher is not there, and going on helps nobody."""


def generate(job_dir: Path, config: JobConfig) -> str:
    """Take every query of the source through the stages; goes on from what is answered.

    Raises:
        SourceError: The source cannot be read.
        EngineError: The teacher cannot be reached at all.
        StopNow: Someone asked to stop, or the budget is used up; what was answered is kept.
    """
    spec = config.spec
    assert isinstance(spec, GenerateSpec)
    return asyncio.run(_Generation(job_dir, config.job_id, spec).run())


class _Generation:
    """One attempt of a generate job."""

    def __init__(self, job_dir: Path, job_id: str, spec: GenerateSpec) -> None:
        self._job_dir = job_dir
        self._job_id = job_id
        self._spec = spec
        self._state = GenerationState()
        self._began = time.monotonic()
        self._failed_in_a_row = 0
        self._before = (0, 0)
        self._engines: list[Engine] = []
        self._stop = threading.Event()
        self._settling = False
        self._paces: dict[Any, Paces] = {}

    async def run(self) -> str:
        loop, work = asyncio.get_running_loop(), asyncio.create_task(self._run())

        def stop() -> None:
            self._stop.set()
            if not self._settling:
                loop.call_soon_threadsafe(work.cancel)

        with told_to_stop(stop):
            try:
                return await work
            except asyncio.CancelledError:
                raise StopNow from None
            except BudgetSpent:
                spent = f"{self._state.tally.spent:.4f} of {self._spec.settings.limits.budget:g}"
                raise StopNow(
                    f"the budget is used up: {spent} US dollars, {self._state.done} of "
                    f"{self._state.total} queries done; start the same with a higher budget, and "
                    "what was answered is not paid for again"
                ) from None

    async def _run(self) -> str:
        source = read_source(self._spec.source)
        queries = source.queries[: self._spec.settings.limit]
        paid = self._read_paid()
        done = self._read_done(queries)
        for query in queries:
            self._state.expected.update(requests_of(query, self._spec.settings))
            if self._spec.judge is not None:
                self._state.expected.update(requests_of(query, self._spec.settings, judges=True))
        self._before = self._state.tally.asked
        write_event(self._job_dir, "progress", step=0, total=len(queries), unit="item")
        retrieved = await self._candidates(source, queries)
        async with AsyncExitStack() as stack:
            answers = await stack.enter_async_context(Answers(self._spec.answers))
            engines = await stack.enter_async_context(
                open_engines(self._spec.engines, self._job_dir)
            )
            teachers = {
                model: self._teacher(engine, self._spec.engines[model], answers, paid)
                for model, engine in engines.items()
            }
            self._engines = list(engines.values())
            work = Synthesis(
                self._spec.settings,
                teachers["main"],
                teachers.get("small"),
                _reader(source, engines["main"], self._spec.settings.max_passage_tokens),
                seed=self._spec.seed,
                templates=load_templates(self._job_dir, self._spec),
            )
            self._began = time.monotonic()  # what a query takes does not count its mining
            self._report()
            waiting = iter([query for query in queries if query.qid not in done])
            # Twice as many queries as requests, so that the teacher never waits for the desk; and
            # no more, so that memory does not grow with the source.
            workers = 2 * max(engine.in_flight for engine in engines.values())
            workers = min(workers, len(queries) - len(done))
            try:
                await self._drain(workers, lambda: self._worker(waiting, retrieved, work))
            finally:
                await self._settle(teachers)
        return self._finish()

    async def _settle(self, teachers: Mapping[Model, Teacher]) -> None:
        """Record what is on its way, whatever ended the work; of batches, the next attempt does."""
        self._settling = True
        self._report()
        await asyncio.gather(
            *(
                teacher.settle(0.0 if _by_batches(self._spec.engines[model]) else SETTLE_S)
                for model, teacher in teachers.items()
            )
        )
        self._report()

    async def _candidates(
        self, source: Source, queries: Sequence[SourceQuery]
    ) -> dict[str, list[str]]:
        """Return what is retrieved for each query; what an earlier attempt retrieved is kept."""
        path = self._job_dir / MINED
        if not path.exists():
            found = await asyncio.to_thread(
                mine,
                source,
                self._spec.settings.depth,
                dense=self._spec.settings.dense,
                queries=queries,
                on_progress=self._mined,
            )
            write_json(path, found)
        retrieved: dict[str, list[str]] = json.loads(path.read_text(encoding="utf-8"))
        return retrieved

    def _heed_stop(self) -> None:
        if self._stop.is_set() or asked_to_stop(self._job_dir) is not None:
            raise StopNow

    def _mined(self, done: int, total: int) -> None:
        self._heed_stop()
        write_event(self._job_dir, "progress", step=done, total=total, unit="passage")

    def _teacher(
        self, engine: Engine, spec: Embedded | Served | Vllm, answers: Answers, paid: set[str]
    ) -> Teacher:
        settings, limits = self._spec.settings, self._spec.settings.limits
        return Teacher(
            model_name(spec),
            engine,
            Sampling(
                settings.max_new_tokens, settings.temperature, settings.top_p, seed=self._spec.seed
            ),
            price=self._spec.price_of(spec),
            answers=answers,
            budget=limits.budget,
            # Batches have limits of their own, which no minute counts for.
            paces=Paces(None, None)
            if _by_batches(spec)
            else self._paces.setdefault(
                _place(spec), Paces(limits.requests_per_minute, limits.tokens_per_minute)
            ),
            tally=self._state.tally,
            job_id=self._job_id,
            on_paid=partial(self._paid, model_name(spec)),
            paid_before=paid,
        )

    async def _drain(self, workers: int, worker: Callable[[], Any]) -> None:
        """Run workers until all queries are done, or one of them ends the job."""
        tasks = [asyncio.create_task(worker()) for _ in range(workers)]
        watch = asyncio.create_task(self._watch())
        work = asyncio.gather(*tasks)
        try:
            await asyncio.wait((work, watch), return_when=asyncio.FIRST_COMPLETED)
            if watch.done():
                watch.result()
            await work
        except BudgetSpent:
            # Queries whose last answers are on their way can still be finished.
            await asyncio.wait(
                (watch, asyncio.gather(*tasks, return_exceptions=True)),
                return_when=asyncio.FIRST_COMPLETED,
            )
            raise
        finally:
            for task in (*tasks, watch):
                task.cancel()
            await asyncio.gather(*tasks, watch, work, return_exceptions=True)

    async def _watch(self) -> None:
        """Report, and heed a wish to stop, also while no query is done for long."""
        open_before = -1
        while True:
            self._heed_stop()
            if self._state.tally.open != open_before:
                open_before = self._state.tally.open
                self._report()
            await asyncio.sleep(REPORT_EVERY_S)

    async def _worker(self, waiting: Any, retrieved: dict[str, list[str]], work: Synthesis) -> None:
        for query in waiting:
            try:
                made = await work.make(query, retrieved.get(query.qid, []))
                self._failed_in_a_row = 0
            except EngineError as error:
                made = Made(query.qid, "failed", str(error))
                self._failed_in_a_row += 1
            record = made.as_record() | {"domain": query.domain}
            append_record(self._job_dir / ITEMS, record)
            self._state.count(record)
            if self._failed_in_a_row >= GIVE_UP_AFTER:
                raise EngineError(
                    f"{GIVE_UP_AFTER} queries in a row were not answered; the last: {made.reason}"
                )

    def _read_done(self, queries: Sequence[SourceQuery]) -> set[str]:
        """Count what earlier attempts did; what failed there is tried again."""
        wanted = {query.qid for query in queries}
        latest: dict[str, dict[str, Any]] = {}
        for record in read_records(self._job_dir / ITEMS)[0]:
            latest[record["qid"]] = record
        done = {
            qid: record
            for qid, record in latest.items()
            if qid in wanted and record["outcome"] != "failed"
        }
        for record in done.values():
            self._state.count(record)
        self._state.total = len(queries)
        self._state.before = len(done)
        return set(done)

    def _read_paid(self) -> set[str]:
        paid = set()
        for record in read_records(self._job_dir / REQUESTS)[0]:
            paid.add(record["key"])
            self._state.count_paid(record)
        return paid

    def _paid(self, model: str, key: str, request: Request, answer: Stored) -> None:
        record = {
            "key": key,
            "model": model,
            "qid": request.qid,
            "stage": request.stage,
            "sample": request.sample,
            "attempt": request.attempt,
            "prompt_tokens": answer.prompt_tokens,
            "completion_tokens": answer.completion_tokens,
            "price": answer.price,
            "seconds": answer.seconds,
        }
        append_record(self._job_dir / REQUESTS, record)
        self._state.count_paid(record)

    def _failures(self) -> dict[str, int]:
        """Return this attempt's failed requests by kind, where the engine tells."""
        found: Counter[str] = Counter()
        for engine in self._engines:
            found.update(getattr(engine, "failures", {}))
        return dict(found)

    def _left_out(self) -> list[str]:
        """Return the sampling parameters that an endpoint does not take."""
        found = (getattr(engine, "left_out", []) for engine in self._engines)
        return sorted(set().union(*found))

    def _summary(self) -> dict[str, Any]:
        state, tally = self._state, self._state.tally
        seconds = time.monotonic() - self._began
        new = state.done - state.before
        requests, tokens = (now - then for now, then in zip(tally.asked, self._before, strict=True))
        return {
            "queries": state.total,
            "done": state.done,
            "outcomes": dict(state.outcomes),
            "malformed": dict(state.malformed),
            "failures": self._failures(),
            "open": tally.open,
            "requests": dict(tally.requests),
            "reused": dict(tally.reused),
            "prompt_tokens": tally.prompt_tokens,
            "completion_tokens": tally.completion_tokens,
            "spent": round(tally.spent, 6),
            "unpriced": tally.unpriced,
            "projected": state.projected,
            "expected": dict(state.expected),
            "left_out": self._left_out(),
            "queries_per_s": round(new / seconds, 3) if seconds else 0.0,
            "requests_per_s": round(requests / seconds, 3) if seconds else 0.0,
            "tokens_per_s": round(tokens / seconds, 1) if seconds else 0.0,
            "seconds": round(seconds, 1),
            "domains": state.domains,
        }

    def _report(self) -> None:
        summary = self._summary()
        write_json(self._job_dir / STATUS, summary)
        rate = summary["queries_per_s"]
        state = self._state
        eta_s = round((state.total - state.done) / rate, 1) if rate else None
        write_event(
            self._job_dir,
            "progress",
            step=state.done,
            total=state.total,
            unit="item",
            eta_s=eta_s,
            so_far={
                "queries": state.done,
                "labelled": state.outcomes["labelled"] / max(1, state.done),
                "US dollars": summary["spent"],
            },
        )

    def _finish(self) -> str:
        from curation.code_version import code_version
        from trainer.environment import library_versions

        self._report()
        write_json(
            self._job_dir / RESULT,
            {
                "job_id": self._job_id,
                **self._summary(),
                "code_version": code_version(),
                "libraries": library_versions(),
            },
        )
        outcomes = self._state.outcomes
        aside = self._state.done - outcomes["labelled"]
        spent = f", {self._state.tally.spent:.4f} US dollars" if self._state.tally.spent else ""
        return f"{outcomes['labelled']} items labelled, {aside} set aside{spent}"


def _place(engine: Embedded | Served | Vllm) -> Any:
    """Return what an endpoint counts its limits by."""
    return (engine.base_urls, engine.key_variable) if isinstance(engine, Served) else engine


def _by_batches(engine: Embedded | Served | Vllm) -> bool:
    return isinstance(engine, Served) and engine.batch


def _reader(
    source: Source, engine: Engine, most_tokens: int
) -> Callable[[Sequence[str]], list[str]]:
    """Return a function from docids to the texts that a teacher reads; each is cut once."""
    passages = source.every_passage()
    known: dict[str, str] = {}

    def read(docids: Sequence[str]) -> list[str]:
        new = [docid for docid in docids if docid not in known]
        texts = engine.cut_passages([full_text(passages[docid]) for docid in new], most_tokens)
        known.update(zip(new, texts, strict=True))
        return [known[docid] for docid in docids]

    return read


if __name__ == "__main__":
    run_job(generate)
