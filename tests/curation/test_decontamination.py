import string

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation import decontamination
from curation.decontamination import (
    BINS,
    Cuts,
    DecontaminationError,
    exact_pairs,
    fingerprints,
    meaning_pairs,
    normalise,
    shared_texts,
    word_pairs,
)

QUERY = "Why do insects circle a lamp at night, and does an LED attract them less than a bulb?"
OTHER = "How much of a country's aid flows back through trade in services each year?"

texts = st.text(max_size=60)


@given(texts)
def test_a_normalised_text_stays_as_it_is(text: str):
    assert normalise(normalise(text)) == normalise(text)


@given(st.text(alphabet=string.printable, max_size=60))
def test_case_and_spacing_make_no_difference(text: str):
    assert normalise(text.upper()) == normalise(text.lower()) == normalise(text)
    assert normalise("\t ".join(text)) == normalise(text)


@given(texts, st.sampled_from("?!.,;:-–'\"()[]{}<>#$%&*+/=@\\^_`|~… \n\u00a0\u200b"))
def test_a_mark_or_a_space_at_the_end_makes_no_difference(text: str, mark: str):
    assert normalise(text + mark) == normalise(text)


def test_width_and_folding_are_taken_away_and_letters_of_any_script_stay():
    assert normalise("Ｆｕｌｌ ２") == "full2"
    assert normalise("Straße") == normalise("STRASSE")
    assert normalise("किताब क्या है?") == "किताबक्याहै"
    assert normalise("?! …") == ""


def test_exact_pairs_are_those_equal_after_normalisation_and_empty_texts_are_none():
    training = {"same": QUERY.upper().replace(",", " ;"), "other": OTHER, "empty": "?!"}
    found = exact_pairs(training, {"q1": QUERY, "q2": QUERY + "!", "q3": "..."})
    assert {(pair.item_id, pair.qid) for pair in found} == {("same", "q1"), ("same", "q2")}
    assert {pair.kind for pair in found} == {"exact"}


def test_words_pair_a_text_with_its_altered_form_and_not_with_another():
    altered = "Hello. " + QUERY.replace("circle ", "")
    found = word_pairs({"near": altered, "far": OTHER}, {"q": QUERY}, cut=0.7)
    assert [(pair.item_id, pair.qid) for pair in found.pairs] == [("near", "q")]
    assert 0.7 < found.pairs[0].score < 1
    assert sum(found.histogram) == 2
    assert len(found.histogram) == BINS


def test_equal_texts_reach_a_cut_of_one():
    found = word_pairs({"same": QUERY.upper()}, {"q": QUERY}, cut=1.0)
    assert found.pairs[0].over(1.0)


def test_texts_that_are_too_short_to_compare_are_like_nothing():
    assert word_pairs({"a": "ab"}, {"q": "ab"}, cut=0.5).pairs == []


def test_of_texts_without_a_pair_the_nearest_miss_is_listed():
    side = np.array([[1, 0], [0.8, 0.6], [0, 1]], dtype=np.float32)
    found = meaning_pairs(["a", "b", "c"], side, ["q", "r"], side[:2], cut=0.85)
    scores = {(pair.item_id, pair.qid): round(pair.score, 3) for pair in found.pairs}
    assert scores == {("a", "q"): 1.0, ("b", "r"): 1.0}
    found = meaning_pairs(["b"], side[1:2], ["q"], side[:1], cut=0.85)
    assert [(pair.qid, pair.over(0.85)) for pair in found.pairs] == [("q", False)]


def test_nothing_to_compare_with_is_no_pair():
    empty = np.zeros((0, 2), dtype=np.float32)
    side = np.array([[1, 0]], dtype=np.float32)
    assert meaning_pairs(["a"], side, [], empty, cut=0.9).pairs == []
    assert meaning_pairs([], empty, ["q"], side, cut=0.9).pairs == []


def test_a_cut_that_lets_everything_through_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(decontamination, "MOST", 3)
    side = np.ones((2, 1), dtype=np.float32)
    with pytest.raises(DecontaminationError, match="0.1 of meaning. Choose a higher one"):
        meaning_pairs(["a", "b"], side, ["q", "r"], side, cut=0.1)


def test_shared_passages_are_counted_on_both_sides():
    known = fingerprints([("p1", "A note."), ("p2", "a NOTE"), ("p3", "else"), ("p4", "")])
    assert shared_texts(known, ["a note", "A note!", "", "new"]) == (["p1", "p2"], 2)


@pytest.mark.parametrize("value", [0, -1, 1.1, float("nan")])
def test_a_cut_is_a_cosine(value: float):
    with pytest.raises(DecontaminationError, match="cosine above 0"):
        Cuts(words=value)
