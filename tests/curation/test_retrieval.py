from curation.demo.world import build_world
from curation.retrieval import bm25

PASSAGES = {
    "a/1": "the kite rises in the wind",
    "b": "two hats on a shelf",
    "c d": "wind, wind and more wind over the kite",
}


def test_passages_that_share_rare_words_come_first():
    found = bm25({"q1": "hats", "q2": "kite in the wind"}, PASSAGES, 2)
    assert next(iter(found["q1"])) == "b"
    assert set(found["q2"]) == {"a/1", "c d"}
    assert found["q1"]["b"] > 0
    scores = list(found["q2"].values())
    assert scores == sorted(scores, reverse=True)


def test_no_more_than_there_are():
    assert len(bm25({"q": "wind"}, PASSAGES, 100)["q"]) == 3


def test_it_finds_the_demo_s_own_lists():
    """Over all passages, a query's own hard negatives and relevant ones share its words."""
    world = build_world(seed=1, n_items=1, n_benchmark=10)
    texts = {passage.docid: passage.text for passage in world.benchmark.passages}
    found = bm25(world.benchmark.queries, texts, 20)
    own = sum(
        docid in world.benchmark.run[qid] for qid, scores in found.items() for docid in scores
    )
    assert own / (10 * 20) > 2 * 20 / len(texts)  # far above chance


def test_words_that_no_passage_has_score_nothing():
    assert list(bm25({"q": "zebra"}, PASSAGES, 3)["q"].values()) == [0.0, 0.0, 0.0]
