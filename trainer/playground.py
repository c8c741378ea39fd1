"""One window asked once, outside any evaluation: told while it grows, and read as any answer."""

import asyncio
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from curation.permutation import Status
from db.errors import RankDeskError
from trainer.engines.base import Answer, Engine, Prompt, Sampling
from trainer.engines.opening import Served, open_engine
from trainer.errors import EngineError
from trainer.strategies.questions import Question, messages, opening, read_text, template_of

MOST = 40  # passages in the window
UNWATCHED_S = 60.0  # a page that was closed asks no more; its answer ends then


@dataclass(frozen=True, slots=True)
class Asking:
    """How a window is put to a model.

    Attributes:
        template: Of a listwise prompt: the name of a shipped one, or a path.
        reasoning: Whether the model writes a chain before its answer.
        max_new_tokens: For chain and answer together.
        hint: A person's, told to the model after the question; empty for none.
    """

    template: str
    reasoning: bool
    max_new_tokens: int
    max_passage_tokens: int
    temperature: float = 0.0
    seed: int = 0
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Ranked:
    """A model's answer to a window.

    Attributes:
        permutation: 1-based into the window's passages, best first, repaired to be complete.
        status: `ok`, or what was wrong with the answer.
    """

    answer: Answer
    permutation: tuple[int, ...]
    status: Status


class Playing:
    """An answer on its way, in a thread of its own.

    Attributes:
        text: The model's turn so far.
        ranked: None until the answer is whole.
        error: Why there will be none.
        done: Set when it is whole, failed or stopped.
    """

    def __init__(
        self, source: Engine | Served, query: str, texts: Sequence[str], asking: Asking
    ) -> None:
        """Begin to ask.

        Args:
            source: A loaded engine, which stays open; or endpoints.
            texts: The passages, 1 to `MOST`, in the order shown.
        """
        self.text = ""
        self.ranked: Ranked | None = None
        self.error: RankDeskError | None = None
        self.done = threading.Event()
        self._looked = time.monotonic()
        self._ask = (source, query, list(texts), asking)
        self._loop = asyncio.new_event_loop()
        self._task = self._loop.create_task(self._run())
        # Nobody waits for it when the server ends.
        threading.Thread(target=self._work, daemon=True).start()

    def look(self) -> str:
        """Return the text so far; an answer that nobody looks at for a minute is stopped."""
        self._looked = time.monotonic()
        return self.text

    def stop(self) -> None:
        """End it; what was written so far stays."""
        with suppress(RuntimeError):  # it has just ended by itself
            self._loop.call_soon_threadsafe(self._task.cancel)

    def _work(self) -> None:
        try:
            self._loop.run_until_complete(self._task)
        except asyncio.CancelledError:
            pass
        except RankDeskError as error:
            self.error = error
        except Exception as error:  # noqa: BLE001 - the page shows it; this thread has no other way
            self.error = EngineError(
                f"The model could not answer: {type(error).__name__}: {error!s:.300}. Where memory "
                "ran out, give fewer or shorter passages."
            )
        finally:
            self.done.set()
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
            self._loop.close()

    async def _run(self) -> None:
        source, query, texts, asking = self._ask
        if not isinstance(source, Served):
            self.ranked = await self._rank(source, query, texts, asking)
            return
        engine = await open_engine(source, Path())
        try:
            self.ranked = await self._rank(engine, query, texts, asking)
        finally:
            await engine.close()

    async def _rank(self, engine: Engine, query: str, texts: list[str], asking: Asking) -> Ranked:
        docids = tuple(map(str, range(len(texts))))
        question = Question("order", docids, asking.template, asking.reasoning)
        cut = engine.cut_passages(texts, asking.max_passage_tokens)
        asked = messages("order", template_of(asking.template), query, cut)
        if asking.hint:
            asked[-1] = {**asked[-1], "content": f"{asked[-1]['content']}\n\nHint: {asking.hint}"}
        prompt = Prompt(asked, opening(question))
        sampling = Sampling(asking.max_new_tokens, temperature=asking.temperature, seed=asking.seed)
        answer = await engine.stream(prompt, sampling, self._heard)
        self.text = answer.text
        truncated = answer.finish_reason == "length"
        reading = read_text(question, answer.text, truncated=truncated)
        return Ranked(answer, reading.permutation, reading.status)

    def _heard(self, text: str) -> None:
        self.text = text
        if time.monotonic() - self._looked > UNWATCHED_S:
            self.stop()
