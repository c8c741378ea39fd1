"""Tokens of the API: made here, shown once, known by their hash from then on."""

from hashlib import sha256
from secrets import token_urlsafe

from curation.errors import CurationError
from curation.people import require
from db import api_tokens
from db.store import Store

PREFIX = "rankdesk_"
"""What every token begins with, so that scanners for leaked secrets can know it."""


class TokenError(CurationError):
    """A token cannot be made as asked."""


def add(store: Store, name: str, *, made_by: str) -> str:
    """Make a token and return it; it cannot be had again.

    Raises:
        RefusedError: If `made_by` is no admin.
        TokenError: If it has no name.
        StoreError: If a token of that name is in force.
    """
    made_by = require(store, made_by, "admin")
    if not name.strip():
        raise TokenError("A token needs a name: who or what reads with it?")
    token = PREFIX + token_urlsafe(32)
    api_tokens.add_token(store, name=name.strip(), token_hash=_hash(token), made_by=made_by)
    return token


def revoke(store: Store, wanted: str, *, revoked_by: str) -> str:
    """Take a token, by its id or name, out of force from the next request on; return its name.

    Raises:
        RefusedError: If `revoked_by` is no admin.
        NotFoundError: If there is no such token in force.
    """
    revoked_by = require(store, revoked_by, "admin")
    return api_tokens.revoke_token(store, wanted, revoked_by=revoked_by)


def holder(store: Store, token: str) -> str | None:
    """Return the name of a token in force, or None where it is none."""
    return api_tokens.token_name(store, _hash(token))


def _hash(token: str) -> str:
    # A plain hash does: there is nothing to guess in 256 random bits.
    return sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
