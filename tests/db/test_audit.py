"""The audit: every source in one list, with what was before, filtered and paged in the database."""

from datetime import timedelta

import pytest

from curation import batching, edits, people, review
from curation.batching import Selection
from curation.people import TWO_PERSON
from db import audit, benchmarks
from db.actions import append_action
from db.audit import KINDS, AuditFilter
from db.audit_sources import COLUMNS, SOURCES
from db.ids import now
from db.store import Store
from tests.samples import add_samples


@pytest.fixture
def busy(store: Store) -> Store:
    """A workspace in which somebody did a little of everything."""
    add_samples(store)
    benchmarks.insert_benchmark(
        store, benchmark_id="b", name="held-out", n_queries=2, n_passages=4, added_by="ada"
    )
    review.decide(store, item_id="i1", reviewer="ada", verdict="approve")
    review.decide(store, item_id="i1", reviewer="ada", verdict="reject", reasons=["bad_query"])
    review.undo(store, "ada")
    review.reveal(store, item_id="i2", reviewer="grace", marks=["a"])
    edits.hold_item(store, "i3", "b", "q", reason="", decided_by="grace")
    edits.release_item(store, "i3", "b", "q", reason="a saying", decided_by="ada")
    edits.set_suite(store, "both", ["held-out"], made_by="ada")
    chosen = Selection(verdicts=("approve", "open"), cut=0.0)
    made = batching.create(store, "first", chosen, created_by="ada")
    batching.approve(store, made, approved_by="grace")
    append_action(store, "stop", "job", before="running", after="asked to stop", done_by="ada")
    people.set_setting(store, TWO_PERSON, True, set_by="ada")
    people.set_setting(store, TWO_PERSON, False, set_by="ada")
    people.add(store, "ada", roles=["admin"], email="a@b.c", added_by="ada")
    return store


def changes(store: Store, **chosen: object) -> list[tuple[str, str, str, str]]:
    """Return who, what, before and after, the oldest first."""
    found = audit.page(store, AuditFilter(**chosen), limit=100).reverse()  # type: ignore[arg-type]
    return list(found.select("actor", "kind", "before", "after").iter_rows())


def test_it_says_from_which_value_to_which(busy: Store) -> None:
    assert changes(busy, item="i1", kinds=("verdict", "undo")) == [
        ("ada", "verdict", "", "approve"),
        ("ada", "verdict", "approve", "reject"),
        ("ada", "undo", "reject", ""),
    ]
    assert changes(busy, kinds=("quarantine",)) == [
        ("grace", "quarantine", "", "quarantine"),
        ("ada", "quarantine", "quarantine", "release"),
    ]
    assert changes(busy, kinds=("setting",)) == [
        ("ada", "setting", "", "on"),
        ("ada", "setting", "on", "off"),
    ]
    assert changes(busy, kinds=("reveal", "add", "suite", "stop")) == [
        ("grace", "reveal", "", "1 marked"),
        ("ada", "suite", "", "held-out"),
        ("ada", "stop", "running", "asked to stop"),
        ("ada", "add", "", "admin"),
    ]


def test_an_account_s_changes_say_what_they_were(busy: Store) -> None:
    from curation.people import Operator

    root = Operator("root")
    people.add(busy, "bob", roles=["annotator"], email="b@b.c", added_by=root)
    people.set_roles(busy, "bob", ["reviewer"], changed_by=root)
    people.set_email(busy, "bob", None, changed_by=root)
    people.set_active(busy, "bob", False, changed_by=root)
    assert changes(busy, actors=("root",)) == [
        ("root", "add", "", "annotator"),
        ("root", "roles", "annotator", "reviewer"),
        ("root", "email", "b@b.c", ""),
        ("root", "disable", "active", "disabled"),
    ]


def test_an_item_s_history_holds_the_batches_that_it_went_into(busy: Store) -> None:
    kinds = [kind for _, kind, _, _ in changes(busy, item="i1")]
    assert kinds == ["verdict", "verdict", "undo", "batch", "approval"]
    # A quarantine that was released does not keep an item out.
    assert [kind for _, kind, _, _ in changes(busy, item="i3")] == [
        "quarantine",
        "quarantine",
        "batch",
        "approval",
    ]
    assert changes(busy, item="nothing") == []


def test_people_times_and_pages(busy: Store) -> None:
    total = audit.count(busy, AuditFilter())
    assert audit.actors(busy) == ["ada", "grace"]
    of_both = sum(audit.count(busy, AuditFilter(actors=(name,))) for name in ("ada", "grace"))
    assert of_both == total
    pages = [audit.page(busy, AuditFilter(), limit=4, offset=at) for at in range(0, total + 4, 4)]
    ids = [row for page in pages for row in page.select("kind", "id").iter_rows()]
    assert len(ids) == len(set(ids)) == total
    hour = timedelta(hours=1)
    assert audit.count(busy, AuditFilter(since=now() - hour, until=now() + hour)) == total
    assert audit.count(busy, AuditFilter(since=now() + hour)) == 0


def test_every_source_has_the_columns_and_no_kind_stands_twice(busy: Store) -> None:
    assert len(KINDS) == sum(len(source.kinds) for source in SOURCES)
    assert audit.page(busy, AuditFilter(), limit=1).columns == list(COLUMNS)
    for source in SOURCES:
        for item in (None, "i1"):
            chosen = AuditFilter(kinds=tuple(source.kinds), item=item)
            assert set(audit.page(busy, chosen, limit=99)["kind"]) <= source.kinds.keys()


def test_hostile_values_stay_values(busy: Store) -> None:
    name = "'); DROP TABLE items; --"
    assert changes(busy, actors=(name,)) == changes(busy, item=name) == []
    assert busy.row("SELECT count(*) AS n FROM items") == {"n": 5}
