"""What SFT teaches about an item: the question of one strategy, and the answer that is right.

Every task asks as its strategy does, so that a checkpoint meets at inference what it was trained
on. Labels come from the item's order and its pointwise labels; chains are the teacher's, or what it
says there of the passages shown.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from random import Random
from typing import Literal

from curation.chains import excerpt
from curation.permutation import render_answer, render_turn
from curation.training_items import TrainingItem
from trainer.strategies.questions import Kind

Task = Literal[
    "listwise",
    "setwise",
    "exclusion",
    "pointwise-yesno",
    "pointwise-score",
    "pairwise",
]
POOLS = 4  # pools of an item that exclusion is taught on, the whole list among them
PAIRS = 4  # pairs of an item that pairwise comparison is taught on, in both orders


@dataclass(frozen=True, slots=True)
class Example:
    """One thing to learn.

    Attributes:
        shown: Passages in the order shown, as 0-based places among the item's candidates.
        completion: What the model is to write.
    """

    kind: Kind
    shown: tuple[int, ...]
    completion: str


def examples(item: TrainingItem, task: Task, *, reasoning: bool) -> list[Example]:
    """Return what a task teaches about an item; the same item always gives the same examples.

    Args:
        reasoning: Answers follow a chain; otherwise they stand behind an empty think block.
    """

    def example(kind: Kind, shown: Sequence[int], answer: str) -> Example:
        n = len(item.candidates)
        chain = item.chain
        if len(shown) < n:
            chain = excerpt(item.chain, [place + 1 for place in shown], n)
        text = render_turn(chain if reasoning else "", answer)
        return Example(kind, tuple(shown), text)

    every = range(len(item.candidates))
    if task == "listwise":
        return [example("order", every, render_answer(item.permutation))]
    if task == "setwise":
        return [example("best", every, render_answer(item.permutation[:1]))]
    if task == "exclusion":
        return [example("worst", shown, answer) for shown, answer in _pools(item)]
    if task == "pairwise":
        return [example("prefer", shown, answer) for shown, answer in _pairs(item)]
    return [example("relevance", (place,), _judged(item, place, task)) for place in every]


def _pools(item: TrainingItem) -> Iterator[tuple[Sequence[int], str]]:
    """Yield pools of every size from the whole list down, each with its worst passage."""
    chance = _chance(item)
    ranks = {number - 1: rank for rank, number in enumerate(item.permutation)}
    sizes = range(len(item.candidates), 1, -1)
    wanted = [sizes[0], *sorted(chance.sample(sizes[1:], min(POOLS - 1, len(sizes) - 1)))]
    for size in wanted:
        shown = sorted(chance.sample(range(len(item.candidates)), size))
        worst = max(range(size), key=lambda place: ranks[shown[place]])
        yield shown, render_answer([worst + 1])


def _pairs(item: TrainingItem) -> Iterator[tuple[Sequence[int], str]]:
    """Yield pairs of a relevant and another passage, each in both orders."""
    relevant = [i for i, docid in enumerate(item.docids) if docid in item.relevant_docids]
    others = [i for i, docid in enumerate(item.docids) if docid not in item.relevant_docids]
    pairs = list(product(relevant, others))
    for better, worse in _chance(item).sample(pairs, min(PAIRS, len(pairs))):
        yield (better, worse), "A"
        yield (worse, better), "B"


def _judged(item: TrainingItem, place: int, task: Task) -> str:
    """Return a passage's label: yes or no, or a score.

    Scores are assumed, for want of graded labels: 9 for what is relevant, and for the others 4
    down to 0 by their place in the order.
    """
    relevant = item.docids[place] in item.relevant_docids
    if task == "pointwise-yesno":
        return "yes" if relevant else "no"
    if relevant:
        return "9"
    rank = item.permutation.index(place + 1)
    return str(round(4 * (1 - rank / max(1, len(item.candidates) - 1))))


def _chance(item: TrainingItem) -> Random:
    return Random(hashlib.sha256(f"tasks:{item.item_id}".encode()).digest())
