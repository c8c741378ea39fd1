"""Published folders: BEIR, BRIGHT and R2MED as they are downloaded, whole and at fault."""

import gzip
import json
from pathlib import Path

import polars as pl
import pytest

from curation.benchmarks import add_folder, read_benchmark
from curation.errors import FormatError


def lines(*rows: dict) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    path = tmp_path / "first.run"
    path.write_text("q1 Q0 d 1 1 3.0 x\nq1 Q0 d2 2 2.0 x\nq1 Q0 q1 3 1.0 x\n")
    return path


@pytest.fixture
def beir(tmp_path: Path) -> Path:
    folder = tmp_path / "beir"
    (folder / "qrels").mkdir(parents=True)
    corpus = [{"_id": "d 1", "title": "T", "text": "one"}, {"_id": "d2", "title": "", "text": "2"}]
    corpus.append({"_id": "q1", "title": "", "text": "the query itself"})
    (folder / "corpus.jsonl.gz").write_bytes(gzip.compress(lines(*corpus).encode()))
    (folder / "queries.jsonl").write_text(
        lines({"_id": "q1", "text": "why?"}, {"_id": "q9", "text": "of the training split"})
    )
    (folder / "qrels" / "test.tsv").write_text(
        "query-id\tcorpus-id\tscore\nq1\td 1\t1\nq1\tgone\t1\n"
    )
    return folder


@pytest.fixture
def bright(tmp_path: Path) -> Path:
    folder = tmp_path / "bright"
    (folder / "examples").mkdir(parents=True)
    (folder / "documents").mkdir()
    examples = {
        "query": ["why?", "how?"],
        "id": ["q1", "q2"],
        "excluded_ids": [["d2"], ["N/A"]],
        "gold_ids": [["d 1"], ["d2"]],
        "gold_ids_long": [["N/A"], ["N/A"]],
    }
    pl.DataFrame(examples).write_parquet(folder / "examples" / "biology-00000-of-00001.parquet")
    documents = pl.DataFrame({"id": ["d 1", "d2", "q1"], "content": ["one", "two", "three"]})
    documents[:1].write_parquet(folder / "documents" / "biology-00000-of-00002.parquet")
    documents[1:].write_parquet(folder / "documents" / "biology-00001-of-00002.parquet")
    return folder


@pytest.fixture
def r2med(tmp_path: Path) -> Path:
    folder = tmp_path / "r2med"
    folder.mkdir()
    (folder / "query.jsonl").write_text(lines({"id": "q1", "text": "why?"}))
    (folder / "corpus.jsonl").write_text(
        lines(*({"id": each, "text": each * 2} for each in ("d 1", "d2", "q1")))
    )
    (folder / "qrels.jsonl").write_text(lines({"q_id": "q1", "p_id": "d 1", "score": 1.0}))
    return folder


def add(tmp_path: Path, folder: Path, run: Path, split: str = "test"):
    manifest = add_folder(tmp_path / "root", "mine", folder, run=run, split=split)
    return read_benchmark(tmp_path / "root" / manifest.benchmark_id)


def test_beir_keeps_the_split_s_queries_and_never_ranks_a_query_s_own_passage(tmp_path, beir, run):
    found = add(tmp_path, beir, run)
    assert found.queries == {"q1": "why?"}
    # A judged passage that the corpus lacks stays relevant: nobody can find it.
    assert found.qrels == {"q1": {"d 1": 1, "gone": 1}}
    assert found.first_stage == {"q1": ["d 1", "d2"]}
    assert found.excluded == {"q1": {"q1"}}
    assert found.manifest.max_passage_tokens is None
    assert found.every_passage()["d 1"].title == "T"


def test_bright_takes_the_gold_ids_and_leaves_the_excluded_ones_out(tmp_path, bright, run):
    found = add(tmp_path, bright, run)
    assert found.qrels == {"q1": {"d 1": 1}, "q2": {"d2": 1}}
    assert found.first_stage == {"q1": ["d 1", "q1"]}
    assert found.excluded == {"q1": {"d2"}}
    assert found.manifest.max_passage_tokens == 512
    assert found.manifest.n_passages == 3


def test_a_bright_task_is_named_where_there_are_several(tmp_path, bright, run):
    pl.DataFrame({"query": ["x"], "id": ["a"], "excluded_ids": [["N/A"]], "gold_ids": [["d2"]]})[
        :1
    ].write_parquet(bright / "examples" / "pony-00000-of-00001.parquet")
    with pytest.raises(FormatError, match="name one of its tasks as the split: biology, pony"):
        add(tmp_path, bright, run)
    assert len(add(tmp_path, bright, run, split="biology").queries) == 2


def test_r2med(tmp_path, r2med, run):
    found = add(tmp_path, r2med, run)
    assert found.qrels == {"q1": {"d 1": 1}}
    assert found.first_stage == {"q1": ["d 1", "d2", "q1"]}
    assert found.manifest.max_passage_tokens == 512


@pytest.mark.parametrize(
    ("layout", "file", "content", "told"),
    [
        ("beir", "qrels/test.tsv", None, r"test.tsv is missing; there are no files"),
        ("beir", "corpus.jsonl.gz", None, r"corpus.jsonl is missing; there are queries.jsonl"),
        ("beir", "queries.jsonl", '{"_id": "q1", "text": 5}\n', r"queries.jsonl:1: text: 5 is not"),
        ("r2med", "qrels.jsonl", '{"q_id": "q1", "p_id": "d2", "score": 0.5}\n', r":1: score: 0.5"),
        (
            "r2med",
            "qrels.jsonl",
            '{"q_id": "q7", "p_id": "d2", "score": 1}\n',
            r"qid: 'q7': not in",
        ),
        (
            "r2med",
            "corpus.jsonl",
            '{"id": "d 1", "text": "a"}\n' * 2,
            r":2: docid: 'd 1' stands tw",
        ),
        ("r2med", "corpus.jsonl", '{"id": "d 1", "text": "a"}\n', r"docid: 'd2', 'q1': not in"),
        ("r2med", "query.jsonl", '{"id": "q1"}\n', r"query.jsonl:1: text: none of text, query"),
        ("bright", "examples/biology-00000-of-00001.parquet", "PAR1 no", r"parquet data is broken"),
        ("bright", "documents/biology-00000-of-00002.parquet", None, r"docid: 'd 1': not in"),
    ],
)
def test_a_fault_names_the_file_and_what_to_do(tmp_path, request, run, layout, file, content, told):
    folder = request.getfixturevalue(layout)
    if content is None:
        (folder / file).unlink()
    else:
        (folder / file).write_text(content)
    with pytest.raises(FormatError, match=told):
        add(tmp_path, folder, run)
    assert not [path for path in (tmp_path / "root").glob("*") if path.is_dir()]


def test_a_folder_of_another_kind_is_refused(tmp_path, run):
    with pytest.raises(FormatError, match="no BEIR folder .* no BRIGHT folder .* no R2MED folder"):
        add(tmp_path, tmp_path, run)
