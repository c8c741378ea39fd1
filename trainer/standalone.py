"""Rerank files without a workspace: queries, passages and a run in, a run and a trace out."""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from typing import Any

from curation.benchmark_files import read_passages, read_queries
from curation.errors import FormatError
from curation.passages import Cut, cut_in, reader
from curation.prompts import Message, Style, version
from curation.rankllm import write_results
from curation.trec import best_first, read_run, write_run
from db.ids import content_id
from db.records import Passage
from trainer.asking import SETTINGS, Answering, Call, Desk, read_calls, summarize
from trainer.engines.opening import Embedded, Served, Vllm, open_engines
from trainer.errors import EvaluationError
from trainer.fitting import Fit, prompt_of
from trainer.inflight import InFlight
from trainer.joblog import append_record, read_records
from trainer.rerank import count_calls, rerank
from trainer.strategies import Strategy
from trainer.strategies.base import Model
from trainer.strategies.questions import Question, Reading, opening, template_of
from trainer.texts import first_words


@dataclass(frozen=True, slots=True)
class Work:
    """What is reranked and how.

    Attributes:
        candidates: Docids by qid, best first.
        depth: Candidates of each query that are reranked; the rest keep their places.
        cut: Truncates passages by tokens; None leaves it to the engine.
        max_passage_tokens: What the engine's tokenizer cuts at.
        tokenizer: Whose tokens `cut` counts, where it is not the engine's own.
        fit: Makes prompts fit a context, as RankLLM does.
    """

    queries: dict[str, str]
    passages: dict[str, Passage]
    candidates: dict[str, list[str]]
    strategy: Strategy
    depth: int
    style: Style
    cut: Cut | None
    max_passage_tokens: int
    tokenizer: str | None = None
    fit: Fit | None = None


def read_files(
    queries: Path, passages: Path, run: Path
) -> tuple[dict[str, str], dict[str, Passage], dict[str, list[str]]]:
    """Read queries, passages and candidates (best first), and check them against each other.

    Raises:
        FormatError: A file is malformed, or the run names what the others do not hold.
    """
    texts, docs, scores = read_queries(queries), read_passages(passages), read_run(run)
    for qid, results in scores.items():
        if qid not in texts:
            raise FormatError(f"{qid!r:.80} is not in {queries}", file=run, field="qid")
        for docid in results:
            if docid not in docs:
                raise FormatError(f"{docid!r:.80} is not in {passages}", file=run, field="docid")
    return texts, docs, {qid: best_first(results) for qid, results in scores.items()}


def write_first_windows(work: Work, trace: Path) -> int:
    """Write each query's first call as it would be asked, and return how many there are.

    One JSON object a line: qid, docids, messages, and, where the model's turn is begun for it, the
    prefill. A query that asks nothing, as a single candidate
    may, has none.

    Raises:
        EvaluationError: The file exists and is no dry run's: its answers may have been paid for.
    """
    if trace.exists() and trace.stat().st_size:
        records, _ = read_records(trace)
        if not records or not all("messages" in record for record in records):
            raise EvaluationError(
                f"{trace} exists and is no dry run's, so it is left as it is: name another file "
                "with --trace."
            )
    windows = [
        {"qid": qid, "docids": list(question.docids), "messages": prompt}
        | ({"prefill": opening(question)} if opening(question) else {})
        for qid in work.candidates
        for question, prompt in asyncio.run(_first(work, qid))
    ]
    trace.write_text("", encoding="utf-8")
    for window in windows:
        append_record(trace, window)
    return len(windows)


class _Asked(Exception):  # noqa: N818 - no failure: it carries the first question out of a strategy
    def __init__(self, question: Question) -> None:
        self.question = question


class _Listener:
    """A line that answers nothing: it tells what was asked first."""

    async def __call__(self, round_: Sequence[Question]) -> list[Reading]:
        raise _Asked(round_[0])

    def on(self, model: Model) -> "_Listener":
        return self


async def _first(work: Work, qid: str) -> list[tuple[Question, list[Message]]]:
    """Return the first question and its prompt; nothing where nothing is asked."""
    try:
        await work.strategy.rank(work.candidates[qid][: work.depth], _Listener())
    except _Asked as asked:
        question = asked.question
    else:
        return []
    # As an endpoint without a tokenizer cuts: with one, or with a model at hand, `cut` is given.
    cut = cut_in(
        work.style,
        work.cut or (lambda texts: [first_words(text, work.max_passage_tokens) for text in texts]),
    )
    texts = reader(work.passages, work.style, cut)(question.docids)
    prompt = prompt_of(question, work.queries[qid], texts, work.style, work.fit)
    return [(question, prompt)]


