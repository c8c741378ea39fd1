"""Twenty reviewers over real WebSockets: from the press of a verdict to the next item's page.

Starts `streamlit run app/main.py` over a workspace of each size (built once; `--folder` keeps
them) and opens the Review page in as many sessions as there are reviewers, each under a name of its
own. A reviewer reads the item from what the server draws, thinks, presses Approve, Reject and a
reason, or Skip as the browser would, and waits for the run's end. Checks that nobody saw an item
that was on another's screen, and that every verdict that was acknowledged is in the log after the
server's end. With `--label-studio` reviewers also sit at Label Studio (see `label_studio.py`) over
as many tasks with the same queries and chains: from sending an annotation to having the next task,
by its HTTP API; one reviewer and all at once, there and here.

    python bench/review_sockets.py [--items 100000 333334] [--seconds 300] [--folder DIR]
        [--label-studio .venv-label-studio/bin/label-studio] [--out FILE]
"""

import argparse
import asyncio
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import label_studio
import numpy as np
import psutil
from review_load import (
    NEXT_LIMIT_MS,
    RATIO_LIMIT,
    REVIEWERS,
    THINK_S,
    built,
    double_claims,
    lost_verdicts,
    row,
)
from serving import free_port, stop, wait_for
from streamlit_client import PageError, Ran, Tab

from db.store import Store
from db.workspace import Workspace

ROOT = Path(__file__).parents[1]
SHORTEST_THINK_S = 0.5  # the app takes a press sooner than 0.25 s for the half of a double press
REJECT_SHARE, SKIP_SHARE = 0.2, 0.05
BESIDE_S = 120  # at most, for each number of reviewers at Label Studio, and for one alone here


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
    """What came out for a number of reviewers at one size.

    Attributes:
        first_s: Seconds until the first page of the server's life.
        cpu_ms: The server's processor time of a step.
        gigabytes: What the server's process held in memory at the end.
    """

    n_items: int
    n_reviewers: int
    sat: Sat
    first_s: float
    cpu_ms: float
    gigabytes: float

    @property
    def drawn(self) -> list[float]:
        """Milliseconds until the next item was there."""
        return [step.drawn * 1e3 for step in self.sat.steps]

    @property
    def ended(self) -> list[float]:
        """Milliseconds until the script's run was over."""
        return [step.ended * 1e3 for step in self.sat.steps]


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
            stop(process)


async def sit(port: int, reviewer: str, think_s: float, until: float, sat: Sat, seed: int) -> None:
    """Decide items until the time is up, as one reviewer in one browser tab."""
    rng = random.Random(seed)
    await asyncio.sleep(rng.uniform(0, think_s))  # they do not all begin at once
    async with Tab(port, "review", f"reviewer={reviewer.replace(' ', '+')}") as tab:
        await tab.open()
        while True:
            item_id, since = tab.components["reader"]["token"], time.monotonic()
            await asyncio.sleep(max(SHORTEST_THINK_S, rng.expovariate(1 / think_s)))
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


async def review_for(port: int, reviewers: Sequence[str], think_s: float, seconds: float) -> Sat:
    """Let every reviewer sit for `seconds`."""
    sat = Sat()
    until = time.monotonic() + seconds
    async with asyncio.TaskGroup() as group:
        for seed, reviewer in enumerate(reviewers):
            group.create_task(sit(port, reviewer, think_s, until, sat, seed))
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
        sat = asyncio.run(review_for(port, reviewers, think_s(n_reviewers), seconds))
        after = process.cpu_times()
        gigabytes = process.memory_info().rss / 1e9
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
    cpu_ms = used / max(1, len(sat.steps)) * 1e3
    return Result(n_items, n_reviewers, sat, first_s, cpu_ms, gigabytes)


def think_s(n_reviewers: int) -> float:
    """Return the mean thought: one alone thinks less, so that there is something to count."""
    return THINK_S if n_reviewers > 1 else 1.0


def yardstick(
    command: Path, folder: Path, place: Workspace, n_items: int, seconds: float
) -> list[tuple[int, label_studio.Yardstick]]:
    """Let one reviewer and then all annotate in Label Studio; its project is made once."""
    with Store.open(place) as store:
        texts = store.frame("""
            SELECT query, chain FROM items JOIN item_heads USING (item_id)
            JOIN ranking_texts USING (ranking_id)
        """).to_dicts()
    began = time.perf_counter()
    with label_studio.serving(command, folder / f"label-studio-{n_items}") as served:
        print(f"Label Studio answers after {time.perf_counter() - began:.0f} s", flush=True)
        began = time.perf_counter()
        project = label_studio.filled(served[0], texts)
        print(f"... and has its tasks {time.perf_counter() - began:.0f} s later", flush=True)
        found = []
        for n_reviewers in (1, len(REVIEWERS)):
            reviewers = REVIEWERS[:n_reviewers]
            seen = asyncio.run(
                label_studio.annotate(
                    served, project, reviewers, think_s=think_s(n_reviewers), seconds=seconds
                )
            )
            found.append((n_reviewers, seen))
        return found


