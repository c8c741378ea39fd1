import json
from pathlib import Path
from typing import Any

import pytest

from curation import intake
from curation.dropped import dropped_before
from curation.intake import import_reasonrank
from curation.reasonrank import LayoutError
from db import imports, items
from db.records import ItemFilter
from db.store import Store

ROW: dict[str, Any] = {
    "dataset": "biology",
    "qid": "q1",
    "initial_list": ["a", "b", "c"],
    "final_list": ["c", "a", "b"],
    "reasoning": "[3] first.",
    "relevant_docids": ["a"],
}
BAD = ROW | {"qid": "q9", "relevant_docids": []}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    for part, texts in {
        "id_query": {"q1": "Why?", "q2": "How?"},
        "id_doc": {"a": "one", "b": "two", "c": "three"},
    }.items():
        (folder / part).mkdir(parents=True)
        (folder / part / "biology.json").write_text(json.dumps(texts))
    return folder


def fill(folder: Path, *rows: object) -> Path:
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    (folder / "training_data_all.jsonl").write_text("\n".join(lines))
    return folder


def test_sound_rows_go_in_and_bad_rows_are_listed(store: Store, folder: Path) -> None:
    report = import_reasonrank(
        store, fill(folder, ROW, BAD, "{", ROW | {"qid": "q2"}), imported_by="ada"
    )
    assert (report.imported, report.unchanged, report.rejected) == (2, 0, 2)
    assert [(each.line, each.field, each.cause) for each in report.rejects] == [
        (2, "qid", "unknown_qid"),
        (2, "relevant_docids", "empty_positives"),
        (3, "row", "not_json"),
    ]
    listed = imports.rejects_of(store, report.import_id)
    assert listed["cause"].to_list() == [each.cause for each in report.rejects]
    recorded = imports.list_imports(store).row(0, named=True)
    assert (recorded["imported"], recorded["rejected"], recorded["name"]) == (2, 2, "source")
    assert items.counts(store)["passages"] == 3


def test_an_item_keeps_its_order_its_labels_and_the_teachers_consistency(
    store: Store, folder: Path
) -> None:
    import_reasonrank(store, fill(folder, ROW), imported_by="ada")
    [item_id] = items.next_item_ids(store, ItemFilter())
    item = items.get_item(store, item_id)
    assert [(each.docid, each.text) for each in item.candidates] == [
        ("a", "one"),
        ("b", "two"),
        ("c", "three"),
    ]
    assert (item.domain, item.query, item.relevant_docids) == ("biology", "Why?", ("a",))
    [ranking] = items.get_rankings(store, item_id)
    assert (ranking.docids, ranking.chain) == (("c", "a", "b"), "[3] first.")
    assert ranking.ndcg == pytest.approx(0.6309, abs=1e-4)  # 1 / log2(3): relevant at rank 2
    assert (ranking.recall, ranking.first_relevant) == (1.0, 2)


def test_the_same_folder_again_changes_nothing(store: Store, folder: Path) -> None:
    fill(folder, ROW, ROW | {"qid": "q2"}, BAD)
    import_reasonrank(store, folder, imported_by="ada")
    before = items.counts(store)
    again = import_reasonrank(store, folder, imported_by="ada")
    assert (again.imported, again.unchanged, again.rejected) == (0, 2, 1)
    assert items.counts(store) == before


def test_a_row_that_repeats_another_is_unchanged(store: Store, folder: Path) -> None:
    report = import_reasonrank(store, fill(folder, ROW, ROW), imported_by="ada")
    assert (report.imported, report.unchanged) == (1, 1)


def test_another_order_of_a_known_item_adds_a_ranking(store: Store, folder: Path) -> None:
    other = ROW | {"final_list": ["a", "b", "c"], "author": "human", "author_name": "Ada"}
    report = import_reasonrank(store, fill(folder, ROW, other), imported_by="ada")
    assert (report.imported, report.unchanged) == (2, 0)
    [item_id] = items.next_item_ids(store, ItemFilter())
    authors = [(each.author, each.author_name) for each in items.get_rankings(store, item_id)]
    assert authors == [("teacher", "teacher"), ("human", "Ada")]


