"""From a strategy's questions to a model's answers, each recorded at once and never asked twice.

Every query has its own line. Its calls are numbered in the order in which the strategy asks, which
the answers alone decide, so a call that was answered before an interruption is found by its number.
"""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import fmean
from typing import Any

from curation.fusion import disagreement
from curation.permutation import Status
from curation.prompts import Message, Style
from trainer.engines.base import Answer, Engine, Prompt, Sampling
from trainer.errors import EvaluationError
from trainer.fitting import Fit, prompt_of
from trainer.inflight import InFlight
from trainer.joblog import read_records
from trainer.strategies.base import Model
from trainer.strategies.questions import (
    ANSWER,
    Kind,
    Question,
    Reading,
    is_bare,
    opening,
    read_logprobs,
    read_text,
)

SETTINGS = "settings"  # the line of a trace that says under which its calls were made
_THINK, _END_THINK = "<think>", "</think>"
_OPEN_ANSWER, _END_ANSWER = "<answer>", "</answer>"


@dataclass(frozen=True, slots=True)
class Call:
    """One question to a model, and what came back.

    Attributes:
        call: 0-based place among the query's calls.
        round: 1-based; the calls of a round went out together, so the last one is the query's
            sequential depth.
        start: Place of the first passage in the candidate list, 0-based; None where the passages
            are no window of it.
        docids: The passages as the model saw them.
        permutation: 1-based into `docids`, best first, repaired to be complete.
        scores: Probabilities, where next tokens were asked for; see `Reading`.
        seconds: Wall time of the request; of a batch, the share of one prompt.
    """

    qid: str
    call: int
    round: int
    model: Model
    kind: Kind
    start: int | None
    docids: tuple[str, ...]
    sample: int
    response: str
    permutation: tuple[int, ...]
    scores: tuple[float, ...]
    status: Status
    prompt_tokens: int
    completion_tokens: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Answering:
    """How questions are put and answered, the same for all queries.

    Attributes:
        max_new_tokens: For a chain and its answer together.
        thinking_budget: Tokens after which a chain is closed and the answer asked for; None lets
            the model end it.
        enable_thinking: A chat template's own switch; None leaves it out.
        seed: Each call draws with a seed of its own, made from this one.
    """

    max_new_tokens: int
    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    thinking_budget: int | None = None
    enable_thinking: bool | None = None
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Desk:
    """What all lines share.

    Attributes:
        engines: By model: `main`, and `small` where two share the work.
        passage_texts: From docids to the texts that the model reads, cut.
        style: How these and the query are cleaned and put into the prompt.
        fit: Makes prompts fit a context; None leaves them as they are.
        answered: Calls of an earlier attempt by (qid, call); they are not asked again.
        on_call: Told every new call as soon as it is answered.
    """

    engines: Mapping[Model, Engine]
    answering: Answering
    passage_texts: Callable[[Sequence[str]], Sequence[str]]
    in_flight: InFlight
    answered: Mapping[tuple[str, int], Call]
    on_call: Callable[[Call], None]
    style: Style = "rankdesk"
    fit: Fit | None = None


