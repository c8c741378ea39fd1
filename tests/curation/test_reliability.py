"""Alpha, tau-b and their intervals, against the libraries and by their laws."""

import krippendorff
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kendalltau

from curation.reliability import NO_VARIATION, _coincidences, alpha, alphas, mean, tau_b

NAN = float("nan")
# Krippendorff 2011, "Computing Krippendorff's alpha-reliability", section C: four observers, twelve
# units, missing data. Nominal 0.743, ordinal 0.815.
PUBLISHED = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, NAN, NAN, NAN],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NAN, 3],
    [NAN, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NAN],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NAN],
]


def counted(ratings, values):
    table = np.array(ratings)
    return np.array([[(column == value).sum() for value in values] for column in table.T])


def test_alpha_is_the_published_one_with_missing_values():
    counts = counted(PUBLISHED, [1, 2, 3, 4, 5])
    nominal = alpha(counts, np.arange(12), "nominal", why="")
    ordinal = alpha(counts, np.arange(12), "ordinal", why="")
    assert nominal.value == pytest.approx(0.743, abs=5e-4)
    assert ordinal.value == pytest.approx(0.815, abs=5e-4)
    assert (nominal.n, ordinal.n) == (11, 11)  # the last unit has one rater
    assert nominal.low < nominal.value < nominal.high <= 1


def test_the_order_of_values_matters_for_ordinal_alone():
    near = np.array([[1, 1, 0, 0], [0, 0, 2, 0], [0, 0, 0, 2], [2, 0, 0, 0]])
    far = near[:, [0, 3, 1, 2]]  # the pair that differs is now as far apart as can be
    items = np.arange(4)
    assert alpha(near, items, "nominal", why="").value == pytest.approx(
        alpha(far, items, "nominal", why="").value
    )
    assert alpha(near, items, "ordinal", why="").value > alpha(far, items, "ordinal", why="").value


def test_what_is_undefined_says_why_and_is_never_0():
    alone = alpha(np.array([[1, 0], [0, 1]]), np.arange(2), "nominal", why="one rater")
    assert (alone.value, alone.low, alone.n, alone.why) == (None, None, 0, "one rater")
    same = alpha(np.array([[2, 0], [3, 0]]), np.arange(2), "nominal", why="")
    assert (same.value, same.n, same.why) == (None, 2, NO_VARIATION)
    nothing = mean(np.array([NAN]), why="no orders")
    assert (nothing.value, nothing.n, nothing.why) == (None, 0, "no orders")
    one = mean(np.array([0.5]), why="")
    assert (one.value, one.low, one.n) == (0.5, None, 1)


def test_an_interval_is_over_items_and_the_same_every_time():
    values = np.array([0.0, 1.0] * 50)
    found = mean(values, why="")
    assert found == mean(values, why="")
    assert found.value == 0.5
    assert found.low == pytest.approx(0.4, abs=0.02)
    assert found.high == pytest.approx(0.6, abs=0.02)
    # Ten passages of one item are one observation, not ten.
    counts = np.array([[2, 0], [0, 2], [1, 1]] * 20)
    apart = alpha(counts, np.arange(60), "nominal", why="")
    together = alpha(counts, np.repeat(np.arange(6), 10), "nominal", why="")
    assert apart.value == together.value
    assert (apart.n, together.n) == (60, 6)


ratings = st.lists(st.lists(st.integers(0, 3), min_size=4, max_size=4), min_size=2, max_size=8).map(
    lambda rows: np.array(rows).T
)


@given(table=ratings, level=st.sampled_from(["nominal", "ordinal"]))
def test_the_many_alphas_are_the_librarys(table, level):
    counts = counted(table, range(4))
    if np.count_nonzero(counts.sum(axis=0)) < 2:
        return
    ours = alphas(_coincidences(counts).sum(axis=0)[None], level)[0]
    assert ours == pytest.approx(
        krippendorff.alpha(value_counts=counts, level_of_measurement=level)
    )


@given(table=ratings, order=st.permutations(range(4)))
def test_alpha_does_not_care_who_is_who(table, order):
    items = np.arange(table.shape[1])
    for level in ("nominal", "ordinal"):
        assert alpha(counted(table, range(4)), items, level, why="") == alpha(
            counted(table[list(order)], range(4)), items, level, why=""
        )


ranks = st.lists(st.integers(1, 5), min_size=5, max_size=5)


@given(a=ranks, b=ranks)
def test_tau_b_is_scipys_and_symmetric(a, b):
    (ours,) = tau_b(np.array([a]), np.array([b]))
    (other_way,) = tau_b(np.array([b]), np.array([a]))
    theirs = kendalltau(a, b).statistic
    assert (np.isnan(ours) and np.isnan(theirs)) or ours == pytest.approx(theirs)
    assert np.isnan(ours) == np.isnan(other_way)
    assert np.isnan(ours) or ours == other_way
