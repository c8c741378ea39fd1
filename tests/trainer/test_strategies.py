"""Strategies against a model that is never wrong, and their formulas against what they ask."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from trainer.strategies import STRATEGIES, AnyStrategy, Strategy
from trainer.strategies.base import Model
from trainer.strategies.cascade import Cascade, Collaborative, Stage, arrange
from trainer.strategies.exclusion import Exclusion
from trainer.strategies.fused import Fused
from trainer.strategies.listwise import First, Listwise, ListwiseDirect
from trainer.strategies.pairwise import Pairwise
from trainer.strategies.partition import Partition, Tournament
from trainer.strategies.pointwise import PointwiseScore, PointwiseYesNo
from trainer.strategies.questions import Question, Reading
from trainer.strategies.setwise import Setwise


@dataclass
class Oracle:
    """Orders passages by their number, highest first, and writes down what it was asked."""

    rounds: list[list[Question]] = field(default_factory=list)
    models: list[str] = field(default_factory=list)
    model: Model = "main"
    judge: Callable[[Question], Reading] | None = None

    async def __call__(self, round_: Sequence[Question]) -> list[Reading]:
        self.rounds.append(list(round_))
        self.models += [self.model] * len(round_)
        return [(self.judge or judge)(question) for question in round_]

    def on(self, model: Model) -> "Oracle":
        return Oracle(self.rounds, self.models, model, self.judge)

    @property
    def asked(self) -> int:
        return sum(len(round_) for round_ in self.rounds)


def worth(docid: str) -> int:
    return int(docid)


def judge(question: Question) -> Reading:
    """Answer as a model that is never wrong."""
    shown = question.docids
    order = sorted(range(1, len(shown) + 1), key=lambda number: -worth(shown[number - 1]))
    scores: tuple[float, ...] = ()
    if question.kind == "relevance":
        share = worth(shown[0]) / 1000
        options = len(question.options)
        # The second half of the options is better for scores; the first (yes) for yes or no.
        scores = (share, 1 - share) if options == 2 else (1 - share, *[0.0] * (options - 2), share)
    elif question.kind == "best":
        order = [order[0], *sorted(order[1:])]
    elif question.kind == "worst":
        order = [*sorted(order[:-1]), order[-1]]
    return Reading(tuple(order), scores, "ok")


def run(strategy: Strategy, docids: Sequence[str], oracle: Oracle | None = None) -> list[str]:
    return asyncio.run(strategy.rank(list(docids), oracle or Oracle()))


EXACT = [
    Listwise(window=4, step=1, passes=30),
    PointwiseYesNo(),
    PointwiseScore(),
    Pairwise(method="all-pairs"),
    Pairwise(method="sliding", passes=30),
    Setwise(children=3, top=30),
    Setwise(children=3, top=30, sort="bubble"),
    Exclusion(window=30),
    Partition(window=5, pivot=3),
]
EVERY = [
    *EXACT,
    ListwiseDirect(window=4, step=2),
    First(window=4, step=2),
    Setwise(children=4, top=3),
    Setwise(children=4, top=3, sort="bubble"),
    Exclusion(window=4),
    Tournament(window=4, keep=2),
    Fused(window=4, step=2, samples=3),
    Cascade(
        stages=(
            Stage(depth=30, strategy=PointwiseYesNo(), model="small"),
            Stage(depth=6, strategy=Listwise(window=4, step=2)),
        )
    ),
    Collaborative(small=Listwise(window=4, step=2), top=5, adjust="ends"),
]
orders = st.integers(1, 30).flatmap(lambda n: st.permutations([str(i) for i in range(n)]))


def title(strategy: Strategy) -> str:
    return strategy.label


@pytest.mark.parametrize("strategy", EVERY, ids=title)
@given(docids=orders)
def test_every_strategy_returns_each_candidate_once_within_its_calls(strategy, docids):
    oracle = Oracle()
    assert sorted(run(strategy, docids, oracle)) == sorted(docids)
    assert oracle.asked <= strategy.calls(len(docids))


@pytest.mark.parametrize("strategy", EXACT, ids=title)
@given(docids=orders)
def test_a_model_that_is_never_wrong_gives_the_right_order(strategy, docids):
    ranked = run(strategy, docids)
    if isinstance(strategy, Partition):  # what falls below a pivot is not compared again
        assert ranked[:1] == sorted(docids, key=worth, reverse=True)[:1]
    else:
        assert ranked == sorted(docids, key=worth, reverse=True)


@pytest.mark.parametrize(
    "strategy",
    [
        Listwise(),
        Setwise(),
        Setwise(sort="bubble"),
        Partition(),
        Tournament(),
        Exclusion(),
        Fused(fusion="kemeny"),
        Pairwise(),
        First(),
    ],
    ids=title,
)
def test_the_best_ten_of_a_hundred_come_to_the_top(strategy):
    docids = [str(37 * i % 100) for i in range(100)]  # every number once, in no order
    oracle = Oracle()
    ranked = run(strategy, docids, oracle)
    best = [str(n) for n in range(99, 89, -1)]
    if isinstance(strategy, Exclusion):
        assert ranked[0] == "99"
    else:
        assert ranked[:10] == best
    assert oracle.asked <= strategy.calls(100)


def test_parallel_windows_need_few_rounds():
    docids = [str(i) for i in range(100, 0, -1)]  # as a good first stage has it
    rounds = {}
    for strategy in (Listwise(), Partition(), Tournament()):
        oracle = Oracle()
        run(strategy, docids, oracle)
        rounds[strategy.label.split()[0]] = (len(oracle.rounds), oracle.asked)
    assert rounds["listwise"] == (9, 9)
    assert rounds["partition"] == (2, 6)  # the window, and five with the pivot: nobody beats it
    assert rounds["tournament"][0] <= 4


def test_calls_of_the_papers_settings():
    assert Listwise(window=20, step=10).calls(100) == 9  # ReasonRank §5.5
    assert Listwise(window=10, step=5).calls(100) == 19
    assert Pairwise(method="all-pairs").calls(100) == 9900
    assert PointwiseYesNo().calls(100) == 100
    assert Setwise(children=19, top=10, sort="bubble").calls(100) == sum(
        -(-(99 - place) // 19) for place in range(10)
    )


@given(docids=orders, children=st.integers(1, 8), top=st.integers(1, 12))
def test_a_heap_takes_at_most_its_heights_and_bubbles_exactly_their_walks(docids, children, top):
    heap, bubble = Oracle(), Oracle()
    run(Setwise(children=children, top=top), docids, heap)
    walk = Setwise(children=children, top=top, sort="bubble")
    run(walk, docids, bubble)
    assert heap.asked <= Setwise(children=children, top=top).calls(len(docids))
    assert bubble.asked == walk.calls(len(docids))


@given(docids=orders, window=st.integers(2, 8), data=st.data())
def test_partition_takes_at_most_its_rounds(docids, window, data):
    pivot = data.draw(st.integers(2, window))
    oracle = Oracle()
    run(Partition(window=window, pivot=pivot), docids, oracle)
    levels = -(-max(len(docids) - window, 0) // (window - pivot + 1))
    assert len(oracle.rounds) <= 2 * levels + 1


def test_a_heap_leaves_what_is_not_on_top_in_first_stage_order():
    docids = [str(n) for n in (3, 9, 1, 8, 2, 7)]
    assert run(Setwise(children=2, top=2), docids) == ["9", "8", "3", "1", "2", "7"]


def test_pairs_that_contradict_each_other_are_ties():
    def always_the_first(question: Question) -> Reading:
        return Reading((1, 2), (1.0, 0.0), "ok")

    for method in ("all-pairs", "sliding"):
        biased = Oracle(judge=always_the_first)
        assert run(Pairwise(method=method), ["3", "1", "2"], biased) == ["3", "1", "2"]


def test_equal_scores_keep_first_stage_order():
    def undecided(question: Question) -> Reading:
        return Reading((1,), tuple(1 / len(question.options) for _ in question.options), "ok")

    for strategy in (PointwiseYesNo(), PointwiseScore()):
        assert run(strategy, ["2", "9", "5"], Oracle(judge=undecided)) == ["2", "9", "5"]


def test_an_expected_score_breaks_ties_of_the_likeliest():
    likely = {"1": (0.0, 0.4, 0.6), "2": (0.3, 0.1, 0.6), "3": (0.0, 0.0, 1.0)}

    def scored(question: Question) -> Reading:
        return Reading((1,), likely[question.docids[0]], "ok")

    assert run(PointwiseScore(highest=2), ["2", "1", "3"], Oracle(judge=scored)) == ["3", "1", "2"]


def test_fused_samples_are_shown_shuffled_and_outvote_a_slip():
    shown = []

    def slips_once(question: Question) -> Reading:
        shown.append(question.docids)
        right = judge(question)
        if question.sample == 0:
            return Reading(right.permutation[::-1], (), "ok")
        return right

    docids = ["4", "7", "1", "9", "3"]
    for fusion in ("reciprocal-rank", "kemeny"):
        shown.clear()
        strategy = Fused(window=5, step=1, samples=5, fusion=fusion)
        assert run(strategy, docids, Oracle(judge=slips_once)) == ["9", "7", "4", "3", "1"]
        assert shown[0] == tuple(docids)
        assert len(set(shown)) > 2


def test_yes_and_no_may_be_other_words_and_a_chain_is_asked_for():
    oracle = Oracle()
    docids = ["1", "3", "2"]
    given = PointwiseYesNo(answers=("true", "false"), reasoning=True)
    assert run(given, docids, oracle) == ["3", "2", "1"]
    (round_,) = oracle.rounds
    assert {question.options for question in round_} == {("true", "false")}
    assert {question.template for question in round_} == {"pointwise-yesno-reasoned"}
    assert PointwiseYesNo().template == "pointwise-yesno"
    own = PointwiseYesNo(template="rank1.yaml", reasoning=True)
    assert own.template == "rank1.yaml"
    assert given.label == "pointwise-yesno, reasoning True, answers ('true', 'false')"


def test_a_cascade_asks_each_model_its_part():
    oracle = Oracle()
    cascade = Cascade(
        stages=(
            Stage(depth=20, strategy=PointwiseYesNo(), model="small"),
            Stage(depth=4, strategy=Listwise(window=4, step=2)),
        )
    )
    docids = [str(i) for i in range(20)]
    assert run(cascade, docids, oracle) == docids[::-1]
    assert (oracle.models.count("small"), oracle.models.count("main")) == (20, 1)
    assert cascade.templates == ["pointwise-yesno", "listwise"]


def test_a_cascade_may_hold_any_strategy():
    first = Cascade(stages=(Stage(depth=20, strategy=PointwiseYesNo(), model="small"),))
    shared = Collaborative(small=Listwise(window=4, step=2), top=5)
    cascade = TypeAdapter(AnyStrategy).validate_python(
        Cascade(
            stages=(Stage(depth=20, strategy=first), Stage(depth=8, strategy=shared))
        ).model_dump(mode="json")
    )
    oracle = Oracle()
    docids = [str(i) for i in range(20)]
    assert run(cascade, docids, oracle) == docids[::-1]
    assert cascade.models == {"main", "small"}
    assert oracle.models == ["small"] * 23 + ["main"]
    assert oracle.asked == cascade.calls(20)
    assert cascade.label == (
        "(pointwise-yesno of 20) of 20 → collaborative: listwise 4/2, then 5 (none) of 8"
    )


def test_the_adjuster_keeps_the_passages_and_puts_the_best_at_the_ends():
    assert arrange("abcde", "ends") == ["a", "c", "e", "d", "b"]
    assert arrange("abc", "reverse") == ["c", "b", "a"]
    oracle = Oracle()
    strategy = Collaborative(small=PointwiseYesNo(), adjust="ends", top=4)
    assert run(strategy, [str(i) for i in range(8)], oracle) == [str(i) for i in range(7, -1, -1)]
    assert oracle.rounds[-1][0].docids == ("7", "5", "4", "6")
    assert oracle.models[-1] == "main"


def test_first_asks_for_one_token_a_passage():
    oracle = Oracle()
    run(First(window=3, step=1), ["1", "2", "3"], oracle)
    run(First(window=3, step=1, letters=False), ["1", "2", "3"], oracle)
    assert [r[0].options for r in oracle.rounds] == [("[A]", "[B]", "[C]"), ("[1]", "[2]", "[3]")]
    # Whose wording asks for a label and no reasons.
    assert {r[0].template for r in oracle.rounds} == {"listwise-direct"}
    assert ListwiseDirect().template == "listwise-direct"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"name": "listwise", "window": 20, "step": 30}, "step is 30 with a window of 20"),
        ({"name": "tournament", "window": 6, "keep": 4}, "at most half of the window"),
        ({"name": "partition", "window": 6, "pivot": 8}, "rank inside the window"),
        ({"name": "setwise", "childern": 3}, "Extra inputs"),
        ({"name": "cascade", "stages": []}, "at least 1"),
        ({"name": "pointwise-yesno", "answers": [True, False]}, "put them in quotes"),
        ({"name": "pointwise-yesno", "answers": ["a", "a"]}, "two different words"),
        (
            {
                "name": "cascade",
                "stages": [
                    {
                        "depth": 9,
                        "model": "small",
                        "strategy": {"name": "collaborative", "small": {"name": "first"}},
                    }
                ],
            },
            "names its models itself",
        ),
        ({"name": "quicksort"}, "does not match any of the expected tags"),
    ],
)
def test_bad_options_are_refused(options, told):
    with pytest.raises(ValidationError, match=told):
        TypeAdapter(AnyStrategy).validate_python(options)


def test_every_strategy_says_what_it_is():
    assert len(STRATEGIES) == 13
    for strategy in STRATEGIES.values():
        assert strategy.title
        assert "arXiv" in strategy.source
        assert strategy.cost
        assert strategy.__doc__
    titles = [strategy.title for strategy in STRATEGIES.values()]
    assert all(a != b for a, b in pairwise(sorted(titles)))
