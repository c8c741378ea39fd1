import ir_measures
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ir_measures import R, nDCG

from curation.errors import CurationError
from curation.permutation import render_answer, render_response
from curation.reward import multi_view_reward

ABCD = list("abcd")


def score(answer, **options):
    response = f"<think>because</think>\n<answer>{answer}</answer>"
    return multi_view_reward(response, ABCD, ["a", "b"], "[1] > [2] > [3] > [4]", **options)


@pytest.mark.parametrize(
    ("answer", "reward", "form"),
    [
        ("[1] > [2] > [3] > [4]", 1.3, "ok"),  # the most there is
        ("[1] > [2] > [3] > [99]", 0.0, "bad_answer"),  # the authors' code pays 1.2937 for this
        ("[2] > [3] > [4] > [0]", 0.0, "bad_answer"),  # and reads 0 as the last passage
        ("[1] > [2] > [3]", 0.0, "bad_answer"),
        ("[1] > [2] > [3] > [4] > [4]", 0.0, "bad_answer"),
        ("", 0.0, "bad_answer"),
    ],
)
def test_answers(answer, reward, form):
    found = score(answer)
    assert (found.reward, found.format) == (pytest.approx(reward), form)


@pytest.mark.parametrize(
    "response",
    [
        "[1] > [2] > [3] > [4]",
        "<answer>[1] > [2] > [3] > [4]</answer>",
        "<think>x<answer>[1] > [2] > [3] > [4]</answer>",
        "<think>x</think> so <answer>[1] > [2] > [3] > [4]</answer>",
        "<think>x</think><answer>[1] > [2] > [3] > [4]",
        "</think><answer>[1] > [2] > [3] > [4]</answer>",
    ],
)
def test_without_both_blocks_it_is_minus_one(response):
    found = multi_view_reward(response, ABCD, ["a"], "[1] > [2] > [3] > [4]")
    assert (found.reward, found.format) == (-1.0, "bad_output")


def authors_value(permutation, initial, relevant, gold):
    """The authors' value, from trec_eval's measures and the plain loop of rbo at p = 1."""
    ranking = [initial[i - 1] for i in permutation]
    target = [initial[i - 1] for i in gold]
    run = {"q": {docid: -float(rank) for rank, docid in enumerate(ranking)}}
    values = ir_measures.calc_aggregate([nDCG @ 10, R @ 10], {"q": dict.fromkeys(relevant, 1)}, run)
    depths = range(1, len(ranking) + 1)
    overlap = sum(len(set(ranking[:d]) & set(target[:d])) / d for d in depths) / len(ranking)
    return values[nDCG @ 10] + 0.2 * values[R @ 10] + 0.1 * overlap


@st.composite
def problems(draw):
    n = draw(st.integers(1, 20))
    initial = [f"doc {i}/x" for i in range(n)]
    relevant = draw(st.lists(st.sampled_from(initial), min_size=1, unique=True))
    permutations = st.permutations(range(1, n + 1))
    return draw(permutations), initial, relevant, draw(permutations)


@given(problem=problems())
def test_valid_answers_are_worth_what_the_authors_pay(problem):
    permutation, initial, relevant, gold = problem
    response = render_response("chain", permutation)
    found = multi_view_reward(response, initial, relevant, render_answer(gold))
    assert found.reward == pytest.approx(authors_value(*problem), abs=1e-9)
    assert found.permutation == tuple(permutation)


@pytest.mark.parametrize("initial", [[], ["a", "a"]])
def test_docids_must_tell_passages_apart(initial):
    with pytest.raises(CurationError, match="distinct docids"):
        multi_view_reward("", initial, ["a"], "[1] > [2]")


def test_geometric_overlap_is_an_option_of_its_own():
    assert score("[1] > [2] > [3] > [4]", overlap="rbo").reward == pytest.approx(1.3)
    average, geometric = (
        score("[2] > [1] > [3] > [4]", overlap=kind).overlap for kind in ("average", "rbo")
    )
    assert (average, geometric) == (pytest.approx(0.75), pytest.approx(0.9))


@pytest.mark.parametrize(
    ("relevant", "gold", "fault"),
    [
        ([], "[1] > [2] > [3] > [4]", "relevant_docids"),
        (["z"], "[1] > [2] > [3] > [4]", "relevant_docids"),
        (["a"], "[1] > [2]", "ground_truth"),
        (["a"], "[0] > [1] > [2] > [3]", "ground_truth"),
    ],
)
def test_labels_that_do_not_fit_are_refused(relevant, gold, fault):
    with pytest.raises(CurationError, match=fault):
        multi_view_reward("", ABCD, relevant, gold)
