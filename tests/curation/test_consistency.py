import polars as pl
import pytest

from curation.consistency import kept_curve, self_consistency


def test_a_teacher_that_agrees_with_itself():
    found = self_consistency(["b", "a", "c"], ["b"], ["a", "b", "c"])
    assert (found.ndcg, found.recall, found.overlap, found.first_relevant) == (1, 1, 1, 1)


def test_a_teacher_that_puts_its_relevant_passage_last():
    found = self_consistency(["a", "c", "b"], ["b"], ["a", "b", "c"])
    assert found.ndcg == pytest.approx(0.5)  # 1 / log2(4)
    assert found.first_relevant == 3
    assert found.overlap == pytest.approx((0 + 1 / 2 + 1) / 3)  # against b, a, c


def test_items_at_the_cut_are_kept():
    values = pl.DataFrame({"domain": ["x", "x", "y"], "ndcg": [0.4, 0.39, 1.0]})
    assert kept_curve(values, [0.4, 0.0]).rows() == [
        ("x", 0.0, 2, 0),
        ("x", 0.4, 1, 1),
        ("y", 0.0, 1, 0),
        ("y", 0.4, 1, 0),
    ]
