"""Does reasoning help? One checkpoint with and without a chain, listwise and pointwise.

After "Rethinking Reasoning in Document Ranking" (arXiv 2510.08985): quality, calibration and tokens
of the four on one benchmark.
"""

from collections.abc import Mapping
from typing import Any

import yaml

from curation.calibration import Calibration, calibration
from db import checkpoints, evaluations
from db.store import Store
from trainer import desk
from trainer.desk import PreparedJob
from trainer.strategies.listwise import Sliding

VARIANTS = ("listwise, reasoned", "listwise, direct", "pointwise, reasoned", "pointwise, direct")


def name_of(checkpoint: str, variant: str) -> str:
    """Return what the evaluation of a variant is called; its results are found by it."""
    return f"{checkpoint}: {variant}"


def prepare(store: Store, checkpoint: str, benchmark: str) -> dict[str, PreparedJob]:
    """Resolve the evaluations of the four variants; see `desk.prepare_evaluation`."""
    found = checkpoints.get_checkpoint(store, checkpoint)
    own = desk.evaluation_settings(found["lineage"]).strategy
    short = any(template.endswith("-short") for template in own.templates)
    listwise: dict[str, Any] = {"template": "listwise-short" if short else "listwise"}
    if isinstance(own, Sliding):
        listwise |= {"window": own.window, "step": own.step}
    direct = listwise if short else {**listwise, "template": "listwise-direct"}
    pointwise = {"template": "pointwise-short" if short else "pointwise-yesno"}
    strategies: dict[str, dict[str, Any]] = {
        "listwise, reasoned": {"name": "listwise", **listwise},
        "listwise, direct": {"name": "listwise-direct", **direct},
        "pointwise, reasoned": {"name": "pointwise-yesno", "reasoning": True, **pointwise},
        "pointwise, direct": {"name": "pointwise-yesno", "reasoning": False, **pointwise},
    }
    return {
        variant: desk.prepare_evaluation(
            store,
            checkpoint=found["checkpoint_id"],
            benchmark=benchmark,
            overrides=[f"strategy={yaml.safe_dump(strategy)}"],
            name=name_of(found["name"], variant),
        )
        for variant, strategy in strategies.items()
    }


def results(store: Store, checkpoint: str, benchmark_id: str) -> dict[str, dict[str, Any]]:
    """Return the newest evaluation of each variant that there is."""
    names = {name_of(checkpoint, variant): variant for variant in VARIANTS}
    return {
        names[row["name"]]: row
        for row in evaluations.list_evaluations(store, benchmark_id)  # oldest first
        if row["name"] in names
    }


def calibrated(
    store: Store, evaluation_id: str, qrels: Mapping[str, Mapping[str, int]]
) -> Calibration | None:
    """Return how a pointwise evaluation's probabilities agree with the labels; None without any."""
    rows = evaluations.relevance_scores(store, evaluation_id)
    if not rows:
        return None
    labels = [qrels.get(qid, {}).get(docid, 0) > 0 for qid, docid, _ in rows]
    return calibration([probability for _, _, probability in rows], labels)
