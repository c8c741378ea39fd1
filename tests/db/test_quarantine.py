import polars as pl
import pytest

from db import benchmarks, quarantine
from db.errors import StoreError
from db.ids import now
from db.quarantine import PAIR_SCHEMA, Scan
from db.store import Store
from tests.samples import add_samples

Row = tuple[str, str, str, float, bool]


@pytest.fixture
def stocked(store: Store) -> Store:
    add_samples(store)
    benchmarks.insert_benchmark(
        store, benchmark_id="b", name="held-out", n_queries=2, n_passages=4, added_by="ada"
    )
    return store


def scan(store: Store, *rows: Row, shared: tuple[str, ...] = ()) -> None:
    found = Scan(
        benchmark_id="b",
        words_cut=0.75,
        meaning_cut=0.9,
        encoder="MiniLM",
        n_items=5,
        n_queries=2,
        shared_passages=len(shared),
        histograms={"words": [4, 1]},
        began=now(),
    )
    pairs = pl.DataFrame(list(rows), schema=PAIR_SCHEMA, orient="row")
    quarantine.record_scan(store, found, pairs, list(shared), scanned_by="ada")


EXACT: Row = ("i1", "q", "exact", 1.0, True)
WORDS: Row = ("i1", "q", "words", 0.97, True)
NEAR: Row = ("i2", "q", "meaning", 0.85, False)


def test_a_scan_quarantines_what_is_over_the_cut_alone(stocked: Store):
    scan(stocked, EXACT, WORDS, NEAR, shared=("pa",))
    assert quarantine.quarantined_items(stocked) == ["i1"]
    first, second = quarantine.list_pairs(stocked, "b").to_dicts()
    assert (first["item_id"], first["exact"], first["words"], first["meaning"]) == (
        "i1",
        1.0,
        0.97,
        None,
    )
    assert (first["state"], first["decided_by"], first["shared"]) == ("quarantined", "scan", 1)
    assert (second["item_id"], second["state"], second["over"]) == ("i2", "near", False)
    (row,) = quarantine.summary(stocked)
    assert (row["exact"], row["words"], row["meaning"], row["quarantined"]) == (1, 1, 0, 1)
    assert (row["sharing"], row["new_items"], row["histograms"]) == (5, 0, {"words": [4, 1]})


def test_a_benchmark_that_was_never_compared_says_so(stocked: Store):
    (row,) = quarantine.summary(stocked)
    assert (row["name"], row["scan_id"], row["quarantined"]) == ("held-out", None, 0)


def test_a_release_needs_a_reason_and_no_later_scan_overrules_it(stocked: Store):
    scan(stocked, EXACT)
    with pytest.raises(StoreError, match="needs a reason"):
        quarantine.release(stocked, "i1", "b", "q", reason=" ", decided_by="grace")
    quarantine.release(stocked, "i1", "b", "q", reason="a common saying", decided_by="grace")
    assert quarantine.quarantined_items(stocked) == []
    scan(stocked, EXACT)
    assert quarantine.quarantined_items(stocked) == []
    (pair,) = quarantine.list_pairs(stocked, "b").to_dicts()
    assert (pair["state"], pair["reason"], pair["decided_by"]) == (
        "released",
        "a common saying",
        "grace",
    )
    assert quarantine.summary(stocked)[0]["released"] == 1


def test_a_later_scan_takes_back_what_a_scan_said_but_not_what_a_person_did(stocked: Store):
    scan(stocked, EXACT, NEAR)
    quarantine.quarantine(stocked, "i2", "b", "q", reason="a translation", decided_by="grace")
    scan(stocked)  # with higher cuts, say
    assert quarantine.quarantined_items(stocked) == ["i2"]
    (pair,) = quarantine.list_pairs(stocked, "b").to_dicts()
    assert (pair["item_id"], pair["exact"], pair["state"]) == ("i2", None, "quarantined")
    scan(stocked, EXACT)
    assert quarantine.quarantined_items(stocked) == ["i1", "i2"]


def test_an_item_stays_quarantined_while_one_of_its_pairs_is(stocked: Store):
    scan(stocked, EXACT, ("i1", "r", "words", 0.8, True))
    quarantine.release(stocked, "i1", "b", "r", reason="a template", decided_by="grace")
    assert quarantine.quarantined_items(stocked) == ["i1"]
    quarantine.release(stocked, "i1", "b", "q", reason="a template", decided_by="grace")
    assert quarantine.quarantined_items(stocked) == []


def test_scans_and_decisions_are_appended_and_never_changed(stocked: Store):
    scan(stocked, EXACT)
    quarantine.release(stocked, "i1", "b", "q", reason="no", decided_by="grace")
    quarantine.quarantine(stocked, "i1", "b", "q", reason="", decided_by="ada")
    events = stocked.rows("SELECT decision, decided_by FROM quarantine_events ORDER BY seq")
    assert [(row["decision"], row["decided_by"]) for row in events] == [
        ("quarantine", "scan"),
        ("release", "grace"),
        ("quarantine", "ada"),
    ]
    assert quarantine.quarantined_items(stocked) == ["i1"]
