import random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from curation.duplicates import (
    LEVELS,
    Duplicate,
    exact,
    find_duplicates,
    near_duplicates,
    normal,
    semantic_duplicates,
)

LONG = " ".join(f"word{number}" for number in range(60))


def vectors(texts: list[str]) -> np.ndarray:
    """Unit vectors at the angle that a text names, in degrees."""
    angles = np.radians([float(text.split()[-1]) for text in texts])
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def test_case_punctuation_spacing_and_letter_forms_do_not_count():
    texts = {"a": "The ﬁrst, of two!", "b": "the  FIRST\nof two", "c": "the first of three"}
    assert exact(texts) == [Duplicate("b", "a", "exact", 1.0)]


def test_texts_without_a_word_are_told_apart():
    assert normal("+ -") != normal("- +")
    assert exact({"a": "∑", "b": "∏", "c": " ∑"}) == [Duplicate("c", "a", "exact", 1.0)]


def test_a_changed_word_is_near_and_another_text_is_not():
    texts = {"a": LONG, "b": LONG.replace("word30", "other"), "c": LONG[::-1]}
    (found,) = near_duplicates(texts, 0.8)
    assert (found.id, found.of, found.kind) == ("b", "a", "near")
    assert found.similarity == 55 / 61  # three of 58 runs of words differ


def test_planted_near_duplicates_are_found():
    chance = random.Random(3)
    vocabulary = [f"w{number}" for number in range(2000)]
    texts = {str(n): " ".join(chance.choices(vocabulary, k=80)) for n in range(300)}
    for n in range(100):
        words = texts[str(n)].split()
        words[chance.randrange(80)] = "new"
        texts[f"copy {n}"] = " ".join(words)
    found = near_duplicates(texts, 0.8)
    assert {each.id: each.of for each in found} == {f"copy {n}": str(n) for n in range(100)}


def test_what_goes_is_similar_to_what_stays_and_not_through_a_chain():
    texts = {"a": "0", "b": "10", "c": "20", "d": "90"}
    found = semantic_duplicates(texts, np.cos(np.radians(11)), vectors)
    assert [(each.id, each.of) for each in found] == [("b", "a")]


@given(st.lists(st.integers(0, 360), min_size=1, max_size=40), st.floats(0.5, 0.99))
def test_semantic_duplicates_keep_the_first_and_lie_above_the_cut(angles, cut):
    texts = {str(place): str(angle) for place, angle in enumerate(angles)}
    found = {each.id: each for each in semantic_duplicates(texts, cut, vectors)}
    staying = [key for key in texts if key not in found]
    for each in found.values():
        assert each.of in staying
        assert int(each.of) < int(each.id)
        assert each.similarity >= cut - 1e-6
    for place, key in enumerate(staying):
        one = vectors([texts[key]])[0]
        assert all(vectors([texts[other]])[0] @ one < cut + 1e-6 for other in staying[:place])


def test_levels_include_each_other_and_lead_to_what_stays_in_the_end():
    texts = {
        "a": f"{LONG} 5",
        "b": f"{LONG} new 6",
        "c": f"{LONG} NEW, 6",
        "d": "something else altogether 5",
        "e": "something else altogether 90",
    }
    by_level = {
        level: [
            (each.id, each.of, each.kind)
            for each in find_duplicates(texts, level, encode=vectors, semantic=0.99)
        ]
        for level in LEVELS
    }
    assert by_level["none"] == []
    assert by_level["exact"] == [("c", "b", "exact")]
    assert by_level["near"] == [("b", "a", "near"), ("c", "a", "exact")]
    assert by_level["semantic"] == [*by_level["near"], ("d", "a", "semantic")]


def test_progress_is_told_to_the_end():
    told: list[tuple[int, int]] = []
    near_duplicates({str(n): f"{n} {n}" for n in range(300)}, 0.8, lambda *of: told.append(of))
    assert told == [(256, 300), (300, 300)]
