import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.calibration import calibration


def test_known_values():
    found = calibration([0.95, 0.9, 0.2, 0.1, 0.6], [True, False, False, False, True])
    assert [(each.low, each.n) for each in found.bins] == [(0.1, 1), (0.2, 1), (0.6, 1), (0.9, 2)]
    # gaps: 0.1, 0.2, 0.4 and twice |0.925 - 0.5|
    assert found.ece == pytest.approx((0.1 + 0.2 + 0.4 + 2 * 0.425) / 5)
    assert (found.tpr, found.tnr) == (1.0, pytest.approx(2 / 3))


def test_drawn_by_their_own_probabilities_labels_are_calibrated():
    chance = random.Random(0)
    probabilities = [chance.random() for _ in range(20_000)]
    labels = [chance.random() < p for p in probabilities]
    assert calibration(probabilities, labels).ece < 0.02
    assert calibration(probabilities, [not label for label in labels]).ece > 0.4


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1))
def test_every_passage_is_in_one_bin_and_shares_are_shares(pairs):
    found = calibration([p for p, _ in pairs], [label for _, label in pairs])
    assert sum(each.n for each in found.bins) == found.n == len(pairs)
    assert 0 <= found.ece <= 1
    assert all(value is None or 0 <= value <= 1 for value in (found.tpr, found.tnr))


def test_without_one_kind_its_rate_is_undefined():
    assert calibration([0.2], [False]).tpr is None
    assert calibration([0.2], [True]).tnr is None
    with pytest.raises(ValueError, match="0 labels"):
        calibration([], [])
