import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curation.reasonrank import CAUSES, LayoutError, ReasonRankFolder, SourceRow
from db.records import Passage, Reject

ROW: dict[str, Any] = {
    "dataset": "biology",
    "qid": "q1",
    "initial_list": ["d1", "d/2.txt", "d 3"],
    "final_list": ["d 3", "d1", "d/2.txt"],
    "reasoning": "[3] first.",
    "relevant_docids": ["d 3"],
}
DOCS = {"d1": "one", "d/2.txt": "two", "d 3": "three", "d4": 4, "d5": "\ud800"}


def write_folder(folder: Path, rows: bytes) -> Path:
    for part in ("id_query", "id_doc"):
        (folder / part).mkdir(parents=True)
    (folder / "training_data_all.jsonl").write_bytes(rows)
    (folder / "id_query" / "biology.json").write_text(json.dumps({"q1": "Why?", "q2": None}))
    (folder / "id_doc" / "biology.json").write_text(json.dumps(DOCS))
    (folder / "id_query" / "broken.json").write_text('{"q1": "cut')
    (folder / "id_doc" / "broken.json").write_text("{}")
    (folder / "id_query" / "listed.json").write_text("{}")
    (folder / "id_doc" / "listed.json").write_text("[]")
    (folder / "id_query" / "half.json").write_text("{}")
    return folder


def read(folder: Path, *rows: object) -> list[SourceRow | list[Reject]]:
    lines = [row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows]
    return list(ReasonRankFolder(write_folder(folder, b"\n".join(lines))).rows())


def test_a_sound_row_comes_with_its_texts_in_initial_order(tmp_path: Path) -> None:
    assert read(tmp_path / "in", ROW) == [
        SourceRow(
            line=1,
            domain="biology",
            qid="q1",
            query="Why?",
            candidates=(Passage("d1", "one"), Passage("d/2.txt", "two"), Passage("d 3", "three")),
            relevant_docids=("d 3",),
            ranking=("d 3", "d1", "d/2.txt"),
            chain="[3] first.",
        )
    ]


def test_columns_of_our_own_export_are_read_and_others_ignored(tmp_path: Path) -> None:
    more = {"author": "human", "author_name": "Ada", "status": "repeated", "score": {"x": 1}}
    [row] = read(tmp_path / "in", ROW | more)
    assert isinstance(row, SourceRow)
    assert (row.author, row.author_name, row.status) == ("human", "Ada", "repeated")


def test_titles_come_from_their_own_file(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "in", json.dumps(ROW).encode())
    (folder / "id_title").mkdir()
    (folder / "id_title" / "biology.json").write_text('{"d1": "Heading"}')
    [row] = ReasonRankFolder(folder).rows()
    assert isinstance(row, SourceRow)
    assert [passage.title for passage in row.candidates] == ["Heading", None, None]


@pytest.mark.parametrize(
    ("change", "field", "cause"),
    [
        ({"dataset": "../../biology"}, "dataset", "unknown_dataset"),
        ({"dataset": "half"}, "dataset", "unknown_dataset"),
        ({"dataset": "broken"}, "dataset", "unreadable_texts"),
        ({"dataset": "listed"}, "dataset", "unreadable_texts"),
        ({"dataset": 1}, "dataset", "wrong_type"),
        ({"qid": "q9"}, "qid", "unknown_qid"),
        ({"qid": "q2"}, "qid", "wrong_type"),
        ({"qid": None}, "qid", "wrong_type"),
        ({"initial_list": []}, "initial_list", "empty_list"),
        ({"initial_list": "d1"}, "initial_list", "wrong_type"),
        ({"initial_list": ["d1", ["d 3"]]}, "initial_list", "wrong_type"),
        ({"initial_list": ["d1", "d1", "d 3"]}, "initial_list", "repeated_id"),
        ({"initial_list": ["d1", "d 3", "d9"]}, "initial_list", "unknown_docid"),
        ({"initial_list": ["d1", "d 3", "d4"]}, "initial_list", "wrong_type"),
        ({"initial_list": ["d1", "d 3", "d5"]}, "initial_list", "wrong_encoding"),
        ({"final_list": ["d 3", "d1"]}, "final_list", "not_a_permutation"),
        ({"final_list": ["d 3", "d1", "d9"]}, "final_list", "not_a_permutation"),
        ({"final_list": ["d 3", "d1", "d1"]}, "final_list", "repeated_id"),
        ({"final_list": [3, 1, 2]}, "final_list", "wrong_type"),
        ({"relevant_docids": []}, "relevant_docids", "empty_positives"),
        ({"relevant_docids": ["d9"]}, "relevant_docids", "not_a_candidate"),
        ({"relevant_docids": ["d1", "d1"]}, "relevant_docids", "repeated_id"),
        ({"relevant_docids": None}, "relevant_docids", "wrong_type"),
        ({"reasoning": ["a"]}, "reasoning", "wrong_type"),
        ({"author": "robot"}, "author", "wrong_value"),
        ({"status": 7}, "status", "wrong_type"),
    ],
)
def test_a_wrong_field_is_named_with_its_cause(
    tmp_path: Path, change: dict[str, object], field: str, cause: str
) -> None:
    before, rejects, after = read(tmp_path / "in", ROW, ROW | change, ROW)
    assert isinstance(before, SourceRow)
    assert isinstance(after, SourceRow)
    assert isinstance(rejects, list)
    found = {(each.line, each.file, each.field, each.cause) for each in rejects}
    assert (2, "training_data_all.jsonl", field, cause) in found


