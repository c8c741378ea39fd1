"""A small workspace with something of everything, for tests and for looking at the pages."""

import json
import random
from pathlib import Path

import polars as pl

from curation import batching, review
from curation.intake import import_reasonrank
from curation.permutation import render_response
from db import benchmarks, checkpoints, evaluations, items, jobs
from db.records import ItemFilter
from db.store import Store
from trainer import jobs as folders
from trainer import scoreboard
from trainer.engines.opening import Embedded
from trainer.ingest import sync
from trainer.joblog import append_record, write_event
from trainer.jobs import EvaluateSpec, TrainSpec
from trainer.recipes import load_recipe

HOSTILE = (
    '<img src=x onerror="document.title=1"> **bold** $x^2$ ![i](https://example.com/i.png) '
    "[link](https://example.com) :red[red] https://example.com <script>alert(1)</script>"
)
HOSTILE_DOMAIN = "**b** $x$ :red[r] <i>i<i>"  # also a file's name
PRINCIPLES = {
    "physics": [
        ("conservation of energy", "what is lost in height is gained in speed"),
        ("buoyancy", "the upward force equals the weight of the fluid pushed aside"),
        ("resonance", "a small push at the natural frequency builds a large swing"),
    ],
    "biology": [
        ("natural selection", "traits that help survival spread through a population"),
        ("osmosis", "water moves through a membrane towards the saltier side"),
        ("homeostasis", "a disturbance is answered by a change that undoes it"),
    ],
    "economics": [
        ("opportunity cost", "the price of a choice is the best thing given up for it"),
        ("diminishing returns", "each further unit of input adds less than the one before"),
        ("adverse selection", "the offer attracts those who cost the most to serve"),
    ],
}
STORIES = [
    "A skier stands at the top of a slope and wonders how fast she will be at the bottom.",
    "A baker hires a fourth helper for a kitchen that was built for two.",
    "A diver lets go of a half-filled bottle ten metres below the surface.",
    "An insurer lowers its price and finds its costs going up.",
    "A gardener salts the path and sees the hedge beside it wilt.",
    "A child on a swing is pushed gently once each time it comes back.",
]


def write_layout(folder: Path, *, per_domain: int = 8, n: int = 8, seed: int = 1) -> None:
    """Write a folder in ReasonRank's layout, with a hostile item and two faulty rows."""
    rng = random.Random(seed)
    rows = []
    for domain, principles in PRINCIPLES.items():
        queries, passages = {}, {}
        for i in range(per_domain):
            name, rule = principles[i % 3]
            qid = f"{domain}/{i}"
            queries[qid] = (
                f"{rng.choice(STORIES)} Which rule decides what happens, and what would change if "
                f"everything were twice as large? (case {i})"
            )
            initial, relevant = [], []
            for at in range(n):
                docid = f"{domain}/doc {i}.{at}"
                other, its_rule = rng.choice(principles)
                if at in (2, 5):
                    other, its_rule = name, rule
                    relevant.append(docid)
                elif other == name:
                    other, its_rule = "common sense", "people do what they did yesterday"
                passages[docid] = (
                    f"{rng.choice(STORIES)} This is a case of {other}: {its_rule}. "
                    + "Worked through step by step, the numbers follow from that alone. "
                    * rng.randint(1, 4)
                )
                initial.append(docid)
            rest = [d for d in initial if d not in relevant]
            rng.shuffle(rest)
            final = relevant + rest
            if i % 3 == 1:  # a teacher that contradicts its own labels
                final = rest[:3] + relevant + rest[3:]
            if i % 4 == 3:
                final = rest + relevant
            place = {docid: number for number, docid in enumerate(initial, start=1)}
            top = [place[docid] for docid in final[:3]]
            chain = (
                f"The query tells a story, but what it asks about is {name}: {rule}.\n\n"
                f"Passage [{top[0]}] names that rule, so it comes first. [{top[1]}] is close "
                f"behind; [{top[2]}] shares the story's words but not its principle, as [1] does.\n"
                "\nThe others only repeat the setting. Between them I keep the given order, with "
                f"[{place[final[-1]]}] last because nothing in it bears on the question."
            )
            rows.append(
                {
                    "dataset": domain,
                    "qid": qid,
                    "initial_list": initial,
                    "final_list": final,
                    "reasoning": chain,
                    "relevant_docids": relevant,
                }
            )
        _write_texts(folder, domain, queries, passages)
    rows.append(_hostile_row(folder))
    rows.append({**rows[0], "qid": "nobody"})
    rows.append({**rows[1], "relevant_docids": []})
    with (folder / "training_data_all.jsonl").open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


def _write_texts(
    folder: Path, domain: str, queries: dict[str, str], passages: dict[str, str]
) -> None:
    for kind, texts in (("id_query", queries), ("id_doc", passages)):
        (folder / kind).mkdir(parents=True, exist_ok=True)
        (folder / kind / f"{domain}.json").write_text(json.dumps(texts), encoding="utf-8")


