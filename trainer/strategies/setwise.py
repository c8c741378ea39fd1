"""Setwise: the model picks the best of a set, and a sort is built from its picks."""

from collections.abc import Sequence
from typing import ClassVar, Literal

from trainer.strategies.base import Ask, Positive, Strategy
from trainer.strategies.questions import Question


class Setwise(Strategy):
    """Heapsort or bubble sort over sets of `children` + 1 passages, until the first `top` stand.

    Setwise prompting (arXiv 2310.09497, §3); Rank-R1 (arXiv 2503.06034) thinks before it picks and
    sorts by a heap with 19 children. What does not reach the top keeps its first-stage order.
    """

    name: Literal["setwise"] = "setwise"
    template: str = "setwise"
    reasoning: bool = True
    sort: Literal["heap", "bubble"] = "heap"
    children: Positive = 19
    top: Positive = 10

    title: ClassVar[str] = "Setwise choice of the best"
    source: ClassVar[str] = "Rank-R1, arXiv 2503.06034"
    cost: ClassVar[str] = (
        "heap: at most the heap's heights, about n / children + top · log n / log children; "
        "bubble: top · ⌈(n − 1) / children⌉"
    )

    async def rank(self, docids: Sequence[str], ask: Ask) -> list[str]:
        """Return the top in order, then the rest as the first stage had it."""
        sort = self._heap if self.sort == "heap" else self._bubble
        top = await sort(list(docids), ask)
        return [*top, *(docid for docid in docids if docid not in set(top))]

    async def _heap(self, heap: list[str], ask: Ask) -> list[str]:
        for parent in reversed(range(self._parents(len(heap)))):
            await self._sift(heap, parent, ask)
        top: list[str] = []
        while heap and len(top) < self.top:
            top.append(heap[0])
            last = heap.pop()
            if heap:
                heap[0] = last
                await self._sift(heap, 0, ask)
        return top

    async def _sift(self, heap: list[str], parent: int, ask: Ask) -> None:
        """Let a passage sink until it is the best of its set."""
        while children := range(len(heap))[self.children * parent + 1 :][: self.children]:
            best = await self._best([heap[i] for i in (parent, *children)], ask)
            if best == 0:
                return
            child = children[best - 1]
            heap[parent], heap[child] = heap[child], heap[parent]
            parent = child

    async def _bubble(self, order: list[str], ask: Ask) -> list[str]:
        for place in range(min(self.top, len(order) - 1)):
            end = len(order)
            while end - place > 1:
                start = max(place, end - self.children - 1)
                best = start + await self._best(order[start:end], ask)
                order.insert(start, order.pop(best))
                end = start + 1
        return order[: self.top]

    async def _best(self, shown: list[str], ask: Ask) -> int:
        (reading,) = await ask([Question("best", tuple(shown), self.template, self.reasoning)])
        return reading.permutation[0] - 1

    def calls(self, n: int) -> int:
        """Return the most calls: every passage sinks to the ground, or every pass is walked."""
        if self.sort == "bubble":
            places = range(min(self.top, n - 1))
            return sum(-(-(n - 1 - place) // self.children) for place in places)
        building = sum(self._height(parent, n) for parent in range(self._parents(n)))
        return building + sum(self._height(0, n - 1 - taken) for taken in range(min(self.top, n)))

    def _parents(self, n: int) -> int:
        return -(-(n - 1) // self.children) if n > 1 else 0

    def _height(self, place: int, n: int) -> int:
        """Return how many sets lie on the way from a place down to the ground."""
        height = 0
        while (place := self.children * place + 1) < n:
            height += 1
        return height
