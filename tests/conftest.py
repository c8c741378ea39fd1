"""Fixtures for every test: a workspace of its own, and nothing from the caller's environment."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from db.store import Store
from db.workspace import Workspace

# How long an example takes says nothing here: the first one may load a model of languages.
settings.register_profile("rankdesk", deadline=None)
settings.load_profile("rankdesk")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the slow ones: a browser or a server that comes last is waited for alone."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("RANKDESK_WORKSPACE", raising=False)
    monkeypatch.setenv("RANKDESK_USER", "ada")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


@pytest.fixture
def store(workspace: Workspace) -> Iterator[Store]:
    with Store.create(workspace) as opened:
        yield opened
