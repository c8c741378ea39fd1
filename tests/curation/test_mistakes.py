import pytest

from curation.mistakes import broken, contradicting, lost


def call(response: str, permutation: list[int], **other: object) -> dict[str, object]:
    docids = [f"d{n}" for n in permutation]
    row = {"kind": "order", "status": "ok", "docids": docids, "response": response}
    return {**row, "permutation": permutation, **other}


def test_losses_are_found_worst_first():
    before = {"a": 0.9, "b": 0.5, "c": 0.4, "d": 1.0}
    after = {"a": 0.7, "b": 0.5, "c": 0.9, "d": 0.2, "new": 0.0}
    found = lost(before, after, least=0.15, measure="nDCG@10")
    assert [(each.qid, each.detail) for each in found] == [
        ("d", "nDCG@10 100.0 → 20.0"),
        ("a", "nDCG@10 90.0 → 70.0"),
    ]
    assert found[0].severity == pytest.approx(0.8)
    assert lost(before, before, least=0.0, measure="nDCG@10") == []


def test_repaired_answers_are_counted_by_query():
    calls = {
        "a": [call("", [1], status="missing"), call("", [1])],
        "b": [call("", [1])],
        "c": [call("", [1], status="truncated")],
    }
    assert [(each.qid, each.severity) for each in broken(calls)] == [("c", 1.0), ("a", 0.5)]
    assert broken(calls)[1].detail == "1 of 2 answers repaired: missing"


@pytest.mark.parametrize(
    ("chain", "permutation", "contradicts"),
    [
        ("[1] is off. [2] and [3] fit. So [2] first.", [2, 1, 3], False),
        ("[1] is off. So [2] and [3] lead.", [3, 1, 2], False),
        ("So [2] first. All in all a clear case.", [1, 2, 3], True),
        ("[2] is best\n[1] is not", [2, 1, 3], True),  # it ends on [1]
        ("No passage is named.", [3, 2, 1], False),
        ("So [9] first.", [1, 2, 3], False),  # there is no [9]
    ],
)
def test_a_chain_s_conclusion_is_its_last_sentence_with_a_passage(chain, permutation, contradicts):
    calls = {"q": [call(f"<think>{chain}</think><answer>x</answer>", permutation)]}
    assert bool(contradicting(calls)) == contradicts


def test_only_orders_have_a_conclusion_to_keep():
    calls = {"q": [call("<think>So [2].</think><answer>[1]</answer>", [1, 2], kind="best")]}
    assert contradicting(calls) == []
