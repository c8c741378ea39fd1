"""Iterative exclusion: the model names the passage to drop, until one is left."""

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from trainer.strategies.base import Ask, Strategy
from trainer.strategies.questions import Question


class Exclusion(Strategy):
    """The order is the reverse of exclusion (IRanker, arXiv 2506.21638).

    A pool larger than the window shows its last passages first, and the next one joins as one is
    dropped (assumed: the paper's pools fit one prompt).
    """

    name: Literal["exclusion"] = "exclusion"
    template: str = "exclusion"
    reasoning: bool = True
    window: Annotated[int, Field(ge=2)] = 20

    title: ClassVar[str] = "Iterative exclusion"
    source: ClassVar[str] = "IRanker, arXiv 2506.21638"
    cost: ClassVar[str] = "n − 1, one after the other"

    async def rank(self, docids: Sequence[str], ask: Ask) -> list[str]:
        """Return the last one left first."""
        pool = list(docids)
        dropped = []
        while len(pool) > 1:
            shown = pool[-self.window :]
            question = Question("worst", tuple(shown), self.template, self.reasoning)
            (reading,) = await ask([question])
            worst = shown[reading.permutation[-1] - 1]
            pool.remove(worst)
            dropped.append(worst)
        return [*pool, *reversed(dropped)]

    def calls(self, n: int) -> int:
        """Return one call for each passage but the last."""
        return max(n - 1, 0)
