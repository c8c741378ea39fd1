from hypothesis import given
from hypothesis import strategies as st

from curation.word_diff import Span, word_diff

texts = st.text(st.sampled_from("ab [1]2.\n<"), max_size=40)


def test_changed_words_and_mentions_are_marked():
    left, right = word_diff("Only heat fits, so [2] first.", "Only heat fits,  so [12] is first.")
    assert left == [
        Span("Only heat fits, so ", False),
        Span("[2] ", True),
        Span("first.", False),
    ]
    assert right == [
        Span("Only heat fits,  so ", False),
        Span("[12] is ", True),
        Span("first.", False),
    ]


@given(texts, texts)
def test_spans_give_both_texts_back_and_share_what_is_unchanged(a, b):
    left, right = word_diff(a, b)
    assert ("".join(span.text for span in left), "".join(span.text for span in right)) == (a, b)
    kept = [
        "".join("".join(span.text for span in spans if not span.changed).split())
        for spans in (left, right)
    ]
    assert kept[0] == kept[1]


@given(texts)
def test_equal_texts_have_no_changes(text):
    assert not any(span.changed for side in word_diff(text, text) for span in side)
