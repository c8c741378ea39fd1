import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.errors import FormatError
from curation.pasted import read_pasted
from db.records import Passage


def texts(pasted: str) -> list[str]:
    return [passage.text for passage in read_pasted(pasted, most=5)]


def test_lines_and_paragraphs_and_json_lines():
    assert texts("one\n two \n") == ["one", "two"]
    assert texts("\none\nmore\n \n\ntwo") == ["one\nmore", "two"]
    assert read_pasted(
        '{"text": "one"}\n\n{"_id": 7, "contents": "two", "title": "t"}', most=5
    ) == [
        Passage("1", "one"),
        Passage("7", "two", "t"),
    ]


@pytest.mark.parametrize(
    ("pasted", "said"),
    [
        ("", "passages: 0 found, give 2 to 5"),
        ("one", "1 found"),
        ("a\nb\nc\nd\ne\nf", "6 found"),
        ('{"text": "a"}\n{"text": ', "passages:2: not JSON"),
        ('{"text": "a"}\n[]', "passages:2: not an object"),
        ('{"text": "a"}\n\n{"title": "b"}', "passages:3: text: None is no text"),
        ('{"text": "a", "title": 3}\n{"text": "b"}', "passages:1: title: 3 is no text"),
        ('{"text": "a", "id": []}\n{"text": "b"}', r"passages:1: docid: \[\] is no id"),
        ('{"text": "a", "id": "2"}\n{"text": "b"}', "passages:2: docid: '2' stands twice"),
    ],
)
def test_a_fault_is_told_with_its_line(pasted, said):
    with pytest.raises(FormatError, match=said):
        read_pasted(pasted, most=5)


@given(st.text(max_size=60))
def test_anything_pasted_is_read_or_refused(pasted):
    try:
        found = read_pasted(pasted, most=9)
    except FormatError:
        return
    assert len({passage.docid for passage in found}) == len(found)
    assert all(passage.text.strip() for passage in found)
