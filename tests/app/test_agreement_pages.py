"""Disagreements, Adjudicate and My work."""

from collections.abc import Callable

from streamlit.testing.v1 import AppTest

from db.workspace import Workspace

OpenPage = Callable[..., AppTest]


def errors(app: AppTest) -> list[str]:
    return [found.value for found in [*app.exception, *app.error]]


def test_all(judged: Workspace, open_page: OpenPage) -> None:
    for view in ("authors", "items", "domain", "week"):
        app = open_page("disagreements", part=view)
        assert errors(app) == []
    app = open_page("adjudicate")
    assert errors(app) == []
    app = open_page("adjudicate", show="chain")
    assert errors(app) == []
    app = open_page("my_work", person="cleo")
    assert errors(app) == []
