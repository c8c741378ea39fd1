from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.errors import WindowError
from trainer.windows import sliding_windows


def test_hundred_candidates_take_nine_calls():
    #  80        100
    #  |----------|
    #       |----------| 70..90, and so on to the top
    windows = sliding_windows(100, window=20, step=10)
    assert windows[0] == (80, 100)
    assert windows[1] == (70, 90)
    assert windows[-1] == (0, 20)
    assert len(windows) == 9


@pytest.mark.parametrize(
    ("n", "window", "step", "expected"),
    [
        (25, 20, 10, [(5, 25), (0, 15)]),  # the last window is cut at the top
        (20, 20, 10, [(0, 20)]),
        (7, 20, 10, [(0, 7)]),
        (1, 20, 10, [(0, 1)]),
        (0, 20, 10, []),
        (10, 4, 4, [(6, 10), (2, 6), (0, 2)]),  # no overlap
        (4, 2, 1, [(2, 4), (1, 3), (0, 2)]),
    ],
)
def test_drawn_windows(n, window, step, expected):
    assert sliding_windows(n, window, step) == expected


def test_ninety_five_candidates_end_with_a_short_window():
    assert sliding_windows(95, 20, 10)[-2:] == [(5, 25), (0, 15)]


def test_smaller_windows_take_nineteen_calls():
    assert len(sliding_windows(100, window=10, step=5)) == 19


@pytest.mark.parametrize(("window", "step"), [(1, 1), (0, 1), (20, 0), (20, 21), (20, -1)])
def test_bad_sizes_are_refused(window, step):
    with pytest.raises(WindowError, match=r"give"):
        sliding_windows(50, window, step)


@given(st.integers(1, 300), st.integers(2, 40), st.data())
def test_windows_cover_every_candidate_and_the_best_can_climb_to_the_top(n, window, data):
    step = data.draw(st.integers(1, window))
    windows = sliding_windows(n, window, step)
    assert set().union(*(range(start, end) for start, end in windows)) == set(range(n))
    assert windows[0][1] == n
    assert windows[-1][0] == 0
    for (start, end), (next_start, next_end) in pairwise(windows):
        assert 2 <= end - start <= window
        assert next_start < start <= next_end == end - step
