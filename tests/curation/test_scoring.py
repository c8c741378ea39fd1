import pytest

from curation import scoring, trec
from curation.errors import CurationError
from tests.shared_data import SHARED, needs_shared_data

PUBLISHED = {"biology": 43.49, "economics": 32.65, "robotics": 20.82, "pony": 19.55}


@needs_shared_data
@pytest.mark.parametrize("name", PUBLISHED)
def test_the_published_first_stage_comes_out_to_two_decimals(name):
    qrels = trec.read_qrels(SHARED / "bright" / f"{name}.qrels")
    run = trec.read_run(SHARED / "bright" / f"{name}.run")
    value = scoring.mean(scoring.per_query(qrels, run, ["nDCG@10"]))["nDCG@10"]
    assert round(100 * value, 2) == PUBLISHED[name]


def expected(file):
    for line in (SHARED / "trec_eval" / file).read_text().splitlines():
        measure, qid, value = line.split()
        if measure in NAMES:
            yield qid, NAMES[measure], float(value)


NAMES = {"map": "AP", "ndcg_cut_10": "nDCG@10", "recip_rank": "RR", "P_5": "P@5", "ndcg": "nDCG"}


@needs_shared_data
def test_trec_eval_s_own_expectations():
    qrels = trec.read_qrels(SHARED / "trec_eval" / "qrels.test")
    run = trec.read_run(SHARED / "trec_eval" / "results.test")
    # trec_eval averages over the queries that the run has, so its other queries are left out here.
    values = scoring.per_query({qid: qrels[qid] for qid in run}, run, [*NAMES.values()])
    compared = 0
    for qid, measure, value in expected("out.test.aq"):
        ours = scoring.mean(values)[measure] if qid == "all" else values[qid][measure]
        assert ours == pytest.approx(value, abs=5.1e-5), (qid, measure)
        compared += 1
    assert compared >= 4 * len(NAMES) - 4


def test_a_query_without_results_counts_as_zero():
    qrels = {"q1": {"a b/c": 1}, "q2": {"x": 1}}
    values = scoring.per_query(qrels, {"q1": {"a b/c": 1.0, "z": 0.5}}, ["nDCG@10", "R@10"])
    assert values == {"q1": {"nDCG@10": 1.0, "R@10": 1.0}, "q2": {"nDCG@10": 0.0, "R@10": 0.0}}
    assert scoring.mean(values) == {"nDCG@10": 0.5, "R@10": 0.5}


def test_two_names_of_a_measure_have_one_value():
    values = scoring.per_query({"q": {"a": 1}}, {"q": {"b": 2.0, "a": 1.0}}, ["AP", "MAP"])
    assert values == {"q": {"AP": 0.5, "MAP": 0.5}}


@pytest.mark.parametrize(
    "name",
    [
        "nDCG@0",  # aborts the process inside trec_eval
        "nDCG@True",
        "P",
        "P@9999999",
        "AP(rel=0)",
        "P(rel='x')@5",
        "nDCG(dcg='exp-log2')@10",  # gdeval: fails on ids with spaces
        "ERR@10",
        "alpha_nDCG@10",
    ],
)
def test_measures_that_cannot_be_computed_are_refused_before_any_work(name):
    with pytest.raises(CurationError, match="Unknown measures"):
        scoring.per_query({"q": {"a b": 1}}, {"q": {"a b": 1.0}}, [name])


def test_all_unknown_measures_are_named_at_once():
    with pytest.raises(CurationError, match=r"nope, __import__\('os'\).*nDCG@10"):
        scoring.parse_measures(["nope", "nDCG@10", "__import__('os')"])
