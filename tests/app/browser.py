"""The app as a user starts it, and a browser in front of it; what tests of both share."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from db.workspace import VARIABLE, Workspace

ROOT = Path(__file__).parents[2]
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")

in_a_browser = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here; name one in $CHROMIUM"),
]


class Server:
    """The app over a workspace, on one port for as long as this is used.

    Attributes:
        url: Where it answers while it runs.
    """

    def __init__(self, place: Workspace) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self._place = place
        self.url = f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        log = self._place.root / "app.log"
        with log.open("ab") as output:
            self._app = subprocess.Popen(
                [
                    *(sys.executable, "-m", "streamlit", "run", "app/main.py"),
                    *("--server.port", str(self._port), "--server.headless", "true"),
                ],
                cwd=ROOT,
                env=os.environ | {VARIABLE: str(self._place.root), "RANKDESK_USER": "ada"},
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + 60
        while True:
            try:
                with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=5):
                    return
            except OSError:  # not there yet, or too busy to say so
                assert self._app.poll() is None, log.read_text(encoding="utf-8")
                assert time.monotonic() < deadline, log.read_text(encoding="utf-8")
                time.sleep(0.2)

    def stop(self) -> None:
        self._app.terminate()
        self._app.wait(timeout=30)

    def kill(self) -> None:
        """End it as a power cut would: it gets to finish nothing."""
        self._app.kill()
        self._app.wait(timeout=30)


@contextmanager
def serving(place: Workspace) -> Iterator[Server]:
    server = Server(place)
    server.start()
    yield server
    server.stop()


@contextmanager
def browsing() -> Iterator[Browser]:
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        expect.set_options(timeout=30_000)
        yield browser
        browser.close()


def new_page(browser: Browser, *, scheme: Literal["light", "dark"] = "light") -> Page:
    """Open a window of the size that the pages are made for."""
    page = browser.new_context(
        viewport={"width": 1280, "height": 800}, color_scheme=scheme
    ).new_page()
    page.set_default_timeout(30_000)
    return page


def settle(page: Page) -> None:
    """Wait until the page is drawn whole and looked at: a key pressed before that is lost."""
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    page.wait_for_timeout(400)  # longer than the shortest look


def item(page: Page) -> str:
    """Return the id of the item on the screen; empty where there is none."""
    found = re.search(r"[?&]item=(\w+)", page.url)
    return found[1] if found else ""


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=re.compile(name))


def judge(page: Page, *keys: str) -> str:
    """Press keys on the item on the screen until the next one comes; return the one judged."""
    before = item(page)
    settle(page)
    for key in keys:
        page.keyboard.press(key)
        settle(page)
    page.wait_for_function("was => !location.search.includes(was)", arg=before)
    return before
