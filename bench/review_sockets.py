"""Twenty reviewers over real WebSockets: from the press of a verdict to the next item's page.

Starts `streamlit run app/main.py` over a workspace of each size (built once; `--folder` keeps
them) and opens the Review page in as many sessions as there are reviewers, each under a name of its
own. A reviewer reads the item from what the server draws, thinks, presses Approve, Reject and a
reason, or Skip as the browser would, and waits for the run's end. Checks that nobody saw an item
that was on another's screen, and that every verdict that was acknowledged is in the log after the
server's end. With `--label-studio` the same is asked of Label Studio, over its HTTP API.

    python bench/review_sockets.py [--items 100000 333334] [--seconds 300] [--folder DIR]
        [--label-studio .venv-label-studio/bin/label-studio] [--out FILE]
"""

import argparse
import asyncio
import os
import platform
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import httpx
import numpy as np
import psutil
from load_world import SAMPLES
from review_load import NEXT_LIMIT_MS, RATIO_LIMIT, REVIEWERS, THINK_S, built, double_claims
from review_load import lost_verdicts, row
from streamlit_client import PageError, Ran, Tab

from db.store import Store
from db.workspace import Workspace

ROOT = Path(__file__).parents[1]
SHORTEST_THINK_S = 0.5  # the app takes a press sooner than 0.25 s for the half of a double press
REJECT_SHARE, SKIP_SHARE = 0.2, 0.05
READY_S = 120


@dataclass
class Sat:
    """What reviewers did at one size and what they waited for.

    Attributes:
        steps: The runs that a verdict or a skip began.
        asked: The runs that Reject without a reason began: the same item, with the question why.
        verdicts: Item, reviewer and verdict of what the page acknowledged.
        held: Item, who, from when it was on the screen, to when the press was sent.
    """

    steps: list[Ran] = field(default_factory=list)
    asked: list[Ran] = field(default_factory=list)
    verdicts: list[tuple[str, str, str]] = field(default_factory=list)
    held: list[tuple[str, str, float, float]] = field(default_factory=list)


@dataclass(frozen=True)
class Result:
    """What came out for a number of reviewers at one size; `cpu_ms` is the server's, of a step."""

    n_items: int
    n_reviewers: int
    sat: Sat
    first_s: float
    cpu_ms: float


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@contextmanager
def serving(workspace: Workspace) -> Iterator[tuple[int, psutil.Process]]:
    """Run the app over a workspace, and yield its port and its process."""
    port = free_port()
    log = workspace.root / "server.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", "app/main.py", "--server.port", str(port)],
            cwd=ROOT,
            env={**os.environ, "RANKDESK_WORKSPACE": str(workspace.root)},
            stdout=out,
            stderr=subprocess.STDOUT,
        )
        try:
            wait_for(f"http://127.0.0.1:{port}/_stcore/health", process, log)
            yield port, psutil.Process(process.pid)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()


def wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Return once a server answers.

    Raises:
        SystemExit: If it ended, or took too long.
    """
    for _ in range(READY_S * 5):
        if process.poll() is not None:
            break
        try:
            if httpx.get(url).is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise SystemExit(f"{url} does not answer; see {log}")


async def sit(port: int, reviewer: str, until: float, sat: Sat, seed: int) -> None:
    """Decide items until the time is up, as one reviewer in one browser tab."""
    rng = random.Random(seed)
    await asyncio.sleep(rng.uniform(0, THINK_S))  # they do not all begin at once
    async with Tab(port, "review", f"reviewer={reviewer.replace(' ', '+')}") as tab:
        await tab.open()
        while True:
            item_id, since = tab.components["reader"]["token"], time.monotonic()
            await asyncio.sleep(max(SHORTEST_THINK_S, rng.expovariate(1 / THINK_S)))
            if time.monotonic() > until:
                return
            draw = rng.random()
            if draw < REJECT_SHARE:
                sat.asked.append(await press(tab, "reject"))
                await asyncio.sleep(SHORTEST_THINK_S)
                button, verdict, says = "reason-wrong_order", "reject", "Rejected"
            elif draw < REJECT_SHARE + SKIP_SHARE:
                button, verdict, says = "skip", "", ""
            else:
                button, verdict, says = "approve", "approve", "Approved"
            sent = time.monotonic()
            sat.steps.append(await press(tab, button))
            sat.held.append((item_id, reviewer, since, sent))
            if tab.components["reader"]["token"] == item_id or tab.errors:
                raise PageError(f"{reviewer} is still at {item_id}: {tab.errors} {tab.toasts}")
            if verdict:
                if not any(toast.startswith(says) for toast in tab.toasts):
                    raise PageError(f"{verdict} on {item_id} was not acknowledged: {tab.toasts}")
                sat.verdicts.append((item_id, reviewer, verdict))


async def press(tab: Tab, name: str) -> Ran:
    """Press the button of the item on the screen; its key ends with the item's."""
    key = next((key for key in tab.buttons if key.startswith(f"{name}-")), name)
    return await tab.press(key)


