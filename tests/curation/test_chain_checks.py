"""What a chain's checks say of good chains, of bad ones, and of hostile ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.chain_checks import CHECKS, failed_checks
from curation.demo.reasoning import NO_FAULTS, chance, rank
from curation.permutation import parse_response

TEXTS = [
    "which rule is it that explains why the pan is hot?",
    "light is bent by glass",
    "heat goes from the hot body to the cold one",
    "sound is a wave in the air",
]
GERMAN = (
    " Dieser Abschnitt erklärt sehr genau, warum Wärme immer vom warmen zum kalten Körper fließt,"
    " und passt deshalb am besten zur gestellten Frage."
)
GOOD = "The rule is heat. [1] is on light. [2] is on heat. [3] is on sound. So [2] is best."


@pytest.mark.parametrize(
    ("chain", "permutation", "status", "failed"),
    [
        (GOOD, (2, 1, 3), "ok", []),
        ("", (2, 1, 3), "ok", ["no_chain"]),
        ("  \n", (2, 1, 3), "truncated", ["no_chain"]),
        (GOOD.replace("[3]", "[4]"), (2, 1, 3), "ok", ["unknown", "ignored"]),
        (GOOD, (1, 2, 3), "ok", ["contradiction"]),
        # Both are named in the end, so either may come first.
        (GOOD + " Only [2] and [1] help.", (1, 2, 3), "ok", []),
        ("Heat is asked for, and nothing else.", (1, 2, 3), "ok", ["ignored"]),
        ("Passage 1 is off, passage 2 on heat, passage 3 off.", (2, 1, 3), "ok", []),
        (GOOD + " Final order: [2] > [3] > [1].", (2, 3, 1), "ok", []),
        (GOOD + " Final order: [2] > [3] > [1].", (2, 1, 3), "ok", ["contradiction"]),
        (GOOD + " And [3] is more relevant than [1].", (2, 3, 1), "ok", []),
        (GOOD + " And [3] is more relevant than [1].", (2, 1, 3), "ok", ["contradiction"]),
        (GOOD + " 这个段落最相关，排在第一位。 [2]", (2, 1, 3), "ok", ["language"]),
        (GOOD + " Das ist über alles schön, naïve café.", (2, 1, 3), "ok", []),
        (GOOD + " So [2] is the best one." * 4, (2, 1, 3), "ok", ["loop"]),
        (GOOD + " Wait." * 9, (2, 1, 3), "ok", []),
        (GOOD + " and so on it goes" * 9 + ". So [2].", (2, 1, 3), "ok", ["loop"]),
        (GOOD + GERMAN + " So [2] is best.", (2, 1, 3), "ok", ["language"]),
        (GOOD, (2, 1, 3), "truncated", ["cut"]),
        (GOOD, (2, 1, 3), "repeated", []),
        (f"<Think>{GOOD}</think>", (2, 1, 3), "ok", ["tags"]),
        (GOOD + " a < b > c, <answers>", (2, 1, 3), "ok", []),
    ],
)
def test_checks(chain, permutation, status, failed):
    assert failed_checks(chain, permutation, status, TEXTS) == failed


def test_a_script_that_the_passages_have_is_no_switch():
    chain = GOOD + " «Тепло передаётся» is in [2]."
    assert failed_checks(chain, (2, 1, 3), "ok", TEXTS) == ["language"]
    assert failed_checks(chain, (2, 1, 3), "ok", [*TEXTS, "Тепло"]) == []


def test_a_language_that_the_passages_have_is_no_switch():
    chain = GOOD + GERMAN + " So [2] is best."
    assert failed_checks(chain, (2, 1, 3), "ok", [*TEXTS, GERMAN]) == []


@pytest.mark.parametrize(
    ("answer", "leaks"),
    [
        ("forty two apples", True),  # short, but said in the very words
        ("forty two", False),  # too short to tell
        ("the rule is heat", False),  # other words
    ],
)
def test_an_answer_said_word_for_word_leaks(answer, leaks):
    chain = GOOD.replace("So", "It must be forty two apples. So")
    assert ("leak" in failed_checks(chain, (2, 1, 3), "ok", ["The rule is heat"], answer)) == leaks


@given(st.text(), st.permutations([1, 2, 3, 4]), st.sampled_from(["ok", "truncated", "missing"]))
def test_any_text_is_judged(chain, permutation, status):
    found = failed_checks(chain, permutation, status, [chain])
    assert set(found) <= CHECKS.keys()
    assert found == [check for check in CHECKS if check in found]


def test_a_simulated_teacher_without_faults_passes():
    principles = ["heat", "light", "sound", "heat"]
    for seed in range(20):
        answer = rank(chance(seed, "q"), "heat", principles, NO_FAULTS)
        assert answer.answer
        parsed = parse_response(f"<think>{answer.chain}</think><answer>{answer.answer}</answer>", 4)
        assert failed_checks(parsed.chain, parsed.permutation, parsed.status, TEXTS) == []
