"""Judged@k and holes: what nobody judged among the first passages."""

import pytest

from curation.errors import CurationError
from curation.holes import holes, judged_at

QRELS = {"q1": {"a": 1, "b": 0}, "q2": {"a": 1}, "q3": {"a": 1}}
RUN = {"q1": {"a": 3.0, "x y": 2.0, "b": 1.0}, "q2": {"z": 1.0}, "other": {"a": 1.0}}


def test_holes_are_the_unjudged_ones_in_order():
    assert holes(QRELS, RUN) == {"q1": ["x y"], "q2": ["z"]}
    assert holes(QRELS, RUN, k=1) == {"q1": [], "q2": ["z"]}


def test_the_share_is_of_as_many_as_there_are():
    assert judged_at(QRELS, RUN) == {"q1": pytest.approx(2 / 3), "q2": 0.0}
    assert judged_at(QRELS, RUN, k=2) == {"q1": 0.5, "q2": 0.0}


def test_equal_scores_stand_as_trec_eval_orders_them():
    assert holes({"q": {"a": 1}}, {"q": {"a": 1.0, "b": 1.0}}, k=1) == {"q": ["b"]}


def test_a_depth_of_nothing_is_refused():
    with pytest.raises(CurationError, match="at least 1, got 0"):
        holes(QRELS, RUN, k=0)
