"""Evaluations without the test queries that the model was trained on."""

from collections.abc import Sequence
from statistics import fmean
from typing import Any

from curation.significance import interval
from db import checkpoints, evaluations, quarantine
from db.errors import NotFoundError
from db.store import Store


def trained_on(store: Store, checkpoint_id: str) -> list[str]:
    """Return the snapshots that a checkpoint and those it started from were trained on."""
    found: list[str] = []
    seen: set[str] = set()
    wanted: str | None = checkpoint_id
    while wanted and wanted not in seen:
        seen.add(wanted)
        try:
            lineage = checkpoints.get_checkpoint(store, wanted)["lineage"]
        except NotFoundError:  # a base that no job here made
            break
        found += [lineage["snapshot_id"]] if lineage.get("snapshot_id") else []
        wanted = lineage.get("parent")
    return list(dict.fromkeys(found))


def clean_and_all(
    store: Store, benchmark_id: str, rows: Sequence[dict[str, Any]], measure: str
) -> list[dict[str, Any]]:
    """Return clean numbers for those evaluations whose model was trained on test queries.

    Args:
        rows: Evaluations of the benchmark, with evaluation_id, name and checkpoint_id.

    Returns:
        Rows of evaluation_id, name, items (in its training that ask a test query), queries (that
        they ask), all and clean (means, 0..1; clean is None where nothing is left), n_all, n_clean,
        all_ci95, clean_ci95 (None likewise).
    """
    found = []
    for row in rows:
        snapshots = trained_on(store, row["checkpoint_id"]) if row["checkpoint_id"] else []
        pairs = quarantine.tainted_queries(store, benchmark_id, snapshots) if snapshots else []
        if not pairs:
            continue
        values = dict(
            evaluations.per_query(store, [row["evaluation_id"]], measure)
            .select("qid", "value")
            .iter_rows()
        )
        tainted = {qid for qid, _ in pairs} & values.keys()
        if not tainted:
            continue
        kept = [value for qid, value in values.items() if qid not in tainted]
        found.append(
            {
                "evaluation_id": row["evaluation_id"],
                "name": row["name"],
                "items": len({item_id for qid, item_id in pairs if qid in tainted}),
                "queries": len(tainted),
                "all": fmean(values.values()),
                "n_all": len(values),
                "all_ci95": interval(list(values.values())),
                "clean": fmean(kept) if kept else None,
                "n_clean": len(kept),
                "clean_ci95": interval(kept) if kept else None,
            }
        )
    return found
