"""The search index: what it finds, what it survives, and that no search text breaks it."""

import sqlite3

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from db.item_writes import ITEM_SCHEMA, PASSAGE_SCHEMA, insert_items, ranking_frame
from db.records import Ranking
from db.search import FILE, SearchIndex, match_expression
from tests.samples import add_samples

TEXTS = {
    "x1": ("How fast is the skier?", "Energy is conserved.", "It asks about conservation."),
    "x2": ("Wie schwer ist Öl?", "The naïve answer: 能量守恒定律", "Passage [1] fits at once."),
}


def add_texts(store, texts=TEXTS):
    insert_items(
        store,
        pl.DataFrame(
            [(f"p{i}", "d", "A title", passage) for i, (_, passage, _) in texts.items()],
            schema=PASSAGE_SCHEMA,
            orient="row",
        ),
        pl.DataFrame(
            [
                (i, "m", "dom", i, query, [f"p{i}"], ["d"], ["d"])
                for i, (query, *_) in texts.items()
            ],
            schema=ITEM_SCHEMA,
            orient="row",
        ),
        ranking_frame(
            [
                Ranking(f"r{i}", i, "teacher", "t", ("d",), "ok", 1.0, 1.0, 1.0, 1, chain)
                for i, (_, _, chain) in texts.items()
            ]
        ),
    )


@pytest.fixture
def index(store):
    add_texts(store)
    found = SearchIndex(store)
    found.extend()
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("skier", ["x1"]),
        ("SKIER fast", ["x1"]),
        ("skier energy", []),  # one in the query, the other in the passage
        ("conserv*", ["x1"]),
        ("conserv", []),
        ('"is conserved"', ["x1"]),
        ('"conserved is"', []),
        ('"is conserved', ["x1"]),  # a quote that is still open
        ("ol", ["x2"]),
        ("naive", ["x2"]),
        ("守恒", ["x2"]),
        ("恒守", []),
        ("title", ["x1", "x2"]),
        ("[1] fits", ["x2"]),
        ("skier OR öl", []),
        ("", []),
        ('" " *** NEAR( ^', []),
    ],
)
def test_what_is_found(index, text, expected):
    assert index.find(text) == tuple(expected)


def test_a_search_can_be_kept_to_one_kind_of_text(index):
    assert index.find("conserv*", ["query"]) == ()
    assert index.find("conserv*", ["passage"]) == index.find("conserv*", ["chain"]) == ("x1",)
    assert index.find("skier", []) == ()


@given(text=st.text() | st.text(alphabet='a"*()^:{}+-\0\\ \ud800能'))
@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_search_text_raises(index, text):
    index.find(text)


def test_what_comes_later_is_added_and_nothing_twice(store, index):
    assert index.up_to_date()
    assert index.find("passage") == ("x2",)
    add_samples(store)
    assert index.missing() == 10
    assert not index.up_to_date()
    index.extend()
    index.extend()
    assert index.up_to_date()
    assert set(index.find("passage")) == {"i1", "i2", "i3", "i4", "i5", "x2"}
    with sqlite3.connect(store.workspace.root / FILE) as connection:
        assert connection.execute("SELECT count(*) FROM passages").fetchone() == (6,)


def test_it_goes_on_where_it_was_stopped(store):
    add_texts(store)
    index = SearchIndex(store)
    index.extend(lambda: False)  # the queries and passages are one portion, the chains another
    assert (index.find("skier"), index.find("asks")) == (("x1",), ())
    again = SearchIndex(store)
    again.extend()
    assert again.find("asks") == ("x1",)


@pytest.mark.parametrize("content", [b"", b"no database at all" * 999, None])
def test_a_broken_or_missing_file_is_made_anew(store, index, content):
    path = store.workspace.root / FILE
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    again = SearchIndex(store)
    assert not again.up_to_date()
    again.extend()
    assert again.find("skier") == ("x1",)


def test_a_file_of_another_version_is_made_anew(store, index):
    with sqlite3.connect(store.workspace.root / FILE) as connection:
        connection.execute("PRAGMA user_version = 1")
    again = SearchIndex(store)
    assert again.missing() == 4
    again.extend()
    assert again.find("skier") == ("x1",)


def test_terms_are_quoted_whatever_they_are():
    assert match_expression("a NOT b* c:d") == '"a" "NOT" "b"* "c:d"'
    assert len(match_expression("a " * 900).split()) == 32
