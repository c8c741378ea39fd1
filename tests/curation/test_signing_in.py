"""Signing in: real hashes, pauses by an injected clock, sessions that end, nothing secret kept."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from curation import people, signing_in
from curation.people import (
    IDLE,
    LONGEST,
    REGISTRATION,
    AccountError,
    Operator,
    RefusedError,
)
from curation.signing_in import LONGEST_PAUSE, PauseError, SignInError
from db.ids import now
from db.people import insert_account
from db.store import Store

ROOT = Operator("root")
PASSWORD = "an honest password"
START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def known_hash() -> str:
    return people.hashed(PASSWORD, "ada")


@pytest.fixture
def staffed(store: Store, known_hash: str) -> Store:
    insert_account(
        store,
        "ada",
        roles=["admin"],
        email=None,
        password_hash=known_hash,
        temporary=False,
        added_by="root",
    )
    return store


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Count what is compared with a hash, instead of spending a second on each."""
    tried: list[str] = []

    def verify(_known: str, password: str) -> bool:
        tried.append(password)
        return password == PASSWORD

    monkeypatch.setattr(signing_in, "_verify", verify)
    return tried


def attempt(store: Store, name: str, password: str, moment: datetime, address: str = "here") -> str:
    return signing_in.sign_in(store, name, password, address=address, moment=moment)


def test_a_password_opens_a_session(staffed: Store) -> None:
    token = signing_in.sign_in(staffed, " ADA ", PASSWORD, address="here")
    person = signing_in.whose(staffed, token)
    assert person is not None
    assert (person.actor, person.roles, person.temporary) == ("ada", ("admin",), False)
    assert people.require(staffed, person.actor, "admin") == "ada"
    with pytest.raises(SignInError, match="do not belong together"):
        signing_in.sign_in(staffed, "ada", "a guessed password", address="here")
    assert signing_in.whose(staffed, "a guessed token") is None


def test_nothing_secret_is_kept(staffed: Store) -> None:
    token = signing_in.sign_in(staffed, "ada", PASSWORD, address="here")
    shown = people.reset_password(staffed, "ada", changed_by=ROOT)
    staffed.execute("CHECKPOINT")
    kept = b"".join(
        path.read_bytes() for path in Path(staffed.workspace.root).rglob("*") if path.is_file()
    )
    for secret in (token, PASSWORD, shown):
        assert secret.encode() not in kept
    row = staffed.row("SELECT password_hash FROM credentials")
    assert row is not None
    assert row["password_hash"].startswith("$argon2id$")


def test_an_unknown_name_costs_as_much_and_says_as_much(staffed: Store, quick: list[str]) -> None:
    for name in ("ada", "nobody"):
        with pytest.raises(SignInError, match="do not belong together, or the account is off"):
            attempt(staffed, name, "a guessed password", START)
    assert len(quick) == 2


def test_pauses_grow_with_each_failure(staffed: Store, quick: list[str]) -> None:
    moment, waits = START, []
    for _ in range(16):
        with pytest.raises(SignInError):
            attempt(staffed, "ada", "a guessed password", moment, address=f"a{len(quick)}")
        wait = signing_in.pause(staffed, "ada", "elsewhere", moment)
        waits.append(0.0 if wait is None else wait.total_seconds())
        moment += wait or timedelta()
    assert waits[:8] == [0, 0, 1, 2, 4, 8, 16, 32]
    assert waits[-1] == LONGEST_PAUSE.total_seconds()


def test_in_a_pause_even_the_right_password_waits(staffed: Store, quick: list[str]) -> None:
    for _ in range(3):
        with pytest.raises(SignInError):
            attempt(staffed, "ada", "a guessed password", START)
    with pytest.raises(PauseError, match="Wait 1 s") as caught:
        attempt(staffed, "ADA", PASSWORD, START)
    assert len(quick) == 3  # it was not even looked at, and does not make the pause longer
    attempt(staffed, "ada", PASSWORD, START + caught.value.wait)
    assert signing_in.pause(staffed, "ada", "here", START + timedelta(seconds=2)) is None


def test_an_address_that_tries_many_names_waits(staffed: Store, quick: list[str]) -> None:
    for number in range(15):
        with pytest.raises(SignInError):
            attempt(staffed, f"n{number}", "a guessed password", START)
    with pytest.raises(PauseError):
        attempt(staffed, "ada", PASSWORD, START)
    attempt(staffed, "ada", PASSWORD, START, address="elsewhere")
    with pytest.raises(PauseError):  # signing in elsewhere frees the name, not the address
        attempt(staffed, "ada", PASSWORD, START)
    attempt(staffed, "ada", PASSWORD, START + timedelta(days=1, seconds=1))


