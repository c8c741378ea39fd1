"""One teacher as a job asks it: nothing twice, within its limits, every answer counted."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from curation.prices import Price
from curation.prompts import Message
from trainer.answers import Answers, Stored, request_key
from trainer.engines.base import Engine, Prompt, Sampling
from trainer.inflight import InFlight
from trainer.pacing import Paces
from trainer.synthesis_settings import Stage
from trainer.texts import token_counter


class BudgetSpent(Exception):  # noqa: N818 - a state, not a fault
    """The next request might cost more than is left of the budget."""


@dataclass(frozen=True, slots=True)
class Request:
    """One thing to ask.

    Attributes:
        sample: 0-based, of several answers to one question.
        attempt: 0-based; above 0 for what is asked anew because its answer was malformed.
    """

    qid: str
    stage: Stage
    messages: list[Message]
    sample: int = 0
    attempt: int = 0


@dataclass(slots=True)
class Tally:
    """What a job has asked and paid so far.

    Attributes:
        spent: US dollars that this job paid, over all its attempts.
        unpriced: Answers of models without a price.
        requests: Answers that this job paid for, by stage.
        reused: Answers that were there already, by stage.
        open: Requests on their way.
        reserved: US dollars that those may cost.
    """

    spent: float = 0.0
    unpriced: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    requests: Counter[str] = field(default_factory=Counter)
    reused: Counter[str] = field(default_factory=Counter)
    open: int = 0
    reserved: float = 0.0

    def count(self, stage: str, answer: Mapping[str, Any]) -> None:
        """Count an answer that this job paid for."""
        self.requests[stage] += 1
        self.prompt_tokens += answer["prompt_tokens"]
        self.completion_tokens += answer["completion_tokens"]
        if answer["price"] is None:
            self.unpriced += 1
        else:
            self.spent += answer["price"]

    @property
    def asked(self) -> tuple[int, int]:
        """Return the answers paid for, and their tokens with their prompts'."""
        return sum(self.requests.values()), self.prompt_tokens + self.completion_tokens

    @property
    def mean_tokens(self) -> float:
        """Return how many tokens a request and its answer had on average; 0 before there is one."""
        asked, tokens = self.asked
        return tokens / asked if asked else 0.0

    @property
    def mean_completion_tokens(self) -> float:
        """Return how long an answer was on average; 0 before there is one."""
        asked = sum(self.requests.values())
        return self.completion_tokens / asked if asked else 0.0


