"""The way of one query through the stages: select, negatives, compose, rank."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal, Protocol

from curation.permutation import Status, parse_response
from curation.prompts import Message, Template, version
from curation.source_folder import SourceQuery
from curation.synthesis import (
    bare_question,
    compose,
    gold_question,
    most_positives,
    parse_choice_of,
    ranking_prompt,
    selection_prompt,
    shown_order,
)
from trainer.answers import Stored
from trainer.synthesis_settings import STAGES, Stage, SynthesisSettings
from trainer.teaching import Request

Outcome = Literal["labelled", "waiting", "no_positives", "malformed", "failed"]


class Asks(Protocol):
    """Whatever answers requests; see `trainer.teaching.Teacher`."""

    name: str

    async def ask(self, request: Request) -> Stored:
        """Return the answer to a request."""
        ...


@dataclass(frozen=True, slots=True)
class Sample:
    """One chain and order.

    Attributes:
        model: The teacher that gave it.
        shown: Docids in the order the teacher saw them.
        ranking: Docids, best first, complete; repaired where the response was not.
        price: US dollars; None without a price.
    """

    model: str
    sample: int
    shown: tuple[str, ...]
    ranking: tuple[str, ...]
    chain: str
    response: str
    status: Status
    prompt: str
    prompt_tokens: int
    completion_tokens: int
    price: float | None
    seconds: float


@dataclass(slots=True)
class Made:
    """What became of one query.

    Attributes:
        outcome: `labelled`; `waiting` where a later stage was not asked for; `no_positives`;
            `malformed` where labels could not be read; `failed` where nothing answered.
        reason: Why it is not labelled.
        candidates: Docids in initial order.
        responses: Raw answers about labels, by stage; of a pool that takes several requests, the
            further ones are `select 2` and so on.
        statuses: Parse status of each stage's answer; of samples, each sample's own.
        prompts: Version of the template, by the stages that were asked for.
    """

    qid: str
    outcome: Outcome = "waiting"
    reason: str = ""
    candidates: tuple[str, ...] = ()
    relevant: tuple[str, ...] = ()
    hard: tuple[str, ...] = ()
    responses: dict[str, str] = field(default_factory=dict)
    statuses: dict[str, str] = field(default_factory=dict)
    prompts: dict[str, str] = field(default_factory=dict)
    samples: list[Sample] = field(default_factory=list)
    price: float = 0.0
    prompt_tokens: int = 0
    completion_tokens: int = 0

    def as_record(self) -> dict[str, Any]:
        """Return it as a line of `items.jsonl`; its texts are not copied."""
        return _shallow(self) | {"samples": [_shallow(sample) for sample in self.samples]}


def requests_of(
    query: SourceQuery, settings: SynthesisSettings, *, judges: bool = False
) -> dict[Stage, int]:
    """Return how many requests a query takes at most, by stage, if it gets that far.

    Args:
        judges: Of a second teacher, which ranks and no more.
    """
    if judges:
        found: dict[Stage, int] = {"rank": 1}
    else:
        found = {"rank": settings.samples}
        if query.answer and not query.relevant:
            pool = query.candidates or query.linked
            found["select"] = max(1, -(-len(pool) // settings.depth))
            if settings.negatives and not query.candidates:
                found["negatives"] = 1
    last = STAGES.index(settings.until)
    return {stage: n for stage, n in found.items() if STAGES.index(stage) <= last}


def chunks(docids: Sequence[str], most: int) -> list[list[str]]:
    """Return docids in as few lists as hold at most so many each."""
    return [list(docids[start : start + most]) for start in range(0, len(docids), most)]


class Synthesis:
    """Makes items, one query at a time; any number may be under way."""

    def __init__(
        self,
        settings: SynthesisSettings,
        teacher: Asks,
        judge: Asks | None,
        texts: Callable[[Sequence[str]], Sequence[str]],
        *,
        seed: int,
        templates: Mapping[Stage, Template],
    ) -> None:
        """Prepare to ask.

        Args:
            judge: A second teacher that ranks the same lists.
            texts: From docids to the texts that a teacher reads, cut.
            seed: Of lists and shuffles.
            templates: By stage, as they were when the job was made; the settings name them.
        """
        self._settings = settings
        self._teacher = teacher
        self._judge = judge
        self._texts = texts
        self._seed = seed
        self._templates = templates
        self._prompts = {
            stage: version(name, templates[stage]) for stage, name in settings.templates.items()
        }

    async def make(self, query: SourceQuery, retrieved: Sequence[str]) -> Made:
        """Take a query through the stages.

        Args:
            retrieved: Docids, best first; not read where the query brings its own candidates.

        Raises:
            EngineError: A request cannot be answered.
        """
        made = Made(query.qid)
        pool = self._pool(query, retrieved)
        if query.relevant:
            made.relevant = query.relevant
        elif not query.answer:
            made.outcome, made.reason = "failed", "the source gives neither an answer nor labels"
            return made
        elif not pool:
            made.outcome, made.reason = "no_positives", "no passage was found for it"
            return made
        elif not await self._select(query, pool, made):
            return made
        if not made.relevant:
            made.outcome = "no_positives"
            made.reason = f"the teacher chose none of {len(pool)} passages"
            return made
        if self._ends_at("select"):
            return made
        made.candidates = tuple(query.candidates) or await self._composed(query, pool, made)
        if self._ends_at("negatives"):
            return made
        await self._rank(query, made)
        made.outcome = "labelled"
        return made

    def _pool(self, query: SourceQuery, retrieved: Sequence[str]) -> list[str]:
        """Return what a teacher chooses from: given candidates; else linked and retrieved passages.

        What was retrieved fills up the last list of linked passages, and is a list of its own where
        there are none.
        """
        if query.candidates:
            return list(query.candidates)
        depth = self._settings.depth
        most = max(1, -(-len(query.linked) // depth)) * depth
        return list(dict.fromkeys([*query.linked, *retrieved]))[:most]

    def _ends_at(self, stage: Stage) -> bool:
        return STAGES.index(self._settings.until) <= STAGES.index(stage)

    async def _select(self, query: SourceQuery, pool: list[str], made: Made) -> bool:
        """Ask which passages are relevant; return whether the answers could be read."""
        relevant: list[str] = []
        for number, part in enumerate(chunks(pool, self._settings.depth), start=1):
            question = gold_question(query, self._texts(part))
            messages = selection_prompt(self._templates["select"], question)
            name = "select" if number == 1 else f"select {number}"
            relevant += await self._chosen(query.qid, "select", messages, part, made, name)
            if made.statuses[name] in ("no_answer", "truncated"):
                made.outcome, made.reason = "malformed", f"labels: {made.statuses[name]}"
                return False
        made.relevant = tuple(relevant)
        return True

    async def _composed(self, query: SourceQuery, pool: list[str], made: Made) -> tuple[str, ...]:
        others = [docid for docid in pool if docid not in set(made.relevant)]
        # With human labels the list is what was retrieved, as the recipe has it for MS MARCO.
        if self._settings.negatives and query.answer and not query.relevant and others:
            near = others[: self._settings.depth]
            question = gold_question(query, self._texts(near))
            messages = selection_prompt(self._templates["negatives"], question)
            made.hard = await self._chosen(
                query.qid, "negatives", messages, near, made, "negatives"
            )
        size = self._settings.size
        if query.relevant:
            others = others[: size - min(len(made.relevant), most_positives(size))]
        return tuple(
            compose(made.relevant, made.hard, others, seed=self._seed, qid=query.qid, size=size)
        )

    async def _chosen(
        self,
        qid: str,
        stage: Stage,
        messages: list[Message],
        pool: list[str],
        made: Made,
        name: str,
    ) -> tuple[str, ...]:
        """Ask for a choice, and keep what came back under a name."""
        made.prompts[stage] = self._prompts[stage]
        for attempt in range(self._settings.attempts):
            answer = await self._teacher.ask(Request(qid, stage, messages, attempt=attempt))
            _add(made, answer)
            found = parse_choice_of(answer.text, len(pool), truncated=answer.finish == "length")
            if found.status == "ok":
                break
        made.responses[name] = answer.text
        made.statuses[name] = found.status
        return tuple(pool[number - 1] for number in found.numbers)

    async def _rank(self, query: SourceQuery, made: Made) -> None:
        made.prompts["rank"] = self._prompts["rank"]
        asked = [(self._teacher, sample) for sample in range(self._settings.samples)]
        if self._judge is not None:
            asked.append((self._judge, 0))
        waiting = (self._sample(teacher, sample, query, made) for teacher, sample in asked)
        made.samples = list(await asyncio.gather(*waiting))

    async def _sample(self, teacher: Asks, sample: int, query: SourceQuery, made: Made) -> Sample:
        shown = shown_order(
            made.candidates,
            sample,
            orders=self._settings.orders,
            seed=self._seed,
            qid=query.qid,
        )
        question = bare_question(query, self._texts(shown))
        messages = ranking_prompt(self._templates["rank"], question)
        for attempt in range(self._settings.attempts):
            answer = await teacher.ask(Request(query.qid, "rank", messages, sample, attempt))
            _add(made, answer)
            parsed = parse_response(answer.text, len(shown), truncated=answer.finish == "length")
            if parsed.status == "ok":
                break
        return Sample(
            model=teacher.name,
            sample=sample,
            shown=tuple(shown),
            ranking=tuple(shown[number - 1] for number in parsed.permutation),
            chain=parsed.chain,
            response=answer.text,
            status=parsed.status,
            prompt=self._prompts["rank"],
            prompt_tokens=answer.prompt_tokens,
            completion_tokens=answer.completion_tokens,
            price=answer.price,
            seconds=answer.seconds,
        )


def _shallow(value: Made | Sample) -> dict[str, Any]:
    return {each.name: getattr(value, each.name) for each in fields(value)}


def _add(made: Made, answer: Stored) -> None:
    made.price += answer.price or 0.0
    made.prompt_tokens += answer.prompt_tokens
    made.completion_tokens += answer.completion_tokens
