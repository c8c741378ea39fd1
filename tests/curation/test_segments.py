"""Steps and sentences give the chain back, and none is so long that a page would freeze on it."""

import time

from hypothesis import given
from hypothesis import strategies as st

from curation.segments import LONGEST, steps_of


@given(st.text(alphabet=st.sampled_from('ab1.!? \n[]()"')))
def test_joined_the_steps_are_the_chain(chain: str) -> None:
    steps = steps_of(chain)
    assert "".join("".join(step.sentences) for step in steps) == chain
    assert [step.stop for step in steps[:-1]] == [step.start for step in steps[1:]]


def test_paragraphs_are_steps_and_one_paragraph_is_cut_at_its_sentences() -> None:
    assert [step.sentences for step in steps_of("One. Two.\n\n1. Three [2]!")] == [
        ("One. ", "Two.\n\n"),
        ("1. Three [2]!",),
    ]
    assert [step.sentences for step in steps_of("One? Two in 3.5 days.")] == [
        ("One? ",),
        ("Two in 3.5 days.",),
    ]
    assert steps_of("") == ()


def test_a_megabyte_is_cut_in_good_time() -> None:
    began = time.process_time()
    for chain in ("y" * 1_000_000, "a word and [2] " * 66_000, "Short. " * 140_000):
        steps = steps_of(chain)
        assert max(step.stop - step.start for step in steps) <= LONGEST
    assert time.process_time() - began < 5
