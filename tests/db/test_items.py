from dataclasses import replace

import polars as pl
import pytest

from db import item_writes, items, judgments
from db.errors import NotFoundError
from db.records import ItemFilter
from db.samples import ORIGIN_SCHEMA, insert_origins
from tests.samples import SAMPLES, add_samples


def ids(frame):
    return frame["item_id"].to_list()


def test_an_item_comes_back_as_it_went_in(store):
    add_samples(store)
    item = items.get_item(store, "i2")
    assert (item.domain, item.qid, item.query) == ("biology", "q/i2", "what about i2?")
    assert [c.docid for c in item.candidates] == list("abcd")
    assert [c.text for c in item.candidates] == [f"passage {d}" for d in "abcd"]
    assert item.relevant_docids == ("a",)
    (ranking,) = items.get_rankings(store, "i2")
    assert ranking.docids == tuple("bacd")
    assert ranking.chain.endswith("i2")


def test_inserting_again_changes_nothing(store):
    add_samples(store)
    before = items.counts(store)
    add_samples(store)
    assert items.counts(store) == before == {"items": 5, "rankings": 5, "passages": 4, "judged": 0}


def test_an_unknown_item_is_named(store):
    with pytest.raises(NotFoundError, match="no item nope"):
        items.get_item(store, "nope")


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (ItemFilter(order="near_cut", cut=0.4), ["i3", "i5", "i2", "i4", "i1"]),
        (ItemFilter(order="highest"), ["i1", "i4", "i2", "i3", "i5"]),
        (ItemFilter(domains=("biology",), order="lowest"), ["i2", "i1"]),
        (ItemFilter(max_ndcg=0.5, order="lowest"), ["i3", "i5"]),
        (ItemFilter(min_ndcg=0.8, order="lowest"), ["i4", "i1"]),
        (ItemFilter(text="ABOUT I4"), ["i4"]),
        (ItemFilter(text="100% [x]' OR 1=1"), []),
        (ItemFilter(verdict="approve"), []),
    ],
)
def test_filters_and_orders(store, chosen, expected):
    add_samples(store)
    assert ids(items.list_items(store, chosen, limit=10)) == expected
    assert items.count_items(store, chosen) == len(expected)
    assert items.next_item_ids(store, chosen, limit=10) == expected


def test_pages_do_not_overlap(store):
    add_samples(store)
    chosen = ItemFilter(order="highest")
    pages = [ids(items.list_items(store, chosen, limit=2, offset=o)) for o in (0, 2, 4)]
    assert [item for page in pages for item in page] == ["i1", "i4", "i2", "i3", "i5"]


def test_judged_items_leave_the_open_queue(store):
    add_samples(store)
    judge(store, "i3")
    chosen = ItemFilter(verdict="open", order="near_cut")
    assert items.next_item_ids(store, chosen, skipped=("i5",), limit=2) == ["i2", "i4"]
    assert ids(items.list_items(store, ItemFilter(verdict="approve"), limit=9)) == ["i3"]
    assert ids(items.list_items(store, ItemFilter(reviewer="ada"), limit=9)) == ["i3"]


def test_consistency_values_cover_every_item(store):
    add_samples(store)
    frame = items.consistency_values(store)
    assert dict(zip(frame["item_id"], frame["ndcg"], strict=True)) == {
        item: ndcg for item, (_, _, _, ndcg) in SAMPLES.items()
    }
    assert items.domains(store) == ["biology", "leetcode"]


def judge(store, item_id, reviewer="ada", verdict="approve", adjudication=None):
    return judgments.append_judgment(
        store,
        item_id=item_id,
        reviewer=reviewer,
        verdict=verdict,
        reasons=[],
        note="",
        ranking_id=f"r{item_id}",
        relevant_docids=None,
        corrected=None,
        code_version="0",
        adjudication=adjudication,
    )


def test_a_head_is_the_ranking_under_review_whatever_came_first(store):
    add_samples(store)
    (first,) = items.get_rankings(store, "i1")
    human = replace(first, ranking_id="a", author="human", author_name="ada")
    judged = replace(first, ranking_id="b", author_name="judge", ndcg=0.1)
    sample = replace(first, ranking_id="c", ndcg=0.2)
    with store.transaction() as cursor:
        item_writes.insert_rankings(cursor, item_writes.ranking_frame([human, judged, sample]))
    origin = {"job_id": "j", "shown": list("abcd"), "prompt": "p", "price": None, "seconds": 1.0}
    rows = [
        {"ranking_id": "ri1", "sample": 1, "judge": False},
        {"ranking_id": "b", "sample": 0, "judge": True},
        {"ranking_id": "c", "sample": 0, "judge": False},
    ]
    insert_origins(store, pl.DataFrame([row | origin for row in rows], schema=ORIGIN_SCHEMA))
    assert items.ranking_under_review(store, "i1") == "c"
    assert [each.ranking_id for each in items.get_rankings(store, "i1")] == ["c", "ri1", "b", "a"]
    listed = items.list_items(store, ItemFilter(max_ndcg=0.3), limit=5)
    assert listed.select("item_id", "ranking_id", "ndcg").rows() == [("i1", "c", 0.2)]
