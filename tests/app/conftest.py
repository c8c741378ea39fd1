"""Fixtures for the pages: an app over an empty and over a filled workspace."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from app import session
from db.store import Store
from db.workspace import VARIABLE, Workspace
from tests.app.judged import judge_together
from tests.app.sample import fill
from tests.app.sampled import make_sampled

MAIN = Path(__file__).parents[2] / "app" / "desk.py"
OpenPage = Callable[..., AppTest]


@pytest.fixture
def open_page(monkeypatch: pytest.MonkeyPatch, workspace: Workspace) -> Iterator[OpenPage]:
    """Open a page of the app as a browser would, and return it drawn."""
    monkeypatch.setenv(VARIABLE, str(workspace.root))
    monkeypatch.setattr(session, "SHORTEST_LOOK", 0.0)

    def run(view: str = "overview", **query: str) -> AppTest:
        app = AppTest.from_file(str(MAIN), default_timeout=30)
        app.run()
        for name, value in query.items():
            app.query_params[name] = value
        return (
            app if view == "overview" and not query else app.switch_page(f"views/{view}.py").run()
        )

    yield run
    st.cache_resource.clear()  # closes the workspace


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a workspace with something of everything, made once."""
    folder = tmp_path_factory.mktemp("filled")
    with Store.create(Workspace(folder / "workspace")) as store:
        fill(store, folder)
    return folder / "workspace"


@pytest.fixture
def sample(filled: Path, workspace: Workspace) -> Workspace:
    """A workspace of one's own with something of everything."""
    shutil.copytree(filled, workspace.root)
    return workspace


@pytest.fixture(scope="session")
def judged_once(filled: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a workspace whose items several people judged, made once."""
    root = tmp_path_factory.mktemp("judged") / "workspace"
    shutil.copytree(filled, root)
    with Store.open(Workspace(root)) as store:
        judge_together(store)
    return root


@pytest.fixture
def judged(judged_once: Path, workspace: Workspace) -> Workspace:
    """A workspace of one's own whose items several people judged."""
    shutil.copytree(judged_once, workspace.root)
    return workspace


@pytest.fixture(scope="session")
def sampled_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a workspace with samples of two teachers, made once."""
    root = tmp_path_factory.mktemp("sampled") / "workspace"
    make_sampled(root)
    return root


@pytest.fixture
def sampled(sampled_once: Path, workspace: Workspace) -> Workspace:
    """A workspace of one's own with samples of two teachers."""
    shutil.copytree(sampled_once, workspace.root)
    return workspace
