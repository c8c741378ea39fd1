"""The reward on plain values against the authors' construction, both timed in one run.

    pip install --no-deps --target build/rbo rbo==0.1.3
    PYTHONPATH=build/rbo python bench/reward.py [RESPONSES]

The other side does per call what ReasonRank's `verl/utils/reward_score/ranking.py` does: a new
pytrec_eval `RelevanceEvaluator` over one query, and the `rbo` package at its default p = 1 (which
asks for numpy < 2, hence --no-deps and a folder of its own). Both sides score the same responses in
the same order, groups of 8 rollouts a prompt as GRPO draws them: ours reads a prompt's labels once
a group, theirs once a response, as their code does. Values are compared before any time is printed.
Two ratios: of the measures alone, which
is what the construction does, and of the whole reward with its parsing. Each is the median over
short rounds in turn, with the 10th and 90th percentile: on a busy machine they lie far apart.
"""

import random
import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import pytrec_eval
import rbo

from curation.measures import average_overlap, ndcg_at, recall_at
from curation.permutation import render_answer, render_response
from curation.reward import multi_view_reward

ROUNDS = 100
GROUP = 8  # rollouts a prompt, as in the paper
T = TypeVar("T")
_OUTPUT = re.compile(r"<think>.*</think>\s*<answer>(.*?)</answer>", re.DOTALL)


@dataclass(frozen=True)
class Case:
    """One response with what it is scored against."""

    response: str
    initial: list[str]
    relevant: list[str]
    gold: str


def cases(n: int) -> list[Case]:
    chance = random.Random(0)
    made = []
    chain = " ".join(f"[{i}] says a little about the query." for i in range(1, 21))
    for prompt in range(n // GROUP):
        initial = [f"passage-{prompt}-{i}" for i in range(20)]
        relevant = chance.sample(initial, 3)
        gold = render_answer(chance.sample(range(1, 21), 20))
        for _ in range(GROUP):
            response = render_response(chain, chance.sample(range(1, 21), 20))
            made.append(Case(response, initial, relevant, gold))
    return made


def ours(case: Case) -> float:
    return multi_view_reward(case.response, case.initial, case.relevant, case.gold).reward


def theirs(case: Case) -> float:
    match = _OUTPUT.search(case.response)
    if match is None:
        return -1.0
    predicted = [int(digits) for digits in re.sub(r"\D", " ", match[1]).split()]
    gold = [int(digits) for digits in re.sub(r"\D", " ", case.gold).split()]
    if len(predicted) != len(gold) or len(set(predicted)) != len(set(gold)):
        return 0.0
    ranking = [case.initial[i - 1] for i in predicted]
    return their_measures(ranking, [case.initial[i - 1] for i in gold], case.relevant)


def their_measures(ranking: list[str], gold: list[str], relevant: list[str]) -> float:
    evaluator = pytrec_eval.RelevanceEvaluator(
        {"q": dict.fromkeys(relevant, 1)}, {"ndcg_cut.10", "recall.10"}
    )
    values = evaluator.evaluate({"q": {docid: -rank for rank, docid in enumerate(ranking)}})["q"]
    overlap = rbo.RankingSimilarity(ranking, gold).rbo()
    return float(values["ndcg_cut_10"] + 0.2 * values["recall_10"] + 0.1 * overlap)


def our_measures(ranking: list[str], gold: list[str], relevant: list[str]) -> float:
    labels = set(relevant)
    return (
        ndcg_at(ranking, labels)
        + 0.2 * recall_at(ranking, labels)
        + 0.1 * average_overlap(ranking, gold)
    )


def seconds(work: Callable[[T], object], inputs: list[T]) -> float:
    began = time.process_time()  # CPU time: neither side starts a thread, and others may be busy
    for each in inputs:
        work(each)
    return time.process_time() - began


def report(
    label: str, slow: Callable[[T], object], fast: Callable[[T], object], inputs: list[T]
) -> None:
    """Time both sides in turn, on a share of the inputs a round."""
    rounds = []
    size = len(inputs) // ROUNDS
    for first in range(ROUNDS):
        share = inputs[first * size : (first + 1) * size]
        times = [seconds(side, share) for side in (slow, fast)]
        rounds.append([1e6 * each / len(share) for each in times])
    ratios = sorted(a / b for a, b in rounds)
    a, b = (sorted(column)[ROUNDS // 2] for column in zip(*rounds, strict=True))
    print(
        f"{label:14} median: theirs {a:6.1f} us, ours {b:6.1f} us, ratio "
        f"{ratios[ROUNDS // 2]:5.1f} ({ratios[ROUNDS // 10]:.1f} to {ratios[-ROUNDS // 10]:.1f})"
    )


def main() -> None:
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 8000
    made = cases(n)
    worst = max(abs(ours(case) - theirs(case)) for case in made)
    print(f"{len(made)} responses of 20 passages, {ROUNDS} rounds; values differ by {worst:.1e}")
    lists = [
        (random.Random(i).sample(c.initial, 20), c.initial, c.relevant) for i, c in enumerate(made)
    ]
    report("measures", lambda each: their_measures(*each), lambda each: our_measures(*each), lists)
    report("whole reward", theirs, ours, made)


if __name__ == "__main__":
    main()
