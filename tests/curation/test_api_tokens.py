"""Tokens: shown once, known by hash, out of force when revoked."""

import pytest

from curation import api_tokens
from curation.api_tokens import TokenError
from db.api_tokens import list_tokens, revoke_token
from db.errors import NotFoundError, StoreError
from db.store import Store
from db.workspace import Workspace


def test_a_token_holds_until_it_is_revoked(store: Store) -> None:
    token = api_tokens.add(store, " ci ", made_by="ada")
    assert api_tokens.holder(store, token) == "ci"
    assert api_tokens.holder(store, token + "x") is None
    assert [row["name"] for row in list_tokens(store)] == ["ci"]
    assert revoke_token(store, "ci", revoked_by="grace") == "ci"
    assert api_tokens.holder(store, token) is None
    assert list_tokens(store) == []
    with pytest.raises(NotFoundError):
        revoke_token(store, "ci", revoked_by="grace")
    assert api_tokens.add(store, "ci", made_by="ada") != token  # the name is free again


def test_names_are_needed_and_one_token_has_one(store: Store) -> None:
    api_tokens.add(store, "ci", made_by="ada")
    with pytest.raises(StoreError, match="revoke"):
        api_tokens.add(store, "ci", made_by="ada")
    with pytest.raises(TokenError):
        api_tokens.add(store, "  ", made_by="ada")


def test_a_token_stands_nowhere_in_the_workspace(workspace: Workspace) -> None:
    with Store.create(workspace) as store:
        token = api_tokens.add(store, "ci", made_by="ada")
    assert token.encode() not in workspace.database.read_bytes()
