"""The demo: a generated workspace, and the whole loop over it without a browser.

Everything goes the way a user's own data would go: queries with answers and lists are a source, a
generate job has the simulated teacher label it over HTTP, and its items are read in.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import polars as pl
import yaml

from curation import batching
from curation.consistency import DEFAULT_CUT
from curation.demo.teacher import MODEL, PORT, PRICES
from curation.demo.teacher_server import serve_teacher
from curation.demo.world import Problem, World, build_world, write_benchmark_files
from curation.errors import CurationError
from curation.people import Operator
from curation.source_folder import PASSAGES_SCHEMA, SourceQuery, write_source
from db import batches, checkpoints, evaluations, jobs, sources
from db.errors import NotFoundError, RankDeskError
from db.records import Passage
from db.store import Store
from trainer import desk, ingest, scoreboard, teaching_desk
from trainer.engines.opening import Served
from trainer.tiny import build_tiny_model

BENCHMARK = "demo"
DEMO = Operator("demo")  # whoever makes the demo world has the files
SOURCE, RAW = "demo", "demo-raw"
BATCH = "demo"
SIZE = {"n_items": 1500, "n_benchmark": 150, "n_spare": 40}
SAMPLES = ("samples=3", "orders=3")
"""The first chain is the recipe's; the others show how far the teacher agrees with itself."""

MINED = ("size=6", "dense=false")
"""Lists as long as the tiny model's windows, from BM25 alone: it takes seconds."""

Progress = Callable[[float, float, str], None]


def seed_workspace(
    store: Store,
    *,
    seed: int,
    on_progress: Progress,
    n_items: int = SIZE["n_items"],
    n_benchmark: int = SIZE["n_benchmark"],
    n_spare: int = SIZE["n_spare"],
    raw: bool = False,
) -> None:
    """Fill a workspace with the demo world: items, the held-out benchmark, the tiny base model.

    What is there already stays; the same seed gives the same workspace.

    Args:
        raw: Label the queries whose lists have to be mined first.

    Raises:
        RankDeskError: If the labelling fails; the message names its log.
    """
    world = build_world(seed=seed, n_items=n_items, n_benchmark=n_benchmark, n_spare=n_spare)
    _add_sources(store, world)
    _label(store, world, seed, on_progress, raw=raw)
    with TemporaryDirectory() as folder:
        files = Path(folder)
        write_benchmark_files(world, files)
        scoreboard.add_benchmark(
            store,
            BENCHMARK,
            added_by=DEMO,
            queries=files / "queries.jsonl",
            passages=files / "passages.jsonl",
            qrels=files / "qrels.txt",
            run=files / "run.txt",
        )
    on_progress(0.95, 1, "tiny base model")
    _make_tiny_model(store, world, seed)


def _add_sources(store: Store, world: World) -> None:
    """Add the training queries with the lists made for them, and again with one pool to search."""
    _add_source(store, SOURCE, world.items, [c for item in world.items for c in item.candidates])
    bare = [replace(item, candidates=()) for item in world.items]
    _add_source(store, RAW, bare, world.pool())
    if not store.workspace.prices.exists():
        prices = {model: price.model_dump() for model, price in PRICES.items()}
        store.workspace.prices.write_text(yaml.safe_dump(prices), encoding="utf-8")


def _add_source(
    store: Store, name: str, items: Sequence[Problem], passages: Sequence[Passage]
) -> None:
    made = write_source(
        store.workspace.sources,
        name,
        "demo",
        [
            SourceQuery(
                item.qid,
                item.domain,
                item.query,
                item.answer,
                candidates=tuple(candidate.docid for candidate in item.candidates),
            )
            for item in items
        ],
        pl.DataFrame([asdict(passage) for passage in passages], schema=PASSAGES_SCHEMA),
    )
    sources.insert_source(
        store,
        source_id=made.source_id,
        name=made.name,
        kind=made.kind,
        n_queries=made.n_queries,
        n_passages=made.n_passages,
        domains=made.domains,
        report={},
        added_by=DEMO,
    )


def _label(store: Store, world: World, seed: int, on_progress: Progress, *, raw: bool) -> None:
    """Have the source labelled. An earlier job's answers are kept, so none is asked for twice."""
    with _served_teacher(world, seed) as url:
        prepared = teaching_desk.prepare_generation(
            store,
            source=RAW if raw else SOURCE,
            engine=Served(model=MODEL, base_urls=(url,)),
            overrides=[*SAMPLES, *(MINED if raw else ())],
            seed=seed,
        )
        job_id = desk.start(store, prepared, created_by=DEMO)
        _wait(store, job_id, lambda done, total, told: on_progress(0.9 * done, total, told))


@contextmanager
def _served_teacher(world: World, seed: int) -> Iterator[str]:
    """Serve it where `rankdesk teacher serve` does, so that the job can be repeated as it stands.

    Where that port is taken, it is another one.
    """
    with ExitStack() as stack:
        try:
            url = stack.enter_context(serve_teacher(world, seed=seed, port=PORT))
        except CurationError:
            url = stack.enter_context(serve_teacher(world, seed=seed))
        yield url


