import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.prompts import load_template, version
from curation.source_folder import SourceQuery
from curation.synthesis import (
    BareQuestion,
    bare_question,
    compose,
    gold_question,
    parse_choice_of,
    ranking_prompt,
    selection_prompt,
    shown_order,
)

QUERY = SourceQuery("q1", "biology", "Why do leaves fall?", answer="Abscission saves water.")


def test_what_is_asked_for_a_chain_has_no_place_for_the_gold_answer():
    assert {field.name for field in dataclasses.fields(BareQuestion)} == {"query", "passages"}
    messages = ranking_prompt(load_template("listwise"), bare_question(QUERY, ["one", "two"]))
    assert "Abscission" not in str(messages)
    messages = selection_prompt(load_template("teacher-select"), gold_question(QUERY, ["one"]))
    assert "Solution: Abscission saves water." in messages[-1]["content"]


def test_a_template_has_a_version_that_changes_with_its_text():
    template = load_template("listwise")
    changed = template.model_copy(update={"prefix": template.prefix + "!"})
    name, _, digest = version("/some/where/listwise.yaml", template).partition("@")
    assert (name, len(digest)) == ("listwise", 8)
    assert version("listwise", template) == f"listwise@{digest}" != version("listwise", changed)


@pytest.mark.parametrize(
    ("text", "numbers", "status"),
    [
        ("[2] [4]", (2, 4), "ok"),
        ("[4], [2], [4]", (2, 4), "ok"),
        ("2, 4", (2, 4), "ok"),
        ("None", (), "ok"),
        ("none.", (), "ok"),
        ("<think>[1] looks good, but no.</think>\nNone", (), "ok"),
        ("[2] [9]", (2,), "out_of_range"),
        ("[0]", (), "out_of_range"),
        ("There are 5 passages and I like 3 of them.", (), "no_answer"),
        ("", (), "no_answer"),
        ("<think>foo [3]", (), "no_answer"),
        ("[1] fits best.</think>[2]", (2,), "ok"),
        ("**Chosen:** [2], [4] and [5].", (2, 4, 5), "ok"),
        ("[2, 4]", (2, 4), "ok"),
        ("[2] [4]\n\nPassage [3] was not chosen.", (2, 4), "ok"),
        ("[2], [4]. Passage [3] was not chosen.", (), "no_answer"),
        ("Relevant: [2]\nNot relevant: [3]", (2,), "ok"),
        ("Not relevant: [3]", (), "no_answer"),
        ("[2]\n[4]", (2, 4), "ok"),
        ("None, though [3] comes near.", (), "no_answer"),
        ("None of the passages helps.", (), "ok"),
    ],
)
def test_choices_are_read(text, numbers, status):
    found = parse_choice_of(text, 5)
    assert (found.numbers, found.status) == (numbers, status)


def test_a_choice_that_was_cut_off_is_none():
    assert parse_choice_of("[2] [3", 5, truncated=True).status == "truncated"


ids = st.lists(st.integers(0, 60).map(str), unique=True, max_size=40)


@given(ids, ids, ids, st.integers(0, 3), st.integers(2, 25))
def test_a_list_is_filled_by_positives_up_to_a_third_then_hard_negatives_then_others(
    positives, hard, others, seed, size
):
    found = compose(positives, hard, others, seed=seed, qid="q", size=size)
    hard = [docid for docid in hard if docid not in positives]
    negatives = {*hard, *others} - set(positives)
    assert len(set(found)) == len(found) == min(size, len({*positives, *negatives}))
    relevant = set(found) & set(positives)
    assert len(relevant) == min(len(positives), max(1, size // 3, size - len(negatives)))
    assert set(hard[: size - len(relevant)]) <= set(found)
    assert found == compose(positives, hard, others, seed=seed, qid="q", size=size)


@given(ids, st.integers(1, 3), st.integers(0, 6))
def test_samples_take_turns_with_the_orders(candidates, orders, sample):
    shown = shown_order(candidates, sample, orders=orders, seed=0, qid="q")
    assert sorted(shown) == sorted(candidates)
    assert shown == shown_order(candidates, sample + orders, orders=orders, seed=0, qid="q")
    if sample % orders == 0:
        assert shown == candidates