@pytest.mark.parametrize("field", list(ROW))
def test_a_missing_field_is_named(tmp_path: Path, field: str) -> None:
    [rejects] = read(tmp_path / "in", {key: ROW[key] for key in ROW if key != field})
    assert isinstance(rejects, list)
    assert [(each.field, each.cause) for each in rejects] == [(field, "missing_field")]


def test_every_wrong_field_of_a_row_is_reported(tmp_path: Path) -> None:
    [rejects] = read(tmp_path / "in", {"dataset": 1, "initial_list": [], "final_list": ["d1"]})
    assert isinstance(rejects, list)
    assert [(each.field, each.cause) for each in rejects] == [
        ("dataset", "wrong_type"),
        ("qid", "missing_field"),
        ("initial_list", "empty_list"),
        ("relevant_docids", "missing_field"),
        ("reasoning", "missing_field"),
    ]


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        (b"{", "not_json"),
        (b'{"dataset": NaN}', "not_json"),
        (b'{"qid": "a", "qid": "b"}', "not_json"),
        (b"[" * 100_000, "not_json"),
        (b'{"a": ' * 5_000 + b"1" + b"}" * 5_000, "not_json"),
        (b'{"qid": ' + b"1" * 5_000 + b"}", "not_json"),
        (b'{"qid": "\\ud83d"}', "wrong_encoding"),
        ("{'é'}".encode("latin-1"), "wrong_encoding"),
        (json.dumps(ROW).encode("utf-16"), "wrong_encoding"),
        (b"[]", "wrong_type"),
        (b"null", "wrong_type"),
    ],
    ids=lambda value: value[:12] if isinstance(value, bytes) else value,
)
def test_a_row_that_is_no_object_is_one_reject(tmp_path: Path, line: bytes, cause: str) -> None:
    rejects, sound = read(tmp_path / "in", line, ROW)
    assert isinstance(rejects, list)
    assert [(each.line, each.field, each.cause) for each in rejects] == [(1, "row", cause)]
    assert isinstance(sound, SourceRow)


def test_byte_order_mark_crlf_and_blank_lines_are_no_faults(tmp_path: Path) -> None:
    line = json.dumps(ROW).encode()
    rows = b"\xef\xbb\xbf" + line + b"\r\n\r\n  \n" + line
    found = list(ReasonRankFolder(write_folder(tmp_path / "in", rows)).rows())
    assert [row.line for row in found if isinstance(row, SourceRow)] == [1, 4]


def test_progress_ends_at_the_size_of_the_file(tmp_path: Path) -> None:
    reader = ReasonRankFolder(write_folder(tmp_path / "in", json.dumps(ROW).encode() + b"\n\n"))
    assert reader.done_bytes == 0
    list(reader.rows())
    assert reader.done_bytes == reader.total_bytes > 0


@pytest.mark.parametrize(
    ("lost", "missing"),
    [
        (["training_data_all.jsonl"], "training_data_all.jsonl is missing"),
        (["id_query"], "id_query/<dataset>.json is missing"),
        (["id_query", "id_doc"], "id_query/<dataset>.json, id_doc/<dataset>.json are missing"),
    ],
)
def test_another_layout_is_refused_whole(tmp_path: Path, lost: list[str], missing: str) -> None:
    folder = write_folder(tmp_path / "in", b"")
    for name in lost:
        (folder / name).rename(tmp_path / name)
    with pytest.raises(LayoutError, match=missing):
        ReasonRankFolder(folder)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match="is not a folder"):
        ReasonRankFolder(tmp_path / "nowhere")


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["biology", "broken", "q1", "q2", *DOCS]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
ROWS = st.fixed_dictionaries({}, optional={key: JSON | st.just(ROW[key]) for key in ROW})


# The first draw of any text builds Hypothesis' table of Unicode, which takes seconds.
SLOW_START = settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)


@SLOW_START
@given(st.lists(ROWS.map(lambda row: json.dumps(row).encode()) | st.binary(), max_size=5))
def test_whatever_a_line_holds_it_is_a_row_or_named_faults(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes]
) -> None:
    folder = write_folder(tmp_path_factory.mktemp("any") / "in", b"\n".join(lines))
    for found in ReasonRankFolder(folder).rows():
        if isinstance(found, SourceRow):
            docids = {passage.docid for passage in found.candidates}
            assert set(found.ranking) == docids
            assert docids.issuperset(found.relevant_docids)
            assert found.relevant_docids
        else:
            assert found
            assert {each.cause for each in found} <= set(CAUSES)


@st.composite
def sound_rows(draw: st.DrawFn) -> dict[str, Any]:
    docids = draw(st.lists(st.sampled_from(["d1", "d/2.txt", "d 3"]), min_size=1, unique=True))
    return ROW | {
        "initial_list": docids,
        "final_list": draw(st.permutations(docids)),
        "relevant_docids": draw(st.lists(st.sampled_from(docids), min_size=1, unique=True)),
        "reasoning": draw(st.text(st.characters(exclude_categories=["Cs"]))),
    }


@SLOW_START
@given(st.lists(sound_rows(), min_size=1, max_size=4), st.booleans())
def test_no_sound_row_is_rejected(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]], ascii_only: bool
) -> None:
    lines = [json.dumps(row, ensure_ascii=ascii_only).encode() for row in rows]
    folder = write_folder(tmp_path_factory.mktemp("sound") / "in", b"\n".join(lines))
    found = list(ReasonRankFolder(folder).rows())
    assert [isinstance(row, SourceRow) and row.chain for row in found] == [
        row["reasoning"] for row in rows
    ]
