"""Who may do what: roles, accounts, and the one check that every acting function begins with.

A workspace without accounts is one person's: everything is allowed, under any name. With the first
account that ends: whoever acts must be signed in, and hold a role that the act takes.
"""

import re
import secrets
import unicodedata
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Self

from argon2 import PasswordHasher

from curation.errors import CurationError
from db import people, sign_ins
from db.ids import now
from db.people import ADMIN, Account
from db.store import Store

ROLES = {
    "annotator": "judges items",
    "reviewer": "makes and approves batches, adjudicates, imports, decides about quarantine",
    "trainer": "starts and stops jobs, adds benchmarks and sources",
    "admin": "manages people and settings, reads the audit",
}
IDLE = timedelta(hours=12)
"""A session that was not used for so long is over."""
LONGEST = timedelta(days=7)
"""A session is over after so long, however much it was used."""
SHORTEST_PASSWORD, LONGEST_PASSWORD = 12, 200  # characters
TWO_PERSON, REGISTRATION = "two_person", "registration"
HASHER = PasswordHasher()  # argon2id, with the parameters that RFC 9106 recommends second
_NAME = re.compile(r"[\w.@+-]{1,80}")
_RESERVED = ("scan", "demo")  # what acts by itself signs with these


class RefusedError(CurationError):
    """Whoever asked may not do this; nothing was changed."""


class AccountError(CurationError):
    """An account, password or setting cannot be as asked; nothing was changed."""


class Actor(str):
    """The name of somebody who signed in, with the session that proves it.

    Functions take and keep names as plain text; the proof is looked at by `require`. What loses it
    on the way (`name.strip()`) is refused, not let through.

    Attributes:
        session: Hash of the session's token.
    """

    __slots__ = ("session",)
    session: str

    def __new__(cls, name: str, session: str) -> Self:
        """Return the name with its proof."""
        made = super().__new__(cls, name)
        made.session = session
        return made


class Operator(str):
    """The name of whoever runs commands on the server: the files are theirs, so all is allowed."""

    __slots__ = ()


def require(store: Store, actor: str, *roles: str) -> str:
    """Return the actor's plain name if they may act, else refuse.

    Args:
        roles: Any one of these suffices.

    Raises:
        RefusedError: If the workspace has accounts and the actor is not signed in, or holds none
            of the roles.
    """
    name = str(actor)
    if isinstance(actor, Operator):
        return name
    if not people.any_accounts(store):
        return name
    found = people.standing(store, name)
    live = isinstance(actor, Actor) and is_live(store, actor)
    if found is None or not found.active or not live:
        raise RefusedError("You are not signed in any more. Sign in and do it again.")
    if found.temporary:
        raise RefusedError("Choose a password of your own first.")
    if not set(roles) & set(found.roles):
        raise RefusedError(
            f"This takes the role {' or '.join(roles)}, and {name} has "
            f"{', '.join(found.roles) or 'none'}. An admin can give it on the page People."
        )
    return name


def add(
    store: Store,
    name: str,
    *,
    roles: Sequence[str],
    added_by: str,
    email: str | None = None,
    password: str | None = None,
    temporary: bool = False,
) -> str:
    """Add an account and return its name. The first one must be an admin.

    Args:
        email: Lets it sign in by OIDC.
        password: Lets it sign in by password.
        temporary: Whether that must be changed at the first sign-in.

    Raises:
        RefusedError: If `added_by` is no admin.
        AccountError: If name, address, roles or password will not do.
        StoreError: If the name or address is taken, or the first account is no admin.
    """
    added_by = require(store, added_by, ADMIN)
    address = _address(email)
    if password is None and address is None:
        raise AccountError(
            "An account needs a password, or an e-mail address to sign in by OIDC with."
        )
    name = checked_name(name)
    people.insert_account(
        store,
        name,
        roles=_roles(roles),
        email=address,
        password_hash=None if password is None else hashed(password, name),
        temporary=temporary,
        added_by=added_by,
    )
    return name


def set_roles(store: Store, name: str, roles: Sequence[str], *, changed_by: str) -> str:
    """Give an account these roles and no others; return its name.

    Raises:
        RefusedError: If `changed_by` is no admin.
        AccountError: If there is no such role.
        NotFoundError: If there is no such account.
        StoreError: If no admin would be left.
    """
    changed_by = require(store, changed_by, ADMIN)
    return people.change_account(store, name, "roles", roles=_roles(roles), changed_by=changed_by)


