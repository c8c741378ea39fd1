from itertools import combinations, permutations
from random import Random

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kendalltau

from curation.agreement import (
    Sample,
    between,
    dispersion,
    follows,
    measure,
    shifts_by_place,
)

LETTERS = [chr(ord("a") + at) for at in range(26)]
orders_of_one_list = st.integers(1, 14).flatmap(
    lambda n: st.lists(st.permutations(LETTERS[:n]), min_size=1, max_size=4)
)


def as_samples(orders, shown=None):
    return [Sample(shown or sorted(order), order) for order in orders]


def test_three_samples_worked_out_by_hand():
    # abcd to bacd: 1 pair of 6 turned, τ = 1 - 2/6; abcd to dcba: -1; bacd to dcba: 5 of 6.
    found = measure(as_samples([list("abcd"), list("bacd"), list("dcba")]), list("abcd"))
    assert found.samples == 3
    assert found.tau == pytest.approx((2 / 3 - 1 - 2 / 3) / 3)
    assert found.overlap == 1
    # a: 1/61 + 1/62 + 1/64, b: 1/62 + 1/61 + 1/63, c: 2/63 + 1/62, d: 2/64 + 1/61
    assert found.consensus == tuple("bacd")
    # ranks of b: 2 1 3, a: 1 2 4, c: 3 3 2, d: 4 4 1; mean |difference| over the three pairs
    assert found.dispersion == pytest.approx((4 / 3, 2, 2 / 3, 2))
    assert found.spread == pytest.approx(1.5)
    assert found.follows is None


def test_overlap_counts_the_first_ten_only():
    order = LETTERS[:12]
    swapped = [*order[:9], order[10], order[9], order[11]]
    assert measure(as_samples([order, swapped]), order).overlap == 0.9


def test_one_sample_has_no_agreement_and_is_its_own_consensus():
    found = measure([Sample("abc", "cab")], "abc")
    assert (found.tau, found.overlap, found.follows) == (None, None, None)
    assert found.consensus == tuple("cab")
    assert found.dispersion == (0, 0, 0)


def test_follows_worked_out_by_hand():
    # Shown abc and bca. a: place 1, 3, rank 1, 2; b: 2, 1 and 2, 1; c: 3, 2 and 3, 3.
    # Σ (p - p̄)(r - r̄) = 1·½·2 + ½·½·2 + 0 = 1.5, Σ (p - p̄)² = 2 + ½ + ½ = 3.
    assert follows([Sample("abc", "abc"), Sample("bca", "bac")]) == pytest.approx(0.5)


def test_two_teachers_are_compared_over_every_pair():
    ours = [Sample("abc", "abc")]
    assert between(ours, [Sample("abc", "abc"), Sample("abc", "cba")]) == (0, 1)


def test_pairs_that_were_shown_different_orders_count_alone_where_there_are_such():
    # Both repeat what they are shown; the two that saw one order would seem to agree.
    repeating = [Sample("abc", "abc"), Sample("abc", "abc"), Sample("cba", "cba")]
    assert measure(repeating, "abc").tau == -1
    assert between(repeating[:2], repeating[1:]) == (-1, 1)


@given(orders_of_one_list)
def test_tau_is_the_mean_of_scipy_s_over_pairs(orders):
    found = measure(as_samples(orders), sorted(orders[0]))
    if len(orders) == 1 or len(orders[0]) == 1:
        return
    places = [[order.index(docid) for docid in sorted(order)] for order in orders]
    taus = [kendalltau(a, b).statistic for a, b in combinations(places, 2)]
    assert found.tau == pytest.approx(sum(taus) / len(taus))
    assert -1 <= found.tau <= 1
    assert 0 <= found.overlap <= 1


@given(orders_of_one_list, st.randoms(use_true_random=False))
def test_the_order_of_the_samples_does_not_matter(orders, random: Random):
    shuffled = random.sample(orders, len(orders))
    once, again = (measure(as_samples(each), sorted(orders[0])) for each in (orders, shuffled))
    assert again.consensus == once.consensus
    assert again.dispersion == pytest.approx(once.dispersion)
    assert again.tau == pytest.approx(once.tau)


def test_sums_that_are_rounded_differently_are_still_ties():
    fewer, more = "abcgehdfijklmn", "abchegfdijklmn"
    orders = [fewer, fewer, more, more]
    assert measure(as_samples(orders), sorted(fewer)) == measure(
        as_samples(orders[::-1]), sorted(fewer)
    )


@given(orders_of_one_list.map(lambda orders: orders[0]), st.integers(2, 4))
def test_equal_samples_agree_wholly_and_follow_nothing(order, k):
    found = measure([Sample(order[i:] + order[:i], order) for i in range(k)], sorted(order))
    assert (found.tau, found.overlap, found.spread) == (1, 1, 0)
    assert found.consensus == tuple(order)
    assert found.follows in (None, 0)


@given(st.permutations(LETTERS[:6]), st.permutations(LETTERS[:6]))
def test_a_teacher_that_repeats_or_turns_what_it_is_shown(first, second):
    if first == second:
        return
    assert follows([Sample(o, o) for o in (first, second)]) == pytest.approx(1)
    assert follows([Sample(o, o[::-1]) for o in (first, second)]) == pytest.approx(-1)


@given(orders_of_one_list)
def test_dispersion_is_nothing_only_where_all_ranks_are_equal(orders):
    for docid, apart in dispersion(orders).items():
        ranks = {order.index(docid) for order in orders}
        assert (apart == 0) == (len(ranks) == 1)
        assert apart <= max(ranks) - min(ranks)


def frame(samples):
    return pl.DataFrame(
        [("t", item, list(shown), list(ranking)) for item, shown, ranking in samples],
        schema={
            "teacher": pl.String,
            "item_id": pl.String,
            "shown": pl.List(pl.String),
            "docids": pl.List(pl.String),
        },
        orient="row",
    )


def test_shifts_worked_out_by_hand():
    found = shifts_by_place(frame([("i", "abc", "abc"), ("i", "cab", "cab"), ("j", "ab", "ab")]))
    # Of i: a is first and then second, b second and third, c third and first. j says nothing.
    assert found["place"].to_list() == [1, 2, 3]
    assert found["shift"].to_list() == [(-1 - 2) / 2, (1 - 1) / 2, (2 + 1) / 2]
    assert found["n"].to_list() == [2, 2, 2]
    assert (found["low"] < found["shift"]).all()


def test_samples_of_one_shown_order_are_not_held_against_each_other():
    found = shifts_by_place(frame([("i", "ab", "ab"), ("i", "ab", "ba"), ("i", "ba", "ab")]))
    # First: a at 1 and 2, against the 1 it has when second; b at 2, against 1.5 when second.
    assert found.select("place", "shift", "n").rows() == [(1, 0.5, 3), (2, -0.5, 3)]


def test_over_all_shuffles_the_shift_is_the_slope_times_the_place():
    every = ["".join(order) for order in permutations("abcd")]
    found = shifts_by_place(frame([("i", shown, shown) for shown in every]))
    # A teacher that repeats the list: rank = place, other samples' mean is near 2.5.
    assert found["shift"].to_list() == pytest.approx([-1.5652, -0.5217, 0.5217, 1.5652], abs=1e-3)


def test_nothing_to_compare_is_an_empty_frame():
    assert shifts_by_place(frame([])).is_empty()
    assert shifts_by_place(frame([("i", "ab", "ba"), ("i", "ab", "ab")])).is_empty()
