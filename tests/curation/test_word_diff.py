from hypothesis import given
from hypothesis import strategies as st

from curation.word_diff import word_diff

words = st.lists(st.sampled_from(["a", "b", "B", "c,", "d"]), max_size=12)


@given(words, words)
def test_each_side_keeps_its_words_and_what_is_alike_is_the_same_on_both(first, second):
    sides = word_diff(" ".join(first), "\n".join(second))
    for pieces, own in zip(sides, (first, second), strict=True):
        assert " ".join(text for text, _ in pieces).split() == own
    alike = [" ".join(t for t, differs in pieces if not differs).split() for pieces in sides]
    assert alike[0] == alike[1]


def test_marks_what_was_left_out_and_what_was_put_in_its_place():
    left, right = word_diff("why do moths circle a lamp", "why moths circle the lamp")
    assert left == [
        ("why", False),
        ("do", True),
        ("moths circle", False),
        ("a", True),
        ("lamp", False),
    ]
    assert [text for text, differs in right if differs] == ["the"]
