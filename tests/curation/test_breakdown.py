import polars as pl
import pytest

from curation.breakdown import by_first_relevant, by_list_length, by_query_length, by_repairs, means


def test_queries_are_grouped_into_thirds_by_length():
    groups = by_query_length({f"q{n}": "word " * n for n in range(1, 10)})
    names = sorted(set(groups.values()))
    assert [list(groups.values()).count(name) for name in names] == [3, 3, 3]
    assert groups["q1"] == names[0] == "1: up to 3 words"
    assert groups["q9"] == names[2] == "3: over 7 words"


def test_few_lengths_are_groups_of_their_own():
    assert by_query_length({"a": "one", "b": "two words"}) == {"a": "1 words", "b": "2 words"}


@pytest.mark.parametrize(
    ("place", "group"),
    [
        (1, "1: at 1"),
        (2, "2: 2 to 5"),
        (10, "3: 6 to 10"),
        (20, "4: 11 to 20"),
        (21, "5: below 20"),
    ],
)
def test_queries_are_grouped_by_where_the_first_relevant_passage_stands(place, group):
    docids = [f"d{n}" for n in range(1, 31)]
    qrels = {"q": {f"d{place}": 2, "d30": 1, "d1": 0 if place > 1 else 1}}
    assert by_first_relevant({"q": docids}, qrels) == {"q": group}


def test_a_query_without_relevant_candidates_is_told_apart():
    assert by_first_relevant({"q": ["a"]}, {"q": {"b": 1}}) == {"q": "none in the list"}


def test_lists_of_a_length_stand_in_order():
    groups = by_list_length({"a": ["d"] * 5, "b": ["d"] * 20})
    assert sorted(groups.values()) == [" 5 candidates", "20 candidates"]


def test_means_are_by_group_and_system():
    values = pl.DataFrame(
        [("x", "a", 1.0), ("x", "b", 0.0), ("x", "c", 0.5), ("y", "a", 0.2)],
        schema=["name", "qid", "value"],
        orient="row",
    )
    found = means(values, by_repairs({"a": 0.5, "b": 0.0, "c": 0.0}))
    assert found.rows() == [
        ("all answers clean", "x", 0.25, 2),
        ("repaired", "x", 1.0, 1),
        ("repaired", "y", 0.2, 1),
    ]
