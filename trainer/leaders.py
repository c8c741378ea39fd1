"""What was measured on the benchmarks of a suite, gathered into rows of a leaderboard."""

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from curation.leaderboard import PublishedTable, Row, macro_average, ordered, published_rows
from curation.significance import compare_macro, holm, macro_interval
from db import checkpoints, evaluations, suites
from db.benchmarks import list_benchmarks
from db.store import Store
from trainer.costs import engines_of
from trainer.scoreboard import FIRST_STAGE

FIRST_STAGE_ROW = "first stage"
# Of settings, what does not tell one way of ranking from another.
_BESIDE = ("measures",)


def leaderboard(
    store: Store, wanted: str, published: PublishedTable | None, measure: str = "nDCG@10"
) -> list[Row]:
    """Return a suite's rows, measured and published, by macro average.

    Evaluations of one model with equal settings are one row, whatever they are called; of several
    on one benchmark the newest counts.

    Args:
        wanted: A suite's name, or a benchmark's.
        published: The table to set beside them; its rows are nDCG@10.

    Raises:
        NotFoundError: There is no such suite.
    """
    suite = suites.get_suite(store, wanted)
    names = dict(zip(suite["benchmark_ids"], suite["benchmarks"], strict=True))
    retrievers = {row["name"]: row["retriever"] for row in list_benchmarks(store)}
    models = {row["checkpoint_id"]: row["name"] for row in checkpoints.list_checkpoints(store)}
    rows = [row for each in names for row in evaluations.list_evaluations(store, each)]
    means = evaluations.means(store, [row["evaluation_id"] for row in rows], measure)
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        if row["evaluation_id"] in means:
            groups.setdefault(_way(row), []).append(row)
    found = []
    for group in groups.values():
        newest = {names[row["benchmark_id"]]: row for row in group}  # oldest first
        values = {name: means[row["evaluation_id"]] for name, row in newest.items()}
        settings = group[-1]["settings"]
        strategy = settings.get("strategy") or {}
        found.append(
            Row(
                kind="measured",
                system=_system(group[-1], models),
                first_stage=_first_stage(settings, [retrievers[name] for name in newest]),
                strategy=strategy.get("name", "first stage"),
                window="{window}/{step}".format(**strategy) if "step" in strategy else "",
                values=values,
                average=macro_average(values, suite["benchmarks"]),
                evaluations={name: row["evaluation_id"] for name, row in newest.items()},
            )
        )
    found = _tested(store, found, suite["benchmarks"], measure)
    if published is not None and measure == published.measure:
        found += published_rows(published, suite["benchmarks"])
    return ordered(found)


def _tested(store: Store, rows: list[Row], benchmarks: list[str], measure: str) -> list[Row]:
    """Add to the measured averages their intervals, and how they compare with the first stage."""
    ids = [each for row in rows for each in row.evaluations.values()]
    values: dict[str, dict[str, float]] = {each: {} for each in ids}
    for evaluation_id, qid, value in evaluations.per_query(store, ids, measure).rows():
        values[evaluation_id][qid] = value
    whole = [row for row in rows if row.average is not None]
    by_benchmark = {
        id(row): [values[row.evaluations[name]] for name in benchmarks] for row in whole
    }
    first = next((by_benchmark[id(row)] for row in whole if row.system == FIRST_STAGE_ROW), None)
    tests = {}
    for row in whole:
        own = by_benchmark[id(row)]
        if first and own is not first and [*map(set, own)] == [*map(set, first)]:
            paired = [[of[qid] for qid in base] for of, base in zip(own, first, strict=True)]
            tests[id(row)] = compare_macro(paired, [list(each.values()) for each in first])
    corrected = dict(zip(tests, holm([p for _, _, p in tests.values()]), strict=True))
    found = []
    for row in rows:
        gain, gain_ci95, _ = tests.get(id(row), (None, None, None))
        queries = [list(each.values()) for each in by_benchmark.get(id(row), [])]
        found.append(
            replace(
                row,
                ci95=macro_interval(queries) if queries else None,
                gain=gain,
                gain_ci95=gain_ci95,
                p_holm=corrected.get(id(row)),
            )
        )
    return found


def _first_stage(settings: dict[str, Any], retrievers: Iterable[str]) -> str:
    """Return what retrieved the lists; of a benchmark's own run, the name that its tag gives."""
    searched = settings.get("first_stage", "run")
    if searched != "run":
        return {"bm25": "BM25", "dense": "MiniLM"}[searched]
    return ", ".join(sorted({name or "the benchmark's run" for name in retrievers}))


def _way(row: dict[str, Any]) -> str:
    """Return what tells a way of ranking apart, whatever the benchmark: models and settings."""
    settings = {key: value for key, value in row["settings"].items() if key not in _BESIDE}
    models = {model: each["model"] for model, each in engines_of(row).items()}
    if row["checkpoint_id"] is not None:
        models["main"] = row["checkpoint_id"]  # the same, whichever engine loads it
    return json.dumps([models, settings], sort_keys=True)


def _system(row: dict[str, Any], models: dict[str, str]) -> str:
    if row["evaluation_id"].startswith(f"{FIRST_STAGE}:"):
        return FIRST_STAGE_ROW
    engines = engines_of(row)
    main = models.get(row["checkpoint_id"] or "") or engines.get("main", {}).get("model", "")
    small = f" + {Path(engines['small']['model']).name}" if "small" in engines else ""
    return f"{main or row['name']}{small}"