@dataclass(slots=True)
class _Progress:
    """How far a query has come; shared by its lines to two models."""

    asked: int = 0
    round: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """One query's line to a model; see `strategies.base.Ask`.

    Attributes:
        most_calls: Calls that the query takes at most: who has more left goes first.
    """

    desk: Desk
    qid: str
    query: str
    most_calls: int
    model: Model = "main"
    _progress: _Progress = field(default_factory=_Progress)

    @property
    def asked(self) -> int:
        """How many calls the query has made."""
        return self._progress.asked

    def on(self, model: Model) -> "Line":
        """Return the same query's line to another model."""
        return Line(self.desk, self.qid, self.query, self.most_calls, model, self._progress)

    async def __call__(self, round_: Sequence[Question]) -> list[Reading]:
        """Ask a round of questions; see `strategies.base.Ask`."""
        progress = self._progress
        first, progress.asked = progress.asked, progress.asked + len(round_)
        progress.round += 1
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(self._ask(first + place, progress.round, question))
                for place, question in enumerate(round_)
            ]
        return [task.result() for task in tasks]

    async def _ask(self, number: int, round_: int, question: Question) -> Reading:
        known = self.desk.answered.get((self.qid, number))
        if known is None:
            async with self.desk.in_flight.turn(self.most_calls - number):
                call = await self._call(number, round_, question)
            self.desk.on_call(call)
        else:
            call = self._checked(known, question)
        return Reading(call.permutation, call.scores, call.status)

    async def _call(self, number: int, round_: int, question: Question) -> Call:
        prompt = Prompt(
            self._messages(question), enable_thinking=self.desk.answering.enable_thinking
        )
        sampling = self._sampling(number, question)
        if question.options:
            answer, reading = await self._probabilities(prompt, question, sampling)
        else:
            answer = await self._written(prompt, question, sampling)
            truncated = answer.finish_reason == "length"
            reading = read_text(question, answer.text, truncated=truncated)
        return Call(
            qid=self.qid,
            call=number,
            round=round_,
            model=self.model,
            kind=question.kind,
            start=question.start,
            docids=question.docids,
            sample=question.sample,
            response=answer.text,
            permutation=reading.permutation,
            scores=tuple(round(score, 9) for score in reading.scores),
            status=reading.status,
            prompt_tokens=answer.prompt_tokens,
            completion_tokens=answer.completion_tokens,
            seconds=round(answer.seconds, 6),
        )

    async def _written(self, prompt: Prompt, question: Question, sampling: Sampling) -> Answer:
        """Let the model write its answer; a chain over the budget is closed for it.

        An answer that the budget cuts is gone on with.
        """
        budget = self.desk.answering.thinking_budget
        if not question.reasoning:
            return await self._generate(replace(prompt, prefill=opening(question)), sampling)
        if budget is None or budget >= sampling.max_new_tokens:
            return await self._generate(prompt, sampling)
        thought = await self._generate(prompt, sampling.limited(budget))
        if thought.finish_reason == "stop" or _answered(thought.text):
            return thought
        left = sampling.limited(sampling.max_new_tokens - budget)
        begun = _begun(thought.text, bare=is_bare(question.template))
        return thought.continued(await self._generate(replace(prompt, prefill=begun), left))

    async def _probabilities(
        self, prompt: Prompt, question: Question, sampling: Sampling
    ) -> tuple[Answer, Reading]:
        """Ask how likely each option is to begin the answer, after a chain where one is wanted."""
        prefill = opening(question)
        bare = is_bare(question.template)
        thought = None
        if question.reasoning:
            limit = self.desk.answering.thinking_budget or sampling.max_new_tokens
            thought = await self._generate(
                prompt,
                sampling.limited(limit, stop=(_END_THINK if bare else _OPEN_ANSWER,)),
            )
            prefill = _closed(thought.text, bare=bare)
        scored = await self._engine.score_next(replace(prompt, prefill=prefill), question.options)
        answer = Answer(prefill, scored.prompt_tokens, 0, scored.seconds, "stop")
        reading = read_logprobs(question, scored.logprobs)
        if thought is not None and thought.finish_reason == "length":
            reading = replace(reading, status="truncated")  # the chain had not come to its end
        return (thought.continued(answer) if thought else answer), reading

    async def _generate(self, prompt: Prompt, sampling: Sampling) -> Answer:
        (answer,) = await self._engine.generate(prompt, sampling)
        return answer

    @property
    def _engine(self) -> Engine:
        return self.desk.engines[self.model]

    def _messages(self, question: Question) -> list[Message]:
        desk = self.desk
        texts = desk.passage_texts(question.docids)
        return prompt_of(question, self.query, texts, desk.style, desk.fit)

    def _sampling(self, number: int, question: Question) -> Sampling:
        answering = self.desk.answering
        digest = hashlib.sha256(f"{answering.seed}:{self.qid}:{number}".encode()).digest()
        temperature = question.temperature
        return Sampling(
            max_new_tokens=answering.max_new_tokens,
            temperature=answering.temperature if temperature is None else temperature,
            top_p=answering.top_p,
            top_k=answering.top_k,
            min_p=answering.min_p,
            seed=int.from_bytes(digest[:4], "big") >> 1,
        )

    def _checked(self, call: Call, question: Question) -> Call:
        asked = (question.kind, question.docids, question.sample, self.model)
        if (call.kind, call.docids, call.sample, call.model) != asked or sorted(
            call.permutation
        ) != list(range(1, len(call.docids) + 1)):
            raise EvaluationError(
                f"calls.jsonl: call {call.call} of query {call.qid!r} does not fit the benchmark's "
                "candidates or these settings. Start a new evaluation."
            )
        return call


def _after_chain(turn: str) -> str:
    """Return what follows a turn's chain; "" while it is open."""
    after = turn.rpartition(_END_THINK)[2]
    return "" if _THINK in after else after


def _answered(turn: str) -> bool:
    return _END_ANSWER in _after_chain(turn)


def _begun(turn: str, *, bare: bool) -> str:
    """Return what the model goes on from where the budget cut its turn: an answer, or a chain."""
    answering = _OPEN_ANSWER in _after_chain(turn) or (bare and _END_THINK in turn)
    return turn if answering else _closed(turn, bare=bare)


def _closed(chain: str, *, bare: bool) -> str:
    """Return a chain ended, and an answer begun where it has a tag to begin with."""
    before, _, _ = chain.partition(_OPEN_ANSWER)
    ended = before.rstrip()
    close = "" if _END_THINK in ended else f"{_END_THINK}\n"
    return f"{ended}\n{close}{'' if bare else ANSWER}"


def read_calls(path: Path) -> dict[tuple[str, int], Call]:
    """Return the calls answered so far by (qid, call); a line of settings is passed over."""
    records = [record for record in read_records(path)[0] if SETTINGS not in record]
    lists = ("docids", "permutation", "scores")
    calls = (Call(**{**record, **{k: tuple(record[k]) for k in lists}}) for record in records)
    return {(call.qid, call.call): call for call in calls}


def summarize(calls: Iterable[Call]) -> dict[str, Any]:
    """Return counts over calls: how many, their statuses, tokens and generation seconds.

    Where windows were sampled several times, also `disagreement`: the mean Kendall distance between
    a window's samples, 0 (equal) to 1 (reversed).
    """
    calls = list(calls)
    apart = _disagreements(calls)
    return {
        "calls": len(calls),
        "statuses": dict(Counter(call.status for call in calls)),
        "prompt_tokens": sum(call.prompt_tokens for call in calls),
        "completion_tokens": sum(call.completion_tokens for call in calls),
        "sequential_depth": max((call.round for call in calls), default=0),
        "generation_seconds": round(sum(call.seconds for call in calls), 3),
        **({"disagreement": round(fmean(apart), 4)} if apart else {}),
    }


def _disagreements(calls: Iterable[Call]) -> list[float]:
    """Return how much the samples disagree, for each window that has several."""
    windows: dict[tuple[str, int, int | None], list[list[str]]] = {}
    for call in calls:
        if call.kind == "order":
            order = [call.docids[number - 1] for number in call.permutation]
            windows.setdefault((call.qid, call.round, call.start), []).append(order)
    return [
        disagreement(orders)
        for orders in windows.values()
        if len(orders) > 1 and len({frozenset(order) for order in orders}) == 1
    ]
