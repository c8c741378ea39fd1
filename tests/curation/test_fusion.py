from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.fusion import disagreement, kemeny, kendall_distance, reciprocal_rank

several = st.integers(1, 5).flatmap(
    lambda n: st.lists(st.permutations(range(n)), min_size=1, max_size=4)
)


@settings(deadline=None)
@given(orders=several)
def test_kemeny_is_nearest_to_all_orders(orders):
    def cost(order):
        return sum(kendall_distance(order, other) for other in orders)

    ties = sorted(orders[0])
    found = kemeny(orders, ties=ties)
    assert sorted(found) == ties
    assert cost(found) == pytest.approx(min(map(cost, permutations(ties))))


def test_kemeny_outvotes_and_keeps_the_given_order_where_votes_are_split():
    assert kemeny(["abc", "abc", "cba"], ties="cab") == list("abc")
    assert kemeny(["abcd", "badc"], ties="abcd") == list("abcd")
    assert kemeny(["abcd", "badc"], ties="badc") == list("badc")


def test_reciprocal_rank_adds_up_one_over_sixty_and_rank():
    # a: 1/61 + 1/63, b: 1/62 + 1/61, c: 1/63 + 1/62
    assert reciprocal_rank(["abc", "bca"], ties="abc") == list("bac")
    assert reciprocal_rank(["ab", "ba"], ties="ba") == list("ba")


@given(order=st.permutations(range(6)))
def test_distance_counts_the_pairs_that_are_turned_round(order):
    assert kendall_distance(order, order) == 0
    assert kendall_distance(order, order[::-1]) == 1
    swapped = [order[1], order[0], *order[2:]]
    assert kendall_distance(order, swapped) == pytest.approx(1 / 15)


def test_disagreement_is_the_mean_over_pairs_of_samples():
    assert disagreement(["abc"]) == 0
    assert disagreement(["abc", "abc", "cba"]) == pytest.approx(2 / 3)