def _hostile_row(folder: Path) -> dict[str, object]:
    """Write texts that look like markup wherever a source can put text, and return their row."""
    docid = f"<b>{HOSTILE}</b>"
    _write_texts(
        folder, HOSTILE_DOMAIN, {HOSTILE: HOSTILE}, {docid: HOSTILE, "calm": "A calm passage."}
    )
    return {
        "dataset": HOSTILE_DOMAIN,
        "qid": HOSTILE,
        "initial_list": [docid, "calm"],
        "final_list": [docid, "calm"],
        "reasoning": f"{HOSTILE} so [1] > [2]",
        "relevant_docids": ["calm"],
    }


def write_benchmark(folder: Path, *, n: int = 12) -> dict[str, Path]:
    """Write a benchmark's four files; the relevant passage starts at place 4 of 8."""
    folder.mkdir(parents=True)
    paths = {
        "queries": folder / "queries.tsv",
        "passages": folder / "passages.jsonl",
        "qrels": folder / "qrels.txt",
        "run": folder / "run.txt",
    }
    queries, passages, qrels, run = [], [], [], []
    for q in range(n):
        queries.append(f"q{q}\t{STORIES[q % len(STORIES)]} Which rule is behind it? ({q})\n")
        for d in range(8):
            name, rule = PRINCIPLES["physics"][d % 3]
            passages.append(
                json.dumps({"_id": f"q{q} d{d}", "title": name, "text": f"In case {q}, {rule}."})
                + "\n"
            )
            run.append(f"q{q} Q0 q{q} d{d} {d + 1} {10 - d} bm25\n")
        qrels.append(f"q{q} 0 q{q} d3 1\n")
    for path, lines in zip(paths.values(), (queries, passages, qrels, run), strict=True):
        path.write_text("".join(lines), encoding="utf-8")
    return paths


def fill(store: Store, folder: Path) -> None:
    """Fill a workspace: items with verdicts, a snapshot, a benchmark, jobs and evaluations."""
    write_layout(folder / "layout")
    import_reasonrank(store, folder / "layout", imported_by="ada")
    found = items.list_items(store, ItemFilter(order="highest"), limit=100)["item_id"].to_list()
    for item_id in found[:9]:
        review.decide(store, item_id=item_id, reviewer="ada", verdict="approve")
    review.decide(
        store, item_id=found[-1], reviewer="grace", verdict="reject", reasons=["wrong_order"]
    )
    approved = batching.create(store, "first round", batching.Selection(), created_by="ada")
    snapshot = batching.approve(store, approved, approved_by="grace").snapshot_id
    batching.create(
        store, "everything open", batching.Selection(verdicts=("open",)), created_by="ada"
    )
    scoreboard.add_benchmark(
        store, "held-out", added_by="ada", **write_benchmark(folder / "benchmark")
    )
    checkpoints.insert_checkpoint(
        store,
        checkpoint_id="base:tiny",
        name="tiny",
        kind="base",
        path=str(store.workspace.models / "tiny"),
        lineage={"base": "tiny", "recipe_name": "demo-sft", "seed": 1},
    )
    trained = add_training(store, snapshot, "sft", "demo-sft-1")
    add_training(store, snapshot, "grpo", "demo-grpo-1", parent=trained)
    add_evaluation(store, trained, "sft on held-out")


def add_training(
    store: Store, snapshot: str, kind: str, name: str, parent: str = "base:tiny"
) -> str:
    """Put a finished training job into the workspace, as its process would have left it."""
    recipe = load_recipe(f"demo-{kind}")
    spec = TrainSpec(
        name=name,
        snapshot=store.workspace.snapshots / snapshot,
        base=str(store.workspace.models / "tiny"),
        parent=parent,
        recipe_name=f"demo-{kind}",
        recipe=recipe,
    )
    folder = folders.prepare_job(store.workspace.jobs, spec)
    _attempt(folder)
    for step in range(10, 101, 10):
        write_event(folder, "progress", step=step, total=100, unit="step", eta_s=100 - step)
        values = {
            "loss": 3 / step**0.5,
            "learning_rate": 1e-3,
            "num_tokens": step * 900.0,
            "tokens_per_s": 5200.0,
            "memory_mib": 1434.0,
        }
        if kind == "grpo":
            values |= {
                "reward": 0.6 + step / 250,
                "reward/ndcg": 0.5 + step / 300,
                "reward/recall": 0.9,
                "reward/overlap": 0.4 + step / 400,
                "kl": step / 9000,
                "completions/mean_length": 90 - step / 5,
            }
        write_event(folder, "metrics", step=step, values=values)
    write_event(folder, "warning", message="2 items are over the prompt cap and were left out.")
    write_event(folder, "checkpoint", step=100, name="checkpoint-100")
    (folder / "stdout.log").write_text("loading\ntraining\ndone\n", encoding="utf-8")
    if kind == "grpo":
        _rollouts(folder)
    (folder / "model").mkdir()
    lineage = {
        "job_id": folder.name,
        "kind": kind,
        "snapshot_id": snapshot,
        "recipe_name": f"demo-{kind}",
        "recipe": recipe.model_dump(mode="json"),
        "base": spec.base,
        "parent": parent,
        "steps": 100,
        "seed": 1,
        "code_version": "0.1.0",
        "libraries": {"torch": "2.13.0", "trl": "1.16.0"},
    }
    (folder / "model" / "lineage.json").write_text(json.dumps(lineage), encoding="utf-8")
    write_event(folder, "ended", outcome="done", message="100 steps, loss 0.30")
    _record(
        store,
        folder,
        kind,
        name,
        recipe=f"demo-{kind}",
        snapshot_id=snapshot,
        checkpoint_id=parent,
    )
    sync(store)
    return folder.name


