import dataclasses
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.permutation import parse_choice, parse_response
from tests.trainer.small import make_items
from trainer.recipes import list_recipes
from trainer.strategies.questions import ANSWER, NO_CHAIN
from trainer.tasks import Task, examples

TASKS = get_args(Task)


def written(completion: str) -> str:
    return completion.removeprefix(NO_CHAIN + ANSWER).removesuffix("\n</answer>")


@pytest.fixture
def item():
    """Four candidates; the third is relevant and first, the others follow in input order."""
    return make_items(3)[2]


def test_the_whole_list_has_the_whole_chain(item):
    for task, answer in (("listwise", "[3] > [1] > [2] > [4]"), ("setwise", "[3]")):
        (example,) = examples(item, task, reasoning=True)
        assert example.shown == (0, 1, 2, 3)
        assert example.completion == (
            f"<think>\n{item.chain}\n</think>\n<answer>\n{answer}\n</answer>"
        )


def test_parts_of_the_list_have_what_the_chain_says_of_them(item):
    item = dataclasses.replace(item, chain="It asks for 4. [1] is off. [3] is on 4. So [3] first.")
    chains = [
        parse_response(example.completion, 1).chain
        for example in examples(item, "pointwise-yesno", reasoning=True)
    ]
    assert chains == [
        "It asks for 4. [1] is off.",
        "It asks for 4.",
        "It asks for 4. [1] is on 4. So [1] first.",
        "It asks for 4.",
    ]


def test_a_direct_order_has_an_empty_think_block(item):
    (example,) = examples(item, "listwise", reasoning=False)
    assert example.completion.startswith(NO_CHAIN + ANSWER)
    parsed = parse_response(example.completion, 4)
    assert (parsed.permutation, parsed.status, parsed.chain) == (item.permutation, "ok", "")


def test_every_passage_is_judged_by_its_label(item):
    judged = examples(item, "pointwise-yesno", reasoning=False)
    assert [example.shown for example in judged] == [(0,), (1,), (2,), (3,)]
    assert [written(example.completion) for example in judged] == ["no", "no", "yes", "no"]


def test_scores_follow_label_and_place(item):
    scores = [
        written(example.completion)
        for example in examples(item, "pointwise-score", reasoning=False)
    ]
    assert scores == ["3", "1", "9", "0"]  # of the others, ranks 2, 3 and 4 of 4


@given(number=st.integers(0, 40))
def test_the_worst_of_a_pool_is_its_lowest_ranked(number):
    item = make_items(number + 1)[number]
    pools = examples(item, "exclusion", reasoning=False)
    assert len(pools[0].shown) == 4
    assert len({example.shown for example in pools}) == len(pools)
    for example in pools:
        chosen, status = parse_choice(example.completion, len(example.shown))
        ranks = [item.ranking.index(item.docids[place]) for place in example.shown]
        assert status == "ok"
        assert ranks[chosen - 1] == max(ranks)


def test_pairs_are_of_different_labels_and_in_both_orders(item):
    pairs = examples(item, "pairwise", reasoning=False)
    assert len(pairs) == 6  # one relevant passage against three others
    for example in pairs:
        better = 0 if written(example.completion) == "A" else 1
        assert item.docids[example.shown[better]] in item.relevant_docids
    assert {example.shown for example in pairs} == {
        shown[::-1] for shown in (example.shown for example in pairs)
    }
    every = dataclasses.replace(item, relevant_docids=item.docids)
    assert examples(every, "pairwise", reasoning=False) == []


@pytest.mark.parametrize("task", TASKS)
def test_an_item_always_gives_the_same_examples(task, item):
    again = examples(make_items(3)[2], task, reasoning=True)
    assert examples(item, task, reasoning=True) == again


def test_every_task_has_a_recipe_whose_checkpoints_are_asked_as_it_teaches():
    recipes = [r for name, r in list_recipes("sft").items() if name.startswith("demo-")]
    assert {recipe.task for recipe in recipes} == set(TASKS)
    for recipe in recipes:
        strategy = recipe.evaluation.strategy
        assert strategy.name.removesuffix("-direct") == recipe.task
        assert strategy.templates == [recipe.template]
        assert recipe.reasoning == getattr(
            strategy, "reasoning", strategy.name != "listwise-direct"
        )
    assert any(not recipe.reasoning for recipe in recipes)
