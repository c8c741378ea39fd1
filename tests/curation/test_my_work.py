"""One's own work, and whose it may be."""

import pytest

from curation import adjudication, gold, my_work, people, review, signing_in
from curation.people import Operator, RefusedError
from db import opinions
from db.ids import now
from tests.samples import add_samples


@pytest.fixture
def worked(store):
    add_samples(store)
    review.reveal(store, item_id="i1", reviewer="ada", marks=["b"])
    for item_id in ("i1", "i2"):
        review.decide(store, item_id=item_id, reviewer="ada", verdict="approve")
    review.decide(store, item_id="i3", reviewer="ada", verdict="cannot_judge")
    review.decide(store, item_id="i4", reviewer="ada", verdict="approve")
    review.undo(store, "ada")
    review.decide(store, item_id="i2", reviewer="ben", verdict="fix", order=list("abcd"))
    review.decide(store, item_id="i1", reviewer="ben", verdict="approve")
    return store


def test_it_counts_and_compares(worked):
    work = my_work.work_of(worked, "ada", asked_by="ada")
    assert work.done == {
        "today": 3,
        "week": 3,
        "total": 3,
        "cannot_judge": 1,
        "undone": 1,
        "adjudicated": 0,
    }
    assert (work.agreement.tau.n, work.agreement.verdicts.n) == (2, 2)
    assert work.gold is None
    assert (work.anchoring.items, work.anchoring.differed, work.anchoring.moved) == (1, 2, 2)
    assert [each.item_id for each in work.recent] == ["i3", "i2", "i1"]
    worked.execute("UPDATE judgment_events SET judged_at = judged_at - INTERVAL 3 DAY")
    done = my_work.work_of(worked, "ada", asked_by="ada").done
    assert (done["today"], done["week"]) == (0, 3)


def test_gold_and_adjudications_are_told(worked):
    gold.set_from_verdict(worked, "i1", "ben")
    seen = [row["event_id"] for row in opinions.of_item(worked, "i2")]
    adjudication.merge(worked, "i2", verdict="approve", over=seen, cause="slip", decided_by="ada")
    work = my_work.work_of(worked, "ada", asked_by="ada")
    assert work.gold is not None
    assert (work.gold.items, work.gold.verdicts) == (1, 1.0)
    assert (work.done["adjudicated"], work.done["total"]) == (1, 3)
    assert work.agreement.tau.n == 2  # by what ada said herself


def test_annotators_see_themselves_and_leads_see_everybody(worked):
    root, actors = Operator("root"), {}
    people.add(worked, "root", roles=["admin"], email="root@b.c", added_by=root)
    for name, roles in (
        ("ada", ["annotator"]),
        ("ben", ["reviewer"]),
        ("cleo", ["admin"]),
        ("dora", ["trainer"]),
    ):
        people.add(worked, name, roles=roles, email=f"{name}@b.c", added_by=root)
        token = signing_in.sign_in_by_email(worked, f"{name}@b.c", address="here", issued_at=now())
        actors[name] = signing_in.whose(worked, token).actor
    assert my_work.work_of(worked, "ada", asked_by=actors["ada"]).done["total"] == 3
    assert my_work.work_of(worked, "dora", asked_by=actors["dora"]).done["total"] == 0
    for name in ("ada", "dora"):
        with pytest.raises(RefusedError, match="role reviewer or admin"):
            my_work.work_of(worked, "ben", asked_by=actors[name])
        with pytest.raises(RefusedError, match="role reviewer or admin"):
            my_work.people(worked, asked_by=actors[name])
    for name in ("ben", "cleo"):
        assert my_work.work_of(worked, "ada", asked_by=actors[name]).done["total"] == 3
        assert my_work.people(worked, asked_by=actors[name]) == ["ada", "ben"]
    with pytest.raises(RefusedError, match="not signed in"):
        my_work.work_of(worked, "ada", asked_by="ada")  # a name is no proof
