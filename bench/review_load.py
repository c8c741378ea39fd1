"""Twenty reviewers at one workspace: from a verdict to the next item, and the pages of a table.

Builds a workspace of each size (once; `--folder` keeps them), lets reviewers decide for a while,
each on a thread of its own, through the functions that the Review page calls, then pages through
tables. Checks that nobody got an item that another had in hand, and that every verdict that was
acknowledged is there when the workspace is opened again.

    python bench/review_load.py [--items 100000 333000] [--seconds 60] [--folder DIR] [--out FILE]
"""

import argparse
import os
import platform
import random
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import numpy as np
from load_world import SAMPLES, build

from curation import queueing, review
from db import items, judgments
from db.records import ItemFilter
from db.store import Store
from db.workspace import Workspace

REVIEWERS = [f"reviewer {number:02}" for number in range(20)]
THINK_S = 5.0  # mean time between an item on the screen and its verdict: quick for 20 passages
FIX_SHARE, SKIP_SHARE = 0.1, 0.05
PAGES = 60
NEXT_LIMIT_MS, TABLE_LIMIT_MS, RATIO_LIMIT = 100, 150, 1.5


@dataclass
class Run:
    """What the reviewers did at one size; times in milliseconds."""

    steps: list[float] = field(default_factory=list)
    verdicts: list[str] = field(default_factory=list)  # event ids that were acknowledged
    held: list[tuple[str, str, float, float]] = field(default_factory=list)  # item, who, from, to
    errors: list[str] = field(default_factory=list)


def look(store: Store, reviewer: str) -> tuple[review.ReviewItem, float] | None:
    """Take the next item in hand and read all that the page shows with it."""
    item_id = queueing.next_item(store, reviewer)
    if item_id is None:
        return None
    taken_at = time.monotonic()
    shown = queueing.unseen(review.load(store, item_id, reviewer), reviewer)
    queueing.why(store, item_id)
    queueing.left_for(store, reviewer)
    items.counts(store)
    judgments.recent_judgments(store, reviewer)
    return shown, taken_at


def sit(store: Store, reviewer: str, until: float, run: Run, seed: int) -> None:
    """Decide items until the time is up, as one reviewer."""
    rng = random.Random(seed)
    time.sleep(rng.uniform(0, THINK_S))  # they do not all begin at once
    found = look(store, reviewer)
    while found and time.monotonic() < until:
        shown, taken_at = found
        time.sleep(rng.expovariate(1 / THINK_S))
        began, ended_at = time.perf_counter(), time.monotonic()
        event_id = decide(store, shown, reviewer, rng.random())
        found = look(store, reviewer)
        run.steps.append((time.perf_counter() - began) * 1e3)
        run.held.append((shown.item.item_id, reviewer, taken_at, ended_at))
        if event_id:
            run.verdicts.append(event_id)


def decide(store: Store, shown: review.ReviewItem, reviewer: str, draw: float) -> str | None:
    """Skip, fix or approve the item, as it falls."""
    item_id = shown.item.item_id
    if draw < SKIP_SHARE:
        queueing.skip(store, item_id, reviewer)
        return None
    if draw < SKIP_SHARE + FIX_SHARE:
        order = list(reversed(shown.teacher.docids))
        return review.decide(store, item_id=item_id, reviewer=reviewer, verdict="fix", order=order)
    return review.decide(store, item_id=item_id, reviewer=reviewer, verdict="approve")


