"""What SFT teaches about an item: the question of one strategy, and the answer that is right.

Every task asks as its strategy does, so that a checkpoint meets at inference what it was trained
on. Labels come from the item's order and its pointwise labels; only the listwise and the setwise
task have the teacher's chain to copy, the others answer at once.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from random import Random
from typing import Literal

from curation.permutation import render_answer, render_response
from curation.training_items import TrainingItem
from trainer.strategies.questions import ANSWER, NO_CHAIN, Kind

Task = Literal[
    "listwise",
    "listwise-direct",
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


def examples(item: TrainingItem, task: Task) -> list[Example]:
    """Return what a task teaches about an item; the same item always gives the same examples."""
    every = tuple(range(len(item.candidates)))
    order = item.permutation
    if task == "listwise":
        return [Example("order", every, render_response(item.chain, order))]
    if task == "listwise-direct":
        return [Example("order", every, _direct(render_answer(order)))]
    if task == "setwise":
        return [Example("best", every, render_response(item.chain, order[:1]))]
    if task == "exclusion":
        return list(_pools(item))
    if task == "pairwise":
        return list(_pairs(item))
    return [Example("relevance", (place,), _direct(_judged(item, place, task))) for place in every]


def _direct(answer: str) -> str:
    return f"{NO_CHAIN}{ANSWER}{answer}\n</answer>"


def _pools(item: TrainingItem) -> Iterator[Example]:
    """Yield pools of every size from the whole list down, each with its worst passage."""
    chance = _chance(item)
    ranks = {number - 1: rank for rank, number in enumerate(item.permutation)}
    sizes = range(len(item.candidates), 1, -1)
    wanted = [sizes[0], *sorted(chance.sample(sizes[1:], min(POOLS - 1, len(sizes) - 1)))]
    for size in wanted:
        shown = sorted(chance.sample(range(len(item.candidates)), size))
        worst = max(range(size), key=lambda place: ranks[shown[place]])
        yield Example("worst", tuple(shown), _direct(render_answer([worst + 1])))


def _pairs(item: TrainingItem) -> Iterator[Example]:
    """Yield pairs of a relevant and another passage, each in both orders."""
    relevant = [i for i, docid in enumerate(item.docids) if docid in item.relevant_docids]
    others = [i for i, docid in enumerate(item.docids) if docid not in item.relevant_docids]
    pairs = list(product(relevant, others))
    for better, worse in _chance(item).sample(pairs, min(PAIRS, len(pairs))):
        yield Example("prefer", (better, worse), _direct("A"))
        yield Example("prefer", (worse, better), _direct("B"))


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
