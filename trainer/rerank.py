"""Listwise reranking by sliding windows: all queries advance together, window by window.

Every answered call is told at once, and a call that was answered before is taken over instead of
asked again, so that an interrupted evaluation goes on where it stopped.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from curation.permutation import Status, parse_response
from curation.prompts import load_template, render
from trainer.engine import Answer, Engine
from trainer.errors import EvaluationError
from trainer.recipes import EvaluationSettings
from trainer.texts import cut_passages
from trainer.windows import sliding_windows

if TYPE_CHECKING:
    from curation.prompts import Message


@dataclass(frozen=True, slots=True)
class Call:
    """One window that a model put in order.

    Attributes:
        call: 0-based place among the query's calls.
        start: First candidate of the window, 0-based; `end` is exclusive.
        docids: The window as the model saw it.
        permutation: 1-based into `docids`, best first, repaired to be complete.
        seconds: Share of the batch's wall time.
    """

    qid: str
    call: int
    start: int
    end: int
    docids: tuple[str, ...]
    response: str
    permutation: tuple[int, ...]
    status: Status
    prompt_tokens: int
    completion_tokens: int
    seconds: float


@dataclass(frozen=True, slots=True)
class _Window:
    qid: str
    call: int
    start: int
    end: int
    docids: tuple[str, ...]


class Reranker:
    """Reranks queries' candidates with one engine and one set of settings."""

    def __init__(
        self,
        engine: Engine,
        settings: EvaluationSettings,
        *,
        passage_texts: Callable[[Sequence[str]], Sequence[str]],
        on_call: Callable[[Call], None],
    ) -> None:
        """Set up a reranker.

        Args:
            passage_texts: From docids to the texts that the model reads, in the same order.
            on_call: Told every call as soon as it is answered.
        """
        self._engine = engine
        self._settings = settings
        self._template = load_template(settings.template)
        self._passage_texts = passage_texts
        self._on_call = on_call

    def count_calls(self, candidates: Mapping[str, Sequence[str]]) -> int:
        """Return how many calls these candidate lists take."""
        return sum(len(self._windows(len(docids))) for docids in candidates.values())

    def rerank(
        self,
        queries: Mapping[str, str],
        candidates: Mapping[str, Sequence[str]],
        answered: Mapping[tuple[str, int], Call],
    ) -> dict[str, list[str]]:
        """Return every query's docids, best first.

        Args:
            queries: From qid to text.
            candidates: From qid to docids in first-stage order; only the first `depth` move.
            answered: Calls of an earlier attempt by (qid, call); they are not asked again.

        Raises:
            EvaluationError: An answered call does not fit these candidates.
        """
        order = {qid: list(docids) for qid, docids in candidates.items()}
        plans = {qid: self._windows(len(docids)) for qid, docids in order.items()}
        for place in range(max(map(len, plans.values()), default=0)):
            waiting = []
            for qid, windows in plans.items():
                if place >= len(windows):
                    continue
                start, end = windows[place]
                window = _Window(qid, place, start, end, tuple(order[qid][start:end]))
                known = answered.get((qid, place))
                if known is None:
                    waiting.append(window)
                else:
                    _apply(order, _checked(known, window))
            self._ask(queries, waiting, order)
        return order

    def _ask(
        self, queries: Mapping[str, str], windows: list[_Window], order: dict[str, list[str]]
    ) -> None:
        prompts = [self._prompt(queries[window.qid], window.docids) for window in windows]
        answers = self._engine.generate(
            prompts,
            max_new_tokens=self._settings.max_new_tokens,
            temperature=self._settings.temperature,
        )
        for index, answer in answers:
            call = _read(windows[index], answer)
            _apply(order, call)
            self._on_call(call)

    def _prompt(self, query: str, docids: Sequence[str]) -> "list[Message]":
        texts = self._passage_texts(docids)
        limit = self._settings.max_passage_tokens
        return render(self._template, query, cut_passages(self._engine.tokenizer, texts, limit))

    def _windows(self, n: int) -> list[tuple[int, int]]:
        depth = min(n, self._settings.depth)
        return sliding_windows(depth, self._settings.window, self._settings.step)


def _read(window: _Window, answer: Answer) -> Call:
    parsed = parse_response(
        answer.text, len(window.docids), truncated=answer.finish_reason == "length"
    )
    return Call(
        qid=window.qid,
        call=window.call,
        start=window.start,
        end=window.end,
        docids=window.docids,
        response=answer.text,
        permutation=parsed.permutation,
        status=parsed.status,
        prompt_tokens=answer.prompt_tokens,
        completion_tokens=answer.completion_tokens,
        seconds=round(answer.seconds, 6),
    )


def _apply(order: dict[str, list[str]], call: Call) -> None:
    moved = [call.docids[identifier - 1] for identifier in call.permutation]
    order[call.qid][call.start : call.end] = moved


def _checked(call: Call, window: _Window) -> Call:
    fits = (call.start, call.end, call.docids) == (window.start, window.end, window.docids)
    if not fits or sorted(call.permutation) != list(range(1, len(call.docids) + 1)):
        raise EvaluationError(
            f"calls.jsonl: call {call.call} of query {call.qid!r} does not fit the benchmark's "
            "candidates or these settings. Start a new evaluation."
        )
    return call
