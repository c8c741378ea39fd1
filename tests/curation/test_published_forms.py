"""Queries, qrels and runs in the other forms that the field publishes them in."""

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.benchmark_files import read_queries
from curation.errors import FormatError
from curation.rankllm import write_results
from curation.trec import read_qrels, read_run
from db.records import Passage

TOPICS = """
<top>

<num> Number: 301
<title> International Organized
  Crime

<desc> Description:
Identify organizations.
</top>
<top><num>302</num><title>Poliomyelitis & Post-Polio</title></top>
"""


def test_trec_topics_give_their_titles(tmp_path):
    path = tmp_path / "topics.gz"
    path.write_bytes(gzip.compress(TOPICS.encode()))
    assert read_queries(path) == {
        "301": "International Organized Crime",
        "302": "Poliomyelitis & Post-Polio",
    }


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("<top><num>1</num></top>", "topic 1 lacks a <num> or a <title>"),
        ("<top><num>1</num><title>a</title>", "no whole <top>"),
        (TOPICS + TOPICS, "topic 3: '301' stands twice"),
    ],
)
def test_topics_at_fault_are_named(tmp_path, text, told):
    path = tmp_path / "topics"
    path.write_text(text)
    with pytest.raises(FormatError, match=told):
        read_queries(path)


def test_beir_qrels_have_a_header_and_tabs(tmp_path):
    path = tmp_path / "test.tsv"
    path.write_text("query-id\tcorpus-id\tscore\nq1\ta doc\t2\nq1\tb\t0\n")
    assert read_qrels(path) == {"q1": {"a doc": 2, "b": 0}}
    path.write_text("query-id\tcorpus-id\tscore\nq1\tb\n")
    with pytest.raises(FormatError, match=r"test\.tsv:2"):
        read_qrels(path)


ids = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8)


@given(
    run=st.dictionaries(ids, st.lists(ids, min_size=1, max_size=5, unique=True), max_size=4).filter(
        len
    )
)
def test_rankllm_results_come_back_as_they_were(run, tmp_path_factory):
    path = tmp_path_factory.mktemp("rankllm") / "results.json"
    texts = {docid: Passage(docid, f"on {docid}") for docids in run.values() for docid in docids}
    write_results(path, run, dict.fromkeys(run, "why?"), texts)
    found = read_run(path)
    assert {qid: list(scores) for qid, scores in found.items()} == run
    for scores in found.values():
        assert list(scores.values()) == sorted(scores.values(), reverse=True)


def test_rankllm_requests_are_first_stage_runs(tmp_path):
    requests = [
        {
            "query": {"text": "why?", "qid": 264014},
            "candidates": [
                {"docid": "a b", "score": 14.5, "doc": {"contents": "x"}},
                {"docid": 7, "score": 14.25, "doc": {"contents": "y"}},
            ],
        }
    ]
    for name, text in (("r.json", json.dumps(requests)), ("r.jsonl", json.dumps(requests[0]))):
        (tmp_path / name).write_text(text)
        assert read_run(tmp_path / name) == {"264014": {"a b": 14.5, "7": 14.25}}


def test_ids_that_begin_with_a_bracket_are_no_json(tmp_path):
    path = tmp_path / "r.run"
    path.write_text('[q] Q0 {"d" 1 2.5 x\n')
    assert read_run(path) == {"[q]": {'{"d"': 2.5}}


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ({"query": "q"}, "entry 1: .*expected a RankLLM request"),
        ({"query": {"qid": "q"}, "candidates": []}, "no list of candidates"),
        ({"query": {"qid": ""}, "candidates": [1]}, "is not an id"),
        ({"query": {"qid": "q"}, "candidates": [{"docid": "d", "score": "x"}]}, "finite number"),
        ({"query": {"qid": "q"}, "candidates": [{"docid": "d"}, {"docid": "d"}]}, "twice"),
    ],
)
def test_requests_at_fault_are_named(tmp_path, entry, told):
    path = tmp_path / "requests.json"
    path.write_text(json.dumps([entry]))
    with pytest.raises(FormatError, match=told):
        read_run(path)
