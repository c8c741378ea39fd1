"""What curation buys: signals against the truth, and models trained on what each lets through.

    python bench/curation_study.py WORKSPACE [--train] [--plot FILE.svg]

WORKSPACE is a demo workspace (`rankdesk --workspace WORKSPACE init --demo`): its truth is known,
and is used here alone. First, each signal is scored as a finder of wrong items. With --train, SFT
models are then trained on equally many items: any, those above the recipe's cut, those that a
simulated reviewer approved; three seeds each, evaluated on the held-out queries. What was trained
before in this workspace is not trained again. --plot draws both.
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from statistics import fmean, stdev
from typing import Any

import altair as alt
import polars as pl

from curation import batching
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
CUTS = (DEFAULT_CUT, 0.7, 0.9)  # of self-consistency
TAUS = (-0.25, 0.0, 0.25, 0.5)  # of agreement among samples
REVIEWER_ERRS = 0.05  # of the simulated reviewer's verdicts are the wrong way round
Flags = dict[str, Callable[[dict[str, Any]], bool]]


def main(root: Path, *, train: bool, plot: Path | None) -> None:
    with Store.open(Workspace(root)) as store:
        items = look(store, build_world(seed=0, **SIZE))
        found = signals(items)
        trained = compare(store, items) if train else []
    if plot:
        draw(found, trained).save(plot)


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


def signals(items: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Print precision and recall of each signal, for wrong orders and for wrong labels."""
    flags: Flags = {
        f"nDCG@10 < {cut}" + (" (recipe)" if cut == DEFAULT_CUT else ""): below("ndcg", cut)
        for cut in CUTS
    }
    flags |= {f"3 samples, τ < {cut}": below("tau", cut) for cut in TAUS}
    flags["chain checks (any)"] = lambda item: bool(item["failed"]) or item["status"] != "ok"
    cheap = [below("ndcg", DEFAULT_CUT), flags["chain checks (any)"]]
    flags["recipe's cut or chain checks"] = lambda item: any(flag(item) for flag in cheap)
    flags["simulated reviewer"] = lambda item: item["rejected"]
    wrong: Flags = {
        "wrong order": lambda item: item["wrong order"],
        "wrong labels": lambda item: item["wrong labels"],
        "either": lambda item: item["wrong order"] or item["wrong labels"],
    }
    print(f"{len(items)} items, of which", end=" ")
    print(", ".join(f"{sum(map(is_so, items))} {name}" for name, is_so in wrong.items()))
    columns = " | ".join(f"{name}: precision | recall" for name in wrong)
    print(f"\n| signal | flags | {columns} |")
    print("|---|--:|" + "--:|--:|" * len(wrong))
    found = []
    for name, flag in flags.items():
        flagged = [item for item in items if flag(item)]
        cells = []
        for fault, is_so in wrong.items():
            hits = sum(map(is_so, flagged))
            precision, recall = hits / max(1, len(flagged)), hits / sum(map(is_so, items))
            cells += [f"{precision:.2f}", f"{recall:.2f}"]
            found.append({"signal": name, "fault": fault, "precision": precision, "recall": recall})
        print(f"| {name} | {len(flagged)} | {' | '.join(cells)} |")
    return found


def below(name: str, cut: float) -> Callable[[dict[str, Any]], bool]:
    """Return a signal that flags items whose value is below the cut, or that have none."""
    return lambda item: item[name] is None or item[name] < cut


def compare(store: Store, items: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Train and evaluate on equally many items of each kind, and print what came of it."""
    kinds: dict[str, list[str]] = {
        "unfiltered": [item["item_id"] for item in items],
        "recipe's cut": [item["item_id"] for item in items if item["ndcg"] >= DEFAULT_CUT],
        "reviewed": [item["item_id"] for item in items if not item["rejected"]],
    }
    found = []
    print(f"\n| trained on {ITEMS} items | nDCG@10 × 100 by seed | mean | sd |\n|---|---|--:|--:|")
    for kind, ids in kinds.items():
        values = [100 * trained(store, kind, ids, seed) for seed in SEEDS]
        each = ", ".join(f"{value:.2f}" for value in values)
        print(f"| {kind} | {each} | {fmean(values):.2f} | {stdev(values):.2f} |", flush=True)
        found += [{"trained on": kind, "nDCG@10": value} for value in values]
    return found


def draw(signals: list[dict[str, Any]], models: list[dict[str, Any]]) -> Any:
    """Return what each signal finds and takes along, and what models trained on the rest reach."""
    of_either = pl.DataFrame(signals).filter(pl.col("fault") == "either").with_row_index("at")
    axis = alt.Scale(domain=[0, 1.05])
    base = alt.Chart(of_either).encode(
        x=alt.X("recall:Q", scale=axis, title="Recall: wrong items that are flagged"),
        y=alt.Y("precision:Q", scale=axis, title="Precision: flagged items that are wrong"),
    )
    chart = base.mark_point(filled=True, size=70, color="#2a78d6")
    for side, dy in enumerate((-8, 11)):  # above and below in turn: neighbours stay readable
        words = base.transform_filter(alt.datum.at % 2 == side)
        chart += words.mark_text(align="left", dx=6, dy=dy, fontSize=10).encode(text="signal:N")
    chart = chart.properties(width=560, height=320, title="Signals against the truth")
    if models:
        order = list(dict.fromkeys(each["trained on"] for each in models))
        scale = alt.Scale(zero=False, padding=12)
        seeds = alt.Chart(pl.DataFrame(models)).encode(
            x=alt.X(
                "trained on:N",
                sort=order,
                title=f"Trained on {ITEMS} items",
                axis=alt.Axis(labelAngle=0),
            ),
            y=alt.Y("nDCG@10:Q", scale=scale, title="nDCG@10 × 100, held-out queries"),
        )
        means = seeds.mark_tick(thickness=2, size=44, color="#b3541e").encode(y="mean(nDCG@10):Q")
        chart |= (seeds.mark_point(filled=True, size=60, color="#2a78d6") + means).properties(
            width=260, height=320, title="Models: three seeds, and their mean"
        )
    return chart


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
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--train", action="store_true")
    parser.add_argument("--plot", type=Path)
    given = parser.parse_args()
    main(given.workspace, train=given.train, plot=given.plot)