def rerank_files(
    work: Work,
    engines: Mapping[Model, Embedded | Served | Vllm],
    answering: Answering,
    *,
    output: Path,
    trace: Path,
    resume: bool,
    on_progress: Callable[[int, int], None],
) -> dict[str, Any]:
    """Rerank, write the run, and return counts of calls, statuses, tokens and seconds.

    Args:
        output: A TREC run, or RankLLM's result file where the name ends in `.json`.
        trace: Every answered call, one JSON object a line, written at once.
        resume: Take over the calls of the trace; otherwise it must not exist yet.

    Raises:
        EvaluationError: The trace exists and is not to be resumed, or was written under other
            settings; it says which.
        EngineError: A call cannot be answered; those answered so far are in the trace.
    """
    if trace.exists() and not resume:
        raise EvaluationError(
            f"{trace} exists: go on from it with --resume, or name another file with --trace."
        )
    _keep_settings(trace, _settings(work, engines, answering))
    answered = read_calls(trace)
    made = list(answered.values())
    total = count_calls(work.candidates, work.strategy, work.depth)

    def on_call(call: Call) -> None:
        append_record(trace, asdict(call))
        made.append(call)
        on_progress(len(made), total)

    async def run() -> tuple[dict[str, list[str]], dict[str, Any]]:
        async with open_engines(engines, trace.parent) as opened:
            own = opened["main"].cut_passages
            by_tokens = work.cut or (lambda texts: own(texts, work.max_passage_tokens))
            desk = Desk(
                engines=opened,
                answering=answering,
                passage_texts=reader(work.passages, work.style, cut_in(work.style, by_tokens)),
                in_flight=InFlight(min(engine.in_flight for engine in opened.values())),
                answered=answered,
                on_call=on_call,
                style=work.style,
                fit=work.fit,
            )
            order = await rerank(work.queries, work.candidates, work.strategy, work.depth, desk)
            return order, {model: asdict(engine.info) for model, engine in opened.items()}

    order, info = asyncio.run(run())
    if output.suffix == ".json":
        write_results(output, order, work.queries, work.passages)
    else:
        write_run(output, order, "rankdesk")
    return {"queries": len(order), **summarize(made), "engines": info}


def _settings(
    work: Work, engines: Mapping[Model, Embedded | Served | Vllm], answering: Answering
) -> dict[str, Any]:
    """Return all that decides what is asked and by whom, as plain values; texts by their hash."""
    shown = {docid for docids in work.candidates.values() for docid in docids}
    return {
        "queries": content_id([work.queries[qid] for qid in work.candidates]),
        "passages": content_id([astuple(work.passages[docid]) for docid in sorted(shown)]),
        "run": content_id(list(work.candidates.items())),
        "strategy": work.strategy.model_dump(mode="json"),
        "templates": [version(name, template_of(name)) for name in work.strategy.templates],
        "depth": work.depth,
        "style": work.style,
        "max_passage_tokens": work.max_passage_tokens,
        "tokenizer": work.tokenizer,
        "context_size": work.fit and work.fit.size,
        **asdict(answering),
        **{
            f"{model} {key}": value
            for model, spec in engines.items()
            for key, value in spec.model_dump(include={"kind", "model", "tokenizer"}).items()
        },
    }


def _keep_settings(trace: Path, wanted: dict[str, Any]) -> None:
    """Write the settings as the trace's first line, or hold them against those that it has."""
    records, _ = read_records(trace)
    if not records:
        append_record(trace, {SETTINGS: wanted})
        return
    kept = records[0].get(SETTINGS)
    if not isinstance(kept, dict):
        raise EvaluationError(
            f"{trace} does not begin with the settings of its calls, so nothing can go on from it: "
            "name another file with --trace."
        )
    wanted = json.loads(json.dumps(wanted))  # tuples become lists, as in the file
    differing = [
        f"{key} was {kept.get(key)!r:.80}, not {wanted.get(key)!r:.80}"
        for key in dict.fromkeys((*kept, *wanted))
        if kept.get(key) != wanted.get(key)
    ]
    if differing:
        raise EvaluationError(
            f"{trace} was written under other settings: {'; '.join(differing)}. Go on with those, "
            "or name another file with --trace."
        )
