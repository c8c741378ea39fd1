"""The one open workspace of this server, and who is looking at it."""

from getpass import getuser
from os import environ
from pathlib import Path
from typing import NamedTuple

import streamlit as st

from app import indexing
from app.courier import Courier
from curation.intake import check_chains
from curation.people import Actor
from curation.samples import measure_agreement
from db.store import Store
from db.workspace import Workspace

REVIEWER = "reviewer"
"""Key of the sidebar's name field, and so its name in the URL; only where nobody signs in."""
ACTOR, MAY = "actor", "may"
"""Session keys of whoever signed in: the name with its proof, and the roles."""


class _Owned(NamedTuple):
    store: Store
    courier: Courier


def _release(owned: _Owned) -> None:
    owned.courier.stop()
    indexing.release(owned.store)


@st.cache_resource(on_release=_release, show_spinner=False)
def _open(root: str) -> _Owned:
    opened = Store.open(Workspace(Path(root)))
    check_chains(opened)
    measure_agreement(opened)
    return _Owned(opened, Courier(opened))


def store() -> Store:
    """Return the workspace's store; every session of this server shares it.

    Raises:
        WorkspaceMissingError: If the folder holds no workspace.
        WorkspaceBusyError: If another process owns it.
    """
    return _open(str(Workspace.locate().root)).store


def release() -> None:
    """Give the workspace back, where it is open."""
    _open.clear()


def create_workspace() -> None:
    """Make an empty workspace where the app looks for one."""
    Store.create(Workspace.locate()).close()


def default_user() -> str:
    """Return `RANKDESK_USER`, or the operating system's user."""
    return environ.get("RANKDESK_USER") or getuser()


def user() -> str:
    """Return the name that this session's verdicts and approvals carry.

    Where accounts are, it holds the proof that `curation.people.require` looks at.
    """
    if isinstance(actor := st.session_state.get(ACTOR), Actor):
        return actor
    return str(st.session_state.get(REVIEWER) or "").strip() or default_user()


def may(*roles: str) -> bool:
    """Return whether this session holds one of the roles; without accounts it holds all.

    For what is drawn. What acts asks `curation.people.require`, whatever was drawn.
    """
    held = st.session_state.get(MAY)
    return held is None or not roles or bool(held & set(roles))