def test_a_changed_passage_makes_another_item(store: Store, folder: Path) -> None:
    import_reasonrank(store, fill(folder, ROW), imported_by="ada")
    (folder / "id_doc" / "biology.json").write_text('{"a": "one", "b": "two", "c": "other"}')
    assert import_reasonrank(store, folder, imported_by="ada").imported == 1
    assert items.counts(store)["items"] == 2
    assert items.counts(store)["passages"] == 4


def test_an_interrupted_import_keeps_whole_batches_and_is_completed_by_another(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "BATCH", 2)
    monkeypatch.setattr(intake, "PROGRESS_ROWS", 1)
    fill(folder, *(ROW | {"reasoning": str(number)} for number in range(5)))

    def stop(_done: int, _total: int, rows: int) -> None:
        if rows == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_reasonrank(store, folder, on_progress=stop, imported_by="ada")
    assert items.counts(store)["rankings"] == 2
    assert imports.list_imports(store).is_empty()
    report = import_reasonrank(store, folder, imported_by="ada")
    assert (report.imported, report.unchanged) == (3, 2)
    assert items.counts(store)["rankings"] == 5


def test_progress_ends_with_all_bytes_and_rows(store: Store, folder: Path) -> None:
    seen: list[tuple[int, int, int]] = []
    fill(folder, ROW, BAD, ROW)
    import_reasonrank(store, folder, on_progress=lambda *call: seen.append(call), imported_by="ada")
    size = (folder / "training_data_all.jsonl").stat().st_size
    assert seen[-1] == (size, size, 3)


def test_lists_longer_than_a_window_go_in_and_are_counted(store: Store, folder: Path) -> None:
    docids = [f"d{number}" for number in range(21)]
    (folder / "id_doc" / "biology.json").write_text(json.dumps(dict.fromkeys(docids, "text")))
    row = ROW | {"initial_list": docids, "final_list": docids, "relevant_docids": ["d20"]}
    report = import_reasonrank(store, fill(folder, row), imported_by="ada")
    assert (report.imported, report.long_lists) == (1, 1)


def test_another_layout_leaves_no_trace(store: Store, tmp_path: Path) -> None:
    with pytest.raises(LayoutError):
        import_reasonrank(store, tmp_path, imported_by="ada")
    assert imports.list_imports(store).is_empty()


def test_strange_texts_are_stored_as_they_are(store: Store, folder: Path) -> None:
    chain = "<b>\x00'; DROP TABLE items; --\u2028\U0001f600"
    import_reasonrank(store, fill(folder, ROW | {"reasoning": chain}), imported_by="ada")
    [item_id] = items.next_item_ids(store, ItemFilter())
    assert items.get_rankings(store, item_id)[0].chain == chain


def test_of_two_rankings_of_one_item_the_first_row_s_is_under_review(
    store: Store, folder: Path
) -> None:
    orders = [["a", "b", "c"], ["b", "a", "c"], ["c", "b", "a"]]
    rows = [
        ROW | {"qid": qid, "final_list": order}
        for qid, given in (("q1", orders), ("q2", orders[::-1]))
        for order in given
    ]
    import_reasonrank(store, fill(folder, *rows), imported_by="ada")
    first = {"Why?": ("a", "b", "c"), "How?": ("c", "b", "a")}
    for item_id in items.next_item_ids(store, ItemFilter()):
        ranking = items.get_rankings(store, item_id)[0]
        assert ranking.docids == first[items.get_item(store, item_id).query]
        listed = items.list_items(store, ItemFilter(), limit=9)
        assert ranking.ranking_id in listed["ranking_id"].to_list()


def test_refused_rows_are_counted_once_a_folder(store: Store, folder: Path) -> None:
    for _ in range(2):
        import_reasonrank(store, fill(folder, ROW, BAD, "{"), imported_by="ada")
    dropped = dropped_before(store)
    assert (dropped.rows, dropped.refused, dropped.no_item) == (3, 2, {})
    assert dropped.sentences() == ["2 of 3 imported rows were refused."]