def is_seeded(store: Store) -> bool:
    """Return whether the demo world is there whole: the tiny model is made last."""
    return any(found["name"] == desk.TINY for found in checkpoints.list_checkpoints(store))


def _make_tiny_model(store: Store, world: World, seed: int) -> None:
    folder = store.workspace.models / desk.TINY
    if not (folder / "config.json").exists():
        build_tiny_model(world.texts(), folder, seed=seed)
    checkpoints.insert_checkpoint(
        store,
        checkpoint_id=f"base:{desk.TINY}",
        name=desk.TINY,
        kind="base",
        path=str(folder),
        lineage={"base": desk.TINY, "recipe_name": "demo-sft", "seed": seed},
    )


@dataclass(frozen=True, slots=True)
class LoopRow:
    """One line of the loop's table; every comparison is with the row above."""

    name: Literal["first-stage", "untrained", "sft", "grpo"]
    ndcg: float
    n: int
    ci95: tuple[float, float]
    p: float | None
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """Return the row under the measure's own name."""
        return {
            "name": self.name,
            "ndcg@10": self.ndcg,
            "n": self.n,
            "ci95": list(self.ci95),
            "p": self.p,
            "seconds": round(self.seconds, 1),
        }


def run_loop(store: Store, *, user: str, on_progress: Progress) -> list[LoopRow]:
    """Approve a batch at the recipe's cut, train SFT then GRPO on it, and evaluate each model.

    What was done before in this workspace is not done again, and a job that was interrupted is
    resumed.

    Raises:
        RankDeskError: If a job fails; the message names its log.
    """
    snapshot = _approved_snapshot(store, user)
    names = [scoreboard.FIRST_STAGE]
    seconds = [0.0]

    def evaluated(checkpoint: str, name: str) -> None:
        names.append(name)
        spent = finish(
            store,
            name,
            lambda: desk.prepare_evaluation(
                store, checkpoint=checkpoint, benchmark=BENCHMARK, name=name
            ),
            user,
            on_progress,
        )
        seconds.append(spent)

    def trained(kind: str, base: str, name: str) -> float:
        return finish(
            store,
            name,
            lambda: desk.prepare_training(
                store,
                kind=kind,
                snapshot=snapshot,
                recipe_name=f"demo-{kind}",
                base=base,
                name=name,
            ),
            user,
            on_progress,
        )

    evaluated(desk.TINY, "untrained")
    sft_seconds = trained("sft", desk.TINY, "demo-sft")
    evaluated("demo-sft", "sft")
    seconds[-1] += sft_seconds
    grpo_seconds = trained("grpo", "demo-sft", "demo-grpo")
    evaluated("demo-grpo", "grpo")
    seconds[-1] += grpo_seconds
    return _rows(store, names, seconds)


def _approved_snapshot(store: Store, user: str) -> str:
    try:
        return str(batches.find_snapshot(store, BATCH)["snapshot_id"])
    except NotFoundError:
        # Nobody has reviewed anything here, so the recipe's cut alone decides.
        selection = batching.Selection(verdicts=("open", "approve", "fix"), cut=DEFAULT_CUT)
        try:
            batches.get_batch(store, BATCH)  # a loop that was cut off here left it unapproved
        except NotFoundError:
            batching.create(store, BATCH, selection, created_by=user)
        return batching.approve(store, BATCH, approved_by=user).snapshot_id


def finish(
    store: Store,
    name: str,
    prepare: Callable[[], desk.PreparedJob],
    user: str,
    on_progress: Progress,
) -> float:
    """Bring the job of this name to its end, whatever its state, and return the seconds spent."""
    began = time.monotonic()
    try:
        job_id = str(jobs.get_job(store, name)["job_id"])
        if desk.job_state(store, job_id).state in ("stopped", "failed", "interrupted"):
            desk.resume(store, job_id, resumed_by=user)
    except NotFoundError:
        job_id = desk.start(store, prepare(), created_by=user)
    _wait(store, job_id, on_progress)
    return time.monotonic() - began


def _wait(store: Store, job_id: str, on_progress: Progress) -> None:
    name = jobs.get_job(store, job_id)["name"]
    while (now := desk.job_state(store, job_id)).state in ("queued", "running"):
        left = "" if now.eta_s is None else f"about {now.eta_s:.0f} s left"
        on_progress(now.step or 0, now.total or 0, f"{name}: {now.unit or now.state} {left}")
        time.sleep(0.5)
    ingest.sync(store)
    if now.state != "done":
        raise RankDeskError(
            f"The demo's job {name} is {now.state}: {now.message}. "
            f"Its log is {store.workspace.jobs / job_id / 'stderr.log'}."
        )


def _rows(store: Store, names: list[str], seconds: list[float]) -> list[LoopRow]:
    found = [evaluations.get_evaluation(store, name) for name in names]
    ids = [row["evaluation_id"] for row in found]
    compared = scoreboard.compare(
        store, found, "nDCG@10", dict(zip(ids[1:], ids[:-1], strict=True))
    )
    return [
        LoopRow(row["name"], row["value"], row["n"], row["ci95"], row["p"], spent)
        for row, spent in zip(compared, seconds, strict=True)
    ]
