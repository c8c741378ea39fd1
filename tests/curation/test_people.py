"""Accounts: who there is, what they may, and that nobody is left without an admin."""

from collections.abc import Callable

import pytest

from curation import batching, people, review, signing_in
from curation.batching import Selection, TwoPersonError
from curation.people import TWO_PERSON, AccountError, Actor, Operator, RefusedError
from db.errors import NotFoundError, StoreError
from db.ids import now
from db.store import Store
from tests.samples import add_samples

ROOT = Operator("root")
SignIn = Callable[..., Actor]


def sign_in(store: Store, name: str, *roles: str) -> Actor:
    """Add an account if there is none, and return it signed in, without the cost of a password."""
    email = f"{name}@example.org"
    if not any(each.account == name for each in people.list_people(store, asked_by=ROOT)):
        people.add(store, name, roles=roles, email=email, added_by=ROOT)
    token = signing_in.sign_in_by_email(store, email, address="here", issued_at=now())
    person = signing_in.whose(store, token)
    assert person is not None
    return person.actor


def test_without_accounts_anybody_may_do_anything(store: Store) -> None:
    add_samples(store)
    review.decide(store, item_id="i1", reviewer="whoever", verdict="approve")
    assert people.require(store, "whoever", "admin") == "whoever"


def test_the_first_account_ends_that_and_must_be_an_admin(store: Store) -> None:
    with pytest.raises(StoreError, match="Nobody would be an admin"):
        people.add(store, "ada", roles=["annotator"], email="a@example.org", added_by="ada")
    assert people.require(store, "ada", "admin") == "ada"
    people.add(store, "ada", roles=["admin"], email="a@example.org", added_by="ada")
    with pytest.raises(RefusedError, match="not signed in"):
        people.require(store, "ada", "admin")
    assert people.require(store, ROOT, "admin") == "root"


def test_a_name_alone_proves_nothing(store: Store) -> None:
    ada = sign_in(store, "ada", "admin")
    bob = sign_in(store, "bob", "annotator")
    assert people.require(store, ada, "admin") == "ada"
    for impostor in ("ada", ada.strip(), Actor("ada", bob.session), Actor("ADA", ada.session)):
        with pytest.raises(RefusedError, match="not signed in"):
            people.require(store, impostor, "admin")
    with pytest.raises(RefusedError, match="takes the role admin, and bob has annotator"):
        people.require(store, bob, "admin")


def test_roles_hold_from_the_next_act_on(store: Store) -> None:
    sign_in(store, "ada", "admin")
    bob = sign_in(store, "bob", "annotator")
    people.set_roles(store, "BOB", ["reviewer", "trainer"], changed_by=ROOT)
    assert people.require(store, bob, "trainer") == "bob"
    with pytest.raises(RefusedError):
        people.require(store, bob, "annotator")


def test_disabling_ends_sessions_and_enabling_does_not_revive_them(store: Store) -> None:
    sign_in(store, "ada", "admin")
    bob = sign_in(store, "bob", "annotator")
    people.set_active(store, "bob", False, changed_by=ROOT)
    with pytest.raises(signing_in.SignInError, match="it is off"):
        sign_in(store, "bob")
    people.set_active(store, "bob", True, changed_by=ROOT)
    with pytest.raises(RefusedError, match="not signed in"):
        people.require(store, bob, "annotator")
    assert people.require(store, sign_in(store, "bob"), "annotator") == "bob"


def test_the_last_admin_stays(store: Store) -> None:
    ada = sign_in(store, "ada", "admin")
    for act in (
        lambda: people.set_active(store, "ada", False, changed_by=ada),
        lambda: people.set_roles(store, "ada", ["trainer"], changed_by=ada),
    ):
        with pytest.raises(StoreError, match="make another account an admin"):
            act()
    assert people.require(store, ada, "admin") == "ada"
    sign_in(store, "grace", "admin")
    people.set_active(store, "ada", False, changed_by=ada)


@pytest.mark.parametrize("name", ["", " ", "two words", "a\nb", "<b>", "a/b", "x" * 81, "Scan"])
def test_names_that_will_not_do(store: Store, name: str) -> None:
    with pytest.raises(AccountError, match="cannot be an account's name"):
        people.add(store, name, roles=["admin"], email="a@example.org", added_by=ROOT)


def test_names_and_addresses_are_there_once(store: Store) -> None:
    sign_in(store, "ada", "admin")
    with pytest.raises(StoreError, match="There is an account"):
        people.add(store, "Ada", roles=[], email="b@example.org", added_by=ROOT)
    with pytest.raises(StoreError, match="is the address of ada"):
        people.add(store, "bob", roles=[], email="ADA@example.org", added_by=ROOT)
    with pytest.raises(AccountError, match="no e-mail address"):
        people.add(store, "bob", roles=[], email="nowhere", added_by=ROOT)
    with pytest.raises(AccountError, match="There is no role boss"):
        people.set_roles(store, "ada", ["boss"], changed_by=ROOT)
    with pytest.raises(NotFoundError):
        people.set_roles(store, "bob", [], changed_by=ROOT)


def test_passwords_that_will_not_do(store: Store) -> None:
    for password in ("short", "x" * 201, "margaret1815"):
        with pytest.raises(AccountError, match="A password"):
            people.add(store, "margaret", roles=["admin"], password=password, added_by=ROOT)
    with pytest.raises(AccountError, match="needs a password, or an e-mail"):
        people.add(store, "margaret", roles=["admin"], added_by=ROOT)


def batch(store: Store, by: str) -> str:
    return batching.create(store, "b", Selection(cut=0.0, only_ok=False), created_by=by)


def test_two_persons_are_behind_a_batch(store: Store) -> None:
    add_samples(store)
    ada = sign_in(store, "ada", "admin", "annotator", "reviewer")
    bob = sign_in(store, "bob", "annotator", "reviewer")
    review.decide(store, item_id="i1", reviewer=ada, verdict="approve")
    review.decide(store, item_id="i2", reviewer=bob, verdict="approve")
    people.set_setting(store, TWO_PERSON, True, set_by=ada)
    made = batch(store, ada)
    review.undo(store, ada)  # too late: the batch holds what stood when it was made
    for approver in (ada, bob):
        with pytest.raises(TwoPersonError, match="1 of the 2 items"):
            batching.approve(store, made, approved_by=approver)
    grace = sign_in(store, "grace", "reviewer")
    assert batching.approve(store, made, approved_by=grace).approved_by == "grace"


def test_whoever_judged_together_with_another_may_approve(store: Store) -> None:
    add_samples(store)
    ada = sign_in(store, "ada", "admin", "annotator", "reviewer")
    bob = sign_in(store, "bob", "annotator")
    people.set_setting(store, TWO_PERSON, True, set_by=ada)
    for reviewer in (ada, bob):
        review.decide(store, item_id="i1", reviewer=reviewer, verdict="approve")
    batching.approve(store, batch(store, ada), approved_by=ada)


def test_the_rule_is_off_until_an_admin_sets_it(store: Store) -> None:
    add_samples(store)
    ada = sign_in(store, "ada", "admin", "annotator", "reviewer")
    review.decide(store, item_id="i1", reviewer=ada, verdict="approve")
    batching.approve(store, batch(store, ada), approved_by=ada)
    with pytest.raises(AccountError, match="There is no setting"):
        people.set_setting(store, "free_beer", True, set_by=ada)
