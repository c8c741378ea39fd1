import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.permutation import parse_choice, parse_response, render_answer, render_response

CASES = [
    ("<think>x</think><answer>[2] > [1] > [3]</answer>", (2, 1, 3), "ok"),
    ("<THINK>x</Think>\n\n<Answer>[2] > [1] > [3]</ANSWER>", (2, 1, 3), "ok"),  # any case
    ("<think>x</think><answer>2, 1, 3</answer>", (2, 1, 3), "ok"),  # without brackets
    ("<think>x</think><answer>2>1>3</answer>", (2, 1, 3), "ok"),
    ("<answer>[3] > [2] > [1]</answer>", (3, 2, 1), "ok"),  # no think block
    ("noise <answer>[3] > [2] > [1]", (3, 2, 1), "truncated"),  # never closed
    ("<think>[3] beats [1] and", (1, 2, 3), "truncated"),  # digits of a chain are not used
    ("<think>[3] beats [1]</think>", (1, 2, 3), "no_answer"),
    ("[3] > [2] > [1]", (1, 2, 3), "no_answer"),  # no tag at all
    ("", (1, 2, 3), "no_answer"),
    ("<think>x</think><answer></answer>", (1, 2, 3), "no_answer"),
    ("<think>x</think><answer>None</answer>", (1, 2, 3), "no_answer"),
    ("<think>x</think><answer>[2]</answer>", (2, 1, 3), "missing"),
    ("<think>x</think><answer>[2] > [2] > [1] > [3]</answer>", (2, 1, 3), "repeated"),
    ("<think>x</think><answer>[2] > [2]</answer>", (2, 1, 3), "repeated"),
    ("<think>x</think><answer>[0] > [2] > [1] > [3]</answer>", (2, 1, 3), "out_of_range"),
    ("<think>x</think><answer>[99] > [2] > [2]</answer>", (2, 1, 3), "out_of_range"),
    ("<think>maybe <answer>[1]</answer>?</think><answer>[3] > [2] > [1]</answer>", (3, 2, 1), "ok"),
    ("<think>x</think><answer>[3]</answer> <answer>[2] > [1] > [3]</answer>", (3, 1, 2), "missing"),
    ("<think>open <answer>[3] > [2] > [1]</answer>", (3, 2, 1), "ok"),
    ("<think>x</think><answer>" + "9" * 6000 + "</answer>", (1, 2, 3), "out_of_range"),
    ("<think>x</think><answer>1.5, -3, 1-3</answer>", (1, 3, 2), "out_of_range"),
    ("<think>write <answer> tags, [3] beats [1]</think>", (1, 2, 3), "no_answer"),  # a chain
    ("<think>say <answer>[3] > [1]</answer> then</think>", (1, 2, 3), "no_answer"),
    ("write <answer> tags, [3] beats [1]</think>", (1, 2, 3), "no_answer"),  # opened by the prompt
    ("<think>write <answer> tags, [3] beats", (1, 2, 3), "truncated"),
    ("<think>like <answer>answer here</answer> so [3]", (1, 2, 3), "truncated"),
    ("<think>x <answer>[3] > [2]", (3, 2, 1), "truncated"),  # an order, in a chain left open
    ("<answer>[2]</answer><think>late [3]</think>", (2, 1, 3), "missing"),
    ("<think>a</think>b<think><answer>[3]</think><answer>[2]</answer>", (2, 1, 3), "missing"),
    ("x</think><answer>[2] > [1] > [3]</answer>", (2, 1, 3), "ok"),
    ("<think>x</think><answer>٣ > ² > [1]</answer>", (1, 2, 3), "missing"),  # other digits: words
]


@pytest.mark.parametrize(("response", "permutation", "status"), CASES)
def test_responses(response, permutation, status):
    parsed = parse_response(response, 3)
    assert (parsed.permutation, parsed.status) == (permutation, status)


def test_the_engine_limit_explains_a_missing_answer():
    assert parse_response("so far", 2, truncated=True).status == "truncated"
    assert parse_response("<answer>[1] > [2]</answer> and", 2, truncated=True).status == "ok"


@pytest.mark.parametrize(
    ("response", "permutation", "status"),
    [
        ("[2] > [1] > [3]", (2, 1, 3), "ok"),
        (" [2]>[1] \n", (2, 1, 3), "missing"),
        ("<think>[3] is first</think>\n[2] > [1] > [3]", (2, 1, 3), "ok"),
        ("[3] it is</think>[2] > [1] > [3]", (2, 1, 3), "ok"),
        ("<think>\n\n</think>\n<answer>[3] > [2] > [1]</answer>", (3, 2, 1), "ok"),
        ("The order is [2] > [1] > [3]", (1, 2, 3), "no_answer"),
        ("<think>[2] > [1] > [3]", (1, 2, 3), "truncated"),
        ("<think>[2] > [1] > [3]</think>", (1, 2, 3), "no_answer"),
        ("", (1, 2, 3), "no_answer"),
    ],
)
def test_a_bare_answer_is_a_ranking_and_nothing_else(response, permutation, status):
    parsed = parse_response(response, 3, bare=True)
    assert (parsed.permutation, parsed.status) == (permutation, status)
    if "<answer>" not in response:
        assert parse_response(response, 3).permutation == (1, 2, 3)


def test_a_bare_choice_is_read():
    assert parse_choice("<think>[1]?</think> [2]", 3, bare=True) == (2, "ok")
    assert parse_choice("[2]", 3) == (None, "no_answer")
    assert parse_response("[2] > [1]", 3, truncated=True, bare=True).status == "truncated"


def test_the_chain_is_what_the_think_block_holds():
    assert parse_response("<think>\nbecause [2]\n</think><answer>[1]</answer>", 2).chain == (
        "because [2]"
    )
    assert parse_response("<think>cut off [2]", 2).chain == "cut off [2]"
    assert parse_response("<answer>[1]</answer>", 2).chain == ""


@pytest.mark.parametrize("n", [0, -1])
def test_nothing_to_rank_is_a_programming_error(n):
    with pytest.raises(ValueError, match="at least 1"):
        parse_response("", n)


@given(text=st.text(alphabet="<>/thinkanswer [0123]\n", max_size=200), n=st.integers(1, 25))
def test_every_text_gives_a_complete_permutation(text, n):
    assert sorted(parse_response(text, n).permutation) == list(range(1, n + 1))


@given(permutation=st.integers(1, 25).flatmap(lambda n: st.permutations(range(1, n + 1))))
def test_what_is_rendered_is_read_back(permutation):
    response = render_response("about [1] and [99]", permutation)
    parsed = parse_response(response, len(permutation))
    assert parsed.permutation == tuple(permutation)
    assert (parsed.status, parsed.well_formed) == ("ok", True)
    assert render_answer(parsed.permutation) in response


@pytest.mark.parametrize(
    "hostile",
    [
        "<think>" * 150_000,
        "</think>" + " " * 1_000_000,
        "<answer>" * 125_000,
        "</think> " * 110_000,
        "</think><answer>" * 60_000,
        "</think><answer>" * 60_000 + "</answer>",
    ],
)
def test_a_megabyte_of_tags_is_read_in_linear_time(hostile):
    began = time.process_time()
    parse_response("<think>" + hostile, 20)
    # A quadratic reader needs minutes here; the bound is far from both.
    assert time.process_time() - began < 20
