"""Two snapshots: what differs, who decided it, and how their models compare."""

import polars as pl
import pytest

from curation import batching, bulk, review, snapshot_diff
from curation.batching import Selection
from curation.snapshot_diff import SnapshotDiffError, diff
from curation.snapshot_scores import paired_scores
from curation.snapshots import ITEMS, SnapshotChangedError
from db import batches, benchmarks, checkpoints, evaluations, quarantine
from db.errors import NotFoundError
from db.ids import now
from db.quarantine import PAIR_SCHEMA, Scan
from db.store import Store
from tests.samples import add_samples

ANY = Selection(cut=0.0)


def freeze(store: Store, name: str, selection: Selection = ANY, **options) -> str:
    made = batching.create(store, name, selection, created_by="ada")
    return batching.approve(store, made, approved_by="grace", **options).snapshot_id


@pytest.fixture
def two(store: Store) -> tuple[str, str]:
    """i1 i2 i3, then i2 (fixed) i3 and i4: ben rejected i1."""
    add_samples(store)
    review.decide_many(store, item_ids=["i1", "i2", "i3"], reviewer="ada", verdict="approve")
    first = freeze(store, "first")
    review.decide(
        store,
        item_id="i1",
        reviewer="ben",
        verdict="reject",
        reasons=["bad_query"],
        note="two questions",
    )
    review.decide(
        store, item_id="i2", reviewer="ada", verdict="fix", order=list("abcd"), relevant=["a", "b"]
    )
    review.decide(store, item_id="i4", reviewer="ben", verdict="approve")
    return first, freeze(store, "second", Selection(cut=0.1))


def brief(found: snapshot_diff.SnapshotDiff) -> list[tuple[str, str, tuple[str, ...], str]]:
    return [
        (
            each.item_id,
            each.change,
            each.parts,
            "; ".join(f"{d.who} {d.what} {d.why}".strip() for d in each.decisions) or each.note,
        )
        for each in found.changes
    ]


def test_what_differs_and_who_decided_it(store: Store, two: tuple[str, str]):
    found = diff(store, *two)
    assert found.counts == {"added": 1, "removed": 1, "changed": 1, "unchanged": 1}
    assert brief(found) == [
        ("i4", "added", (), "ben approve"),
        ("i2", "changed", ("order", "labels", "author"), "ada fix"),
        ("i1", "removed", (), "ben reject bad query: two questions"),
    ]
    assert found.changes[1].moved == 2
    assert found.filters == {"cut": (0.0, 0.1)}
    assert found.since < found.changes[0].decisions[0].decided_at <= found.until


def test_the_other_way_round(store: Store, two: tuple[str, str]):
    found = diff(store, "second", "first")
    assert [(each.item_id, each.change) for each in found.changes] == [
        *(("i1", "added"), ("i2", "changed"), ("i4", "removed"))
    ]
    assert found.since < found.until


def test_only_what_was_decided_in_between_is_told(store: Store, two: tuple[str, str]):
    review.decide(store, item_id="i4", reviewer="eve", verdict="cannot_judge")
    made = review.decide_many(store, item_ids=["i5"], reviewer="eve", verdict="approve")
    bulk.undo(store, made, done_by="eve")
    third = freeze(store, "third", Selection(verdicts=("approve", "fix", "open"), cut=0.0))
    assert brief(diff(store, *two))[0][3] == "ben approve"
    assert brief(diff(store, two[1], third)) == [
        ("i5", "added", (), "eve approve; eve took back approve"),
        ("i4", "removed", (), "eve cannot judge"),
    ]


def test_without_a_decision_it_says_what_else_is_known(store: Store, two: tuple[str, str]):
    first, _ = two
    scored = freeze(store, "scored", Selection(cut=0.5, verdicts=("approve",)))
    assert brief(diff(store, two[1], scored))[-1][3].endswith("chosen by other filters")
    benchmarks.insert_benchmark(
        store, benchmark_id="b", name="held", n_queries=1, n_passages=1, added_by="ada"
    )
    made = batching.create(store, "clean", ANY, created_by="ada")
    quarantine.record_scan(
        store,
        Scan("b", 0.75, 0.9, "MiniLM", 5, 1, 0, {}, now()),
        pl.DataFrame([("i3", "q", "exact", 1.0, True)], schema=PAIR_SCHEMA, orient="row"),
        [],
        scanned_by="ada",
    )
    clean = batching.approve(store, made, approved_by="ada", leave_out=True).snapshot_id
    told = {item: why for item, _, _, why in brief(diff(store, first, clean))}
    assert told["i3"] == "left out of clean at its approval: it was quarantined"


def test_it_refuses_what_it_cannot_compare(store: Store, two: tuple[str, str]):
    with pytest.raises(SnapshotDiffError, match="choose two that differ"):
        diff(store, two[0], "first")
    with pytest.raises(NotFoundError):
        diff(store, two[0], "gone")
    (store.workspace.snapshots / two[0] / ITEMS).write_text("{}\n")
    with pytest.raises(SnapshotChangedError, match=ITEMS):
        diff(store, *two)


def model(store: Store, name: str, snapshot: str, **lineage: object) -> None:
    checkpoints.insert_checkpoint(
        store,
        checkpoint_id=name,
        name=name,
        kind="sft",
        path="m",
        lineage={"snapshot_id": snapshot, "seed": 1, **lineage},
    )


def evaluation(
    store: Store, name: str, checkpoint: str, values: list[float], *, seed: int = 0
) -> None:
    qids = [f"q{n}" for n in range(len(values))]
    evaluations.insert_evaluation(
        store,
        evaluation_id=name,
        benchmark_id="b",
        checkpoint_id=checkpoint,
        name=name,
        strategy="listwise",
        settings={"seed": seed},
        summary={},
        measures=pl.DataFrame({"qid": qids, "measure": ["nDCG@10"] * len(qids), "value": values}),
        rankings=pl.DataFrame({"qid": qids, "docids": [["d"]] * len(qids)}),
        calls=pl.DataFrame(),
    )


def test_models_are_paired_with_what_else_differs(store: Store, two: tuple[str, str]):
    first, second = two
    benchmarks.insert_benchmark(
        store, benchmark_id="b", name="held", n_queries=6, n_passages=1, added_by="ada"
    )
    assert paired_scores(store, first, second) == []
    model(store, "m1", first)
    model(store, "m2", second, steps=5)
    model(store, "m3", second, seed=2, steps=5)
    evaluation(store, "e1", "m1", [0.2] * 6)
    evaluation(store, "e3", "m3", [0.9] * 6)  # differs more, though its model came first
    evaluation(store, "e2", "m2", [0.3, 0.4, 0.5, 0.4, 0.3, 0.2, 0.9], seed=1)
    evaluation(store, "e2-old", "m2", [0.1] * 6)
    (found,) = paired_scores(store, first, second)
    assert (found.before, found.after, found.benchmark) == ("e1", "e2-old", "held")
    assert found.differs == ("steps",)
    assert found.comparison.n == 6
    assert found.comparison.difference == pytest.approx(-0.1)
    assert found.means == (pytest.approx(0.2), pytest.approx(0.1))
    assert found.p_holm == found.comparison.p
    (back,) = paired_scores(store, second, first)
    assert back.comparison.difference == pytest.approx(0.1)
    assert paired_scores(store, first, second, "RR@10") == []
    assert batches.find_snapshot(store, second)["n_items"] == 3
