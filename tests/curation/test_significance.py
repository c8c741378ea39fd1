import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.significance import (
    compare,
    compare_macro,
    holm,
    interval,
    macro_interval,
    proportion,
    ratio_interval,
)


def test_four_clear_wins_have_the_exact_p_of_a_sign_flip():
    found = compare([0.9, 0.8, 0.7, 0.9], [0.1, 0.2, 0.3, 0.2])
    assert found.p == pytest.approx(2 / 16)  # the two most extreme of 2^4 sign patterns
    assert found.difference == pytest.approx(0.625)
    assert (found.wins, found.ties, found.losses, found.n) == (4, 0, 0, 4)


def test_equal_systems_are_ties_with_p_one():
    found = compare([0.5] * 5, [0.5] * 5)
    assert (found.difference, found.ci, found.p, found.ties) == (0, (0, 0), 1.0, 5)


def test_one_query_proves_nothing():
    found = compare([1.0], [0.0])
    assert (found.difference, found.ci, found.p, found.wins, found.n) == (1, (1, 1), 1.0, 1, 1)


def test_no_p_value_is_ever_zero():
    found = compare([1.0] * 60, [0.0] * 60)
    assert 0 < found.p < 0.001


def test_intervals():
    low, high = interval([0.0, 1.0] * 50)
    assert low < 0.5 < high
    assert high - low == pytest.approx(0.196, abs=0.03)  # 1.96 standard errors each side
    assert interval([0.3]) == (0.3, 0.3)
    with pytest.raises(ValueError, match="at least one"):
        interval([])


def test_pairs_must_match():
    with pytest.raises(ValueError, match="equally many"):
        compare([1.0], [1.0, 2.0])


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=12))
@settings(max_examples=20, deadline=None)
def test_turning_a_comparison_round_changes_only_its_sign(pairs):
    a, b = zip(*pairs, strict=True)
    there, back = compare(a, b), compare(b, a)
    assert there.difference == pytest.approx(-back.difference)
    assert (there.wins, there.losses) == (back.losses, back.wins)
    assert there.p == pytest.approx(back.p, abs=0.02)


def test_holm_by_hand():
    # 0.01 × 3, then max(0.03 × 2, …), then max(0.04 × 1, …)
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]


def test_wilson_s_interval_of_a_share():
    # (p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n) for 1 of 10, z = 1.96
    assert proportion(1, 10) == pytest.approx((0.01788, 0.40415), abs=1e-4)
    assert proportion(0, 5)[0] == 0


def test_a_ratio_of_sums_has_an_interval_around_it():
    prices, kept = [1.0, 3.0, 2.0, 2.0], [1.0, 1.0, 0.0, 1.0]
    # R = 8/3; residuals -5/3, 1/3, 2, -2/3: variance 22/9; half = 1.96 · sd / (√4 · 0.75)
    low, high = ratio_interval(prices, kept)
    assert (low + high) / 2 == pytest.approx(8 / 3)
    assert (high - low) / 2 == pytest.approx(1.959964 * (22 / 9) ** 0.5 / 1.5)
    assert ratio_interval([2.0], [1.0]) == (2, 2)
    assert ratio_interval([1.0, 9.0], [1.0, 1.0])[0] == 0


def test_a_macro_average_counts_each_benchmark_the_same():
    better, base = [[0.5] * 10, [0.9, 0.7]], [[0.4] * 10, [0.3, 0.5]]
    difference, (low, high), p = compare_macro(better, base)
    assert difference == pytest.approx((0.1 + 0.4) / 2)
    assert low <= difference <= high
    assert low == pytest.approx((0.1 + 0.2) / 2)
    assert p < 0.01
    assert compare_macro(base, base) == (0.0, (0.0, 0.0), 1.0)
    with pytest.raises(ValueError, match="same groups"):
        compare_macro(better, [[0.4] * 9, [0.3, 0.5]])


def test_a_macro_interval_of_one_benchmark_is_about_the_usual_one():
    values = [0.1, 0.4, 0.35, 0.8, 0.95, 0.2, 0.6, 0.55]
    assert macro_interval([values]) == pytest.approx(interval(values), abs=0.01)
