"""Strategies one after the other on ever fewer candidates, and two models that share the work."""

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from trainer.settings import Strict
from trainer.strategies.base import Ask, Model, Positive, Strategy
from trainer.strategies.exclusion import Exclusion
from trainer.strategies.fused import Fused
from trainer.strategies.listwise import First, Listwise, ListwiseDirect
from trainer.strategies.pairwise import Pairwise
from trainer.strategies.partition import Partition, Tournament
from trainer.strategies.pointwise import PointwiseScore, PointwiseYesNo
from trainer.strategies.questions import Question
from trainer.strategies.setwise import Setwise

Single = Annotated[
    Listwise
    | ListwiseDirect
    | First
    | Setwise
    | PointwiseScore
    | PointwiseYesNo
    | Pairwise
    | Exclusion
    | Partition
    | Tournament
    | Fused,
    Field(discriminator="name"),
]


class Stage(Strict):
    """One step of a cascade: how deep it ranks, how, and with which model.

    A step may be a cascade or `collaborative` itself; these name their models in their own parts.
    """

    depth: Positive
    strategy: "Annotated[Single | Cascade | Collaborative, Field(discriminator='name')]"
    model: Model = "main"

    @model_validator(mode="after")
    def _one_model(self) -> Self:
        if self.model != "main" and isinstance(self.strategy, Cascade | Collaborative):
            raise ValueError(
                f"a stage of {self.strategy.name} names its models itself: leave model out, or set "
                "it in that strategy's own stages"
            )
        return self

    @property
    def models(self) -> set[Model]:
        """The models that it asks."""
        if isinstance(self.strategy, Cascade | Collaborative):
            return self.strategy.models
        return {self.model}

    @property
    def label(self) -> str:
        """Its strategy and depth."""
        label = self.strategy.label
        inner = f"({label})" if isinstance(self.strategy, Cascade) else label
        return f"{inner} of {self.depth}"


class Cascade(Strategy):
    """Each stage ranks the top of what the stage before it left; the rest stays where it is."""

    name: Literal["cascade"] = "cascade"
    stages: Annotated[tuple[Stage, ...], Field(min_length=1)]

    title: ClassVar[str] = "Cascade"
    source: ClassVar[str] = "multi-stage ranking, arXiv 1910.14424"
    cost: ClassVar[str] = "the sum of its stages at their depths"

    @property
    def models(self) -> set[Model]:
        """The models of all stages."""
        return {model for stage in self.stages for model in stage.models}

    @property
    def templates(self) -> list[str]:
        """The prompt templates of all stages."""
        return [name for stage in self.stages for name in stage.strategy.templates]

    @property
    def label(self) -> str:
        """The stages with their depths, first to last."""
        return " → ".join(stage.label for stage in self.stages)

    async def rank(self, docids: Sequence[str], ask: Ask) -> list[str]:
        """Return the candidates after the last stage."""
        order = list(docids)
        for stage in self.stages:
            top = order[: stage.depth]
            order[: stage.depth] = await stage.strategy.rank(top, ask.on(stage.model))
        return order

    def calls(self, n: int) -> int:
        """Return the stages' calls together."""
        return sum(stage.strategy.calls(min(n, stage.depth)) for stage in self.stages)


class Collaborative(Strategy):
    """A small model orders everything, an adjuster arranges the top, a large one ranks that once.

    CoRanking (arXiv 2503.23427). Its adjuster is a trained model that finds the order which the
    large one handles best; here the order is a fixed arrangement, chosen by trying.
    """

    name: Literal["collaborative"] = "collaborative"
    small: Single
    adjust: Literal["none", "reverse", "ends"] = "none"
    template: str = "listwise"
    reasoning: bool = True
    top: Annotated[int, Field(ge=2)] = 20

    title: ClassVar[str] = "Small model, order adjuster, large model"
    source: ClassVar[str] = "CoRanking, arXiv 2503.23427"
    cost: ClassVar[str] = "the small strategy's calls, and 1 of the large model"

    @property
    def models(self) -> set[Model]:
        """Both models."""
        return {"main", "small"}

    @property
    def templates(self) -> list[str]:
        """The prompt templates of both models."""
        return [*self.small.templates, self.template]

    @property
    def label(self) -> str:
        """The small model's strategy, and how the top is arranged."""
        return f"collaborative: {self.small.label}, then {self.top} ({self.adjust})"

    async def rank(self, docids: Sequence[str], ask: Ask) -> list[str]:
        """Return the small model's order with its top as the large model ranks it."""
        order = await self.small.rank(docids, ask.on("small"))
        shown = arrange(order[: self.top], self.adjust)
        (reading,) = await ask([Question("order", tuple(shown), self.template, self.reasoning)])
        return [*(shown[number - 1] for number in reading.permutation), *order[self.top :]]

    def calls(self, n: int) -> int:
        """Return the small model's calls and one."""
        return self.small.calls(n) + (n > 0)


Stage.model_rebuild()
Cascade.model_rebuild()


def arrange(order: Sequence[str], how: Literal["none", "reverse", "ends"]) -> list[str]:
    """Return an order as the large model is to see it.

    `ends` puts the best at both ends and the worst in the middle, where models look least
    (arXiv 2307.03172).

    Example:
        >>> arrange(["a", "b", "c", "d"], "ends")
        ['a', 'c', 'd', 'b']
    """
    if how == "reverse":
        return list(reversed(order))
    if how == "ends":
        return [*order[::2], *reversed(order[1::2])]
    return list(order)
