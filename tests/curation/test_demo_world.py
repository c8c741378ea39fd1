import json
import re
from collections import Counter
from random import Random
from statistics import mean

import pytest

from curation import trec
from curation.benchmark_files import read_domains, read_queries
from curation.demo.language import domains
from curation.demo.lexical import Bm25
from curation.demo.world import World, build_world, write_benchmark_files
from curation.measures import ndcg_at


@pytest.fixture(scope="module")
def world() -> World:
    return build_world(seed=0)


@pytest.fixture(scope="module")
def small() -> World:
    return build_world(seed=1, n_items=60, n_benchmark=12)


def test_the_full_world_has_the_stated_sizes(world: World):
    assert len(world.items) == 1500
    assert {len(item.candidates) for item in world.items} == {6, 7, 8}
    assert len(world.benchmark.queries) == 150
    assert {len(scores) for scores in world.benchmark.run.values()} == {20}
    assert len({item.domain for item in world.items}) >= 4
    assert len({world.truth.of_query[item.qid] for item in world.items}) >= 40


def test_a_seed_decides_the_world(small: World):
    assert build_world(seed=1, n_items=60, n_benchmark=12) == small
    assert build_world(seed=2, n_items=60, n_benchmark=12).items != small.items


def test_spare_items_leave_the_others_and_the_benchmark_as_they_are(small):
    more = build_world(seed=1, n_items=60, n_benchmark=12, n_spare=3)
    assert (more.items[:60], more.benchmark) == (small.items, small.benchmark)
    assert len({item.qid for item in more.items}) == 63


def test_ids_are_unique_and_the_truth_covers_them(world: World):
    docids = [c.docid for item in world.items for c in item.candidates]
    docids += [passage.docid for passage in world.benchmark.passages]
    qids = [item.qid for item in world.items] + list(world.benchmark.queries)
    assert len(set(docids)) == len(docids)
    assert len(set(qids)) == len(qids)
    assert set(world.truth.of_passage) == set(docids)
    assert set(world.truth.of_query) == set(qids)


def test_every_list_holds_relevant_and_other_passages(world: World):
    lists = [(item.qid, [c.docid for c in item.candidates]) for item in world.items]
    lists += [(qid, list(scores)) for qid, scores in world.benchmark.run.items()]
    for qid, docids in lists:
        assert 1 <= len(world.truth.relevant(qid, docids)) < len(docids), qid
    for qid, judged in world.benchmark.qrels.items():
        assert list(judged) == world.truth.relevant(qid, list(judged))


def test_benchmark_problems_are_new_and_their_principles_known(world: World):
    seen = {item.query for item in world.items}
    seen |= {candidate.text for item in world.items for candidate in item.candidates}
    assert not seen & set(world.benchmark.queries.values())
    # Reference notes may be shared, as a handbook would be; problems may not.
    notes = {line for d in domains() for p in d.principles for line in (*p.notes, *p.steps)}
    for passage in world.benchmark.passages:
        if passage.text in seen:
            assert any(line in passage.text for line in notes), passage.text
    trained = {world.truth.of_query[item.qid] for item in world.items}
    assert {world.truth.of_query[qid] for qid in world.benchmark.queries} <= trained


def test_the_first_stage_is_bm25_and_is_misled(world: World):
    benchmark = world.benchmark
    scorer = Bm25({passage.docid: passage.text for passage in benchmark.passages})
    for qid, scores in list(benchmark.run.items())[:10]:
        assert scores == scorer.rank(benchmark.queries[qid], sorted(scores))
    shuffler = Random(0)
    first_stage = mean(
        ndcg_at(list(scores), benchmark.qrels[qid]) for qid, scores in benchmark.run.items()
    )
    chance = mean(
        ndcg_at(shuffler.sample(sorted(scores), 20), benchmark.qrels[qid])
        for qid, scores in benchmark.run.items()
        for _ in range(5)
    )
    # Better than chance, or it would be planted; far from right, or nothing is left to learn.
    assert chance + 0.05 < first_stage < 0.75


def test_hard_negatives_share_more_words_with_the_query_than_relevant_passages(world: World):
    first_is_wrong = sum(
        next(iter(scores)) not in world.benchmark.qrels[qid]
        for qid, scores in world.benchmark.run.items()
    )
    assert first_is_wrong > len(world.benchmark.run) / 3


def test_bm25_follows_its_formula_on_a_case_worked_by_hand():
    scorer = Bm25({"a": "red red door", "b": "blue door", "c": "a wall"})
    scores = scorer.rank("red", ["a", "b", "c"])
    assert list(scores) == ["a", "b", "c"]
    # idf = ln(1 + 2.5/1.5), tf = 2, length 3 against a mean of 7/3
    assert scores["a"] == pytest.approx(0.980829 * 2 * 2.2 / (2 + 1.2 * (0.25 + 0.75 * 9 / 7)))
    assert scores["b"] == scores["c"] == 0


def test_texts_read_as_sentences(world: World):
    texts = [item.query for item in world.items]
    texts += [candidate.text for item in world.items for candidate in item.candidates]
    texts += world.benchmark.queries.values()
    for text in texts:
        assert text[0].isupper(), text
        assert text[-1] in ".?", text
        assert not re.search(r"[{}]|\s\s|\b[Aa] [aeio]|\.\.|\?\.|\[\d", text), text


def test_no_list_shows_a_text_twice(world: World):
    texts = {passage.docid: passage.text for passage in world.benchmark.passages}
    lists = [[candidate.text for candidate in item.candidates] for item in world.items]
    lists += [[texts[docid] for docid in scores] for scores in world.benchmark.run.values()]
    for shown in lists:
        assert len(set(shown)) == len(shown)


def test_texts_are_varied(world: World):
    texts = [candidate.text for item in world.items for candidate in item.candidates]
    assert len({item.query for item in world.items}) == len(world.items)
    assert len(set(texts)) > 4000  # lists share passages, as lists over one corpus do
    openings = Counter(" ".join(text.split()[:3]) for text in texts)
    assert openings.most_common(1)[0][1] < len(texts) / 20


def test_queries_do_not_name_their_principle(world: World):
    for item in world.items:
        assert world.truth.of_query[item.qid].lower() not in item.query.lower()


def test_benchmark_files_are_read_back_as_the_world_has_them(small: World, tmp_path):
    write_benchmark_files(small, tmp_path / "files")
    benchmark = small.benchmark
    assert trec.read_qrels(tmp_path / "files" / "qrels.txt") == benchmark.qrels
    run = trec.read_run(tmp_path / "files" / "run.txt")
    ranked = {q: sorted(scores, key=lambda d, s=scores: -s[d]) for q, scores in run.items()}
    assert ranked == {qid: list(scores) for qid, scores in benchmark.run.items()}
    lines = (tmp_path / "files" / "passages.jsonl").read_text(encoding="utf-8").splitlines()
    assert {json.loads(line)["_id"] for line in lines} == {p.docid for p in benchmark.passages}
    assert read_queries(tmp_path / "files" / "queries.jsonl") == benchmark.queries
    assert read_domains(tmp_path / "files" / "queries.jsonl") == benchmark.domains
