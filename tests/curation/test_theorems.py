import json
from pathlib import Path

import pytest

from curation.errors import FormatError
from curation.source_beir import read_beir_source
from curation.source_folder import SourceError, SourceQuery
from curation.theorems import read_theorems

GROUP = {"id": 7, "type": "definition", "title": "Group", "contents": ["A set", "with a law."]}
INVERSE = {
    "id": 8,
    "title": "Inverse",
    "contents": ["Inverses are unique."],
    "proofs": [{"contents": ["Let $a$ be one.", "Then it is."], "ref_ids": [7, 8, 7, 99]}],
}
PLAIN = {"id": "t/1", "statement": "1 < 2.", "proof": "Count.", "references": []}


def write(folder: Path, *rows: object) -> Path:
    path = folder / "theorems.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return path


def test_a_theorem_asks_its_proof_answers_and_its_references_are_linked(tmp_path):
    draft = read_theorems(write(tmp_path, GROUP, INVERSE, PLAIN), "proofwiki")
    assert draft.queries == [
        SourceQuery(
            "8",
            "proofwiki",
            "Inverses are unique.",
            "Let $a$ be one.\nThen it is.",
            linked=("7",),
        ),
        SourceQuery("t/1", "proofwiki", "1 < 2.", "Count."),
    ]
    assert draft.passages.rows() == [
        ("7", "Group", "A set\nwith a law."),
        ("8", "Inverse", "Inverses are unique."),
        ("t/1", None, "1 < 2."),
    ]
    assert draft.read == {"statements": 3, "theorems with a proof": 2}
    assert draft.notes == {
        "references that are not there": 1,
        "theorems without a reference that is there": 1,
    }


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([PLAIN, PLAIN], r"theorems.jsonl:2: id: 't/1' stands twice"),
        ([{"title": "x"}], r":1: id: none of id"),
        ([{"id": 1, "statement": " "}], r":1: statement: .*without words"),
        ([{"id": 1, "text": {"a": 1}}], r":1: text: an object is neither"),
        ([PLAIN | {"references": "t/2"}], r":1: references: 't/2' is not a list"),
        ([PLAIN | {"proof": 4}], r":1: proof: 4 is neither"),
        ([], "there are no theorems"),
    ],
)
def test_a_bad_row_is_named(tmp_path, rows, told):
    with pytest.raises(FormatError, match=told):
        read_theorems(write(tmp_path, *rows), "d")


def test_theorems_without_any_proof_are_no_source(tmp_path):
    with pytest.raises(SourceError, match="no theorem with a proof"):
        read_theorems(write(tmp_path, GROUP), "d")


@pytest.fixture
def beir(tmp_path: Path) -> Path:
    (tmp_path / "qrels").mkdir()
    lines = ["query-id\tcorpus-id\tscore", "q1\ta b\t2", "q1\tgone\t1", "q2\tgone\t1", "q3\tc\t0"]
    (tmp_path / "qrels" / "train.tsv").write_text("\n".join(lines))
    queries = [{"_id": f"q{n}", "text": f"why {n}?"} for n in range(1, 5)]
    (tmp_path / "queries.jsonl").write_text("\n".join(map(json.dumps, queries)))
    corpus = [{"_id": "a b", "title": "A", "text": "one"}, {"_id": "c", "title": "", "text": "two"}]
    (tmp_path / "corpus.jsonl").write_text("\n".join(map(json.dumps, corpus)))
    return tmp_path


def test_a_beir_folder_gives_its_labels_as_they_are(beir: Path):
    draft = read_beir_source(beir, "fiqa")
    assert draft.queries == [SourceQuery("q1", "fiqa", "why 1?", relevant=("a b",))]
    assert draft.passages.rows() == [("a b", "A", "one"), ("c", None, "two")]
    assert draft.dropped == {"no relevant passage": 2}
    assert draft.notes == {"labels of passages that the corpus lacks": 2}


def test_a_missing_split_names_the_others(beir: Path):
    with pytest.raises(FormatError, match=r"qrels/dev.tsv is missing; there are train.tsv"):
        read_beir_source(beir, "fiqa", "dev")
