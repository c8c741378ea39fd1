"""Pointwise: each passage is judged by itself, all at once; equal scores keep first-stage order."""

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from trainer.strategies.base import Ask, Strategy
from trainer.strategies.questions import Question


class Pointwise(Strategy):
    """A score for each passage from the probabilities of the answer's first token."""

    template: str
    reasoning: bool

    cost: ClassVar[str] = "n"

    async def rank(self, docids: Sequence[str], ask: Ask) -> list[str]:
        """Return the candidates by falling score."""
        options = self.options()
        readings = await ask(
            [
                Question("relevance", (docid,), self.template, self.reasoning, options=options)
                for docid in docids
            ]
        )
        scores = {
            docid: self.score(reading.scores)
            for docid, reading in zip(docids, readings, strict=True)
        }
        return sorted(docids, key=lambda docid: -scores[docid])

    def options(self) -> tuple[str, ...]:
        """Return the answers whose probability is asked for."""
        raise NotImplementedError

    def score(self, probabilities: Sequence[float]) -> float:
        """Return a passage's score from the options' probabilities."""
        raise NotImplementedError

    def calls(self, n: int) -> int:
        """Return one call for each passage."""
        return n


class PointwiseYesNo(Pointwise):
    """The probability of yes against no, without a chain unless asked for.

    TFRank (arXiv 2508.09539): trained with chains, ranked without.
    """

    name: Literal["pointwise-yesno"] = "pointwise-yesno"
    template: str = "pointwise-yesno"
    reasoning: bool = False

    title: ClassVar[str] = "Pointwise yes or no"
    source: ClassVar[str] = "TFRank, arXiv 2508.09539"

    def options(self) -> tuple[str, ...]:
        """Return yes and no."""
        return ("yes", "no")

    def score(self, probabilities: Sequence[float]) -> float:
        """Return the probability of yes."""
        return probabilities[0]


class PointwiseScore(Pointwise):
    """The expected value of an integer score, after a chain.

    ERank (arXiv 2509.00520): fine-grained integer scores, refined by their token probabilities;
    form assumed: the expectation over 0..`highest`, each one token.
    """

    name: Literal["pointwise-score"] = "pointwise-score"
    template: str = "pointwise-score"
    reasoning: bool = True
    highest: Annotated[int, Field(ge=1, le=9)] = 9

    title: ClassVar[str] = "Pointwise integer score"
    source: ClassVar[str] = "ERank, arXiv 2509.00520"

    def options(self) -> tuple[str, ...]:
        """Return the scores, lowest first."""
        return tuple(str(score) for score in range(self.highest + 1))

    def score(self, probabilities: Sequence[float]) -> float:
        """Return the expected score."""
        return sum(score * share for score, share in enumerate(probabilities))
