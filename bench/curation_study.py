"""What curation buys: signals against the truth, and models trained on what each lets through.

    python bench/curation_study.py WORKSPACE [--train]

WORKSPACE is a demo workspace (`rankdesk --workspace WORKSPACE init --demo`): its truth is known,
and is used here alone. First, each signal is scored as a finder of wrong items. With --train, SFT
models are then trained on equally many items: any, those above the recipe's cut, those that a
simulated reviewer approved; three seeds each, evaluated on the held-out queries. What was trained
before in this workspace is not trained again.
"""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from statistics import fmean, stdev
from typing import Any

import polars as pl

from curation import batching
from curation.agreement import DEFAULT_CUT as AGREEMENT_CUT
from curation.consistency import DEFAULT_CUT
from curation.demo.world import World, build_world
from curation.measures import ndcg_at
from db import batches, evaluations
from db.errors import NotFoundError
from db.store import Store
from db.workspace import Workspace
from trainer import desk, scoreboard
from trainer.demo import BENCHMARK, SIZE, finish

SEEDS = (1, 2, 3)
ITEMS = 600
EPOCHS = 4
REVIEWER_ERRS = 0.05  # of the simulated reviewer's verdicts are the wrong way round
Flags = dict[str, Callable[[dict[str, Any]], bool]]


def main(root: Path, *, train: bool) -> None:
    with Store.open(Workspace(root)) as store:
        items = look(store, build_world(seed=0, **SIZE))
        signals(items)
        if train:
            compare(store, items)


def look(store: Store, world: World) -> list[dict[str, Any]]:
    """Return every item with what signals know of it, and whether it is wrong in truth."""
    frame = store.frame(
        """
        SELECT i.item_id, i.qid, i.docids, i.relevant_docids AS labels, t.docids AS ranking, t.ndcg,
               t.status, a.tau, coalesce(c.failed, []) AS failed
        FROM items i
        JOIN teacher_rankings t USING (item_id)
        LEFT JOIN sample_agreement a ON a.item_id = i.item_id AND a.under_review
        LEFT JOIN ranking_checks c USING (ranking_id)
        ORDER BY i.qid
        """
    )
    random = Random("simulated reviewer")
    found = []
    for item in frame.iter_rows(named=True):
        relevant = world.truth.relevant(item["qid"], item["docids"])
        item["wrong order"] = ndcg_at(item["ranking"], relevant) < 1
        item["wrong labels"] = set(item["labels"]) != set(relevant)
        wrong = item["wrong order"] or item["wrong labels"]
        item["rejected"] = wrong != (random.random() < REVIEWER_ERRS)
        found.append(item)
    return found


def signals(items: Sequence[dict[str, Any]]) -> None:
    """Print precision and recall of each signal, for wrong orders and for wrong labels."""
    flags: Flags = {
        f"recipe's cut (nDCG@10 < {DEFAULT_CUT})": lambda item: item["ndcg"] < DEFAULT_CUT,
        f"3 samples (tau < {AGREEMENT_CUT})": lambda item: (
            item["tau"] is None or item["tau"] < AGREEMENT_CUT
        ),
        "chain checks (any)": lambda item: bool(item["failed"]) or item["status"] != "ok",
        "any of the three": lambda item: any(flag(item) for flag in list(flags.values())[:3]),
        "simulated reviewer": lambda item: item["rejected"],
    }
    wrong = {
        "wrong order": lambda item: item["wrong order"],
        "wrong labels": lambda item: item["wrong labels"],
        "either": lambda item: item["wrong order"] or item["wrong labels"],
    }
    print(f"{len(items)} items, of which", end=" ")
    print(", ".join(f"{sum(map(is_so, items))} {name}" for name, is_so in wrong.items()))
    columns = " | ".join(f"{name}: precision | recall" for name in wrong)
    print(f"\n| signal | flags | {columns} |")
    print("|---|--:|" + "--:|--:|" * len(wrong))
    for name, flag in flags.items():
        flagged = [item for item in items if flag(item)]
        cells = []
        for is_so in wrong.values():
            hits = sum(map(is_so, flagged))
            cells += [f"{hits / max(1, len(flagged)):.2f}", f"{hits / sum(map(is_so, items)):.2f}"]
        print(f"| {name} | {len(flagged)} | {' | '.join(cells)} |")


def compare(store: Store, items: Sequence[dict[str, Any]]) -> None:
    """Train and evaluate on equally many items of each kind, and print what came of it."""
    kinds: dict[str, list[str]] = {
        "unfiltered": [item["item_id"] for item in items],
        "recipe's cut": [item["item_id"] for item in items if item["ndcg"] >= DEFAULT_CUT],
        "reviewed": [item["item_id"] for item in items if not item["rejected"]],
    }
    print(f"\n| trained on {ITEMS} items | nDCG@10 × 100 by seed | mean | sd |\n|---|---|--:|--:|")
    for kind, ids in kinds.items():
        values = [trained(store, kind, ids, seed) for seed in SEEDS]
        each = ", ".join(f"{100 * value:.2f}" for value in values)
        print(
            f"| {kind} | {each} | {100 * fmean(values):.2f} | {100 * stdev(values):.2f} |",
            flush=True,
        )


def trained(store: Store, kind: str, ids: Sequence[str], seed: int) -> float:
    """Return the mean nDCG@10 of a model trained on a draw of these items."""
    name = f"study {kind} {seed}"
    draw = Random(f"{kind} {seed}").sample(sorted(ids), ITEMS)
    try:
        snapshot = str(batches.find_snapshot(store, name)["snapshot_id"])
    except NotFoundError:
        selection = batching.Selection(verdicts=batching.VERDICTS, cut=0.0, only_ok=False)
        chosen = batching.preview(store, selection).filter(pl.col("item_id").is_in(draw))
        if name not in batches.list_batches(store)["name"]:  # one that was cut off here left it
            batches.create_batch(
                store, name=name, selection=selection.as_row(), chosen=chosen, created_by="study"
            )
        snapshot = batching.approve(store, name, approved_by="study").snapshot_id
    finish(
        store,
        name,
        lambda: desk.prepare_training(
            store,
            kind="sft",
            snapshot=snapshot,
            recipe_name="demo-sft",
            overrides=[f"seed={seed}", f"epochs={EPOCHS}"],
            name=name,
        ),
        "study",
        lambda *_: None,
    )
    evaluation = f"{name} evaluated"
    finish(
        store,
        evaluation,
        lambda: desk.prepare_evaluation(
            store, checkpoint=name, benchmark=BENCHMARK, name=evaluation
        ),
        "study",
        lambda *_: None,
    )
    made = evaluations.get_evaluation(store, evaluation)
    return float(scoreboard.compare(store, [made], "nDCG@10", {})[0]["value"])


if __name__ == "__main__":
    main(Path(sys.argv[1]), train="--train" in sys.argv[2:])
