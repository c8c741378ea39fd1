"""Lineage: from a verdict to a query that comes back to the queue, and the whole way back."""

import polars as pl
import pytest

from curation import batching, bulk, lineage, review
from curation.batching import Selection
from curation.lineage import Graph, around
from curation.lineage_nodes import Group, LineageError, Node
from db import batches, benchmarks, checkpoints, evaluations, jobs, returns
from db.errors import NotFoundError
from db.store import Store
from tests.samples import SAMPLES, add_samples


@pytest.fixture
def loop(store: Store) -> Store:
    """Two items approved, frozen, trained on, evaluated, and one of them back in the queue."""
    add_samples(store)
    for item_id in ("i1", "i2"):
        review.decide(store, item_id=item_id, reviewer="ada", verdict="approve")
    made = batching.create(store, "first", Selection(cut=0.0), created_by="ada")
    snapshot = batching.approve(store, made, approved_by="grace").snapshot_id
    checkpoints.insert_checkpoint(
        store, checkpoint_id="base:tiny", name="tiny", kind="base", path="m", lineage={}
    )
    jobs.insert_job(
        store,
        job_id="j1",
        kind="sft",
        name="small",
        config="",
        created_by="ada",
        recipe="demo-sft",
        snapshot_id=snapshot,
        checkpoint_id="base:tiny",
    )
    checkpoints.insert_checkpoint(
        store, checkpoint_id="j1", name="small", kind="sft", path="m", lineage={}, job_id="j1"
    )
    benchmarks.insert_benchmark(
        store, benchmark_id="b", name="held-out", n_queries=9, n_passages=9, added_by="ada"
    )
    evaluations.insert_evaluation(
        store,
        evaluation_id="e1",
        benchmark_id="b",
        checkpoint_id="j1",
        name="small on held-out",
        strategy="listwise",
        settings={},
        summary={},
        measures=pl.DataFrame(
            {"qid": ["q/1", "q2"], "measure": ["nDCG@10"] * 2, "value": [0.5, 1.0]}
        ),
        rankings=pl.DataFrame({"qid": ["q/1", "q2"], "docids": [["a"], ["b"]]}),
        calls=pl.DataFrame(),
    )
    sent = [("i1", "e1", "q/1", "lost", "80 → 50", 0.9)]
    names = ["item_id", "evaluation_id", "qid", "reason", "detail", "similarity"]
    returns.insert_returns(store, pl.DataFrame(sent, schema=names, orient="row"), "ada")
    return store


def told(graph: Graph) -> list[list[str]]:
    return [
        [each.label if isinstance(each, Node) else f"{each.n} {each.label}" for each in level]
        for level in graph.levels
    ]


def keys(found: list[lineage.Entry]) -> list[str]:
    return [each.key for each in found]


def test_the_way_from_a_verdict_to_the_queue_and_back(loop: Store):
    """Every step forward is a step back, and the loop closes at the item."""
    way = ["item:i1"]
    kinds = ["judgment", "batch", "snapshot", "job", "checkpoint", "evaluation", "query", "item"]
    for kind in kinds:
        node = lineage.find(loop, way[-1])
        (after,) = [each for each in lineage.children(loop, node) if each.kind == kind][:1]
        if isinstance(after, Node) and kind != "batch":  # a batch's two equal verdicts are a group
            assert node.key in keys(lineage.parents(loop, after))
        way.append(after.key)
    assert way[-1] == "item:i1"
    assert way[-2] == "query:e1/q/1"


def test_levels_around_a_snapshot(loop: Store):
    snapshot = batches.list_snapshots(loop)["snapshot_id"][0]
    graph = around(loop, f"snapshot:{snapshot}")
    assert told(graph) == [
        ["2 approve by ada"],
        ["first"],
        ["first"],
        ["small"],
        ["small"],
    ]
    (group,) = graph.levels[0]
    assert isinstance(group, Group)
    assert group.where["reviewer"] == "ada"
    assert (f"snapshot:{snapshot}", "job:j1") in graph.edges
    assert (group.key, graph.levels[1][0].key) in graph.edges


def test_a_loop_is_drawn_once(loop: Store):
    graph = around(loop, "query:e1/q/1", depth=9)
    every = [each.key for level in graph.levels for each in level]
    assert len(every) == len(set(every))
    assert ("query:e1/q/1", "item:i1") in graph.edges


def test_a_batch_tells_what_it_saw_not_what_came_later(loop: Store):
    batch_id = batches.list_batches(loop)["batch_id"][0]
    review.undo(loop, "ada")
    review.decide(loop, item_id="i1", reviewer="ben", verdict="reject", reasons=["bad_query"])
    assert [each.label for each in lineage.parents(loop, lineage.find(loop, f"batch:{batch_id}"))]
    first, *_ = lineage.parents(loop, lineage.find(loop, f"batch:{batch_id}"))
    assert isinstance(first, Group)
    assert (first.n, first.label) == (2, "approve by ada")
    item = lineage.find(loop, "item:i1")
    ben, ada = lineage.children(loop, item)
    assert isinstance(ben, Node)
    assert isinstance(ada, Node)
    assert (ben.label, ada.label) == ("reject by ben", "approve by ada")
    assert lineage.children(loop, ben) == []
    assert keys(lineage.children(loop, ada)) == [f"batch:{batch_id}"]


def test_items_that_nobody_judged_lead_to_their_batch(loop: Store):
    made = batching.create(loop, "open", Selection(verdicts=("open",), cut=0.0), created_by="ada")
    (group,) = lineage.parents(loop, lineage.find(loop, f"batch:{made}"))
    assert isinstance(group, Group)
    assert (group.kind, group.n, group.label) == ("item", 3, "not judged")
    assert f"batch:{made}" in keys(lineage.children(loop, lineage.find(loop, "item:i3")))


def test_many_are_a_group(loop: Store):
    for n in range(8):
        jobs.insert_job(
            loop,
            job_id=f"k{n}",
            kind="sft",
            name=f"job {n}",
            config="",
            created_by="ada",
            checkpoint_id="base:tiny",
        )
    found = lineage.children(loop, lineage.find(loop, "checkpoint:base:tiny"))
    assert len(found) == lineage.MANY
    assert isinstance(found[-1], Group)
    assert found[-1].n == 9 - lineage.MANY + 1


def test_a_verdict_taken_back_in_bulk_says_so(store: Store):
    add_samples(store)
    made = review.decide_many(store, item_ids=list(SAMPLES), reviewer="ada", verdict="approve")
    bulk.undo(store, made, done_by="ada")
    (judgment,) = lineage.children(store, lineage.find(store, "item:i1"))
    assert isinstance(judgment, Node)
    assert judgment.detail.endswith("taken back")


@pytest.mark.parametrize("key", ["", "item", "item:", "nothing:1", ":x"])
def test_what_names_nothing_is_refused(store: Store, key: str):
    with pytest.raises(LineageError, match="names nothing"):
        around(store, key)


@pytest.mark.parametrize(
    "key",
    ["item:x", "judgment:x", "batch:x", "snapshot:x", "job:x", "checkpoint:x", "evaluation:x"]
    + ["query:x", "query:x/y"],
)
def test_what_is_not_there_is_not_found(store: Store, key: str):
    with pytest.raises(NotFoundError):
        around(store, key)


def test_places_to_begin(loop: Store):
    assert [each.kind for each in lineage.starts(loop)] == [
        *("snapshot", "checkpoint", "checkpoint", "evaluation", "batch")
    ]
