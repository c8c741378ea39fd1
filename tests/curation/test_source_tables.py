import json
from pathlib import Path

import pytest

from curation.errors import FormatError
from curation.source_drafts import Cleaning, clean
from curation.source_folder import Source, SourceError, SourceQuery, read_source, write_source
from curation.source_tables import first_rows, guessed, parse_columns, read_table

PASSAGES = '{"_id": "p/1", "title": "", "text": "one"}\n{"_id": "p 2", "title": "T", "text": "two"}'


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def added(tmp_path: Path, queries: Path, passages: Path | None = None, **more) -> Source:
    passages = passages or write(tmp_path, "passages.jsonl", PASSAGES)
    kept = clean(read_table(queries, passages, "math", **more), Cleaning())
    root = tmp_path / "sources"
    made = write_source(root, "mine", kept.kind, kept.queries, kept.passages, kept.duplicates)
    return read_source(root / made.source_id)


def test_math_problems_are_found_by_their_usual_names(tmp_path):
    rows = [{"problem": "1+1?", "solution": "It is 2.", "type": "Algebra"}, {"problem": "2+2?"}]
    source = added(tmp_path, write(tmp_path, "q.jsonl", "\n".join(map(json.dumps, rows))))
    assert source.queries == (
        SourceQuery("1", "Algebra", "1+1?", "It is 2."),
        SourceQuery("2", "math", "2+2?", ""),
    )
    assert source.passages.rows() == [("p/1", None, "one"), ("p 2", "T", "two")]
    assert source.manifest.domains == {"Algebra": 1, "math": 1}
    assert source.manifest.kind == "problems"


def test_csv_columns_are_mapped(tmp_path):
    table = 'slug,content,python\ntwo-sum,"Find two\nnumbers, fast",def f(): pass\n'
    source = added(
        tmp_path,
        write(tmp_path, "leetcode.csv", table),
        columns={"qid": "slug", "answer": "python"},
    )
    (query,) = source.queries
    assert (query.qid, query.text) == ("two-sum", "Find two\nnumbers, fast")
    assert query.answer == "def f(): pass"
    assert source.manifest.kind == "problems"


def test_ms_marco_files_give_human_labels_and_leave_unlabelled_queries_out(tmp_path):
    source = added(
        tmp_path,
        write(tmp_path, "queries.tsv", "7\twhat is it\n8\tand this\n"),
        write(tmp_path, "collection.tsv", "0\tzero\n1\tone\n"),
        qrels=write(tmp_path, "qrels.tsv", "7 0 1 1\n8 0 0 0\n"),
    )
    (query,) = source.queries
    assert (query.qid, query.relevant) == ("7", ("1",))
    assert source.manifest.kind == "msmarco"


def test_passages_are_mapped_too_and_a_column_can_be_left_out(tmp_path):
    source = added(
        tmp_path,
        write(tmp_path, "q.jsonl", '{"text": "why?", "answer": "so", "kind": "x"}'),
        write(tmp_path, "p.csv", "key,name,body\nk1,One,first\nk2,,second\n"),
        columns=parse_columns(["docid=key", "title=name", "passage=body", "answer="]),
    )
    assert source.passages.rows() == [("k1", "One", "first"), ("k2", None, "second")]
    assert (source.queries[0].answer, source.manifest.kind) == ("", "table")


def test_a_mapping_without_a_field_is_refused():
    with pytest.raises(SourceError, match="'words=x' maps no column.*qid, text"):
        parse_columns(["words=x"])


def test_columns_are_guessed_from_the_first_rows(tmp_path):
    rows = first_rows(write(tmp_path, "q.csv", "slug,content,python\na,b,c\nd,e,f\n"), 1)
    columns = list(rows[0].values)
    assert [guessed(field, columns) for field in ("qid", "text", "answer")] == [
        "",
        "content",
        "python",
    ]
    assert first_rows(write(tmp_path, "q.tsv", "1\tx\n"), 3) == []


def test_the_same_content_is_the_same_source(tmp_path):
    queries = write(tmp_path, "q.jsonl", '{"qid": "a", "text": "why?", "answer": "so"}')
    first, second = added(tmp_path, queries), added(tmp_path, queries)
    assert first.manifest == second.manifest
    assert len(list((tmp_path / "sources").iterdir())) == 1


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("q.jsonl", '{"qid": "a", "text": "why?"}\nnot json', "q.jsonl:2"),
        ("q.jsonl", '{"qid": "a", "words": "why?"}', "none of text, query"),
        ("q.jsonl", '{"qid": "a", "text": " "}', "without words"),
        ("q.jsonl", '{"qid": "a", "text": 3}', "q.jsonl:1: text"),
        ("q.csv", "text,answer\nwhy?\n", "q.csv:2"),
        ("q.csv", 'text\n"why', "CSV"),
    ],
)
def test_a_bad_row_is_named_and_nothing_is_kept(tmp_path, name, text, told):
    with pytest.raises(FormatError, match=told):
        added(tmp_path, write(tmp_path, name, text))
    assert not (tmp_path / "sources").exists()


def test_a_mapped_column_that_is_not_there_is_named(tmp_path):
    queries = write(tmp_path, "q.jsonl", '{"a": "x", "b": "y"}')
    with pytest.raises(FormatError, match="no column question; there are a, b"):
        added(tmp_path, queries, columns={"text": "question"})


@pytest.mark.parametrize(
    ("queries", "told"),
    [
        ('{"qid": "a", "text": "x"}\n{"qid": "a", "text": "y"}', "qid 'a' stands twice"),
        ("", "no query"),
    ],
)
def test_what_does_not_fit_together_is_refused(tmp_path, queries, told):
    with pytest.raises((SourceError, FormatError), match=told):
        added(tmp_path, write(tmp_path, "q.jsonl", queries))


def test_labels_must_name_passages_that_are_there(tmp_path):
    with pytest.raises(SourceError, match="No passage that .*qrels calls relevant is in"):
        added(
            tmp_path,
            write(tmp_path, "q.jsonl", '{"qid": "a", "text": "x"}'),
            qrels=write(tmp_path, "qrels", "a 0 p9 1"),
        )


def test_labels_of_passages_that_a_part_of_a_collection_lacks_are_counted(tmp_path):
    draft = read_table(
        write(tmp_path, "queries.tsv", "7\twhat is it\n8\tand this\n"),
        write(tmp_path, "collection.tsv", "0\tzero\n1\tone\n"),
        "web",
        qrels=write(tmp_path, "qrels.tsv", "7 0 1 1\n7 0 99 1\n8 0 98 1\n"),
    )
    assert [(each.qid, each.relevant) for each in draft.queries] == [("7", ("1",))]
    assert draft.notes == {"labels of passages that are not there": 2}
    assert draft.dropped == {"no positive label": 1}


def test_leetcode_columns_are_known_and_missing_answers_noticed(tmp_path):
    table = f'id,content,python\n1,"{"long " * 40_000}",def f(): pass\n2,short,\n'
    draft = read_table(
        write(tmp_path, "leetcode.csv", table),
        write(tmp_path, "passages.jsonl", PASSAGES),
        "leetcode",
    )
    assert [each.answer for each in draft.queries] == ["def f(): pass", ""]
    assert draft.notes == {"queries without an answer": 1}
