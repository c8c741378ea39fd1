"""A checkpoint orders the workspace's items, as a benchmark: its orders become rankings."""

from dataclasses import replace

import polars as pl
import pytest

from curation import item_benchmarks, queue_keeping, queueing, review
from curation.benchmarks import BenchmarkError, read_benchmark
from curation.orders import orders_of
from curation.reviewer_agreement import matrix, said
from db import benchmarks, checkpoints, evaluations, items, jobs, quarantine
from db.item_writes import ITEM_SCHEMA, PASSAGE_SCHEMA, insert_items, ranking_frame
from db.records import ItemFilter
from tests.samples import add_samples
from tests.trainer.test_evaluate import ScriptedEngine
from trainer import desk, scoreboard
from trainer import jobs as folders
from trainer.engines import transformers
from trainer.evaluate import evaluate
from trainer.ingest import sync
from trainer.joblog import write_event

ANSWER = "<think>[4] says it, [1] does not.</think>\n<answer>[4] > [1] > [2] > [3]</answer>"


@pytest.fixture
def made(store):
    """The samples, i1 and i2 decided by ada, and a benchmark of all five."""
    add_samples(store)
    for item_id in ("i1", "i2"):
        review.decide(store, item_id=item_id, reviewer="ada", verdict="approve")
    manifest = scoreboard.add_items(store, "ours", ItemFilter(), added_by="lead")
    return store, store.workspace.benchmarks / manifest.benchmark_id


def orders(store, item_id):
    return [each for each in items.get_rankings(store, item_id) if each.author == "checkpoint"]


def test_its_labels_are_the_teacher_s_and_its_first_stage_the_initial_order(made):
    store, folder = made
    benchmark = read_benchmark(folder)
    assert benchmark.queries["i3"] == "what about i3?"
    assert benchmark.first_stage["i4"] == ["pa", "pb", "pc", "pd"]
    assert benchmark.qrels["i4"] == {"pa": 1, "pb": 1}
    assert benchmark.domains == dict.fromkeys(("i1", "i2"), "biology") | dict.fromkeys(
        ("i3", "i4", "i5"), "leetcode"
    )
    (row,) = benchmarks.list_benchmarks(store)
    assert (row["of_items"], row["retriever"]) == (True, item_benchmarks.INITIAL)


def test_it_is_no_test_that_items_must_be_kept_from(made):
    store, _ = made
    assert benchmarks.list_tests(store) == []
    assert quarantine.summary(store) == []


def test_the_filter_chooses_and_must_leave_something(made):
    store, _ = made
    judged = scoreboard.add_items(store, "judged", ItemFilter(verdict="judged"), added_by="lead")
    assert judged.n_queries == 2
    with pytest.raises(BenchmarkError, match="No item is chosen"):
        scoreboard.add_items(store, "none", ItemFilter(domains=("x",)), added_by="lead")
    assert {row["name"] for row in benchmarks.list_benchmarks(store)} == {"ours", "judged"}


def test_two_passages_of_one_docid_stay_two(store):
    add_samples(store)
    other = pl.DataFrame([("other", "a", None, "another text")], PASSAGE_SCHEMA, orient="row")
    item = ("i6", "import-1", "math", "q", "?", ["other", "pb"], ["a", "b"], ["a"])
    first = items.get_rankings(store, "i1")[0]
    ranked = replace(first, ranking_id="ri6", item_id="i6", docids=("a", "b"))
    rows = pl.DataFrame([item], ITEM_SCHEMA, orient="row")
    insert_items(store, other, rows, ranking_frame([ranked]))
    manifest = item_benchmarks.make(store, store.workspace.benchmarks, "ours", ItemFilter())
    benchmark = read_benchmark(store.workspace.benchmarks / manifest.benchmark_id)
    texts = {docid: passage.text for docid, passage in benchmark.every_passage().items()}
    assert (texts["pa"], texts["other"]) == ("passage a", "another text")
    item_benchmarks.keep_orders(store, "sft", {"i6": ["pb", "other"]}, [])
    assert [each.docids for each in orders(store, "i6")] == [("b", "a")]


