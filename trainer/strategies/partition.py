"""Windows side by side: what sliding windows find in many steps, in a few rounds."""

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from trainer.strategies.base import Ask, Strategy, reorder
from trainer.strategies.questions import Question


class Windows(Strategy):
    """Listwise calls of which many go out at once."""

    template: str = "listwise"
    reasoning: bool = True
    window: Annotated[int, Field(ge=2)] = 20

    async def orders(self, shown: Sequence[Sequence[str]], ask: Ask) -> list[list[str]]:
        """Return each window's passages, best first, asked in one round."""
        readings = await ask(
            [Question("order", tuple(window), self.template, self.reasoning) for window in shown]
        )
        return [reorder(w, reading.permutation) for w, reading in zip(shown, readings, strict=True)]


class Partition(Windows):
    """Top-down partitioning (TDPart, arXiv 2405.14589; form assumed from its description).

    The first window is ordered, and its passage at rank `pivot` set apart. All others meet the
    pivot in windows of one round; those that beat it join the ones above it, and these are ranked
    in the same way until they fit one window.
    """

    name: Literal["partition"] = "partition"
    pivot: Annotated[int, Field(ge=2)] = 10

    title: ClassVar[str] = "Top-down partitioning, parallel windows"
    source: ClassVar[str] = "TDPart, arXiv 2405.14589"
    cost: ClassVar[str] = (
        "about 2 + (n − window) / (window − 1), in 2 or 3 rounds; where those above the pivot "
        "exceed a window, 2 rounds more each time: at most "
        "2 · ⌈(n − window) / (window − pivot + 1)⌉ + 1"
    )

    @model_validator(mode="after")
    def _pivot_inside(self) -> Self:
        if self.pivot > self.window:
            raise ValueError(f"pivot is {self.pivot}: give a rank inside the window, {self.window}")
        return self

    async def rank(self, docids: Sequence[str], ask: Ask) -> list[str]:
        """Return those above the pivot, the pivot, and the rest."""
        (first,) = await self.orders([docids[: self.window]], ask)
        rest = docids[self.window :]
        if not rest:
            return first
        above, pivot, below = first[: self.pivot - 1], first[self.pivot - 1], first[self.pivot :]
        size = self.window - 1
        parts = [rest[start : start + size] for start in range(0, len(rest), size)]
        for order in await self.orders([[pivot, *part] for part in parts], ask):
            place = order.index(pivot)
            above += order[:place]
            below += order[place + 1 :]
        # Nobody new: the first window's order of them stands.
        joined = len(above) >= self.pivot
        top = await self.rank(above, ask) if joined else above
        return [*top, pivot, *below]

    def calls(self, n: int) -> int:
        """Return the most calls: everything beats the pivot each time."""
        total = 0
        while n > self.window:
            total += 1 + -(-(n - self.window) // (self.window - 1))
            n = self.pivot - 1 + n - self.window
        return total + (n > 0)


class Tournament(Windows):
    """Groups of a window each are ordered in one round; the best `keep` of each meet again.

    Candidates are dealt to the groups by rank, as players are seeded, so that no group holds all
    the strong ones. Whoever drops out ranks below those who go on, by round and place.
    """

    name: Literal["tournament"] = "tournament"
    keep: Annotated[int, Field(ge=1)] = 10

    title: ClassVar[str] = "Tournament of windows"
    source: ClassVar[str] = "TourRank, arXiv 2406.11678 (one tournament, form assumed)"
    cost: ClassVar[str] = "Σ ⌈m / window⌉ over rounds, m falling from n by keep / window"

    @model_validator(mode="after")
    def _shrinks(self) -> Self:
        if 2 * self.keep > self.window:
            raise ValueError(
                f"keep is {self.keep}: at most half of the window ({self.window}) goes on"
            )
        return self

    async def rank(self, docids: Sequence[str], ask: Ask) -> list[str]:
        """Return the final's order, then those who dropped out, the last round first."""
        if len(docids) <= self.window:
            (order,) = await self.orders([docids], ask)
            return order
        count = -(-len(docids) // self.window)
        groups = [docids[group::count] for group in range(count)]
        ordered = await self.orders(groups, ask)
        on = {docid for order in ordered for docid in order[: self.keep]}
        places = {docid: place for order in ordered for place, docid in enumerate(order)}
        by_place = sorted(docids, key=places.__getitem__)  # equal places in first-stage order
        top = await self.rank([docid for docid in by_place if docid in on], ask)
        return [*top, *(docid for docid in by_place if docid not in on)]

    def calls(self, n: int) -> int:
        """Return one call for each group of each round."""
        total = 0
        while n > self.window:
            count = -(-n // self.window)
            total += count
            n = min(n, count * self.keep)
        return total + (n > 0)
