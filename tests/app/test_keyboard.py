"""Thirty items decided by keyboard alone, whatever comes in between: no verdict is lost or doubled.

The sitting is held against the log at its end: what the page acknowledged is there once, in that
order, and nothing else.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, Page, expect

from curation import queueing
from curation.intake import import_reasonrank
from db import items, judgments, queue_log
from db.ids import now
from db.store import Store
from db.workspace import Workspace
from tests.app.browser import (
    Server,
    browsing,
    button,
    in_a_browser,
    item,
    judge,
    new_page,
    serving,
    settle,
)
from tests.app.sample import write_layout

N_ITEMS = 30
WRITTEN = "What I say of it: "
KEYS = {
    "approve": ("a",),
    "reject": ("x", "1"),
    "twice wrong": ("2", "3", "x"),
    "cannot_judge": ("q",),
}

pytestmark = in_a_browser


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("keyboard")
    workspace = Workspace(folder / "workspace")
    write_layout(folder / "layout", per_domain=12, n=20)
    with Store.create(workspace) as store:
        import_reasonrank(store, folder / "layout", imported_by="ada")
    return workspace


@pytest.fixture(scope="module")
def server(place: Workspace) -> Iterator[Server]:
    with serving(place) as server:
        yield server


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as browser:
        yield browser


@dataclass
class Sitting:
    """What one reviewer does at a page, and what it told them was done.

    Attributes:
        said: Kind of event, item and verdict, in order.
        fixed: By item, the passage that a fix put first and graded 3.
    """

    page: Page
    said: list[tuple[str, str, str]] = field(default_factory=list)
    fixed: dict[str, str] = field(default_factory=dict)
    places: tuple[float, ...] = ()

    def open(self, url: str) -> None:
        self.page.goto(url)
        expect(self.page.locator(".reader .card").first).to_be_visible()
        settle(self.page)
        self.places = places(self.page)

    def stays(self) -> None:
        """Nothing moved: the eye finds the next item where the one before was."""
        settle(self.page)
        assert places(self.page) == self.places

    @property
    def decided(self) -> int:
        kinds = [kind for kind, _, _ in self.said]
        return kinds.count("judge") - kinds.count("undo")

    def decide(self, kind: str) -> None:
        verdict = "reject" if kind == "twice wrong" else kind
        self.said.append(("judge", judge(self.page, *KEYS[kind]), verdict))
        self.stays()

    def skip(self) -> None:
        judge(self.page, "s")
        self.stays()

    def undo(self) -> None:
        _, latest, verdict = self.said[-1]
        self.page.keyboard.press("u")
        self.page.wait_for_url(re.compile(latest))
        self.said.append(("undo", latest, verdict))
        self.stays()

    def start_fix(self) -> str:
        """Move a passage, label and grade; return the passage that came first."""
        settle(self.page)
        self.page.keyboard.press("f")
        expect(button(self.page, "Save fix")).to_be_visible()
        settle(self.page)
        cards = self.page.locator(".cards .card")
        second = cards.nth(1).get_attribute("data-id") or ""
        for key in ("j", "j", "Alt+ArrowUp", "3", "j", "m"):
            self.page.keyboard.press(key)
        expect(self.page.get_by_text("1 graded")).to_be_visible()  # the server has it
        self.stays()
        self.fixed[item(self.page)] = cards.first.locator(".docid").text_content() or ""
        self.has_fix(second)
        return second

    def has_fix(self, first: str) -> None:
        expect(button(self.page, "Save fix")).to_be_visible()
        card = self.page.locator(".cards .card").first
        expect(card).to_have_attribute("data-id", first)
        grade = card.get_by_role("button", name="3", exact=True)
        expect(grade).to_have_attribute("aria-pressed", "true")

    def save_fix(self) -> None:
        self.said.append(("judge", judge(self.page, "Control+Enter"), "fix"))
        self.stays()


def places(page: Page) -> tuple[float, ...]:
    """Return how far the window and the page in it are scrolled, and where the reader begins."""
    main = page.get_by_test_id("stMain").evaluate("main => [scrollY, main.scrollTop]")
    return (*main, page.locator(".reader").evaluate("it => it.getBoundingClientRect().top"))


def tab_to(page: Page, label: str) -> None:
    """Reach a field as one does without a mouse."""
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.ariaLabel") == label:
            return
    raise AssertionError(f"no way to {label} by Tab")


def some_of_each(sitting: Sitting) -> None:
    for kind in ("approve", "reject", "twice wrong", "cannot_judge"):
        sitting.decide(kind)
    sitting.skip()
    sitting.decide("approve")
    sitting.undo()
    sitting.decide("reject")
    sitting.start_fix()
    sitting.save_fix()


def a_note_is_typed(sitting: Sitting) -> None:
    page = sitting.page
    page.keyboard.press("x")
    settle(page)
    tab_to(page, "Note")
    page.keyboard.type("a question of taste, quite")
    page.keyboard.press("Shift+Tab")
    sitting.stays()
    sitting.said.append(("judge", judge(page, "1"), "reject"))
    sitting.stays()


def reloaded_in_a_fix(sitting: Sitting) -> None:
    first = sitting.start_fix()
    at = item(sitting.page)
    sitting.page.reload()
    sitting.has_fix(first)
    assert item(sitting.page) == at
    sitting.stays()
    sitting.save_fix()


def in_a_second_tab(sitting: Sitting, url: str) -> None:
    """Both tabs show one item; whichever decides it, the other hears of it and does not again."""
    other = Sitting(sitting.page.context.new_page(), sitting.said)
    other.open(f"{url}/review")
    assert item(other.page) == item(sitting.page)
    shown = item(sitting.page)
    sitting.decide("approve")
    settle(other.page)
    other.page.keyboard.press("a")
    expect(other.page.get_by_text("You decided this item")).to_be_visible()
    expect(other.page.get_by_text("ada: approve")).to_be_visible()
    assert item(other.page) == shown
    judge(other.page, "ArrowRight")
    other.decide("reject")
    other.page.close()
    sitting.page.bring_to_front()
    settle(sitting.page)
    stale = item(sitting.page)
    assert stale == sitting.said[-1][1]
    sitting.page.keyboard.press("a")
    expect(sitting.page.get_by_text("ada: reject")).to_be_visible()
    judge(sitting.page, "ArrowRight")
    sitting.stays()


@contextmanager
def without_server(sitting: Sitting, server: Server) -> Iterator[None]:
    """Kill the server, and start it again afterwards; the page finds it by itself."""
    app, state = sitting.page.get_by_test_id("stApp"), "data-test-connection-state"
    server.kill()
    expect(app).not_to_have_attribute(state, "CONNECTED")
    yield
    server.start()
    expect(app).to_have_attribute(state, "CONNECTED")
    settle(sitting.page)


def killed_in_a_fix(sitting: Sitting, server: Server) -> None:
    sitting.decide("approve")
    first = sitting.start_fix()
    at = item(sitting.page)
    with without_server(sitting, server):
        pass
    sitting.has_fix(first)
    assert item(sitting.page) == at
    sitting.stays()
    sitting.save_fix()


def taken_by_somebody_else(sitting: Sitting, server: Server, place: Workspace) -> str:
    """A claim ended while its reviewer was away, and somebody else has the item now.

    Returns:
        The item; its chain is rewritten, too.
    """
    first = sitting.start_fix()
    lost = item(sitting.page)
    sitting.page.keyboard.press("z")
    written = sitting.page.locator(".rewrite .field")
    expect(written).to_be_focused()
    sitting.page.keyboard.type(WRITTEN)
    sitting.page.keyboard.press("Escape")
    expect(sitting.page.get_by_text("Chain, edited by you")).to_be_visible()
    sitting.stays()
    with without_server(sitting, server), Store.open(place) as store:
        ended = now()
        queue_log.append_event(
            store, "renew", item_id=lost, reviewer="ada", happened_at=ended, until=ended
        )
        assert queueing.claim(store, lost, "grace") == "mine"
    expect(sitting.page.get_by_text("In another hand")).to_be_visible()
    sitting.has_fix(first)
    sitting.page.keyboard.press("Control+Enter")
    expect(sitting.page.get_by_text("Nothing was recorded")).to_be_visible()
    assert item(sitting.page) == lost
    sitting.has_fix(first)
    expect(written).to_have_value(re.compile(WRITTEN))
    sitting.stays()
    judge(sitting.page, "ArrowRight")
    sitting.decide("approve")
    grace = Sitting(new_page(sitting.page.context.browser))  # type: ignore[arg-type]
    grace.open(f"{server.url}/review?reviewer=grace")
    assert item(grace.page) == lost
    judge(grace.page, "l")  # declined: it is free again
    grace.page.context.close()
    while item(sitting.page) != lost:
        judge(sitting.page, "ArrowLeft")
    sitting.has_fix(first)
    expect(written).to_have_value(re.compile(WRITTEN))
    sitting.save_fix()
    return lost


def test_thirty_items_by_keyboard(browser: Browser, server: Server, place: Workspace) -> None:
    sitting = Sitting(new_page(browser))
    sitting.open(f"{server.url}/review")
    some_of_each(sitting)
    a_note_is_typed(sitting)
    reloaded_in_a_fix(sitting)
    in_a_second_tab(sitting, server.url)
    killed_in_a_fix(sitting, server)
    lost = taken_by_somebody_else(sitting, server, place)
    kinds = ["approve", "reject", "approve", "cannot_judge", "twice wrong"]
    while sitting.decided < N_ITEMS:
        sitting.decide(kinds[sitting.decided % len(kinds)])
    server.stop()
    with Store.open(place) as store:
        log = judgments.history(store)
        fixes = {at: judgments.judgments_of(store, at)[0] for at in sitting.fixed}
        rankings = {at: items.get_rankings(store, at) for at in sitting.fixed}
    assert log.select("kind", "item_id").rows() == [(kind, at) for kind, at, _ in sitting.said]
    assert log.filter(kind="judge")["verdict"].to_list() == [
        verdict for kind, _, verdict in sitting.said if kind == "judge"
    ]
    assert set(log["reviewer"]) == {"ada"}
    for at, fix in fixes.items():
        ranking = next(each for each in rankings[at] if each.ranking_id == fix.ranking_id)
        assert ranking.docids[0] == sitting.fixed[at]
        assert fix.grades == {sitting.fixed[at]: 3}
        assert (WRITTEN in ranking.chain) == (at == lost)
