import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.errors import CurationError
from curation.splitting import split, words

TEXTS = st.lists(
    st.sampled_from(["word", "end.", "\n", "\n\n", "\n# ", " ", "x", "water?", "é", "\t", "## "]),
    max_size=120,
).map(" ".join)


@st.composite
def sizes(draw: st.DrawFn) -> tuple[int, int]:
    length = draw(st.integers(1, 20))
    return length, draw(st.integers(0, length // 2))


@given(TEXTS, sizes())
def test_nothing_is_lost_and_lengths_overlaps_and_order_hold(text: str, size: tuple[int, int]):
    length, overlap = size
    passages = [passage.split() for passage in split(text, length, overlap)]
    assert all(0 < len(passage) <= length for passage in passages)
    again = passages[0] if passages else []
    for before, passage in itertools.pairwise(passages):
        assert passage[:overlap] == before[len(before) - overlap :]
        again = again + passage[overlap:]
    assert again == text.split()


@given(TEXTS, sizes())
def test_every_passage_stands_in_the_text_as_it_is(text: str, size: tuple[int, int]):
    place = 0
    for passage in split(text, *size):
        place = text.index(passage, place)


@given(TEXTS, st.integers(1, 20))
def test_passages_but_the_last_are_filled_beyond_half(text: str, length: int):
    assert all(len(passage.split()) > length // 2 for passage in split(text, length)[:-1])


def test_the_strongest_boundary_is_taken():
    body = "One two three. Four five\n\nsix seven.\n\n# Eight\n\nnine ten eleven twelve thirteen"
    first, second = split(body, 11)
    assert first.endswith("six seven.")
    assert second.startswith("# Eight")
    assert split("a b c d. e f\n\ng h i j", 8)[0] == "a b c d. e f"
    assert split("a b c d e. f g h i j", 8)[0] == "a b c d e."
    assert split("a b c d e f g h i j", 8)[0] == "a b c d e f g h"


def test_a_heading_stays_with_what_it_heads():
    passages = split("a b c d e\n\n# Title here\n\nf g h i j k", 8)
    assert passages == ["a b c d e", "# Title here\n\nf g h i j", "k"]


def test_a_tokenizer_counts_instead_of_words():
    def letters(text: str) -> list[tuple[int, int]]:
        return [match.span() for match in re.finditer(r"\w", text)]

    assert split("abcd, efgh; ij!", 5, 1, letters) == ["abcd,", "d, efgh;", "h; ij!"]


def test_short_texts_stay_whole_and_empty_ones_give_nothing():
    assert split("  # One\n\ntwo  ", 10) == ["# One\n\ntwo"]
    assert split(" \n ", 3) == []
    assert words(" a  bc ") == [(1, 2), (4, 6)]


@pytest.mark.parametrize(("length", "overlap"), [(0, 0), (10, 6), (10, -1), (1, 1)])
def test_lengths_that_make_no_sense_are_refused(length: int, overlap: int):
    with pytest.raises(CurationError, match="at most half"):
        split("a b c", length, overlap)
