"""Pairwise ranking prompting: which of two passages is better, asked in both orders."""

from collections.abc import Sequence
from itertools import permutations
from typing import ClassVar, Literal

from trainer.strategies.base import Ask, Positive, Strategy
from trainer.strategies.questions import Question


class Pairwise(Strategy):
    """All pairs, or passes of adjacent swaps from the back (PRP, arXiv 2306.17563, §3).

    A passage that is preferred in both orders wins; where the orders contradict each other, the
    pair is a tie: half a win each, and no swap.
    """

    name: Literal["pairwise"] = "pairwise"
    template: str = "pairwise"
    reasoning: bool = False
    method: Literal["all-pairs", "sliding"] = "sliding"
    passes: Positive = 10

    title: ClassVar[str] = "Pairwise, both orders"
    source: ClassVar[str] = "PRP, arXiv 2306.17563"
    cost: ClassVar[str] = "all-pairs: n · (n − 1); sliding: at most 2 · passes · (n − 1)"

    async def rank(self, docids: Sequence[str], ask: Ask) -> list[str]:
        """Return the candidates by wins, or after the last pass."""
        if self.method == "all-pairs":
            return await self._all_pairs(docids, ask)
        return await self._sliding(list(docids), ask)

    async def _all_pairs(self, docids: Sequence[str], ask: Ask) -> list[str]:
        pairs = list(permutations(docids, 2))
        if not pairs:
            return list(docids)
        readings = await ask([self._question(*pair) for pair in pairs])
        wins = dict.fromkeys(docids, 0)
        for pair, reading in zip(pairs, readings, strict=True):
            wins[pair[reading.permutation[0] - 1]] += 1
        return sorted(docids, key=lambda docid: -wins[docid])

    async def _sliding(self, order: list[str], ask: Ask) -> list[str]:
        for place in range(min(self.passes, len(order) - 1)):
            for lower in range(len(order) - 1, place, -1):
                upper = lower - 1
                above, below = order[upper], order[lower]
                readings = await ask([self._question(above, below), self._question(below, above)])
                if [reading.permutation[0] for reading in readings] == [2, 1]:
                    order[upper], order[lower] = below, above
        return order

    def _question(self, first: str, second: str) -> Question:
        return Question(
            "prefer", (first, second), self.template, self.reasoning, options=("A", "B")
        )

    def calls(self, n: int) -> int:
        """Return two calls for each comparison."""
        if self.method == "all-pairs":
            return n * (n - 1)
        return 2 * sum(n - 1 - place for place in range(min(self.passes, n - 1)))
