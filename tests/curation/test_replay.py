import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.fusion import kemeny, reciprocal_rank
from curation.replay import moves, replay
from trainer.strategies import STRATEGIES
from trainer.strategies.base import Model
from trainer.strategies.questions import Question, Reading


@dataclass
class Recorder:
    """Answers at random and keeps every call as an evaluation would."""

    random: Random
    calls: list[dict[str, Any]] = field(default_factory=list)
    round: int = 0

    async def __call__(self, round_: Sequence[Question]) -> list[Reading]:
        self.round += 1
        readings = []
        for question in round_:
            permutation = list(range(1, len(question.docids) + 1))
            self.random.shuffle(permutation)
            self.calls.append(
                {
                    "round": self.round,
                    "start": question.start,
                    "docids": list(question.docids),
                    "permutation": permutation,
                    "sample": question.sample,
                }
            )
            readings.append(Reading(tuple(permutation), (0.5, 0.5), "ok"))
        return readings

    def on(self, model: Model) -> "Recorder":
        return self


def ranked(
    name: str, n: int, seed: int = 0, **options: Any
) -> tuple[list[str], list[str], list[dict[str, Any]]]:
    """Return the candidates, what a strategy makes of them, and the calls that it made."""
    docids = [f"d{number}" for number in range(n)]
    recorder = Recorder(Random(seed))
    final = asyncio.run(STRATEGIES[name](**options).rank(docids, recorder))
    return docids, final, recorder.calls


@given(
    name=st.sampled_from(["listwise", "listwise-direct", "first"]),
    n=st.integers(1, 40),
    window=st.integers(2, 12),
    step=st.integers(1, 12),
    passes=st.integers(1, 3),
    tail=st.integers(0, 5),
    seed=st.integers(0, 1000),
)
def test_sliding_windows_lead_from_the_first_order_to_the_final_one(
    name, n, window, step, passes, tail, seed
):
    options = {"window": window, "step": min(step, window), "passes": passes}
    docids, final, calls = ranked(name, n, seed, **options)
    below = [f"below{number}" for number in range(tail)]  # deeper than the evaluation reranked
    rounds = replay(calls, [*final, *below])
    assert list(rounds[0].before) == [*docids, *below]
    assert list(rounds[-1].after) == [*final, *below]
    for earlier, later in pairwise(rounds):
        assert earlier.after == later.before
    for each in rounds:
        start, end = each.window
        assert each.before[start:end] == tuple(each.calls[0]["docids"])
        assert each.before[:start] + each.before[end:] == each.after[:start] + each.after[end:]


@pytest.mark.parametrize(
    ("fusion", "fuse"), [("reciprocal-rank", reciprocal_rank), ("kemeny", kemeny)]
)
def test_samples_of_a_window_are_fused_as_the_strategy_does(fusion, fuse):
    _, final, calls = ranked("fused", 14, window=6, step=3, samples=3, fusion=fusion)
    rounds = replay(calls, final, fuse=fuse)
    assert [len(each.calls) for each in rounds] == [3] * len(rounds)
    assert list(rounds[-1].after) == final


def test_a_cascade_of_windows_is_replayed_whole():
    stages = [
        {"depth": 12, "strategy": {"name": "first", "window": 6, "step": 3}},
        {"depth": 5, "strategy": {"name": "listwise", "window": 4, "step": 2}},
    ]
    docids, final, calls = ranked("cascade", 15, stages=stages)
    rounds = replay(calls, final)
    assert list(rounds[0].before) == docids
    assert list(rounds[-1].after) == final


@pytest.mark.parametrize("name", ["setwise", "partition", "pointwise-yesno", "exclusion"])
def test_rounds_of_calls_that_are_no_windows_have_calls_only(name):
    _, final, calls = ranked(name, 9)
    rounds = replay(calls, final)
    assert [call for each in rounds for call in each.calls] == calls
    assert {each.window for each in rounds} == {None}
    assert [each.number for each in rounds] == sorted({call["round"] for call in calls})


def test_a_trace_of_another_list_is_not_replayed():
    _, final, calls = ranked("listwise", 9, window=4, step=2)
    calls[1]["docids"][0], calls[1]["docids"][-1] = "other", "another"
    assert {each.window for each in replay(calls, final)} == {None}
    assert replay([], final) == []


def test_moves_are_told_for_passages_that_moved():
    assert moves(["a", "b", "c", "d"], ["c", "a", "b", "d"]) == {"c": 2, "a": -1, "b": -1}
