"""The whole loop through a browser: review, approve, train, evaluate, look at a query.

With `RANKDESK_SHOTS=FOLDER` each stage leaves a screenshot there.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from curation import guidelines
from curation.intake import import_reasonrank
from db.store import Store
from db.workspace import Workspace
from tests.app.browser import browsing, button, in_a_browser, item, judge, new_page, serving, settle
from tests.app.sample import HOSTILE, write_layout
from trainer.demo import seed_workspace

JOB_MS = 300_000  # a job loads torch and waits for its turn first

pytestmark = in_a_browser


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A small demo workspace, with a hostile item among the sound ones."""
    folder = tmp_path_factory.mktemp("walk")
    workspace = Workspace(folder / "workspace")
    with Store.create(workspace) as store:
        size = {"n_items": 120, "n_benchmark": 8, "n_spare": 0}
        seed_workspace(store, seed=1, **size, on_progress=lambda *_: None)
        write_layout(folder / "layout", per_domain=1)
        import_reasonrank(store, folder / "layout", imported_by="ada")
        text = f"{HOSTILE}\n\n![x][r] [y](javascript:alert(1))\n\n[r]: https://example.com/r.png"
        guidelines.publish(store, "general", text, note="", after=0, published_by="ada")
    return workspace


@pytest.fixture(scope="module")
def url(place: Workspace) -> Iterator[str]:
    with serving(place) as server:
        yield server.url


@pytest.fixture(scope="module")
def page(url: str) -> Iterator[Page]:
    with browsing() as browser:
        page = new_page(browser)
        page.goto(url)
        yield page


def shoot(page: Page, name: str) -> None:
    if folder := os.environ.get("RANKDESK_SHOTS"):
        page.wait_for_timeout(1_000)  # charts and tables paint after they are there
        page.screenshot(path=Path(folder) / f"{name}.png")


def go(page: Page, name: str) -> None:
    page.get_by_test_id("stSidebarNav").get_by_role("link", name=name).click()


def review_by_keyboard(page: Page) -> None:
    shoot(page, "overview-start")
    go(page, "Review")
    page.wait_for_url(re.compile(r"item="))
    expect(page.locator(".reader .card").first).to_be_visible()
    judge(page, "a")
    judge(page, "x", "1")
    judge(page, "2", "x")
    judge(page, "q")
    undone = judge(page, "a")
    settle(page)
    page.keyboard.press("u")
    page.wait_for_url(re.compile(undone))
    expect(page.get_by_text("4 of 12", exact=False)).to_be_visible()
    page.reload()
    expect(page.locator(".reader .card").first).to_be_visible()
    assert item(page) == undone
    shoot(page, "review")


def two_fast_presses_judge_one_item(page: Page) -> None:
    settle(page)
    count = page.get_by_text("judged ·", exact=False)
    before = int(re.findall(r"\d+", count.inner_text())[0])
    first = item(page)
    for _ in range(3):
        page.keyboard.press("a", delay=0)
    page.wait_for_function("was => !location.search.includes(was)", arg=first)
    settle(page)
    assert int(re.findall(r"\d+", count.inner_text())[0]) == before + 1


def fix_by_keyboard(page: Page) -> None:
    settle(page)
    fixed = item(page)
    page.keyboard.press("f")
    expect(button(page, "Save fix")).to_be_visible()
    settle(page)
    cards = page.locator(".cards .card")
    second = cards.nth(1).get_attribute("data-id")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("Alt+ArrowUp")
    expect(cards.first).to_have_attribute("data-id", second or "")
    label = cards.first.get_by_role("button", name="relevant")
    pressed = label.get_attribute("aria-pressed")
    page.keyboard.press("m")
    expect(label).to_have_attribute("aria-pressed", "false" if pressed == "true" else "true")
    page.keyboard.press("m")
    page.keyboard.press("3")
    expect(page.get_by_text("1 graded")).to_be_visible()  # the server has it: it outlives a reload
    page.reload()
    expect(button(page, "Save fix")).to_be_visible()
    expect(cards.first).to_have_attribute("data-id", second or "")
    grade = cards.first.get_by_role("button", name="3", exact=True)
    expect(grade).to_have_attribute("aria-pressed", "true")
    shoot(page, "review-fix")
    settle(page)
    page.keyboard.press("Control+Enter")
    page.wait_for_function("was => !location.search.includes(was)", arg=fixed)


def blind_first(page: Page) -> None:
    page.get_by_text("Blind first").click()
    expect(page.get_by_text("Hidden until you reveal it")).to_be_visible()
    expect(button(page, "Approve")).to_have_count(0)
    page.keyboard.press("j")
    page.keyboard.press("m")
    expect(button(page, "Reveal with 1 mark")).to_be_enabled()
    shoot(page, "review-blind")
    settle(page)
    page.keyboard.press("e")
    expect(page.get_by_text("your marks:")).to_be_visible()
    page.get_by_text("Open", exact=True).click()


