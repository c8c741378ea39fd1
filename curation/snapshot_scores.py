"""Models trained on one snapshot beside models trained on another, on the benchmarks both have.

Two models differ in more than their data; what is known to differ is told with each pair.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from curation import significance
from curation.significance import Comparison
from db import benchmarks, checkpoints, evaluations
from db.store import Store

_LINEAGE = {
    "recipe": "recipe",
    "base": "base model",
    "parent": "start model",
    "steps": "steps",
    "seed": "seed",
    "code_version": "code version",
    "libraries": "library versions",
}


@dataclass(frozen=True, slots=True)
class PairedScore:
    """Two evaluations of one benchmark, of a model from each snapshot, alike as far as possible.

    Attributes:
        before: Evaluation id, `after` likewise; `before_name` and `after_name` are their names.
        means: Over the shared queries, before and after, 0..1 for most measures.
        comparison: After minus before.
        p_holm: Corrected over all pairs that are returned together.
        differs: What else than the snapshot differs between the two, as far as it was recorded.
    """

    benchmark: str
    kind: str
    strategy: str
    before: str
    after: str
    before_name: str
    after_name: str
    means: tuple[float, float]
    comparison: Comparison
    p_holm: float
    differs: tuple[str, ...]


def paired_scores(
    store: Store, before: str, after: str, measure: str = "nDCG@10"
) -> list[PairedScore]:
    """Compare the models of two snapshots, by benchmark, kind of training and strategy.

    Of several pairs, the one that differs least otherwise is taken, then the newest.

    Args:
        before: Snapshot id, `after` likewise.
    """
    by_id = {row["checkpoint_id"]: row for row in checkpoints.list_checkpoints(store)}
    sides: dict[str, dict[tuple[str, str, str], list[dict[str, Any]]]] = {
        before: defaultdict(list),
        after: defaultdict(list),
    }
    for row in evaluations.list_evaluations(store):
        model = by_id.get(row["checkpoint_id"] or "")
        if (
            model is not None
            and (side := sides.get(model["lineage"].get("snapshot_id"))) is not None
        ):
            key = (row["benchmark_id"], model["kind"], row["strategy"])
            side[key].append({**row, "model": model})
    found = []
    for key in sides[before].keys() & sides[after].keys():
        pairs = [
            (_differences(a, b), -i, a, b)
            for i, (a, b) in enumerate(product(sides[before][key], sides[after][key]))
        ]
        differs, _, a, b = min(pairs, key=lambda pair: (len(pair[0]), pair[1]))
        values = [_values(store, each["evaluation_id"], measure) for each in (a, b)]
        if shared := sorted(values[0].keys() & values[1].keys()):
            columns = [[each[qid] for qid in shared] for each in values]
            found.append((key, a, b, differs, columns))
    names = {row["benchmark_id"]: row["name"] for row in benchmarks.list_benchmarks(store)}
    compared = [significance.compare(columns[1], columns[0]) for *_, columns in found]
    corrected = significance.holm([each.p for each in compared])
    scores = [
        PairedScore(
            benchmark=names[key[0]],
            kind=key[1],
            strategy=key[2],
            before=a["evaluation_id"],
            after=b["evaluation_id"],
            before_name=a["name"],
            after_name=b["name"],
            means=(sum(columns[0]) / len(columns[0]), sum(columns[1]) / len(columns[1])),
            comparison=comparison,
            p_holm=p,
            differs=differs,
        )
        for (key, a, b, differs, columns), comparison, p in zip(
            found, compared, corrected, strict=True
        )
    ]
    return sorted(scores, key=lambda each: (each.benchmark, each.kind, each.strategy))


def _values(store: Store, evaluation_id: str, measure: str) -> dict[str, float]:
    frame = evaluations.per_query(store, [evaluation_id], measure)
    return dict(zip(frame["qid"], frame["value"], strict=True))


def _differences(a: Mapping[str, Any], b: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what differs between two evaluations and their models beside the snapshot."""
    first, second = a["model"]["lineage"], b["model"]["lineage"]
    found = [name for key, name in _LINEAGE.items() if first.get(key) != second.get(key)]
    if a["settings"] != b["settings"]:
        found.append("evaluation settings")
    return tuple(found)
