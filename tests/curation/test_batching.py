"""What a batch lets through, and what its approval does about quarantined items."""

import json
from datetime import timedelta

import polars as pl
import pytest

from curation import batching, review
from curation.batching import BatchError, LeftOut, QuarantineError, Selection
from curation.snapshots import Changed, _checksum, read_manifest
from curation.training_items import read_items
from db import batches, benchmarks, quarantine
from db.ids import now
from db.quarantine import PAIR_SCHEMA, Scan
from db.store import Store
from tests.samples import SAMPLES, add_samples

EVERYTHING = Selection(verdicts=("open",), cut=0.0)


@pytest.fixture
def stocked(store: Store) -> Store:
    add_samples(store)
    benchmarks.insert_benchmark(
        store, benchmark_id="b", name="held-out", n_queries=2, n_passages=4, added_by="ada"
    )
    return store


def scan(store: Store, *item_ids: str) -> None:
    pairs = [(item_id, "q", "exact", 1.0, True) for item_id in item_ids]
    quarantine.record_scan(
        store,
        Scan("b", 0.75, 0.9, "MiniLM", 5, 1, 0, {}, now()),
        pl.DataFrame(pairs, schema=PAIR_SCHEMA, orient="row"),
        [],
        scanned_by="ada",
    )


def batch(store: Store, name: str = "first", selection: Selection = EVERYTHING) -> str:
    return batching.create(store, name, selection, created_by="ada")


def test_a_new_batch_leaves_quarantined_items_out_unless_they_are_let_in(stocked: Store):
    scan(stocked, "i1", "i2")
    assert set(batching.preview(stocked, EVERYTHING)["item_id"]) == {"i3", "i4", "i5"}
    let_in = Selection(verdicts=("open",), cut=0.0, quarantined=True)
    assert len(batching.preview(stocked, let_in)) == len(SAMPLES)


def test_what_was_quarantined_after_the_choice_stops_the_approval(stocked: Store):
    made = batch(stocked)
    scan(stocked, "i1")
    with pytest.raises(QuarantineError, match="1 of the 5 items .* what held-out tests"):
        batching.approve(stocked, made, approved_by="ada")
    assert batches.get_batch(stocked, made)["snapshot_id"] is None
    with pytest.raises(BatchError, match="the one or the other"):
        batching.approve(stocked, made, approved_by="ada", leave_out=True, reason="both")


def test_leaving_out_freezes_the_rest_and_says_so(stocked: Store):
    made = batch(stocked)
    scan(stocked, "i1")
    manifest = batching.approve(stocked, made, approved_by="ada", leave_out=True)
    assert [item.item_id for item in manifest.items] == ["i2", "i3", "i4", "i5"]
    assert manifest.quarantined is not None
    assert (manifest.quarantined.left_out, manifest.quarantined.kept) == (["i1"], [])
    assert batches.get_batch(stocked, made)["n_items"] == 4
    rest = batch(stocked, "again")  # the same items, chosen after the scan
    assert batching.approve(stocked, rest, approved_by="ada").snapshot_id == manifest.snapshot_id


def test_a_snapshot_s_quarantined_items_are_counted_without_what_it_left_out(stocked: Store):
    made = batch(stocked)
    scan(stocked, "i1")
    frozen = batching.approve(stocked, made, approved_by="ada", leave_out=True).snapshot_id
    assert quarantine.quarantined_in_snapshot(stocked, frozen) == 0
    assert quarantine.tainted_queries(stocked, "b", [frozen]) == []
    scan(stocked, "i1", "i2")
    assert quarantine.quarantined_in_snapshot(stocked, frozen) == 1
    assert quarantine.tainted_queries(stocked, "b", [frozen]) == [("q", "i2")]


def test_keeping_them_takes_a_reason_that_stands_in_the_manifest_and_with_the_batch(stocked: Store):
    made = batch(stocked)
    scan(stocked, "i1")
    found = batching.approve(stocked, made, approved_by="ada", reason=" only a demo ")
    manifest = read_manifest(stocked.workspace.snapshots / found.snapshot_id)
    assert manifest.n_items == 5
    assert manifest.quarantined is not None
    assert (manifest.quarantined.kept, manifest.quarantined.reason) == (["i1"], "only a demo")
    row = stocked.row("SELECT * FROM batch_quarantines WHERE batch_id = ?", [made])
    assert row is not None
    assert (row["kept"], row["reason"], row["decided_by"]) == (["i1"], "only a demo", "ada")