def test_an_evaluation_becomes_rankings_of_the_items(made, monkeypatch):
    store, _ = made
    engine = ScriptedEngine(lambda _: ANSWER)
    monkeypatch.setattr(transformers, "TransformersEngine", lambda *_, **__: engine)
    checkpoints.insert_checkpoint(
        store,
        checkpoint_id="c1",
        name="sft-1",
        kind="sft",
        path=str(store.workspace.models / "sft-1"),
        lineage={"recipe_name": "demo-sft"},
    )
    prepared = desk.prepare_evaluation(store, checkpoint="c1", benchmark="ours")
    job_dir = folders.prepare_job(store.workspace.jobs, prepared.spec)
    jobs.insert_job(
        store,
        job_id=job_dir.name,
        kind="evaluate",
        name="sft-1 on ours",
        config=(job_dir / folders.CONFIG).read_text(encoding="utf-8"),
        created_by="lead",
        benchmark_id=prepared.benchmark_id,
        checkpoint_id="c1",
    )
    evaluate(job_dir, folders.load_config(job_dir))
    write_event(job_dir, "ended", outcome="done", message="")
    for _ in range(2):  # reading again changes nothing
        sync(store)
        (made_by,) = orders(store, "i1")
        assert evaluations.list_evaluations(store)[-1]["checkpoint_id"] == "c1"
    assert (made_by.author_name, made_by.docids, made_by.status) == ("sft-1", (*"dabc",), "ok")
    assert made_by.chain == "[4] says it, [1] does not."
    assert made_by.ndcg == pytest.approx(0.6309, abs=1e-4)  # a second
    # What is under review stays; people's order is compared with the checkpoint's.
    shown = review.load(store, "i1", "ada")
    assert shown.teacher.author == "teacher"
    assert "sft-1" in [order.name for order in orders_of(store, shown)]
    cells = matrix(said(store), "tau").to_dicts()
    cell = next(row for row in cells if {row["a"], row["b"]} == {"checkpoint:sft-1", "person:ada"})
    assert (cell["n"], cell["value"]) == (2, pytest.approx((0.0 + -1 / 3) / 2))
    queue_keeping.refresh(store)
    value = {why.reason: why.value for why in queueing.why(store, "i1")}["checkpoint"]
    assert value == pytest.approx(6 / 8)  # d came three places up, a b c each one down: of 8


def test_an_order_of_other_passages_is_none_of_the_item_s(made):
    store, _ = made
    found = {"i1": ["pd", "px", "pa", "pb"], "i2": ["pd", "pc"], "gone": ["pa"]}
    assert item_benchmarks.keep_orders(store, "sft-1", found, []) == 0
    assert orders(store, "i1") == orders(store, "i2") == []


@pytest.mark.parametrize("status", ["truncated", "no_answer"])
def test_what_was_not_answered_is_no_order(made, status):
    store, _ = made
    calls = [{"qid": "i1", "docids": [], "status": each} for each in ("ok", status)]
    given = {"i1": ["pa", "pb", "pc", "pd"]}
    assert item_benchmarks.keep_orders(store, "sft-1", given, calls) == 0


def test_a_chain_is_kept_only_where_its_numbers_name_the_item_s_passages(made):
    store, _ = made
    call = {
        "qid": "i1",
        "docids": ["pa", "pb", "pc", "pd"],
        "permutation": [4, 1, 2, 3],
        "status": "ok",
        "response": ANSWER,
        "prompt_tokens": 9,
        "completion_tokens": 5,
    }
    order = {"i1": ["pd", "pa", "pb", "pc"]}
    shuffled = {**call, "docids": ["pd", "pb", "pc", "pa"]}
    for name, calls, chain in (
        ("whole", [call], "[4] says it, [1] does not."),
        ("shuffled", [shuffled], ""),
        ("two windows", [call, call], ""),
    ):
        assert item_benchmarks.keep_orders(store, name, order, calls) == 1
        (kept,) = [each for each in orders(store, "i1") if each.author_name == name]
        assert (kept.chain, kept.docids) == (chain, (*"dabc",))