def set_email(store: Store, name: str, email: str | None, *, changed_by: str) -> str:
    """Change the address that an account signs in with by OIDC; None takes it away.

    Raises:
        RefusedError: If `changed_by` is no admin.
        AccountError: If it is no address.
        NotFoundError: If there is no such account.
        StoreError: If another account has it.
    """
    changed_by = require(store, changed_by, ADMIN)
    return people.change_account(store, name, "email", email=_address(email), changed_by=changed_by)


def set_active(store: Store, name: str, active: bool, *, changed_by: str) -> str:
    """Enable an account, or disable it: its sessions end, and it cannot sign in.

    Raises:
        RefusedError: If `changed_by` is no admin.
        NotFoundError: If there is no such account.
        StoreError: If no admin would be left.
    """
    changed_by = require(store, changed_by, ADMIN)
    return people.change_account(
        store, name, "enable" if active else "disable", changed_by=changed_by
    )


def reset_password(store: Store, name: str, *, changed_by: str, password: str | None = None) -> str:
    """Give an account a password that it must change at its next sign-in; its sessions end.

    Args:
        password: None makes one.

    Returns:
        The password. It is kept nowhere.

    Raises:
        RefusedError: If `changed_by` is no admin.
        AccountError: If the password will not do.
        NotFoundError: If there is no such account.
    """
    changed_by = require(store, changed_by, ADMIN)
    chosen = new_password() if password is None else password
    people.set_password(store, name, hashed(chosen, name), temporary=True, changed_by=changed_by)
    return chosen


def list_people(store: Store, *, asked_by: str) -> list[Account]:
    """Return every account, by name.

    Raises:
        RefusedError: If `asked_by` is no admin.
    """
    require(store, asked_by, ADMIN)
    return people.list_accounts(store)


def two_person(store: Store) -> bool:
    """Return whether a batch is approved by somebody else than who judged it."""
    return people.setting(store, TWO_PERSON) == "on"


def open_registration(store: Store) -> bool:
    """Return whether a first sign-in by OIDC makes an account, with the role annotator."""
    return people.setting(store, REGISTRATION) != "off"


def set_setting(store: Store, name: str, on: bool, *, set_by: str) -> None:
    """Switch `TWO_PERSON` or `REGISTRATION` on or off.

    Raises:
        RefusedError: If `set_by` is no admin.
        AccountError: If there is no such setting.
    """
    set_by = require(store, set_by, ADMIN)
    if name not in (TWO_PERSON, REGISTRATION):
        raise AccountError(f"There is no setting {name}; there are {TWO_PERSON}, {REGISTRATION}.")
    people.append_setting(store, name, "on" if on else "off", set_by=set_by)


def new_password() -> str:
    """Return a random password of 20 characters."""
    return secrets.token_urlsafe(15)


def hashed(password: str, name: str) -> str:
    """Return the argon2id hash of a password for an account.

    Raises:
        AccountError: If the password is too short, too long or the name itself.
    """
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise AccountError(
            f"A password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters, this one has "
            f"{len(password)}."
        )
    if name.lower() in password.lower() and len(password) < len(name) + SHORTEST_PASSWORD:
        raise AccountError("A password must not be little more than the name.")
    return HASHER.hash(password)


def checked_name(name: str) -> str:
    """Return a name as an account may bear it.

    Raises:
        AccountError: If none may.
    """
    name = unicodedata.normalize("NFKC", name).strip()
    if not _NAME.fullmatch(name) or name.lower() in _RESERVED:
        raise AccountError(
            f"{name!r} cannot be an account's name: take 1 to 80 letters, digits and . _ @ + -, "
            f"and not {' or '.join(_RESERVED)}."
        )
    return name


def _address(email: str | None) -> str | None:
    if email is None or not email.strip():
        return None
    email = email.strip().lower()
    if email.count("@") != 1 or email[0] == "@" or email[-1] == "@" or len(email) > 200:
        raise AccountError(f"{email!r} is no e-mail address.")
    return email


def _roles(roles: Sequence[str]) -> list[str]:
    if unknown := set(roles) - ROLES.keys():
        raise AccountError(
            f"There is no role {', '.join(sorted(unknown))}; the roles are {', '.join(ROLES)}."
        )
    return [role for role in ROLES if role in roles]


def is_live(store: Store, actor: Actor) -> bool:
    """Return whether an actor's session is theirs, and not over."""
    session = sign_ins.find_session(store, actor.session)
    return (
        session is not None
        and session["account"] == str(actor)
        and not is_over(session["began_at"], session["seen_at"], now())
    )


def is_over(began_at: datetime, seen_at: datetime, moment: datetime) -> bool:
    """Return whether a session has lapsed by `moment` (all UTC)."""
    return moment - seen_at > IDLE or moment - began_at > LONGEST
