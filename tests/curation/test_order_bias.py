import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.errors import CurationError
from curation.order_bias import agreement, order_test, shuffled

QIDS = [f"q{number}" for number in range(30)]


@given(st.lists(st.text(max_size=3), unique=True, max_size=30), st.integers(1, 40), st.integers())
def test_a_shuffle_moves_the_first_ones_only_and_repeats_with_its_seed(docids, depth, seed):
    once = shuffled("q", docids, depth=depth, seed=seed)
    assert sorted(once[:depth]) == sorted(docids[:depth])
    assert once[depth:] == docids[depth:]
    assert once == shuffled("q", docids, depth=depth, seed=seed)


def test_queries_and_seeds_are_shuffled_differently():
    docids = [str(number) for number in range(20)]
    orders = {tuple(shuffled(q, docids, depth=20, seed=s)) for q in QIDS for s in (1, 2, 3)}
    assert len(orders) == 90


def test_agreement_of_orders():
    letters = "abcdefghijkl"
    assert agreement(letters, letters) == pytest.approx((1.0, 1.0))
    assert agreement(letters, letters[::-1]) == pytest.approx((-1.0, 8 / 10))
    assert agreement(["a"], ["a"]) == (1.0, 1.0)


def orders(order: str) -> dict[str, list[str]]:
    return {qid: list(order) for qid in QIDS}


def test_a_ranker_that_follows_the_order_shown_is_biased():
    good, bad = dict.fromkeys(QIDS, 0.9), dict.fromkeys(QIDS, 0.5)
    found = order_test(
        "nDCG@10", good, [bad, bad], [orders("abc"), orders("cba"), orders("bca")], depth=3
    )
    assert found.biased
    assert found.given == pytest.approx(0.9)
    assert (found.shuffled.n, found.shuffled.mean, found.shuffled.sd) == (2, pytest.approx(0.5), 0)
    assert found.tau == pytest.approx((-1 - 1 / 3 + 1 / 3) / 3)
    assert found.sentence.startswith("Order-biased: it ranks better from the first stage's order")
    better = order_test("nDCG@10", bad, [good], [orders("abc")] * 2, depth=3)
    assert "better from a shuffled order" in better.sentence


def test_a_ranker_that_does_not_care_is_not_separable():
    values = {qid: number / 30 for number, qid in enumerate(QIDS)}
    other = {qid: values[qid] + (0.01 if number % 2 else -0.01) for number, qid in enumerate(QIDS)}
    found = order_test("nDCG@10", values, [other], [orders("abc"), orders("abc")], depth=3)
    assert not found.biased
    assert found.sentence.startswith("Not separable")
    assert "share 100% of their first 10 (Kendall τ 1.00)" in found.sentence


def test_what_was_not_reranked_is_left_out_of_the_agreement():
    values = dict.fromkeys(QIDS, 0.5)
    found = order_test("m", values, [values], [orders("abxyz"), orders("baxyz")], depth=2)
    assert found.tau == -1.0


def test_without_a_shared_query_there_is_no_test():
    for others in ([], [{"another": 1.0}]):
        with pytest.raises(CurationError, match="share no query"):
            order_test("m", {"q": 1.0}, others, [], depth=3)
