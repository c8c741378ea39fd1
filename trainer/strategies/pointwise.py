"""Pointwise: each passage is judged by itself, all at once; equal scores keep first-stage order."""

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from trainer.strategies.base import Ask, Strategy
from trainer.strategies.questions import Question

_DIRECT = "pointwise-yesno"


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

    TFRank (arXiv 2508.09539): trained with chains, ranked without. Other models answer by another
    pair of words, Rank1 (arXiv 2502.18418) by true and false after its chain. With reasoning,
    RankDesk's own template is the twin that asks for a chain.

    Attributes:
        answers: What says that a passage is relevant, and what says that it is not.
    """

    name: Literal["pointwise-yesno"] = "pointwise-yesno"
    template: str = _DIRECT
    reasoning: bool = False
    answers: tuple[str, str] = ("yes", "no")

    title: ClassVar[str] = "Pointwise yes or no"
    source: ClassVar[str] = "TFRank, arXiv 2508.09539"

    @field_validator("answers", mode="before")
    @classmethod
    def _words(cls, value: object) -> object:
        if isinstance(value, list | tuple) and any(isinstance(word, bool) for word in value):
            raise ValueError("YAML reads yes, no, true and false as no words: put them in quotes")
        return value

    @field_validator("answers")
    @classmethod
    def _two(cls, value: tuple[str, str]) -> tuple[str, str]:
        if not all(value) or value[0] == value[1]:
            raise ValueError("give two different words, the one for relevant passages first")
        return value

    @model_validator(mode="before")
    @classmethod
    def _asks_for_its_chain(cls, data: Any) -> Any:
        reasoned = isinstance(data, dict) and data.get("reasoning") is True
        if reasoned and data.get("template", _DIRECT) == _DIRECT:
            return {**data, "template": f"{_DIRECT}-reasoned"}
        return data

    def options(self) -> tuple[str, ...]:
        """Return the words for yes and no."""
        return self.answers

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
