"""Judgments as qrels and parquet: what counts, and that it reads back."""

from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from curation import review, trec
from curation.judgment_exports import Chosen, JudgmentExportError, export
from db.ids import now
from db.item_writes import ITEM_SCHEMA, PASSAGE_SCHEMA, insert_items, ranking_frame
from db.judgments import append_judgment
from db.records import Ranking
from db.store import Store
from tests.samples import add_samples

EVERYTHING = Chosen()


def grade(store: Store, item_id: str, verdict: str = "approve", **grades: int) -> None:
    append_judgment(
        store,
        item_id=item_id,
        reviewer="grace",
        verdict=verdict,  # type: ignore[arg-type]
        reasons=[],
        note="",
        ranking_id=f"r{item_id}",
        relevant_docids=None,
        corrected=None,
        code_version="1",
        grades=grades,
    )


def add_item(store: Store, item_id: str, qid: str, docids: list[str], query: str = "?") -> None:
    passages = [(f"{item_id}{d}", d, None, "text") for d in docids]
    row = (item_id, "i", "odd", qid, query, [p[0] for p in passages], docids, docids[:1])
    ranking = Ranking(
        ranking_id=f"r{item_id}",
        item_id=item_id,
        author="teacher",
        author_name="t",
        docids=tuple(docids),
        status="ok",
        ndcg=1.0,
        recall=1.0,
        overlap=1.0,
        first_relevant=1,
        chain="",
    )
    insert_items(
        store,
        pl.DataFrame(passages, schema=PASSAGE_SCHEMA, orient="row"),
        pl.DataFrame([row], schema=ITEM_SCHEMA, orient="row"),
        ranking_frame([ranking]),
    )


@pytest.fixture
def judged(store: Store) -> Store:
    add_samples(store)
    review.decide(store, item_id="i1", reviewer="ada", verdict="approve")
    review.decide(
        store, item_id="i2", reviewer="ada", verdict="fix", order=list("dabc"), relevant=["d"]
    )
    review.decide(store, item_id="i3", reviewer="ada", verdict="reject", reasons=["wrong_order"])
    review.decide(store, item_id="i4", reviewer="ada", verdict="approve")
    grade(store, "i4", a=3, c=1)
    return store


def test_grades_count_first_then_labels_of_what_was_approved_or_fixed(
    judged: Store, tmp_path: Path
) -> None:
    report = export(judged, "qrels", tmp_path / "q", EVERYTHING)
    assert trec.read_qrels(tmp_path / "q") == {
        "q/i1": {"a": 1, "b": 0, "c": 0, "d": 0},
        "q/i2": {"a": 0, "b": 0, "c": 0, "d": 1},
        "q/i4": {"a": 3, "c": 1},
    }
    assert (report.judgments, report.lines, report.left_out) == (5, 10, 0)


def test_the_newest_judgment_of_an_item_counts(judged: Store, tmp_path: Path) -> None:
    grade(judged, "i1", "cannot_judge")
    export(judged, "qrels", tmp_path / "q", EVERYTHING)
    assert "q/i1" not in trec.read_qrels(tmp_path / "q")
    review.undo(judged, "grace")
    export(judged, "qrels", tmp_path / "q", EVERYTHING)
    assert "q/i1" in trec.read_qrels(tmp_path / "q")


def test_filters(judged: Store, tmp_path: Path) -> None:
    leetcode = Chosen(domains=["leetcode"], reviewers=["ada"], since=now() - timedelta(hours=1))
    export(judged, "qrels", tmp_path / "q", leetcode)
    assert trec.read_qrels(tmp_path / "q") == {"q/i4": {"a": 1, "b": 1, "c": 0, "d": 0}}
    with pytest.raises(JudgmentExportError, match="vouch|say of no passage"):
        export(judged, "qrels", tmp_path / "q", Chosen(verdicts=["reject"]))
    with pytest.raises(JudgmentExportError, match="No judgment"):
        export(judged, "qrels", tmp_path / "q", Chosen(since=now()))


def test_ids_with_spaces_come_back(store: Store, tmp_path: Path) -> None:
    docids = ["a b", "a  b", "ü/ö 0 1", "0", "x\u2028y", " front", "line\nbreak"]
    add_item(store, "i", "q-1", docids)
    add_item(store, "j", "q 2", ["a"])
    for item_id in "ij":
        review.decide(store, item_id=item_id, reviewer="ada", verdict="approve")
    report = export(store, "qrels", tmp_path / "q", EVERYTHING)
    assert trec.read_qrels(tmp_path / "q") == {
        "q-1": {docid: int(docid == "a b") for docid in docids[:5]}
    }
    assert report.left_out == 3


def test_a_qid_of_two_queries_is_refused(store: Store, tmp_path: Path) -> None:
    add_item(store, "i", "1", ["a"], "one?")
    add_item(store, "j", "1", ["a"], "other?")
    for item_id in "ij":
        review.decide(store, item_id=item_id, reviewer="ada", verdict="approve")
    with pytest.raises(JudgmentExportError, match="one domain at a time"):
        export(store, "qrels", tmp_path / "q", EVERYTHING)


def test_parquet_has_every_judgment_in_force(judged: Store, tmp_path: Path) -> None:
    report = export(judged, "parquet", tmp_path / "p", EVERYTHING)
    found = pl.read_parquet(tmp_path / "p")
    assert report.lines == found.height == 5
    fixed = found.row(by_predicate=pl.col("item_id") == "i2", named=True)
    assert (fixed["ranking"], fixed["labels"], fixed["grades"]) == (list("dabc"), ["d"], [])
    graded = found.row(by_predicate=pl.col("reviewer") == "grace", named=True)
    assert graded["grades"] == [{"docid": "a", "grade": 3}, {"docid": "c", "grade": 1}]
    assert graded["judged_at"].utcoffset() == timedelta(0)


def test_what_cannot_be_written_is_said(judged: Store, tmp_path: Path) -> None:
    for layout in ("qrels", "parquet"):
        with pytest.raises(JudgmentExportError, match="cannot be written"):
            export(judged, layout, tmp_path / "none" / "x", EVERYTHING)
    with pytest.raises(JudgmentExportError, match="qrels or parquet"):
        export(judged, "csv", tmp_path / "x", EVERYTHING)