def add_evaluation(
    store: Store,
    checkpoint_id: str,
    name: str,
    *,
    seed: int = 0,
    shuffle: int | None = None,
    lost: int = 4,
) -> str:
    """Put a finished evaluation into the workspace: most relevant passages moved to the top.

    Args:
        lost: Every query whose number is a multiple of it gets worse.
    """
    benchmark = benchmarks.list_benchmarks(store)[0]
    settings = load_recipe("demo-sft").evaluation_settings()
    settings = settings.model_copy(update={"shuffle": shuffle})
    spec = EvaluateSpec(
        name=name,
        engine=Embedded(model=str(store.workspace.jobs / checkpoint_id / "model")),
        benchmark=store.workspace.benchmarks / benchmark["benchmark_id"],
        settings=settings,
        seed=seed,
    )
    folder = folders.prepare_job(store.workspace.jobs, spec)
    _attempt(folder)
    measures, run = {}, []
    for q in range(12):
        place = 1 if q % lost else 6
        order = [0, 1, 2, 4, 5, 6, 7]
        order.insert(place - 1, 3)
        run += [f"q{q} Q0 q{q} d{d} {at} {1 / at} x\n" for at, d in enumerate(order, start=1)]
        measures[f"q{q}"] = {"nDCG@10": 1.0 if place == 1 else 0.3562, "RR@10": 1 / place}
        append_record(
            folder / "calls.jsonl",
            {
                "qid": f"q{q}",
                "call": 0,
                "round": 1,
                "model": "main",
                "kind": "order",
                "start": 0,
                "sample": 0,
                "scores": [],
                "docids": [f"q{q} d{d}" for d in range(8)],
                "response": render_response(
                    f"{HOSTILE} The rule is in [4], not in [1].", [d + 1 for d in order]
                ),
                "permutation": [d + 1 for d in order],
                "status": "ok",
                "prompt_tokens": 300,
                "completion_tokens": 60,
                "seconds": 0.2,
            },
        )
    (folder / "run.txt").write_text("".join(run), encoding="utf-8")
    (folder / "per_query.json").write_text(json.dumps(measures), encoding="utf-8")
    summary = {"calls": 12, "statuses": {"ok": 11, "missing": 1}, "completion_tokens": 720}
    (folder / "result.json").write_text(
        json.dumps(
            {**summary, "prompt_tokens": 3600, "seconds": 12.0}
            | {"engines": {"main": {"model": spec.engine.model}}}
        ),
        encoding="utf-8",
    )
    write_event(folder, "ended", outcome="done", message="nDCG@10 0.84")
    _record(
        store,
        folder,
        "evaluate",
        name,
        benchmark_id=benchmark["benchmark_id"],
        checkpoint_id=checkpoint_id,
    )
    sync(store)
    assert evaluations.get_evaluation(store, name)
    return folder.name


def _attempt(folder: Path) -> None:
    append_record(
        folder / "attempts.jsonl",
        {
            "argv": ["python", "-m", "trainer.sft"],
            "pid": 2**22 + 1,  # above any real pid
            "create_time": 0.0,
            "started_at": "2026-11-23T08:00:00+00:00",
            "events_offset": 0,
        },
    )
    write_event(folder, "queued")
    write_event(folder, "started")


def _record(store: Store, folder: Path, kind: str, name: str, **links: str) -> None:
    jobs.insert_job(
        store,
        job_id=folder.name,
        kind=kind,
        name=name,
        config=(folder / "config.yaml").read_text(encoding="utf-8"),
        created_by="ada",
        **links,
    )


def _rollouts(folder: Path) -> None:
    (folder / "rollouts").mkdir()
    for step in (1, 2):
        rows = [
            {
                "step": step,
                "item_id": f"i{group}",
                "qid": f"physics/{group}",
                "domain": "physics",
                "completion": render_response(f"{HOSTILE} [2] fits", [2, 1, 3]),
                "tokens": 40 + at,
                "reward": 0.1 * at,
                "format": "ok" if at else "bad_answer",
                "ndcg": 0.1 * at,
                "recall": 1.0,
                "overlap": 0.5,
                "status": "ok",
                "permutation": [2, 1, 3],
                "truncated": False,
                "advantage": at - 1.5,
            }
            for group in range(2)
            for at in range(4)
        ]
        pl.DataFrame(rows).write_parquet(folder / "rollouts" / f"step-{step:05d}-0.parquet")
