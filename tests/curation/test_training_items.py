import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curation.errors import FormatError
from curation.training_items import (
    Candidate,
    TrainingItem,
    item_id,
    passage_id,
    read_items,
    write_items,
)

ITEM = TrainingItem(
    item_id="i1",
    domain="biology",
    qid="q 1",
    query="Why is the sky blue?",
    candidates=(Candidate("a/1.txt", "Rayleigh"), Candidate("b", "Tyndall", title="Light")),
    relevant_docids=("a/1.txt",),
    ranking=("b", "a/1.txt"),
    chain="[2] explains it.",
    author="teacher",
    author_name="teacher",
)
TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@st.composite
def items(draw: st.DrawFn) -> TrainingItem:
    docids = draw(st.lists(TEXT, min_size=1, max_size=6, unique=True))
    return TrainingItem(
        item_id=draw(TEXT),
        domain=draw(TEXT),
        qid=draw(TEXT),
        query=draw(TEXT),
        candidates=tuple(Candidate(docid, draw(TEXT), draw(st.none() | TEXT)) for docid in docids),
        relevant_docids=tuple(draw(st.lists(st.sampled_from(docids), min_size=1, unique=True))),
        ranking=tuple(draw(st.permutations(docids))),
        chain=draw(TEXT),
        author=draw(st.sampled_from(["teacher", "human"])),
        author_name=draw(TEXT),
    )


def test_permutation_counts_from_one_in_initial_order() -> None:
    assert ITEM.permutation == (2, 1)


def test_a_title_is_read_before_its_text() -> None:
    assert ITEM.texts == ("Rayleigh", "Light Tyndall")


def test_another_text_makes_another_item() -> None:
    def of(text: str) -> str:
        return item_id("biology", "q", "why", [passage_id(Candidate("a", text))], ["a"])

    assert of("one") == of("one") != of("two")


# The first draw of any text builds Hypothesis' table of Unicode, which takes seconds.
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(items(), max_size=3))
def test_what_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[TrainingItem]
) -> None:
    path = tmp_path_factory.mktemp("items") / "items.jsonl"
    assert write_items(path, rows) == len(rows)
    assert list(read_items(path)) == rows


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"qid": 7}, "qid: 7 is not a string"),
        ({"query": None}, "query: nothing is not a string"),
        ({"candidates": []}, "candidates: a list of 0"),
        ({"candidates": [{"docid": "a"}]}, "text: nothing is not a string"),
        ({"candidates": [{"docid": "a", "text": "x"}] * 2}, "a docid stands twice"),
        ({"relevant_docids": []}, "relevant_docids: not a non-empty choice"),
        ({"relevant_docids": ["z"]}, "relevant_docids: not a non-empty choice"),
        ({"ranking": ["b", "b"]}, "ranking: does not hold each"),
        ({"ranking": "b"}, "ranking: 'b' is not a list of strings"),
        ({"author": "checkpoint"}, "author: 'checkpoint' is neither"),
    ],
)
def test_a_wrong_field_is_named_with_its_line(
    tmp_path: Path, change: dict[str, object], message: str
) -> None:
    path = tmp_path / "items.jsonl"
    write_items(path, [ITEM, ITEM])
    first, second = path.read_text().splitlines()
    path.write_text(first + "\n" + json.dumps(json.loads(second) | change))
    with pytest.raises(FormatError) as error:
        list(read_items(path))
    assert f"{path}:2: " in str(error.value)
    assert message in str(error.value)


@pytest.mark.parametrize(
    "line",
    [b"", b"{", b"[1]", b"\xff{}", b'{"a": NaN}', b'{"a": 1, "a": 2}', b'"\\ud800"', b"[" * 9999,
     b"9" * 5000],
    ids=["empty", "cut", "list", "latin-1", "nan", "twice", "surrogate", "deep", "long number"],
)  # fmt: skip
def test_a_line_that_is_no_object_is_named(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "items.jsonl"
    path.write_bytes(line + b"\n")
    with pytest.raises(FormatError, match=r"items\.jsonl:1: "):
        list(read_items(path))
