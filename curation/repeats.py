"""Evaluations that differ in one setting only: repeats by seed, and how far they spread."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

# As evaluations ran before there were these.
_WITHOUT = {
    "seed": 0,
    "shuffle": None,
    "first_stage": "run",
    "style": "rankdesk",
    "min_p": 0.0,
    "enable_thinking": None,
}


@dataclass(frozen=True, slots=True)
class Spread:
    """How values that should be alike differ.

    Attributes:
        sd: Standard deviation of the sample (n - 1); None for a single value.
    """

    n: int
    mean: float
    sd: float | None
    low: float
    high: float


def spread(values: Sequence[float]) -> Spread:
    """Return the spread of at least one value."""
    sd = stdev(values) if len(values) > 1 else None
    return Spread(len(values), fmean(values), sd, min(values), max(values))


def setting(evaluation: Mapping[str, Any], key: str) -> Any:
    """Return a setting of an evaluation, or what held before there was such a setting."""
    return evaluation["settings"].get(key, _WITHOUT.get(key))


def alike(
    evaluations: Iterable[Mapping[str, Any]], *, but_for: str
) -> list[list[Mapping[str, Any]]]:
    """Return groups of evaluations of one model that differ in one setting at most.

    Args:
        evaluations: With benchmark_id, checkpoint_id, settings and summary; those without settings
            (first stages) are left out.
        but_for: The setting that may differ: `seed` or `shuffle`.
    """
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for each in evaluations:
        if each["settings"]:
            settings = {**_WITHOUT, **each["settings"], but_for: None}
            engine = each["summary"].get("engine") or {}
            model = [each["benchmark_id"], each["checkpoint_id"], engine.get("model")]
            key = json.dumps([*model, engine.get("engine"), settings], sort_keys=True)
            groups.setdefault(key, []).append(each)
    return list(groups.values())


def repeats(evaluations: Iterable[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    """Return groups of two or more evaluations that differ in their seed alone."""
    return [
        group
        for group in alike(evaluations, but_for="seed")
        if len({setting(each, "seed") for each in group}) > 1
    ]