def foreign_text_stays_text(page: Page, url: str) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{url}/review?text=onerror&verdict=Any")
    expect(page.locator(".reader .card").first).to_be_visible()
    expect(page.get_by_text("<img src=x").first).to_be_visible()
    assert page.locator("img[src='x'], .reader img, .reader script, .reader a").count() == 0
    assert page.get_by_role("link", name="example.com").count() == 0
    assert page.title() != "1"
    assert not [address for address in asked if "example.com" in address]
    page.goto(f"{url}/guidelines")
    guide = page.get_by_test_id("stMain")
    expect(guide.get_by_text("<script>alert(1)</script>").last).to_be_visible()
    assert guide.locator("img, script").count() == 0
    assert guide.locator("a[href^='javascript']").count() == 0
    assert not [address for address in asked if "example.com" in address]
    page.go_back()
    expect(page.locator(".reader .card").first).to_be_visible()
    chip = page.locator(".chain-text .chip").last
    chip.click()
    card = page.locator(f".cards .card[data-id='{chip.get_attribute('data-id')}']")
    expect(card).to_have_class(re.compile(r"\bon\b"))
    shoot(page, "review-hostile")


def consistency_leads_to_an_item(page: Page) -> None:
    go(page, "Consistency")
    expect(page.get_by_text("around the cut")).to_be_visible()
    shoot(page, "consistency")
    table = page.get_by_test_id("stDataFrame").last
    table.scroll_into_view_if_needed()
    page.wait_for_timeout(1_000)
    table.click(position={"x": 40, "y": 52})
    page.wait_for_url(re.compile(r"/review\?.*item="))
    expect(page.locator(".reader .card").first).to_be_visible()


def approve_a_batch(page: Page) -> None:
    go(page, "Batches")
    page.get_by_role("button", name="Not judged").click()
    page.get_by_label("Name", exact=True).fill("walk")
    page.keyboard.press("Enter")
    create = button(page, "Create batch of")
    expect(create).to_be_enabled()
    shoot(page, "batches-new")
    create.click()
    button(page, "Approve …").click()
    page.get_by_role("dialog").get_by_role("button", name="Approve").click()
    expect(page.get_by_role("link", name="Train on it")).to_be_visible()
    button(page, "Verify").click()
    expect(page.get_by_text("as it was frozen")).to_be_visible()
    shoot(page, "snapshot")


def train(page: Page) -> None:
    page.get_by_role("link", name="Train on it").click()
    page.get_by_role("textbox", name="Other settings").fill("max_steps=8\nlogging_steps=2")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("8 updates")).to_be_visible(
        timeout=JOB_MS
    )  # the preflight loads a tokenizer
    shoot(page, "new-job")
    button(page, "^.*Start$").last.click()
    page.wait_for_url(re.compile(r"/jobs\?.*job="))
    address = page.url
    page.goto("about:blank")  # the job does not need the browser
    page.goto(address)
    expect(page.get_by_role("link", name="Duplicate and tweak")).to_be_visible()
    shoot(page, "job-live")
    onward = page.get_by_test_id("stMain").get_by_role("link", name="Evaluate")
    expect(onward).to_be_visible(timeout=JOB_MS)
    expect(page.get_by_test_id("stVegaLiteChart").first).to_be_visible()
    shoot(page, "job")


def evaluate(page: Page) -> None:
    page.get_by_test_id("stMain").get_by_role("link", name="Evaluate").click()
    expect(page.get_by_text("Preflight")).to_be_visible()
    shoot(page, "evaluate")
    button(page, "^.*Start$").last.click()
    page.wait_for_url(re.compile(r"/jobs\?.*job="))
    expect(page.get_by_role("link", name="Per query")).to_be_visible(timeout=JOB_MS)


def open_the_diff_of_a_query(page: Page) -> None:
    page.get_by_role("link", name="Per query").click()
    expect(page.get_by_text("on average")).to_be_visible()
    page.wait_for_timeout(1_000)
    page.get_by_test_id("stDataFrame").first.click(position={"x": 14, "y": 52})
    page.wait_for_url(re.compile(r"query="))
    expect(page.locator(".reader .pane")).to_have_count(2)
    expect(page.locator(".reader .label.yes").first).to_be_visible()
    expect(page.locator(".reader .tag").first).to_have_text(re.compile("[▲▼=]"))
    shoot(page, "queries")
    page.get_by_text("Chains", exact=True).click()
    expect(page.get_by_text("As the model ordered them").first).to_be_visible()
    shoot(page, "queries-chain")
    go(page, "Evaluations")
    expect(page.get_by_text("is the baseline")).to_be_visible()
    shoot(page, "evaluations")
    go(page, "Overview")
    expect(page.get_by_text("What it bought")).to_be_visible()
    shoot(page, "overview")


def test_the_loop_in_a_browser(page: Page, url: str) -> None:
    """One walk, in order: each step stands on what the one before left."""
    review_by_keyboard(page)
    two_fast_presses_judge_one_item(page)
    fix_by_keyboard(page)
    blind_first(page)
    foreign_text_stays_text(page, url)
    consistency_leads_to_an_item(page)
    approve_a_batch(page)
    train(page)
    evaluate(page)
    open_the_diff_of_a_query(page)
