from collections import Counter
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.demo import reasoning
from curation.demo.language import domains
from curation.demo.reasoning import NO_FAULTS, Faults
from curation.permutation import parse_response, render_response

NAMES = [principle.name for domain in domains() for principle in domain.principles]
WINDOWS = st.lists(st.sampled_from(NAMES), min_size=1, max_size=8)
DRAWS = 4000
QUERY = NAMES[0]
WINDOW = [NAMES[1], QUERY, NAMES[2], NAMES[9], QUERY, NAMES[17], NAMES[25]]
RIGHT = (2, 5, 1, 3, 4, 6, 7)


def answers(faults: Faults) -> list[reasoning.Answer]:
    return [
        reasoning.rank(reasoning.chance(0, str(k)), QUERY, WINDOW, faults) for k in range(DRAWS)
    ]


def status(answer: reasoning.Answer) -> str:
    text = "" if answer.answer is None else f"<answer>{answer.answer}</answer>"
    return parse_response(text, len(WINDOW), truncated=answer.truncated).status


@given(st.integers(), st.sampled_from(NAMES), WINDOWS)
def test_an_order_puts_what_fits_first_and_keeps_the_rest(seed, query, passages):
    chain, order = reasoning.explain(Random(seed), query, passages)
    fits = [i for i, p in enumerate(passages, start=1) if p == query]
    rest = [i for i, p in enumerate(passages, start=1) if p != query]
    assert order == fits + rest
    assert query in chain
    for i, principle in enumerate(passages, start=1):
        assert f"[{i}]" in chain
        assert principle in chain
    parsed = parse_response(render_response(chain, order), len(passages))
    assert (parsed.permutation, parsed.status) == (tuple(order), "ok")


def test_a_request_always_gets_the_same_answer_and_a_seed_changes_it():
    assert answers(Faults()) == answers(Faults())
    draws = [reasoning.chance(seed, "prompt").random() for seed in (0, 0, 1)]
    assert draws[0] == draws[1] != draws[2]
    # Content is told apart by its parts, not by their concatenation.
    assert reasoning.chance(0, "a", "b").random() != reasoning.chance(0, "ab").random()


def test_without_faults_every_answer_is_right():
    for answer in answers(NO_FAULTS)[:100]:
        parsed = parse_response(f"<answer>{answer.answer}</answer>", len(WINDOW))
        assert (parsed.permutation, parsed.status) == (RIGHT, "ok")
    chosen = reasoning.select(Random(0), QUERY, WINDOW, NO_FAULTS)
    assert chosen == "[2] [5]"
    assert reasoning.select(Random(0), NAMES[-1], WINDOW, NO_FAULTS) == "None"


@pytest.mark.parametrize("kind", ["missing", "repeated", "no_answer", "truncated"])
def test_faults_of_form_come_at_their_rate_and_parse_as_what_they_are(kind):
    rate = getattr(Faults(), kind)
    counts = Counter(status(answer) for answer in answers(Faults()))
    # Four standard deviations of a binomial share.
    assert counts[kind] / DRAWS == pytest.approx(rate, abs=4 * (rate / DRAWS) ** 0.5)


def test_faults_of_order_leave_the_chain_right():
    for answer in answers(replace(NO_FAULTS, inverted=1.0))[:20]:
        parsed = parse_response(f"<answer>{answer.answer}</answer>", len(WINDOW))
        assert parsed.permutation == RIGHT[::-1]
        assert "[2] " in answer.chain
        assert "fits" in answer.chain
    shuffled = {answer.answer for answer in answers(replace(NO_FAULTS, shuffled=1.0))[:50]}
    assert len(shuffled) > 25


def test_a_wrong_judgment_is_another_principle_of_the_same_domain():
    own = next(d for d in domains() if QUERY in [p.name for p in d.principles])
    others = {p.name for p in own.principles} - {QUERY}
    believed = set()
    for answer in answers(replace(NO_FAULTS, wrong_query=1.0))[:300]:
        opening = answer.chain.split("[1]")[0]
        assert QUERY not in opening
        believed |= {name for name in others if name in opening}
    assert believed == others


def test_wrong_labels_come_at_their_rate():
    rate = Faults().wrong_label
    wrong = 0
    for k in range(DRAWS):
        chosen = reasoning.select(reasoning.chance(0, str(k)), QUERY, WINDOW, Faults())
        named = {i for i in range(1, 8) if f"[{i}]" in chosen}
        wrong += len(named ^ {2, 5})
    total = DRAWS * len(WINDOW)
    assert wrong / total == pytest.approx(rate, abs=4 * (rate / total) ** 0.5)


def test_a_truncated_chain_is_the_beginning_of_a_whole_one():
    whole = {a.chain for a in answers(NO_FAULTS)}
    for answer in answers(replace(NO_FAULTS, truncated=1.0))[:20]:
        assert answer.answer is None
        assert any(chain.startswith(answer.chain) for chain in whole)


def test_a_principle_of_no_domain_is_refused():
    with pytest.raises(ValueError, match="no domain has the principle 'alchemy'"):
        reasoning.rank(Random(0), "alchemy", WINDOW, replace(NO_FAULTS, wrong_query=1.0))
