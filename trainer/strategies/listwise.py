"""Listwise reranking by sliding windows, reasoned and direct."""

from collections.abc import Sequence
from typing import ClassVar, Literal, Self

from pydantic import model_validator

from trainer.errors import WindowError
from trainer.strategies.base import Ask, Positive, Strategy, reorder
from trainer.strategies.questions import LETTERS, Question, labels
from trainer.windows import check_window, sliding_windows


class Sliding(Strategy):
    """Windows from the back of the list to its top; what a window lifts goes on to the next."""

    window: int = 20
    step: int = 10
    passes: Positive = 1

    cost: ClassVar[str] = "passes · (1 + ⌈(n − window) / step⌉)"

    @model_validator(mode="after")
    def _walkable(self) -> Self:
        try:
            check_window(self.window, self.step)
        except WindowError as error:
            raise ValueError(str(error)) from error  # so that pydantic adds the field's place
        return self

    @property
    def label(self) -> str:
        """The strategy in a table: its name, its window and step as the field writes them."""
        passes = f", {self.passes} passes" if self.passes > 1 else ""
        return f"{type(self).model_fields['name'].default} {self.window}/{self.step}{passes}"

    async def rank(self, docids: Sequence[str], ask: Ask) -> list[str]:
        """Return the candidates after the last pass."""
        order = list(docids)
        for _ in range(self.passes):
            for start, end in sliding_windows(len(order), self.window, self.step):
                order[start:end] = await self.order(order[start:end], start, ask)
        return order

    async def order(self, shown: Sequence[str], start: int, ask: Ask) -> list[str]:
        """Return one window's passages, best first."""
        (reading,) = await ask([self.question(shown, start)])
        return reorder(shown, reading.permutation)

    def question(self, shown: Sequence[str], start: int) -> Question:
        """Return the question that orders a window."""
        raise NotImplementedError

    def calls(self, n: int) -> int:
        """Return passes times windows."""
        return self.passes * len(sliding_windows(n, self.window, self.step))


class Listwise(Sliding):
    """The model thinks about a window and writes its order (ReasonRank §4.4, `rerank_llm.py`)."""

    name: Literal["listwise"] = "listwise"
    template: str = "listwise"

    title: ClassVar[str] = "Listwise reasoning, sliding window"
    source: ClassVar[str] = "ReasonRank, arXiv 2508.07050"

    def question(self, shown: Sequence[str], start: int) -> Question:
        """Return the question that orders a window after a chain."""
        return Question("order", tuple(shown), self.template, reasoning=True, start=start)


class ListwiseDirect(Sliding):
    """The same without a chain: the model writes the order at once.

    The twin that "Rethinking Reasoning in Document Ranking" (arXiv 2510.08985) compares with;
    before it, RankZephyr (arXiv 2312.02724).
    """

    name: Literal["listwise-direct"] = "listwise-direct"
    template: str = "listwise-direct"

    title: ClassVar[str] = "Listwise without reasoning, sliding window"
    source: ClassVar[str] = "RankZephyr, arXiv 2312.02724"

    def question(self, shown: Sequence[str], start: int) -> Question:
        """Return the question that orders a window at once."""
        return Question("order", tuple(shown), self.template, reasoning=False, start=start)


class First(Sliding):
    """One prefill, no writing: order by the probability of each identifier to come first.

    FIRST (arXiv 2406.15657, §3.1). Its models label passages by letters, so that each label is one
    token after its bracket; numbers do where the tokenizer holds `[7]` as one, or up to 9.
    """

    name: Literal["first"] = "first"
    template: str = "listwise-direct"
    letters: bool = True

    title: ClassVar[str] = "Listwise by the first token's probabilities"
    source: ClassVar[str] = "FIRST, arXiv 2406.15657"

    @model_validator(mode="after")
    def _enough_letters(self) -> Self:
        if self.letters and self.window > LETTERS:
            raise ValueError(
                f"window is {self.window}: single letters label {LETTERS} passages at most; take a "
                "smaller window, or letters: false"
            )
        return self

    def question(self, shown: Sequence[str], start: int) -> Question:
        """Return the question that orders a window by one token."""
        options = tuple(f"[{label}]" for label in labels(len(shown), letters=self.letters))
        return Question(
            "first_token",
            tuple(shown),
            self.template,
            reasoning=False,
            options=options,
            letters=self.letters,
            start=start,
        )
