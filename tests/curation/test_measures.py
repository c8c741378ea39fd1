import ir_measures
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ir_measures import R, nDCG

from curation.measures import average_overlap, first_relevant_rank, ndcg_at, rbo, recall_at

TWENTY = [f"d{i}" for i in range(1, 21)]


def test_the_paper_s_example_of_why_recall_is_in_the_reward():
    # Relevant at ranks 1 and 11 against 9 and 10 (arXiv 2508.07050, section 4.2).
    assert ndcg_at(TWENTY, {"d1", "d11"}) == pytest.approx(0.613, abs=5e-4)
    assert ndcg_at(TWENTY, {"d9", "d10"}) == pytest.approx(0.362, abs=5e-4)
    assert recall_at(TWENTY, {"d1", "d11"}) == 0.5
    assert recall_at(TWENTY, {"d9", "d10"}) == 1.0


def swapped(first, second):
    order = list(TWENTY)
    order[first], order[second] = order[second], order[first]
    return order


@pytest.mark.parametrize(
    ("order", "overlap"),
    [
        (TWENTY, 1.0),
        (TWENTY[::-1], 0.331),
        (swapped(0, 1), 0.950),
        (swapped(18, 19), 0.997),
    ],
)
def test_average_overlap_of_twenty(order, overlap):
    # Values measured on the rbo package with its default p = 1.
    assert average_overlap(order, TWENTY) == pytest.approx(overlap, abs=5e-4)


@pytest.mark.parametrize(("order", "value"), [(swapped(0, 1), 0.900), (TWENTY, 1.0)])
def test_extrapolated_rbo(order, value):
    ten = [d for d in order if d in TWENTY[:10]]
    assert rbo(ten, TWENTY[:10], 0.9) == pytest.approx(value, abs=5e-4)


def test_rbo_needs_a_persistence_between_0_and_1():
    with pytest.raises(ValueError, match="between 0 and 1"):
        rbo(TWENTY, TWENTY, 1.0)


@given(
    order=st.permutations(TWENTY[:12]),
    relevant=st.sets(st.sampled_from(TWENTY[:12]), min_size=1),
)
def test_values_equal_trec_eval_s(order, relevant):
    run = {"q": {docid: -float(rank) for rank, docid in enumerate(order)}}
    expected = ir_measures.calc_aggregate(
        [nDCG @ 10, R @ 10], {"q": dict.fromkeys(relevant, 1)}, run
    )
    assert ndcg_at(order, relevant) == pytest.approx(expected[nDCG @ 10], abs=1e-9)
    assert recall_at(order, relevant) == pytest.approx(expected[R @ 10], abs=1e-9)


@given(order=st.permutations(TWENTY[:8]), other=st.permutations(TWENTY[:8]))
def test_overlaps_are_symmetric_and_bounded(order, other):
    for measure in (average_overlap, lambda a, b: rbo(a, b, 0.9)):
        assert 0 <= measure(order, other) <= 1 + 1e-12
        assert measure(order, other) == pytest.approx(measure(other, order))
        assert measure(order, order) == pytest.approx(1)


def test_long_lists():
    long = [str(i) for i in range(1500)]
    assert average_overlap(long, long) == 1
    assert average_overlap(long, long[::-1]) == pytest.approx(0.307, abs=1e-3)  # 1 - ln 2, nearly
    with pytest.raises(ValueError, match="1 to 1000"):
        ndcg_at(long, {"1400"}, 1500)


@pytest.mark.parametrize(("a", "b"), [("ab", "ac"), ("ab", "aa")])
def test_overlap_is_of_the_same_items(a, b):
    with pytest.raises(ValueError, match="the same items"):
        average_overlap(a, b)


def test_what_is_not_there():
    assert ndcg_at(["a"], set()) == 0
    assert recall_at(["a"], set()) == 0
    assert first_relevant_rank(["a", "b"], {"b"}) == 2
    assert first_relevant_rank(["a"], {"x"}) is None
