"""Signing in and out: passwords, sessions, and pauses that grow with each failure.

Failures are kept in the database, not in the process: a restart gives nobody new attempts.
"""

import secrets
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from threading import Lock

from argon2.exceptions import InvalidHashError, VerificationError

from curation.people import (
    HASHER,
    AccountError,
    Actor,
    RefusedError,
    checked_name,
    hashed,
    is_over,
    open_registration,
)
from db import people, sign_ins
from db.ids import now
from db.people import Account
from db.store import Store

FREE = {"name": 3, "address": 15}
"""Failures that cost no pause: of one account since its last sign-in, of one address in a day."""
LONGEST_PAUSE = timedelta(minutes=15)
REMEMBERED = timedelta(days=1)
_SEEN = timedelta(minutes=1)  # how exactly it is known when somebody was last here
_ONE_AT_A_TIME = Lock()  # else a hundred guesses at once would all come before the first failure


class SignInError(RefusedError):
    """Name and password do not belong together, or the account cannot sign in."""


class PauseError(SignInError):
    """Too many attempts failed; `wait` says for how long there are no others."""

    def __init__(self, wait: timedelta) -> None:
        self.wait = wait
        seconds = max(1, round(wait.total_seconds()))
        span = f"{seconds} s" if seconds < 90 else f"{round(seconds / 60)} min"
        super().__init__(f"Too many attempts failed. Wait {span}, then try again.")


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Whose session it is.

    Attributes:
        actor: The name that acts, with its proof.
        temporary: Whether the password must be changed before anything else.
        has_password: Whether there is one to change.
    """

    actor: Actor
    roles: tuple[str, ...]
    temporary: bool
    has_password: bool


def sign_in(
    store: Store, name: str, password: str, *, address: str, moment: datetime | None = None
) -> str:
    """Begin a session by name and password, and return its token, which is kept nowhere.

    Args:
        address: Where the request comes from.

    Raises:
        PauseError: If too many attempts failed with this name or from this address.
        SignInError: If they do not belong together or the account is disabled.
    """
    moment = moment or now()
    with _ONE_AT_A_TIME:
        account = _check(store, name, password, address, moment)
    return _begin(store, account, address, moment)


def _check(store: Store, name: str, password: str, address: str, moment: datetime) -> Account:
    """Return the account of this name and password; else record a failure and raise."""
    name = unicodedata.normalize("NFKC", name).strip()[:100]
    if wait := pause(store, name, address, moment):
        raise PauseError(wait)
    account = people.find_account(store, name)
    known = people.password_hash(store, account.account) if account else None
    fits = _verify(known or _nobodys(), password)  # unknown names take as long as known ones
    if account is None or known is None or not account.active or not fits:
        sign_ins.append_sign_in(store, "failed", name, address, moment)
        raise SignInError("This name and password do not belong together, or the account is off.")
    if HASHER.check_needs_rehash(known):
        people.rehash(store, account.account, HASHER.hash(password))
    return account


def pause(store: Store, name: str, address: str, moment: datetime) -> timedelta | None:
    """Return how long this name, or this address, must wait; None where it need not."""
    waits = []
    rows = sign_ins.failures(store, name, address, moment - REMEMBERED)
    for row, free in zip(rows, FREE.values(), strict=True):
        if row["n"] >= free:
            seconds = min(2.0 ** min(row["n"] - free, 20), LONGEST_PAUSE.total_seconds())
            waits.append(row["latest"].astimezone(UTC) + timedelta(seconds=seconds) - moment)
    longest = max(waits, default=timedelta())
    return longest if longest > timedelta() else None


def sign_in_by_email(
    store: Store, email: str, *, address: str, issued_at: datetime, moment: datetime | None = None
) -> str:
    """Begin a session for somebody whom an identity provider vouches for; return its token.

    An address that no account has gets an account with the role annotator, unless registration
    is off.

    Args:
        email: As the provider verified it.
        issued_at: When it did so (UTC); this begins the longest time that a session lasts.

    Raises:
        SignInError: If the account is disabled, there is none, or the proof is too old.
    """
    moment = moment or now()
    email = email.strip().lower()
    if is_over(issued_at, issued_at, moment):
        raise SignInError("This sign-in is too old. Sign in again.")
    if not people.any_accounts(store):
        raise SignInError(
            "This workspace has no admin yet. Make one on the server, with the app closed: "
            "`rankdesk people add NAME --role admin --email ADDRESS`."
        )
    account = people.find_by_email(store, email)
    if account is None and open_registration(store):
        people.insert_account(
            store,
            checked_name(email),
            roles=["annotator"],
            email=email,
            password_hash=None,
            temporary=False,
            added_by=email,
        )
        account = people.find_by_email(store, email)
    if account is None or not account.active:
        raise SignInError(
            f"{email} has no account here, or it is off: ask an admin of this workspace."
        )
    left = sign_ins.last_sign_out(store, account.account)
    if left is not None and left.astimezone(UTC) >= issued_at:  # another tab still has the proof
        raise SignInError("You signed out. Sign in again.")
    return _begin(store, account, address, moment)


def _begin(store: Store, account: Account, address: str, moment: datetime) -> str:
    token = secrets.token_urlsafe(32)
    sign_ins.begin_session(store, token_hash(token), account.account, address, moment)
    return token


def whose(
    store: Store, token: str, *, use: bool = True, moment: datetime | None = None
) -> SignedIn | None:
    """Return whose session a token is; None where it is none, or over.

    Args:
        use: Whether this is somebody at work, who keeps the session alive.
    """
    moment = moment or now()
    digest = token_hash(token)
    session = sign_ins.find_session(store, digest)
    if session is None:
        return None
    began, seen = (session[key].astimezone(UTC) for key in ("began_at", "seen_at"))
    found = people.standing(store, session["account"])
    if found is None or not found.active or is_over(began, seen, moment):
        return None
    if use and moment - seen > _SEEN:
        sign_ins.see(store, digest, moment)
    return SignedIn(
        Actor(session["account"], digest), found.roles, found.temporary, found.has_password
    )


def sign_out(store: Store, token: str, *, address: str) -> None:
    """End a session, in every tab that uses it."""
    digest = token_hash(token)
    if session := sign_ins.find_session(store, digest):
        moment = now()
        sign_ins.end_session(store, digest, moment)
        sign_ins.append_sign_in(store, "out", session["account"], address, moment)


def change_password(
    store: Store,
    actor: Actor,
    old: str,
    new: str,
    *,
    address: str,
    moment: datetime | None = None,
) -> None:
    """Replace one's own password; one's other sessions end.

    Raises:
        PauseError: If the old password was given wrongly too often.
        SignInError: If it is wrong.
        AccountError: If the new one will not do.
    """
    moment = moment or now()
    with _ONE_AT_A_TIME:
        account = _check(store, actor, old, address, moment)
    if new == old:
        raise AccountError("The new password is the old one: choose another.")
    people.set_password(
        store,
        account.account,
        hashed(new, account.account),
        temporary=False,
        changed_by=account.account,
        keep_session=actor.session,
    )


def token_hash(token: str) -> str:
    """Return what a token is known by in the database."""
    return sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


@cache
def _nobodys() -> str:
    return HASHER.hash(secrets.token_urlsafe())


def _verify(known: str, password: str) -> bool:
    try:
        return HASHER.verify(known, password)
    except (VerificationError, InvalidHashError):
        return False
