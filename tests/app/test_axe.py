"""What axe-core finds on the pages, in the light and in the dark look: nothing serious."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from db import jobs
from db.store import Store
from db.workspace import Workspace
from tests.app.browser import Server, browsing, button, in_a_browser, new_page, serving, settle
from tests.app.test_pages import VIEWS

SIDEBAR, MAIN = "[data-testid=stSidebar]", "[data-testid=stApp]"
FURTHER = [
    "review?mode=Blind first",
    "review?compare=yes",
    "jobs?job={grpo}",
    "queries?query=q0&diff_view=Orders",
    "queries?query=q0&diff_view=Chains",
    "queries?query=q0&diff_view=Replay",
    "batches?view_of=snapshots",
    "lineage?lens=diff",
    "integrations?view_of=webhooks",
    "sources?do=add",
]
"""Views of pages that draw what the first view does not."""

NOT_OURS = {
    "list": "[data-testid=stSidebarNavItems]",
    "listitem": "[data-testid=stSidebarNavItems]",
}
"""By rule, within what it is not looked at: Streamlit puts a `div` for each section between the
`ul` of its navigation and the `li`, and offers no other way to have sections."""

pytestmark = in_a_browser


@pytest.fixture(scope="module")
def place(filled: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    root = tmp_path_factory.mktemp("axe") / "workspace"
    shutil.copytree(filled, root)
    return Workspace(root)


@pytest.fixture(scope="module")
def grpo(place: Workspace) -> str:
    with Store.open(place) as store:
        return str(next(row["job_id"] for row in jobs.list_jobs(store) if row["kind"] == "grpo"))


@pytest.fixture(scope="module")
def server(place: Workspace, grpo: str) -> Iterator[Server]:
    with serving(place) as server:
        yield server


@pytest.fixture(scope="module")
def page(server: Server) -> Iterator[Page]:
    with browsing() as browser:
        yield new_page(browser)


def open_view(page: Page, url: str) -> None:
    page.goto(url)
    expect(page.get_by_test_id("stMain").get_by_role("heading").first).to_be_visible()
    settle(page)
    # A color on its way to another is none that anybody reads.
    page.add_style_tag(content="*, *::before, *::after { transition: none !important }")


def serious(page: Page, context: dict[str, list[list[str]]], *rules: str) -> list[str]:
    """Return what axe-core holds for serious or critical, a line for each element."""
    options: dict[str, Any] = {"resultTypes": ["violations"]}
    if rules:
        options["runOnly"] = list(rules)
    return [
        f"{found['id']}: {node['target']} {_why(node)} {node['html'][:200]}"
        for found in Axe().run(page, context, options).response["violations"]
        if found["impact"] in ("serious", "critical")
        for node in found["nodes"]
        if not _is_not_ours(page, found["id"], node["target"])
    ]


def _why(node: dict[str, Any]) -> str:
    return "; ".join(check["message"] for check in (*node["any"], *node["all"], *node["none"]))


def _is_not_ours(page: Page, rule: str, target: list[Any]) -> bool:
    if rule not in NOT_OURS or len(target) != 1 or not isinstance(target[0], str):
        return False
    within = "([target, within]) => document.querySelector(target).closest(within) !== null"
    return bool(page.evaluate(within, [target[0], NOT_OURS[rule]]))


def look_through(page: Page, context: dict[str, list[list[str]]]) -> None:
    """Look at everything in the light, and at what is another in the dark: the colors."""
    app = page.get_by_test_id("stApp")
    assert serious(page, context) == []
    page.emulate_media(color_scheme="dark")
    expect(app).to_have_css("color-scheme", "dark")
    assert serious(page, context, "color-contrast") == []
    page.emulate_media(color_scheme="light")
    expect(app).to_have_css("color-scheme", "light")


def test_the_navigation(page: Page, server: Server) -> None:
    open_view(page, server.url)
    look_through(page, {"include": [[SIDEBAR]]})


@pytest.mark.parametrize("view", [*VIEWS, *FURTHER])
def test_a_page(view: str, page: Page, server: Server, grpo: str) -> None:
    open_view(page, f"{server.url}/{'' if view == 'overview' else view.format(grpo=grpo)}")
    look_through(page, {"include": [[MAIN]], "exclude": [[SIDEBAR]]})


def test_a_fix(page: Page, server: Server) -> None:
    open_view(page, f"{server.url}/review")
    page.keyboard.press("f")
    expect(button(page, "Save fix")).to_be_visible()
    settle(page)
    for key in ("j", "3", "j", "w", "n", "+"):
        page.keyboard.press(key)
    settle(page)
    look_through(page, {"include": [[MAIN]], "exclude": [[SIDEBAR]]})