def test_a_restart_gives_no_new_attempts(staffed: Store, quick: list[str]) -> None:
    for _ in range(4):
        with pytest.raises(SignInError):
            attempt(staffed, "ada", "a guessed password", START + timedelta(seconds=len(quick)))
    workspace = staffed.workspace
    staffed.close()
    with Store.open(workspace) as again, pytest.raises(PauseError):
        attempt(again, "ada", PASSWORD, START + timedelta(seconds=4))


def test_sessions_end_by_idleness_and_by_age(staffed: Store, quick: list[str]) -> None:
    token = attempt(staffed, "ada", PASSWORD, START)
    minute = timedelta(minutes=1)
    used = START + IDLE - minute
    assert signing_in.whose(staffed, token, moment=used) is not None
    open_page = used + IDLE - minute  # looks whether the session is over; that is no use of it
    assert signing_in.whose(staffed, token, moment=open_page, use=False) is not None
    assert signing_in.whose(staffed, token, moment=used + IDLE + minute) is None
    while used < START + LONGEST - IDLE:
        used += IDLE - minute
        assert signing_in.whose(staffed, token, moment=used) is not None
    assert signing_in.whose(staffed, token, moment=START + LONGEST + minute) is None


def test_signing_out_ends_the_session_for_its_actor_too(staffed: Store, quick: list[str]) -> None:
    token = attempt(staffed, "ada", PASSWORD, now())
    person = signing_in.whose(staffed, token)
    assert person is not None
    signing_in.sign_out(staffed, token, address="here")
    assert signing_in.whose(staffed, token) is None
    with pytest.raises(RefusedError, match="not signed in"):
        people.require(staffed, person.actor, "admin")


def test_a_given_password_is_changed_first_and_ends_other_sessions(staffed: Store) -> None:
    old = signing_in.sign_in(staffed, "ada", PASSWORD, address="here")
    given = people.reset_password(staffed, "ada", changed_by=ROOT)
    assert signing_in.whose(staffed, old) is None
    token = signing_in.sign_in(staffed, "ada", given, address="here")
    person = signing_in.whose(staffed, token)
    assert person is not None
    assert person.temporary
    with pytest.raises(RefusedError, match="Choose a password of your own"):
        people.require(staffed, person.actor, "admin")
    with pytest.raises(AccountError, match="the old one"):
        signing_in.change_password(staffed, person.actor, given, given, address="here")
    signing_in.change_password(staffed, person.actor, given, PASSWORD, address="here")
    assert people.require(staffed, person.actor, "admin") == "ada"  # this session goes on


def test_a_provider_s_word_makes_an_annotator(staffed: Store) -> None:
    token = signing_in.sign_in_by_email(staffed, "Bob@Example.org", address="here", issued_at=now())
    person = signing_in.whose(staffed, token)
    assert person is not None
    assert (person.actor, person.roles) == ("bob@example.org", ("annotator",))
    assert not person.has_password
    people.set_setting(staffed, REGISTRATION, False, set_by=ROOT)
    signing_in.sign_in_by_email(staffed, "bob@example.org", address="here", issued_at=now())
    with pytest.raises(SignInError, match="has no account here"):
        signing_in.sign_in_by_email(staffed, "eve@example.org", address="here", issued_at=now())
    people.add(staffed, "eve", roles=["trainer"], email="eve@example.org", added_by=ROOT)
    token = signing_in.sign_in_by_email(staffed, "eve@example.org", address="here", issued_at=now())
    person = signing_in.whose(staffed, token)
    assert person is not None
    assert (person.actor, person.roles) == ("eve", ("trainer",))


def test_a_provider_s_word_grows_old_and_ends_with_a_sign_out(staffed: Store) -> None:
    issued = now()
    with pytest.raises(SignInError, match="too old"):
        signing_in.sign_in_by_email(staffed, "a@b.c", address="here", issued_at=issued - LONGEST)
    token = signing_in.sign_in_by_email(staffed, "a@b.c", address="here", issued_at=issued)
    signing_in.sign_out(staffed, token, address="here")
    with pytest.raises(SignInError, match="You signed out"):
        signing_in.sign_in_by_email(staffed, "a@b.c", address="here", issued_at=issued)
    signing_in.sign_in_by_email(staffed, "a@b.c", address="here", issued_at=now())


def test_a_provider_cannot_make_the_first_account(store: Store) -> None:
    with pytest.raises(SignInError, match="no admin yet"):
        signing_in.sign_in_by_email(store, "a@b.c", address="here", issued_at=now())


def test_a_provider_does_not_take_over_an_account_of_that_name(staffed: Store) -> None:
    people.add(staffed, "a@b.c", roles=["trainer"], password=PASSWORD, added_by=ROOT)
    with pytest.raises(Exception, match="There is an account"):
        signing_in.sign_in_by_email(staffed, "a@b.c", address="here", issued_at=now())