async def review_for(port: int, reviewers: Sequence[str], seconds: float) -> Sat:
    """Let every reviewer sit for `seconds`."""
    sat = Sat()
    until = time.monotonic() + seconds
    async with asyncio.TaskGroup() as group:
        for seed, reviewer in enumerate(reviewers):
            group.create_task(sit(port, reviewer, until, sat, seed))
    return sat


async def first_page(port: int, reviewer: str) -> float:
    """Return the seconds until the first Review page of a server's life is there."""
    async with Tab(port, "review", f"reviewer={reviewer.replace(' ', '+')}") as tab:
        return (await tab.open()).ended


def measure(place: Workspace, n_items: int, n_reviewers: int, seconds: float) -> Result:
    """Let reviewers sit at one server, and check what they did against the log."""
    reviewers = REVIEWERS[:n_reviewers]
    with serving(place) as (port, process):
        first_s = asyncio.run(first_page(port, reviewers[0]))
        before = process.cpu_times()
        sat = asyncio.run(review_for(port, reviewers, seconds))
        after = process.cpu_times()
    used = after.user + after.system - before.user - before.system
    with Store.open(place) as store:
        lost = lost_verdicts(store, sat.verdicts, ["item_id", "reviewer", "verdict"])
    doubles = double_claims(sat.held)
    print(
        f"{n_items:,} items, {n_reviewers} reviewers: {len(sat.verdicts):,} verdicts, "
        f"{lost} lost, {doubles} double claims",
        flush=True,
    )
    if lost or doubles:
        raise SystemExit(f"{lost} lost, {doubles} double claims")
    return Result(n_items, n_reviewers, sat, first_s, used / max(1, len(sat.steps)) * 1e3)


def ended_ms(result: Result) -> list[float]:
    return [step.ended * 1e3 for step in result.sat.steps]


def report(results: Sequence[Result], seconds: float) -> str:
    steps = [step for result in results for step in result.sat.steps]
    size = np.median([step.bytes for step in steps]) / 1e3
    elements = np.median([step.elements for step in steps])
    lines = [
        "# From the press of a verdict to the next item, over WebSockets",
        "",
        f"`python bench/review_sockets.py --items {' '.join(str(r.n_items) for r in results)} "
        + f"--seconds {seconds:g}`: {len(REVIEWERS)} sessions of `streamlit run app/main.py` at "
        + f"the Review page, {THINK_S:g} s of thought on average (exponential, at least "
        + f"{SHORTEST_THINK_S:g} s), {REJECT_SHARE:.0%} rejections with a reason, {SKIP_SHARE:.0%} "
        + "skips, a fifth of the items judged before. Times are the client's, on the same "
        + "machine: from sending the press until the next item's last element is there, and until "
        + "the script's run is over, with the item after it read ahead. Nobody saw an item that "
        + "was on another's screen, and every acknowledged verdict was in the log after the "
        + "server's end.",
        "",
        "| what | items | rankings | n | p50 ms | p95 ms | p99 ms |",
        "|---|--:|--:|--:|--:|--:|--:|",
        *(
            row("verdict to the next item", r.n_items, [s.drawn * 1e3 for s in r.sat.steps])
            for r in results
        ),
        *(row("verdict to the run's end", r.n_items, ended_ms(r)) for r in results),
        "",
    ]
    highs = [float(np.percentile(ended_ms(result), 95)) for result in results]
    lines += [
        f"* To the run's end: p95 {highs[0]:.0f} ms at the first size (limit {NEXT_LIMIT_MS}), "
        f"{highs[-1] / highs[0]:.2f} times that at the last (limit {RATIO_LIMIT:g}).",
        f"* The server's processor time, all threads, for a step: "
        f"{', '.join(f'{r.cpu_ms:.0f} ms' for r in results)}.",
        f"* A step is {elements:.0f} elements and {size:.0f} kB before compression.",
        f"* First page after the server's start: "
        f"{', '.join(f'{r.first_s:.1f} s' for r in results)}.",
        f"* {os.cpu_count()} cores, {platform.machine()}, load average "
        f"{os.getloadavg()[1]:.1f}; Python {platform.python_version()}, "
        f"Streamlit {version('streamlit')}, DuckDB {version('duckdb')}. The clients ran on the "
        "same cores. A load above the number of cores means that other programs did, too.",
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, nargs="+", default=[100_000, 333_334])
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        places = [built(folder, n_items) for n_items in given.items]
        results = [
            measure(place, n_items, len(REVIEWERS), given.seconds)
            for place, n_items in zip(places, given.items, strict=True)
        ]
    text = report(results, given.seconds)
    print(text)
    if given.out:
        given.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
