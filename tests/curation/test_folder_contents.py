"""Published folders as benchmarks: one content, one id; hostile files; the published values."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from curation import scoring
from curation.benchmarks import Benchmark, add_benchmark, add_folder, read_benchmark, read_manifest
from curation.errors import FormatError
from curation.trec import read_qrels, read_run
from tests.shared_data import SHARED, needs_shared_data

RUN = "q1 Q0 a 1 3 t\nq1 Q0 b c.txt 2 2 t\nq1 Q0 d 3 1 t\nq2 Q0 d 1 1 t\n"
BRIGHT_EXAMPLES: list[dict[str, Any]] = [
    {
        "id": "q1",
        "query": "Why?",
        "excluded_ids": ["a"],
        "gold_ids": ["b c.txt"],
        "gold_ids_long": ["b"],
    },
    {
        "id": "q2",
        "query": "How?",
        "excluded_ids": ["N/A"],
        "gold_ids": ["d"],
        "gold_ids_long": ["N/A"],
    },
]
DOCUMENTS = [{"id": "a", "content": "x"}, {"id": "b c.txt", "content": "y"}]
DOCUMENTS += [{"id": "d", "content": "z"}]


def lines(rows: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "published"


@pytest.fixture
def write(folder: Path) -> Callable[..., None]:
    """Write files of the folder; a list becomes parquet or JSONL by the name."""

    def to(files: dict[str, Any]) -> None:
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.suffix == ".parquet":
                pl.DataFrame(content).write_parquet(path)
            elif isinstance(content, bytes):
                path.write_bytes(content)
            else:
                path.write_text(content if isinstance(content, str) else lines(content))

    return to


@pytest.fixture
def add(folder: Path, tmp_path: Path) -> Callable[..., Benchmark]:
    def run(text: str = RUN, split: str = "test") -> Benchmark:
        (tmp_path / "first.run").write_text(text)
        root = tmp_path / "benchmarks"
        manifest = add_folder(root, "bench", folder, run=tmp_path / "first.run", split=split)
        return read_benchmark(root / manifest.benchmark_id)

    return run


BEIR: dict[str, Any] = {
    "queries.jsonl": [{"_id": "q1", "text": "Why?"}, {"_id": "train", "text": "?"}],
    "corpus.jsonl": [
        {"_id": "q1", "title": "", "text": "Why?"},
        {"_id": "a", "title": "T", "text": "x"},
    ],
    "qrels/test.tsv": "query-id\tcorpus-id\tscore\nq1\ta\t1\nq1\tgone from the corpus\t1\n",
}
R2MED: dict[str, Any] = {
    "query.jsonl": [{"id": "q1", "text": "Why?"}, {"id": "q2", "text": "How?"}],
    "corpus.jsonl": [{"id": row["id"], "text": row["content"]} for row in DOCUMENTS],
    "qrels.jsonl": [
        {"q_id": "q1", "p_id": "b c.txt", "score": 1.0},
        {"q_id": "q2", "p_id": "d", "score": 1},
    ],
}
BRIGHT: dict[str, Any] = {
    "examples/biology-00000-of-00001.parquet": BRIGHT_EXAMPLES,
    "documents/biology-00000-of-00002.parquet": DOCUMENTS[:2],
    "documents/biology-00001-of-00002.parquet": DOCUMENTS[2:],
}
BRIGHT_LINES: dict[str, Any] = {
    "examples/biology.jsonl": BRIGHT_EXAMPLES,
    "documents/biology.jsonl": DOCUMENTS,
}


@pytest.mark.parametrize("files", [BRIGHT, BRIGHT_LINES], ids=["parquet", "jsonl"])
def test_bright_keeps_what_a_query_excludes_out_of_the_run(write, add, files):
    write(files)
    found = add()
    assert found.queries == {"q1": "Why?", "q2": "How?"}
    assert found.qrels == {"q1": {"b c.txt": 1}, "q2": {"d": 1}}
    assert found.excluded == {"q1": {"a"}}
    assert found.first_stage == {"q1": ["b c.txt", "d"], "q2": ["d"]}
    assert found.manifest.max_passage_tokens == 512
    assert scoring.mean(scoring.per_query(found.qrels, found.scores, ["nDCG@10"])) == {
        "nDCG@10": 1.0
    }


def test_parquet_and_jsonl_of_one_benchmark_have_one_id(write, add, folder):
    write(BRIGHT)
    first = add().manifest.benchmark_id
    for path in folder.rglob("*.parquet"):
        path.unlink()
    write(BRIGHT_LINES)
    assert add().manifest.benchmark_id == first


def test_the_excluded_passages_are_a_part_of_the_content(write, add):
    write(BRIGHT_LINES)
    first = add().manifest.benchmark_id
    # The run has no `b`, so that nothing but the pairs tells the two apart.
    other = [dict(BRIGHT_EXAMPLES[0], excluded_ids=["a", "b"]), BRIGHT_EXAMPLES[1]]
    write({"examples/biology.jsonl": other})
    assert add().manifest.benchmark_id != first


def test_beir_in_mteb_s_form_and_gzipped(write, add):
    qrels = lines([{"query-id": "q1", "corpus-id": "a", "score": 1.0}])
    corpus = gzip.compress(lines(BEIR["corpus.jsonl"]).encode())
    write({"queries.jsonl": BEIR["queries.jsonl"], "corpus.jsonl.gz": corpus})
    write({"qrels/dev.jsonl": qrels})
    assert add("q1 Q0 a 2 1 t\n", split="dev").qrels == {"q1": {"a": 1}}


def test_a_query_that_nothing_is_left_of_has_no_first_stage(write, add):
    write(BRIGHT_LINES)
    found = add("q1 Q0 a 1 3 t\nq2 Q0 d 1 1 t\n")
    assert list(found.first_stage) == ["q2"]
    assert (found.manifest.n_judged, found.manifest.n_ranked) == (2, 1)


@pytest.mark.parametrize(
    ("files", "place", "told"),
    [
        ({"readme.txt": ""}, "published:", "it is no BEIR folder"),
        ({"queries.jsonl": BEIR["queries.jsonl"]}, "published:", "corpus.jsonl is missing"),
        (
            {name: BEIR[name] for name in ("queries.jsonl", "corpus.jsonl")}
            | {"qrels/train.tsv": BEIR["qrels/test.tsv"]},
            "published:",
            "qrels/test.tsv is missing; there are train.tsv",
        ),
        ({"examples/b.jsonl": BRIGHT_EXAMPLES}, "documents:", "no parquet or JSONL file"),
        (
            {"examples/b.jsonl": BRIGHT_EXAMPLES, "documents/b.jsonl": [{"id": "a"}]},
            "b.jsonl:1: text:",
            "none of text, contents, content is there",
        ),
        (
            R2MED | {"qrels.jsonl": [{"q_id": "q1", "p_id": "d", "score": "1"}]},
            "qrels.jsonl:1: score:",
            "is not a whole number",
        ),
        (
            R2MED | {"qrels.jsonl": [{"q_id": "q1", "p_id": "d", "score": 0.5}]},
            "qrels.jsonl:1: score:",
            "is not a whole number",
        ),
        (
            R2MED | {"qrels.jsonl": [{"q_id": "q1", "p_id": "d", "score": 1}] * 2},
            "qrels.jsonl:2: p_id:",
            "judged twice",
        ),
        (R2MED | {"query.jsonl": [{"id": "q1", "text": "?"}]}, "'q2': not in", "query.jsonl"),
    ],
)
def test_a_fault_is_named_with_its_place(write, add, files, place, told):
    write(files)
    with pytest.raises(FormatError, match="published") as error:
        add()
    assert place in str(error.value)
    assert told in str(error.value)


@pytest.mark.parametrize(
    ("name", "content", "place", "told"),
    [
        ("b.jsonl", [{"id": "q", "query": "?", "gold_ids": "d"}], "1: gold_ids:", "not a list"),
        (
            "b.jsonl",
            [{"id": "q", "query": "?", "gold_ids": ["d", None]}],
            "1: gold_ids:",
            "nothing is",
        ),
        ("b.jsonl", [{"id": "q", "query": "?", "gold_ids": ["d"]}], "1: excluded_ids:", "none of"),
        ("b.jsonl", [BRIGHT_EXAMPLES[0]] * 2, "2: id:", "'q1' stands twice"),
        (
            "b.jsonl",
            [{"id": "q", "query": "?", "gold_ids": [], "excluded_ids": []}],
            "gold_ids:",
            "no query has gold_ids",
        ),
        ("b.parquet", [{"id": "q1", "query": 4, "gold_ids": ["d"]}], "1: query:", "not a string"),
        ("b.jsonl", "{", "1:", "Expecting"),
        ("b.jsonl", gzip.compress(lines(BRIGHT_EXAMPLES).encode())[:-9], "b.jsonl", "gzip"),
        ("b.parquet", b"PAR1 and then nothing", "b.parquet:", "parquet data is broken"),
    ],
)
def test_a_fault_in_bright_s_examples_is_named(write, add, folder, name, content, place, told):
    write({"documents/b.jsonl": DOCUMENTS})
    if isinstance(content, bytes):
        (folder / "examples").mkdir()
        (folder / "examples" / name).write_bytes(content)
    else:
        write({f"examples/{name}": content})
    with pytest.raises(FormatError) as error:
        add()
    assert f"examples/{name}" in str(error.value)
    assert place in str(error.value)
    assert told in str(error.value)


def test_broken_parquet_is_named(write, add, folder):
    write(BRIGHT)
    path = folder / "documents/biology-00001-of-00002.parquet"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(FormatError, match=r"00001-of-00002\.parquet: the parquet data is broken"):
        add()


def test_a_run_of_passages_that_the_folder_lacks_is_refused(write, add):
    write(R2MED)
    with pytest.raises(
        FormatError, match=r"first\.run:2: docid: 'nowhere at all': not in .*corpus"
    ):
        add("q1 Q0 a 1 3 t\nq1 Q0 nowhere at all 2 2 t\n")


def test_a_benchmark_made_before_there_were_excluded_passages_still_opens(tmp_path):
    """It lists no such file and no passage length, and its id stays what it was."""
    files = {"queries": "q1\tWhy?\n", "passages": '{"id": "a", "text": "x"}\n'}
    files |= {"qrels": "q1 0 a 1\n", "run": "q1 Q0 a 1 1 t\n"}
    paths = {name: tmp_path / name for name in files}
    for name, text in files.items():
        paths[name].write_text(text)
    manifest = add_benchmark(tmp_path / "benchmarks", "old", **paths)
    folder = tmp_path / "benchmarks" / manifest.benchmark_id
    values = json.loads((folder / "manifest.json").read_text())
    assert sorted(values["files"]) == [
        f"{n}.parquet" for n in ("passages", "qrels", "queries", "run")
    ]
    assert "max_passage_tokens" not in values
    assert read_benchmark(folder).excluded == {}
    assert read_manifest(folder) == manifest
    assert manifest.benchmark_id == "b4cc95db6612eb16"


@needs_shared_data
@pytest.mark.parametrize(
    ("task", "published"),
    [("biology", 43.49), ("economics", 32.65), ("robotics", 20.82), ("pony", 19.55)],
)
def test_published_first_stages_come_out_through_a_bright_folder(write, add, task, published):
    """The published queries, labels and runs, put into the folder that BRIGHT is published as."""
    bright = SHARED / "bright"
    run, qrels = read_run(bright / f"{task}.run"), read_qrels(bright / f"{task}.qrels")
    with gzip.open(bright / f"{task}.topics.tsv.gz", "rt", encoding="utf-8") as file:
        queries = dict(line.rstrip("\n").split("\t", 1) for line in file)
    gold = {qid: [d for d, relevance in found.items() if relevance] for qid, found in qrels.items()}
    docids = {d for found in (*run.values(), *qrels.values()) for d in found}
    write(
        {
            f"examples/{task}.parquet": [
                {"id": qid, "query": text, "excluded_ids": ["N/A"], "gold_ids": gold[qid]}
                for qid, text in queries.items()
            ],
            f"documents/{task}.parquet": [{"id": d, "content": f"on {d}"} for d in sorted(docids)],
        }
    )
    found = add((bright / f"{task}.run").read_text())
    value = scoring.mean(scoring.per_query(found.qrels, found.scores, ["nDCG@10"]))["nDCG@10"]
    assert round(100 * value, 2) == published