def review_for(store: Store, seconds: float) -> Run:
    """Let every reviewer sit for `seconds`."""
    run = Run()
    until = time.monotonic() + seconds

    def safely(reviewer: str, seed: int) -> None:
        try:
            sit(store, reviewer, until, run, seed)
        except Exception as error:  # noqa: BLE001 - a thread's error is a result of the bench
            run.errors.append(f"{reviewer}: {error!r}")

    threads = [
        threading.Thread(target=safely, args=(reviewer, seed))
        for seed, reviewer in enumerate(REVIEWERS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return run


def table_pages(store: Store, seed: int = 5) -> list[float]:
    """Return the milliseconds of pages of 50 rows with their total, under filters of each kind."""
    rng = random.Random(seed)
    filters: list[Callable[[], ItemFilter]] = [
        lambda: ItemFilter(verdict="open"),
        lambda: ItemFilter(order="lowest", domains=("biology", "leetcode")),
        lambda: ItemFilter(verdict="approve", reviewer=rng.choice(REVIEWERS), order="imported"),
        lambda: ItemFilter(min_ndcg=0.3, max_ndcg=0.5, order="highest"),
        lambda: ItemFilter(check="loop"),
    ]
    taken = []
    for number in range(PAGES):
        chosen = filters[number % len(filters)]()
        began = time.perf_counter()
        items.count_items(store, chosen)
        items.list_items(store, chosen, limit=50, offset=50 * rng.randrange(20))
        taken.append((time.perf_counter() - began) * 1e3)
    return taken


def double_claims(held: Sequence[tuple[str, str, float, float]]) -> int:
    """Return how many times an item was in two hands at once.

    Args:
        held: Item, who, from when, to when.
    """
    by_item: dict[str, list[tuple[float, float, str]]] = defaultdict(list)
    for item_id, reviewer, start, end in held:
        by_item[item_id].append((start, end, reviewer))
    return sum(
        after[0] < before[1] and after[2] != before[2]
        for spans in by_item.values()
        for before, after in zip(sorted(spans), sorted(spans)[1:], strict=False)
    )


def lost_verdicts(
    store: Store, acknowledged: Sequence[tuple[str, ...]], columns: Sequence[str]
) -> int:
    """Return how many verdicts that were acknowledged are not in the log.

    Args:
        columns: Of the log, which tell a verdict from others.
    """
    kept = set(judgments.history(store).select(columns).iter_rows())
    return len(set(acknowledged) - kept)


@dataclass(frozen=True)
class Result:
    """What came out at one size; times in milliseconds, `cpu` a step."""

    n_items: int
    steps: list[float]
    pages: list[float]
    first_s: float
    cpu: float
    gigabytes: float


def built(folder: Path, n_items: int) -> Workspace:
    """Return a workspace of `n_items` items, which is built where it is missing."""
    place = Workspace(folder / f"items-{n_items}")
    if not place.database.exists():
        began = time.perf_counter()
        with Store.create(place) as store:
            build(store, n_items, reviewers=REVIEWERS)
        print(f"{n_items:,} items built in {time.perf_counter() - began:.0f} s", flush=True)
    return place


def measure(folder: Path, n_items: int, seconds: float) -> Result:
    """Run everything at one size, in a workspace that is built where it is missing."""
    place = built(folder, n_items)
    with Store.open(place) as store:
        began = time.perf_counter()
        look(store, REVIEWERS[0])
        first_s = time.perf_counter() - began
        cpu = time.process_time()
        run = review_for(store, seconds)
        cpu = (time.process_time() - cpu) / max(1, len(run.steps)) * 1e3
        pages = table_pages(store)
    with Store.open(place) as store:
        lost = lost_verdicts(store, [(event_id,) for event_id in run.verdicts], ["event_id"])
    doubles = double_claims(run.held)
    print(
        f"{n_items:,} items: {len(run.verdicts):,} verdicts, {lost} lost, {doubles} double claims",
        flush=True,
    )
    if lost or doubles or run.errors:
        raise SystemExit(f"{lost} lost, {doubles} double claims; {run.errors[:3]}")
    size = place.database.stat().st_size / 1e9
    return Result(n_items, run.steps, pages, first_s, cpu, size)


def row(name: str, n_items: int, values: Sequence[float]) -> str:
    middle, high, highest = np.percentile(values, [50, 95, 99])
    return (
        f"| {name} | {n_items:,} | {n_items * SAMPLES:,} | {len(values):,} | {middle:.0f} | "
        f"{high:.0f} | {highest:.0f} |"
    )


def report(results: Sequence[Result], seconds: float) -> str:
    lines = [
        "# From a verdict to the next item",
        "",
        f"`python bench/review_load.py --items {' '.join(str(r.n_items) for r in results)} "
        + f"--seconds {seconds:g}`: {len(REVIEWERS)} reviewers on threads of the process that "
        + f"owns the workspace, {THINK_S:g} s of thought on average (exponential), "
        + f"{FIX_SHARE:.0%} fixes, {SKIP_SHARE:.0%} skips, a fifth of the items judged before. A "
        + "step is the verdict on disk, the next claim on disk, and all that the Review page reads "
        + "of the next item. A table page is 50 rows and their total, after the reviewers left, "
        + "under filters by verdict, domain, reviewer, consistency and failed check. No item was "
        + "in two hands at once, and every acknowledged verdict was there after opening the "
        + "workspace again.",
        "",
        "| what | items | rankings | n | p50 ms | p95 ms | p99 ms |",
        "|---|--:|--:|--:|--:|--:|--:|",
        *(row("verdict to next item", r.n_items, r.steps) for r in results),
        *(row("table page", r.n_items, r.pages) for r in results),
        "",
    ]
    for name, limit, part in (
        ("Verdict to next item", NEXT_LIMIT_MS, [r.steps for r in results]),
        ("Table page", TABLE_LIMIT_MS, [r.pages for r in results]),
    ):
        highs = [float(np.percentile(values, 95)) for values in part]
        lines.append(
            f"* {name}: p95 {highs[0]:.0f} ms at the first size (limit {limit}), "
            f"{highs[-1] / highs[0]:.2f} times that at the last."
        )
    lines += [
        f"* Processor time of a step: {', '.join(f'{r.cpu:.0f} ms' for r in results)}.",
        (
            "* First item after opening, for which every item's reasons are read: "
            f"{', '.join(f'{r.first_s:.1f} s' for r in results)}. "
            f"Databases: {', '.join(f'{r.gigabytes:.1f} GB' for r in results)}."
        ),
        (
            f"* {os.cpu_count()} cores, {platform.machine()}, load average "
            f"{os.getloadavg()[1]:.1f}; Python {platform.python_version()}, "
            f"DuckDB {version('duckdb')}. The ratio's limit is {RATIO_LIMIT:g}. "
            "A load above the number of cores means that other programs ran beside the bench."
        ),
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, nargs="+", default=[100_000, 333_334])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        results = [measure(folder, n_items, given.seconds) for n_items in given.items]
    text = report(results, given.seconds)
    print(text)
    if given.out:
        given.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