def report(results: Sequence[Result], seconds: float) -> str:
    """Return what came out at each size, against the targets."""
    steps = [step for result in results for step in result.sat.steps]
    asked = [step.ended * 1e3 for result in results for step in result.sat.asked]
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
        *(row("verdict to the next item", r.n_items, r.drawn) for r in results),
        *(row("verdict to the run's end", r.n_items, r.ended) for r in results),
        "",
    ]
    for name, values in (
        ("To the next item", [r.drawn for r in results]),
        ("To the run's end", [r.ended for r in results]),
    ):
        highs = [float(np.percentile(each, 95)) for each in values]
        lines.append(
            f"* {name}: p95 {highs[0]:.0f} ms at the first size (limit {NEXT_LIMIT_MS}), "
            f"{highs[-1] / highs[0]:.2f} times that at the last (limit {RATIO_LIMIT:g})."
        )
    verdicts = [len(result.sat.verdicts) for result in results]
    lines += [
        f"* Verdicts: {', '.join(map(str, verdicts))}, 0 lost; 0 double claims.",
        (
            "* The server's processor time, all threads, for a step, sessions' beginnings "
            f"included: {', '.join(f'{r.cpu_ms:.0f} ms' for r in results)}. It held "
            f"{', '.join(f'{r.gigabytes:.1f} GB' for r in results)} at the end."
        ),
        (
            f"* A step is {elements:.0f} elements and {size:.0f} kB before compression. Reject "
            f"without a reason, which asks for one: p50 {np.median(asked):.0f} ms."
        ),
        (
            "* First page after the server's start: "
            f"{', '.join(f'{r.first_s:.1f} s' for r in results)}."
        ),
        (
            f"* {os.cpu_count()} cores, {platform.machine()}, load average "
            f"{os.getloadavg()[1]:.1f}; Python {platform.python_version()}, "
            f"Streamlit {version('streamlit')}, DuckDB {version('duckdb')}. The clients ran on "
            "the same cores. A load above the number of cores means that other programs did, too."
        ),
        "",
    ]
    return "\n".join(lines)


def comparison(ours: Sequence[Result], theirs: Sequence[tuple[int, label_studio.Yardstick]]) -> str:
    """Return both sides' steps, for each number of reviewers."""
    lines = [
        "## Beside Label Studio",
        "",
        f"Label Studio {label_studio.VERSION} with its defaults (SQLite, `label-studio start`), "
        + "as many tasks, each with the query and the chain: from sending an annotation until the "
        + "next task is there, over its HTTP API. Its browser page, which asks for more, took no "
        + "part; RankDesk's side is what it sends to a browser, with 20 passages. One reviewer "
        + f"alone thinks {think_s(1):g} s on average. Load average {os.getloadavg()[1]:.1f}.",
        "",
        "| what | tasks | reviewers | n | p50 ms | p95 ms | processor, ms a step |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for result, (n_reviewers, seen) in zip(ours, theirs, strict=True):
        sides = (
            ("RankDesk, to the next item", result.drawn, result.cpu_ms),
            ("RankDesk, to the run's end", result.ended, result.cpu_ms),
            ("Label Studio, to the next task", seen.steps, seen.cpu_ms),
        )
        for name, values, cpu_ms in sides:
            middle, high = np.percentile(values, [50, 95])
            lines.append(
                f"| {name} | {result.n_items:,} | {n_reviewers} | {len(values):,} | {middle:.0f} "
                f"| {high:.0f} | {cpu_ms:.0f} |"
            )
    lines.append("")
    for result, (n_reviewers, seen) in zip(ours, theirs, strict=True):
        drawn, ended, other = (
            np.percentile(values, [50, 95]) for values in (result.drawn, result.ended, seen.steps)
        )
        lines.append(
            f"* {n_reviewers} at once: Label Studio takes {other[0] / drawn[0]:.1f} times as long "
            f"at p50 and {other[1] / drawn[1]:.1f} at p95; against the run's end "
            f"{other[0] / ended[0]:.1f} and {other[1] / ended[1]:.1f}. Tasks that two had on the "
            f"screen at once in Label Studio: {double_claims(seen.held)}; requests that it "
            f"answered with an error of its own, and that were sent again: {seen.failed}."
        )
    return "\n".join([*lines, ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, nargs="+", default=[100_000, 333_334])
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--label-studio", type=Path)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = (given.folder or Path(temporary)).absolute()
        places = [built(folder, n_items) for n_items in given.items]
        results = [
            measure(place, n_items, len(REVIEWERS), given.seconds)
            for place, n_items in zip(places, given.items, strict=True)
        ]
        text = report(results, given.seconds)
        print(text, flush=True)
        if given.label_studio:
            place, n_items = places[0], given.items[0]
            seconds = min(given.seconds, BESIDE_S)
            alone = measure(place, n_items, 1, seconds)
            command = given.label_studio.absolute()
            seen = yardstick(command, folder, place, n_items, seconds)
            beside = comparison([alone, results[0]], seen)
            print(beside)
            text += f"\n{beside}"
    if given.out:
        given.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
