"""Evaluations beside each other: means with intervals, paired tests against a baseline."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any, Literal

import polars as pl

from curation import benchmarks as benchmark_files
from curation import holes, item_benchmarks, rankllm, scoring, significance, trec
from curation.benchmark_folders import DEFAULT_SPLIT
from curation.comparing import LEVEL, Comparisons, compare_all
from curation.errors import CurationError
from curation.people import require
from db import benchmarks, evaluations
from db.records import ItemFilter
from db.store import Store
from trainer.recipes import DEFAULT_MEASURES

FIRST_STAGE = "first-stage"
JUDGED_AT = 10


def add_benchmark(
    store: Store,
    name: str,
    *,
    added_by: str,
    run: Path,
    folder: Path | None = None,
    split: str = DEFAULT_SPLIT,
    queries: Path | None = None,
    passages: Path | None = None,
    qrels: Path | None = None,
) -> benchmark_files.BenchmarkManifest:
    """Register a benchmark and score its first-stage order.

    Args:
        run: The first stage's results.
        folder: A published folder (BEIR, BRIGHT, R2MED), with its `split`; otherwise queries,
            passages and qrels are given as files.

    Raises:
        RefusedError: If `added_by` is no trainer.
        CurationError: If a file is malformed or missing, or the files do not fit together.
        StoreError: If another benchmark has the name.
    """
    added_by = require(store, added_by, "trainer")
    root = store.workspace.benchmarks
    if folder is not None and not (queries or passages or qrels):
        manifest = benchmark_files.add_folder(root, name, folder, run=run, split=split)
    elif folder is None and queries and passages and qrels:
        manifest = benchmark_files.add_benchmark(
            root, name, queries=queries, passages=passages, qrels=qrels, run=run
        )
    else:
        raise CurationError(
            "A benchmark is a published folder, or the files of queries, passages and qrels: give "
            "the one or the other, and the first-stage run."
        )
    _register(store, name, manifest, added_by)
    return manifest


def add_items(
    store: Store, name: str, chosen: ItemFilter, *, added_by: str
) -> benchmark_files.BenchmarkManifest:
    """Register the workspace's items as a benchmark, for checkpoints to order them.

    Evaluations on it become rankings of the items (see `curation.item_benchmarks`).

    Raises:
        RefusedError: If `added_by` is no trainer.
        BenchmarkError: If there is no such item, or the name is blank.
        StoreError: If another benchmark has the name.
    """
    added_by = require(store, added_by, "trainer")
    manifest = item_benchmarks.make(store, store.workspace.benchmarks, name, chosen)
    _register(store, name, manifest, added_by, of_items=True)
    return manifest


def _register(
    store: Store,
    name: str,
    manifest: benchmark_files.BenchmarkManifest,
    added_by: str,
    *,
    of_items: bool = False,
) -> None:
    """Record a benchmark that is in its folder, and score its first-stage order."""
    benchmarks.insert_benchmark(
        store,
        benchmark_id=manifest.benchmark_id,
        name=name.strip(),
        n_queries=manifest.n_queries,
        n_passages=manifest.n_passages,
        added_by=added_by,
        retriever=manifest.retriever or "",
        of_items=of_items,
    )
    benchmark = benchmark_files.read_benchmark(store.workspace.benchmarks / manifest.benchmark_id)
    values = scoring.per_query(benchmark.qrels, benchmark.scores, DEFAULT_MEASURES)
    evaluations.insert_evaluation(
        store,
        evaluation_id=f"{FIRST_STAGE}:{manifest.benchmark_id}",
        benchmark_id=manifest.benchmark_id,
        checkpoint_id=None,
        name=FIRST_STAGE,
        strategy=FIRST_STAGE,
        settings={},
        summary={},
        measures=measure_frame(values),
        rankings=pl.DataFrame(
            {
                "qid": list(benchmark.scores),
                "docids": [  # as it is measured: equal scores by docid descending
                    sorted(scores, key=lambda docid: (scores[docid], docid), reverse=True)
                    for scores in benchmark.scores.values()
                ],
            },
            schema={"qid": pl.String, "docids": pl.List(pl.String)},
        ),
        calls=pl.DataFrame(),
    )


def run_of(store: Store, evaluation_id: str, form: Literal["trec", "rankllm"]) -> str:
    """Return an evaluation's rankings as a TREC run, or as RankLLM's results with their texts.

    Raises:
        BenchmarkError: The benchmark's folder was changed, which RankLLM's form reads.
    """
    row = evaluations.get_evaluation(store, evaluation_id)
    orders = evaluations.rankings(store, evaluation_id)
    if form == "trec":
        return trec.run_text(orders, row["name"])
    folder = store.workspace.benchmarks / row["benchmark_id"]
    benchmark = benchmark_files.read_benchmark(folder)
    return rankllm.results_text(orders, benchmark.queries, benchmark.every_passage())


def judged(
    store: Store, benchmark_id: str, evaluation_ids: Sequence[str]
) -> dict[str, tuple[float, float]]:
    """Return judged@10 (0..1) and the holes (unjudged passages in a query's top 10), both means.

    Over the judged queries that an evaluation has results for; it is absent where it has none.
    """
    qrels = benchmarks.benchmark_qrels(store, benchmark_id)
    runs: dict[str, dict[str, dict[str, float]]] = {}
    for evaluation_id, qid, docids in evaluations.tops(store, list(evaluation_ids), JUDGED_AT):
        if qid in qrels and docids:
            scores = {docid: -float(rank) for rank, docid in enumerate(docids)}
            runs.setdefault(evaluation_id, {})[qid] = scores
    return {
        evaluation_id: (
            fmean(holes.judged_at(qrels, run, JUDGED_AT).values()),
            fmean(len(each) for each in holes.holes(qrels, run, JUDGED_AT).values()),
        )
        for evaluation_id, run in runs.items()
    }


def describe_benchmark(store: Store, wanted: str) -> dict[str, Any]:
    """Return what a benchmark holds: its manifest, its folder, and its first stage's means.

    Raises:
        NotFoundError: There is no such benchmark.
        BenchmarkError: Its files were changed.
    """
    row = benchmarks.get_benchmark(store, wanted)
    benchmark_id, folder = row["benchmark_id"], store.workspace.benchmarks / row["benchmark_id"]
    content = benchmark_files.read_benchmark(folder)
    first = f"{FIRST_STAGE}:{benchmark_id}"
    means = {
        name: evaluations.means(store, [first], name).get(first)
        for name in evaluations.measure_names(store, benchmark_id)
    }
    share, unjudged = judged(store, benchmark_id, [first]).get(first, (None, None))
    return {
        **content.manifest.model_dump(),
        "name": row["name"],
        "n_excluded": sum(map(len, content.excluded.values())),
        "domains": dict(Counter(content.domains.values())),
        "folder": str(folder),
        "first_stage": means | {"Judged@10": share, "holes@10": unjudged},
    }


def measure_frame(per_query: dict[str, dict[str, float]]) -> pl.DataFrame:
    """Return per-query values as rows of qid, measure, value."""
    return pl.DataFrame(
        [
            (qid, measure, value)
            for qid, values in per_query.items()
            for measure, value in values.items()
        ],
        schema={"qid": pl.String, "measure": pl.String, "value": pl.Float64},
        orient="row",
    )


def table(store: Store, benchmark_id: str, measure: str = "nDCG@10") -> list[dict[str, Any]]:
    """Return every evaluation of a benchmark with its mean, interval and paired comparison.

    The comparison is with the pinned baseline, or with the first-stage order until one is pinned.

    Returns:
        Rows in the order they were made: evaluation_id, name, checkpoint_id, strategy, settings,
        summary, created_at, measure, n, value (mean, 0..1), ci95 (low, high), is_baseline, judged
        and holes (see `judged`; None without results); and what `compare` adds.
    """
    rows = evaluations.list_evaluations(store, benchmark_id)
    baseline = benchmarks.pinned_baseline(store, benchmark_id) or f"{FIRST_STAGE}:{benchmark_id}"
    compared = compare(store, rows, measure, {row["evaluation_id"]: baseline for row in rows})
    known = judged(store, benchmark_id, [row["evaluation_id"] for row in rows])
    for row in compared:
        row["judged"], row["holes"] = known.get(row["evaluation_id"], (None, None))
    return compared


def compare_evaluations(store: Store, wanted: Sequence[str], measure: str) -> Comparisons:
    """Test every pair of evaluations of one benchmark.

    Args:
        wanted: Names or ids.

    Raises:
        NotFoundError: There is no such evaluation.
        CurationError: They are not of one benchmark, named twice, or lack the measure.
    """
    rows = [evaluations.get_evaluation(store, each) for each in wanted]
    if len({row["benchmark_id"] for row in rows}) > 1:
        raise CurationError("These evaluations are of different benchmarks: compare those of one.")
    if len({row["evaluation_id"] for row in rows}) < len(rows):
        raise CurationError("An evaluation is named twice: name each once.")
    names = [row["name"] for row in rows]
    labels = {
        row["evaluation_id"]: row["name"]
        if names.count(row["name"]) == 1
        else f"{row['name']} {row['evaluation_id'][-6:]}"
        for row in rows
    }
    values: dict[str, dict[str, float]] = {label: {} for label in labels.values()}
    for evaluation_id, qid, value in evaluations.per_query(store, list(labels), measure).rows():
        values[labels[evaluation_id]][qid] = value
    known = judged(store, rows[0]["benchmark_id"], list(labels))
    shares = {label: known[each][0] for each, label in labels.items() if each in known}
    return replace(compare_all(measure, values), judged=shares)


def compare(
    store: Store, rows: Sequence[dict[str, Any]], measure: str, against: dict[str, str]
) -> list[dict[str, Any]]:
    """Add mean, interval and comparison to evaluations of one benchmark.

    Args:
        against: Which evaluation each is compared with; itself, or none, is no comparison.

    Returns:
        The rows with measure, n, value, ci95, is_baseline; and difference, difference_ci95, p,
        p_holm (over the comparisons of these rows), separable, wins, ties, losses, effect and
        detectable (see `significance.Comparison`), which are None without a comparison.
    """
    ids = list({row["evaluation_id"] for row in rows} | set(against.values()))
    values = evaluations.per_query(store, ids, measure)
    by_evaluation = {
        key[0]: dict(zip(part["qid"], part["value"], strict=True))
        for key, part in values.partition_by("evaluation_id", as_dict=True).items()
    }
    found = []
    for row in rows:
        own = by_evaluation.get(row["evaluation_id"], {})
        other_id = against.get(row["evaluation_id"])
        other = by_evaluation.get(other_id or "", {})
        shared = sorted(own.keys() & other.keys())
        comparison = None
        if other_id != row["evaluation_id"] and shared:
            comparison = significance.compare(
                [own[qid] for qid in shared], [other[qid] for qid in shared]
            )
        mean = sum(own.values()) / len(own) if own else None
        found.append(
            {
                **row,
                "measure": measure,
                "n": len(own),
                "value": mean,
                "ci95": significance.interval(list(own.values())) if own else None,
                "is_baseline": other_id == row["evaluation_id"],
                "difference": comparison and comparison.difference,
                "difference_ci95": comparison and comparison.ci,
                "p": comparison and comparison.p,
                "p_holm": None,
                "separable": None,
                "wins": comparison and comparison.wins,
                "ties": comparison and comparison.ties,
                "losses": comparison and comparison.losses,
                "effect": comparison and comparison.effect,
                "detectable": comparison and comparison.detectable,
            }
        )
    tested = [row for row in found if row["p"] is not None]
    for row, corrected in zip(tested, significance.holm([r["p"] for r in tested]), strict=True):
        row |= {"p_holm": corrected, "separable": corrected < LEVEL}
    return found
