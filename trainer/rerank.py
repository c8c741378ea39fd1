"""Rerank a benchmark's queries with a strategy: every query moves on as soon as it is answered.

There is no barrier between queries or windows. Calls in flight are bounded, and the query with the
most calls left goes first. Every answered call is told at once, and a call that was answered before
is taken over, so that an interrupted evaluation goes on where it stopped.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from trainer.asking import Desk, Line
from trainer.strategies import Strategy

Ranked = Callable[[str, list[str], int], None]


def count_calls(candidates: Mapping[str, Sequence[str]], strategy: Strategy, depth: int) -> int:
    """Return how many calls these candidate lists take at most."""
    return sum(strategy.calls(min(len(docids), depth)) for docids in candidates.values())


async def rerank(
    queries: Mapping[str, str],
    candidates: Mapping[str, Sequence[str]],
    strategy: Strategy,
    depth: int,
    desk: Desk,
    on_ranked: Ranked | None = None,
) -> dict[str, list[str]]:
    """Return every query's docids, best first, in the order of `candidates`.

    Args:
        queries: From qid to text.
        candidates: From qid to docids in first-stage order; only the first `depth` move.
        on_ranked: Told each finished query: qid, docids, and the calls that it took.

    Raises:
        EvaluationError: An answered call does not fit these candidates.
        EngineError: A call cannot be answered; those answered so far were told.
    """

    async def one(qid: str, docids: Sequence[str]) -> list[str]:
        top, rest = docids[:depth], docids[depth:]
        line = Line(desk, qid, queries[qid], strategy.calls(len(top)))
        ranked = [*(await strategy.rank(top, line)), *rest] if top else []
        if on_ranked:
            on_ranked(qid, ranked, line.asked)
        return ranked

    try:
        async with asyncio.TaskGroup() as group:
            tasks = {qid: group.create_task(one(qid, docids)) for qid, docids in candidates.items()}
    except BaseExceptionGroup as failures:
        raise first_failure(failures) from None
    return {qid: task.result() for qid, task in tasks.items()}


def first_failure(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return what went wrong first, from groups in groups."""
    first = failures.exceptions[0]
    return first_failure(first) if isinstance(first, BaseExceptionGroup) else first