class Teacher:
    """A model behind an engine; answers that the workspace holds are not asked for again."""

    def __init__(
        self,
        name: str,
        engine: Engine,
        sampling: Sampling,
        *,
        price: Price | None,
        answers: Answers,
        budget: float | None,
        paces: Paces,
        tally: Tally,
        job_id: str,
        on_paid: Callable[[str, Request, Stored], None],
        paid_before: Iterable[str] = (),
    ) -> None:
        """Prepare to ask.

        Args:
            name: The model's, as the price table and the rankings have it.
            budget: US dollars; see `Limits`.
            paces: Rates that are kept to, also where the engine repeats a request.
            sampling: Its seed is of sample 0; each further sample has the next one.
            on_paid: Told the key, the request and the answer of each request that this job paid.
            paid_before: Keys that an earlier attempt of the job has told; not told again.
        """
        self.name = name
        self._engine = engine
        self._sampling = sampling
        self._price = price
        self._answers = answers
        self._budget = budget
        self._paces = paces
        self._tally = tally
        self._job_id = job_id
        self._on_paid = on_paid
        self._told = set(paid_before)
        self._returned = asyncio.Event()
        self._in_flight = InFlight(engine.in_flight)
        self._asking: dict[str, asyncio.Task[Stored]] = {}
        self._sent: set[str] = set()
        self._count_tokens = token_counter(getattr(engine, "tokenizer", None))
        if pace_repeats := getattr(engine, "pace_repeats", None):
            pace_repeats(self._pace_again)

    async def ask(self, request: Request) -> Stored:
        """Return the answer to a request: the one that is kept, else a new one.

        Raises:
            EngineError: It cannot be answered.
            BudgetSpent: It might cost more than is left.
        """
        key = self.key(request)
        kept = self._answers.get(key)
        if kept is not None:
            self._tally_kept(key, request, kept)
            return kept
        # Of equal requests at the same time one goes out. What is paid for is kept, even where
        # whoever asked has gone.
        if key not in self._asking:
            task = asyncio.create_task(self._pay(key, request))
            self._asking[key] = task
            task.add_done_callback(lambda _: self._asking.pop(key, None))
        else:
            self._tally.reused[request.stage] += 1
        return await asyncio.shield(self._asking[key])

    async def settle(self, patience_s: float) -> None:
        """Let the answers on their way come in, and drop what was not sent yet.

        Args:
            patience_s: An answer that takes longer is given up.
        """
        asking = dict(self._asking)
        for key, task in asking.items():
            if key not in self._sent:
                task.cancel()
        if asking:
            _, late = await asyncio.wait(asking.values(), timeout=patience_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*asking.values(), return_exceptions=True)

    def key(self, request: Request) -> str:
        """Return the content id of a request as this teacher would ask it."""
        sampling = self.sampling(request)
        asked = {
            "max_tokens": sampling.max_new_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "seed": sampling.seed,
            "attempt": request.attempt,
        }
        return request_key(self.name, request.messages, asked)

    def sampling(self, request: Request) -> Sampling:
        """Return how the answer to a request is drawn."""
        draw = self._sampling.limited(self._sampling.max_new_tokens)
        seed = draw.seed + request.sample + 1_000 * request.attempt
        return Sampling(
            draw.max_new_tokens, draw.temperature, draw.top_p, seed=seed, keeps_empty=True
        )

    def _tally_kept(self, key: str, request: Request, kept: Stored) -> None:
        if kept.job_id == self._job_id and key not in self._told:
            # Paid by an attempt that was killed between keeping the answer and saying so.
            self._tell(key, request, kept)
        else:
            self._tally.reused[request.stage] += 1

    async def _pay(self, key: str, request: Request) -> Stored:
        async with self._answers.alone(key):
            kept = self._answers.get(key)  # another job may have asked meanwhile
            if kept is not None:
                self._tally_kept(key, request, kept)
                return kept
            async with self._in_flight.turn(_left(request)):
                await self._pace(request)
                most = await self._within_budget(request)
                self._sent.add(key)
                self._tally.open += 1
                self._tally.reserved += most
                try:
                    paid = await self._asked(request)
                    await self.keep(key, request, paid)
                finally:
                    self._sent.discard(key)
                    self._tally.open -= 1
                    self._tally.reserved -= most
                    self._returned.set()
            return paid

    async def _asked(self, request: Request) -> Stored:
        (answer,) = await self._engine.generate(Prompt(request.messages), self.sampling(request))
        return Stored(
            text=answer.text,
            finish=answer.finish_reason,
            prompt_tokens=answer.prompt_tokens,
            completion_tokens=answer.completion_tokens,
            seconds=round(answer.seconds, 3),
            price=self.price_of(answer.prompt_tokens, answer.completion_tokens),
            job_id=self._job_id,
        )

    async def keep(self, key: str, request: Request, paid: Stored) -> None:
        """Keep an answer that was paid for, and count it."""
        await self._answers.put(key, paid)
        self._tell(key, request, paid)

    def price_of(self, prompt_tokens: int, completion_tokens: int) -> float | None:
        """Return what an answer costs, in US dollars; None without a price."""
        return None if self._price is None else self._price.of(prompt_tokens, completion_tokens)

    def _prompt_tokens(self, request: Request) -> float:
        return sum(self._count_tokens(message["content"]) for message in request.messages)

    def _tell(self, key: str, request: Request, paid: Stored) -> None:
        self._told.add(key)
        self._on_paid(key, request, paid)

    async def _pace(self, request: Request) -> None:
        """Wait until the limits allow the request; its answer is taken to be as long as most."""
        prompt = self._prompt_tokens(request) if self._paces.counts_tokens else 0.0
        await self._paces.take(prompt + self._tally.mean_completion_tokens)

    async def _pace_again(self) -> None:
        """Wait until the limits allow a request to be repeated, one of mean length."""
        await self._paces.take(self._tally.mean_tokens)

    async def _within_budget(self, request: Request) -> float:
        """Set aside the most that the request may cost, in US dollars, and return it.

        While the requests on their way might use the budget up, they are waited for.

        Raises:
            BudgetSpent: Not even this request alone is sure to stay within the budget.
        """
        if self._budget is None:
            return 0.0
        most = (
            self.price_of(round(self._prompt_tokens(request)), self._sampling.max_new_tokens) or 0.0
        )
        while True:
            tally = self._tally
            if tally.spent + tally.reserved + most <= self._budget:
                break
            if tally.open == 0:
                raise BudgetSpent
            self._returned.clear()
            await self._returned.wait()
        return most


def _left(request: Request) -> int:
    """Return how urgent a request is: items that were begun are finished first."""
    return {"select": 1, "negatives": 2, "rank": 3}[request.stage]
