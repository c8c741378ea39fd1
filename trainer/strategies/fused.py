"""Self-consistent listwise: several samples of each window's order, fused into one."""

import hashlib
from collections.abc import Sequence
from random import Random
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from curation.fusion import kemeny, reciprocal_rank
from trainer.strategies.base import Ask, reorder
from trainer.strategies.listwise import Sliding
from trainer.strategies.questions import Question


class Fused(Sliding):
    """Each window is asked `samples` times at a temperature; the orders are fused.

    After permutation self-consistency (arXiv 2310.07712): from the second sample on the window is
    shown shuffled, so that the order shown cancels out.
    """

    name: Literal["fused"] = "fused"
    template: str = "listwise"
    reasoning: bool = True
    samples: Annotated[int, Field(ge=2)] = 5
    temperature: Annotated[float, Field(ge=0)] = 0.7
    shuffle: bool = True
    fusion: Literal["reciprocal-rank", "kemeny"] = "reciprocal-rank"

    title: ClassVar[str] = "Self-consistent listwise, fused samples"
    source: ClassVar[str] = "Permutation self-consistency, arXiv 2310.07712"
    cost: ClassVar[str] = "samples · passes · (1 + ⌈(n − window) / step⌉)"

    async def order(self, shown: Sequence[str], start: int, ask: Ask) -> list[str]:
        """Return one window's passages in the order that the samples agree on best."""
        views = [self._view(shown, sample) for sample in range(self.samples)]
        readings = await ask(
            [
                Question(
                    "order",
                    tuple(view),
                    self.template,
                    self.reasoning,
                    start=start,
                    sample=sample,
                    temperature=self.temperature,
                )
                for sample, view in enumerate(views)
            ]
        )
        orders = [
            reorder(view, reading.permutation)
            for view, reading in zip(views, readings, strict=True)
        ]
        fuse = kemeny if self.fusion == "kemeny" else reciprocal_rank
        return fuse(orders, ties=shown)

    def _view(self, shown: Sequence[str], sample: int) -> list[str]:
        view = list(shown)
        if self.shuffle and sample > 0:
            # From the content, so that the same window is always shuffled in the same way.
            digest = hashlib.sha256("\x1f".join((str(sample), *shown)).encode()).digest()
            Random(digest).shuffle(view)
        return view

    def calls(self, n: int) -> int:
        """Return samples times windows."""
        return self.samples * super().calls(n)
