"""The form of a strategy: options checked by pydantic, and one coroutine that ranks.

A strategy asks in rounds: the questions of a round do not depend on each other and go out
together. What it does next may depend on answers only, so that an interrupted evaluation, given
the same answers again, asks for exactly what is missing.
"""

from collections.abc import Sequence
from typing import ClassVar, Literal, Protocol

from trainer.settings import Positive, Strict
from trainer.strategies.questions import Question, Reading

Model = Literal["main", "small"]


class Ask(Protocol):
    """One query's line to a model."""

    async def __call__(self, round_: Sequence[Question]) -> list[Reading]:
        """Ask a round of questions and return their answers in order.

        Raises:
            EngineError: A question cannot be answered.
        """
        ...

    def on(self, model: Model) -> "Ask":
        """Return the query's line to another model: `small` where two share the work."""
        ...


class Strategy(Strict):
    """A way of ranking a query's candidates with a model.

    Attributes:
        title: What a page calls it.
        source: The paper, with its arXiv id.
        cost: Calls for n candidates, as a formula in the options' names.
    """

    title: ClassVar[str]
    source: ClassVar[str]
    cost: ClassVar[str]

    async def rank(self, docids: Sequence[str], ask: Ask) -> list[str]:
        """Return the candidates, best first.

        Args:
            docids: Candidates in first-stage order, at least one.
        """
        raise NotImplementedError

    def calls(self, n: int) -> int:
        """Return how many calls n candidates take at most."""
        raise NotImplementedError

    @property
    def models(self) -> set[Model]:
        """The models that it asks."""
        return {"main"}

    @property
    def templates(self) -> list[str]:
        """The prompt templates that it asks with."""
        return [str(value) for key, value in self if key == "template"]

    @property
    def label(self) -> str:
        """The strategy in a table: its name, and the options that differ from its defaults."""
        fields = type(self).model_fields
        changed = [
            f"{key} {value}"
            for key, value in self
            if key not in ("name", "template") and value != fields[key].default
        ]
        return ", ".join([fields["name"].default, *changed])


def reorder(docids: Sequence[str], permutation: Sequence[int]) -> list[str]:
    """Return the passages in the order of a 1-based permutation."""
    return [docids[number - 1] for number in permutation]


__all__ = ["Ask", "Model", "Positive", "Strategy", "reorder"]
