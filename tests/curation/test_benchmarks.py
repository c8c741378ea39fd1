import gzip
import json
from pathlib import Path

import pytest

from curation.benchmarks import (
    BenchmarkError,
    BenchmarkManifest,
    add_benchmark,
    read_benchmark,
)
from curation.errors import FormatError
from db.records import Passage

SOURCE = {
    "queries": "q1\tWhy?\nq 2\tHow\tso?\n",
    "passages": '{"_id": "a/1.txt", "title": "T", "text": "one"}\n'
    '{"id": "b", "contents": "two"}\n\n'
    '{"docid": "c d", "text": "three", "title": ""}\n',
    "qrels": "q1 0 a/1.txt 1\nq1 0 c d 0\n",
    "run": "q1 Q0 b 1 2.5 tag\nq1 Q0 a/1.txt 2 0.5 tag\nq1 Q0 c d 3 0.5 tag\n",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "benchmarks"


def add(root: Path, name: str = "bench", **changes: str | bytes) -> BenchmarkManifest:
    source = root.parent / "source"
    source.mkdir(exist_ok=True)
    paths = {}
    for part, content in (SOURCE | {"queries": "q1\tWhy?\n"} | changes).items():
        paths[part] = source / part
        paths[part].write_bytes(content if isinstance(content, bytes) else content.encode())
    return add_benchmark(root, name, **paths)


def test_what_was_added_is_read_back(root: Path) -> None:
    manifest = add(root)
    benchmark = read_benchmark(root / manifest.benchmark_id)
    assert benchmark.manifest == manifest
    assert (manifest.n_queries, manifest.n_passages, manifest.n_qrels, manifest.n_run) == (
        1,
        3,
        2,
        3,
    )
    assert benchmark.queries == {"q1": "Why?"}
    assert benchmark.qrels == {"q1": {"a/1.txt": 1, "c d": 0}}
    assert benchmark.scores == {"q1": {"b": 2.5, "a/1.txt": 0.5, "c d": 0.5}}
    assert benchmark.passages(["c d", "a/1.txt"]) == [
        Passage("c d", "three"),
        Passage("a/1.txt", "one", "T"),
    ]
    assert set(benchmark.every_passage()) == {"a/1.txt", "b", "c d"}


def test_equal_scores_stand_as_the_run_has_them(root: Path) -> None:
    manifest = add(root)
    assert read_benchmark(root / manifest.benchmark_id).first_stage == {
        "q1": ["b", "a/1.txt", "c d"]
    }


@pytest.mark.parametrize(
    "queries",
    [
        '{"_id": "q1", "text": "Why?"}',
        '{"qid": "q1", "query": "Why?", "answer": 42}\r\n',
        '\ufeff{"qid": "q1", "text": "Why?"}',
        "\ufeffq1\tWhy?",
        gzip.compress(b"q1\tWhy?\n", mtime=0),
    ],
    ids=["beir", "query", "mark", "mark tsv", "gzip"],
)
def test_every_form_of_the_same_queries_is_the_same_benchmark(
    root: Path, queries: str | bytes
) -> None:
    assert add(root, queries=queries).benchmark_id == add(root).benchmark_id


def test_a_number_may_be_an_id(root: Path) -> None:
    manifest = add(root, queries='{"qid": 7, "text": "x"}', qrels="7 0 b 1\n", run="7 Q0 b 1 1 t\n")
    assert read_benchmark(root / manifest.benchmark_id).queries == {"7": "x"}


def test_tabs_within_a_query_stay(root: Path) -> None:
    manifest = add(root, queries="q1\tHow\tso?")
    assert read_benchmark(root / manifest.benchmark_id).queries == {"q1": "How\tso?"}


def test_adding_the_same_again_changes_nothing(root: Path) -> None:
    first = add(root)
    assert add(root, name="other") == first
    assert [path.name for path in root.iterdir()] == [first.benchmark_id]


def test_other_content_is_another_benchmark(root: Path) -> None:
    assert add(root).benchmark_id != add(root, queries="q1\tWhy not?").benchmark_id


def test_judged_queries_without_results_are_kept(root: Path) -> None:
    both = {"queries": "q1\tWhy?\nq2\tHow?", "qrels": SOURCE["qrels"] + "q2 0 b 1\n"}
    manifest = add(root, **both)
    assert (manifest.n_judged, manifest.n_ranked) == (2, 1)
    assert "q2" not in read_benchmark(root / manifest.benchmark_id).first_stage


@pytest.mark.parametrize(
    ("part", "content", "place", "message"),
    [
        ("queries", "", "queries:", "no queries"),
        ("queries", "q1 Why?", "queries:1:", "qid<TAB>text"),
        ("queries", "q1\ta\nq1\tb", "queries:2: qid:", "'q1' stands twice"),
        ("queries", '{"qid": "q1"}', "queries:1: text:", "none of text, query"),
        ("queries", '{"qid": true, "text": ""}', "queries:1: qid:", "true is not an id"),
        ("queries", b"q1\t\xff", "queries:1:", "not UTF-8"),
        ("queries", gzip.compress(b"q1\tWhy?" * 99, mtime=0)[:-9], "queries", "gzip"),
        ("passages", "", "passages:", "no passages"),
        ("passages", "a\tone", "passages:1:", "Expecting value"),
        ("passages", '["a"]', "passages:1:", "a list of 1 is not an object"),
        ("passages", '{"text": "x"}', "passages:1: _id:", "none of _id, docid, id"),
        ("passages", '{"id": "a", "contents": 4}', "passages:1: contents:", "4 is not a string"),
        ("passages", '{"id": "a", "text": "", "title": 4}', "passages:1: title:", "4 is not"),
        ("passages", '{"id": "a", "text": "\\ud800"}', "passages:1:", "surrogate"),
        ("run", "q1 Q0 b 1 2 t\nq9 Q0 b 1 2 t\n", "run:2: qid:", "'q9': not in"),
        ("run", "q1 Q0 b 1 2 t\nq1 Q0 z z 1 2 t\n", "run:2: docid:", "'z z': not in"),
        ("qrels", "q1 0 b 1\nq9 0 b 1\n", "qrels:2: qid:", "'q9': not in"),
        ("qrels", "q1 0 b 1\nq1 0 z 1\n", "qrels:2: docid:", "'z': not in"),
    ],
)
def test_a_fault_is_named_with_file_line_and_field(
    root: Path, part: str, content: str | bytes, place: str, message: str
) -> None:
    with pytest.raises(FormatError) as error:
        add(root, **{part: content})
    assert f"{root.parent / 'source' / place}" in str(error.value)
    assert message in str(error.value)
    assert not root.exists()


def test_at_most_ten_missing_ids_are_named(root: Path) -> None:
    run = "".join(f"q1 Q0 z{number} 1 1 t\n" for number in range(13))
    with pytest.raises(FormatError, match="'z9' and 3 more"):
        add(root, run=run)


def test_a_missing_file_is_named(root: Path, tmp_path: Path) -> None:
    paths = dict.fromkeys(("queries", "passages", "qrels", "run"), tmp_path / "nowhere")
    with pytest.raises(FormatError, match="nowhere: it cannot be read: No such file"):
        add_benchmark(root, "bench", **paths)


def test_a_blank_name_is_refused(root: Path) -> None:
    with pytest.raises(BenchmarkError, match="needs a name"):
        add(root, name=" ")


@pytest.mark.parametrize(
    "name", ["queries.parquet", "passages.parquet", "qrels.parquet", "run.parquet", "manifest.json"]
)
def test_a_changed_file_is_named(root: Path, name: str) -> None:
    folder = root / add(root).benchmark_id
    (folder / name).write_bytes((folder / name).read_bytes()[:-3])
    with pytest.raises(BenchmarkError, match=name):
        read_benchmark(folder)


def test_a_passage_that_is_not_there_is_named(root: Path) -> None:
    benchmark = read_benchmark(root / add(root).benchmark_id)
    with pytest.raises(BenchmarkError, match="'z'"):
        benchmark.passages(["b", "z"])


def test_a_folder_without_benchmark_says_so(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match="no benchmark"):
        read_benchmark(tmp_path / "nowhere")


def test_the_published_bright_topics_are_read(root: Path) -> None:
    """Doc ids with slashes and dots, gzipped topics, runs of 100 results a query."""
    shared = Path(__file__).parents[3] / "shared" / "data" / "bright"
    if not shared.is_dir():
        pytest.skip("the published files are not beside this checkout")
    run, qrels = shared / "robotics.run", shared / "robotics.qrels"
    docids = sorted({line.split()[2] for path in (run, qrels) for line in path.open()})
    passages = root.parent / "passages.jsonl"
    passages.write_text("".join(json.dumps({"docid": d, "text": d}) + "\n" for d in docids))
    manifest = add_benchmark(
        root,
        "robotics",
        queries=shared / "robotics.topics.tsv.gz",
        passages=passages,
        qrels=qrels,
        run=run,
    )
    assert manifest.n_judged == 101
    assert len(read_benchmark(root / manifest.benchmark_id).first_stage) == manifest.n_ranked