def test_the_snapshot_id_is_of_the_items_alone(stocked: Store):
    before = batching.approve(stocked, batch(stocked), approved_by="ada")
    assert before.quarantined is None
    made = batch(stocked, "second")
    scan(stocked, "i1")
    after = batching.approve(stocked, made, approved_by="grace", reason="known")
    assert after.snapshot_id == before.snapshot_id
    assert after.quarantined is None  # a snapshot never changes; the batch holds the reason
    row = stocked.row("SELECT reason FROM batch_quarantines WHERE batch_id = ?", [made])
    assert row == {"reason": "known"}


def test_a_batch_of_quarantined_items_alone_cannot_leave_them_out(stocked: Store):
    made = batch(stocked)
    scan(stocked, *SAMPLES)
    with pytest.raises(BatchError, match="nothing would be left"):
        batching.approve(stocked, made, approved_by="ada", leave_out=True)


def test_a_manifest_from_before_quarantine_is_still_read(stocked: Store):
    found = batching.approve(stocked, batch(stocked), approved_by="ada")
    path = stocked.workspace.snapshots / found.snapshot_id / "manifest.json"
    content = json.loads(path.read_text())
    del content["quarantined"], content["checksum"]
    path.write_text(json.dumps(content | {"checksum": _checksum(content)}))
    assert read_manifest(path.parent).quarantined is None


def test_a_repaired_ranking_passes_once_it_is_fixed_and_others_are_counted(store: Store):
    add_samples(store, i1="missing", i2="repeated", i3="truncated")
    review.decide(store, item_id="i1", reviewer="ada", verdict="fix", order=list("badc"))
    review.decide(store, item_id="i2", reviewer="ada", verdict="approve")
    chosen = Selection(verdicts=("approve", "fix", "open"))
    found = batching.preview(store, chosen)
    assert set(found["item_id"]) == {"i1", "i4", "i5"}
    assert batching.left_out(store, chosen, found) == LeftOut(quarantined=0, repaired=2, approved=1)


def test_judged_since_asks_judged_items_alone(stocked: Store):
    review.decide(stocked, item_id="i1", reviewer="ada", verdict="approve")
    chosen = Selection(verdicts=("approve", "open"), judged_since=now() + timedelta(days=1))
    assert set(batching.preview(stocked, chosen)["item_id"]) == {"i2", "i3", "i4", "i5"}


def test_what_was_rejected_or_taken_back_since_is_not_frozen(store: Store):
    add_samples(store)
    for item_id in ("i1", "i2", "i3"):
        review.decide(store, item_id=item_id, reviewer="ada", verdict="approve")
    made = batch(store, selection=Selection())
    review.undo(store, "ada")
    reject = {"verdict": "reject", "reasons": ["wrong_order"]}
    review.decide(store, item_id="i2", reviewer="ben", **reject)
    manifest = batching.approve(store, made, approved_by="ada")
    assert [item.item_id for item in manifest.items] == ["i1"]
    assert manifest.changed == Changed(left_out=["i2", "i3"], refreshed=[])
    assert batches.get_batch(store, made)["n_items"] == 1
    scan(store, "i2")
    assert quarantine.quarantined_in_snapshot(store, manifest.snapshot_id) == 0
    emptied = batch(store, "again", Selection())
    review.decide(store, item_id="i1", reviewer="ben", **reject)
    with pytest.raises(BatchError, match="No item .* any more"):
        batching.approve(store, emptied, approved_by="ada")


def test_a_fix_made_since_is_frozen_and_an_approval_since_changes_nothing(store: Store):
    add_samples(store)
    made = batch(store)
    review.decide(store, item_id="i1", reviewer="ada", verdict="approve")
    review.decide(
        store, item_id="i3", reviewer="ada", verdict="fix", order=list("abcd"), relevant=["b"]
    )
    _, changed = batching.standing(store, made)
    assert changed == Changed(left_out=[], refreshed=["i3"])
    manifest = batching.approve(store, made, approved_by="ada")
    frozen = read_items(store.workspace.snapshots / manifest.snapshot_id / "items.jsonl")
    fixed = next(item for item in frozen if item.item_id == "i3")
    assert (fixed.ranking, fixed.relevant_docids) == (tuple("abcd"), ("b",))
    assert (manifest.n_items, manifest.changed) == (5, changed)


def test_a_batch_from_before_quarantine_is_approved(store: Store):
    add_samples(store)
    row = EVERYTHING.as_row()
    chosen = batches.select_items(store, row)
    del row["quarantined"]
    old = {**row, "domains": []}
    made = batches.create_batch(store, name="old", selection=old, chosen=chosen, created_by="ada")
    assert batching.approve(store, made, approved_by="ada").n_items == 5
