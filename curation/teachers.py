"""Which teacher, with which prompt, is better for the money: model by prompt version.

A model that is a teacher here and a judge there counts as two.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean

import polars as pl

from curation.consistency import DEFAULT_CUT
from curation.significance import Comparison, compare, holm, interval, proportion, ratio_interval
from db import teachers
from db.store import Store

FEWEST = 2  # shared queries that a comparison needs


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its 95 % interval."""

    value: float
    ci: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Teacher:
    """One model with one version of its ranking prompt.

    Attributes:
        prompt: Name and content hash of the template; empty for imported rankings.
        judge: It ranked another teacher's lists, and is held against that teacher's labels.
        ndcg: Self-consistency: mean nDCG@10 over items, of an item's samples.
        kept: Share of orders at or above the cut.
        malformed: Share of orders whose response had to be repaired; `kinds` counts them.
        label_prompts: Versions of the prompts that its labels were asked with.
        malformed_labels: Share of answers about labels that could not be read as they came; None
            where it was asked for none.
        flagged: Share of chains that fail a check; `checks` counts each.
        tau: Agreement among the samples of one item, Kendall τ; overlap of their first 10; how far
            they follow the order shown; nDCG@10 of their consensus. None with one sample each.
        cost_item: US dollars for an item, with all that was set aside; None without prices.
        cost_kept: US dollars for an item that passes the cut; None where none does.
        completion_tokens: Mean of a response.
    """

    author_name: str
    prompt: str
    judge: bool
    items: int
    answers: int
    ndcg: Estimate
    kept: Estimate
    malformed: Estimate
    kinds: dict[str, int]
    label_prompts: tuple[str, ...]
    malformed_labels: Estimate | None
    flagged: Estimate
    checks: dict[str, int]
    tau: Estimate | None
    overlap: Estimate | None
    follows: Estimate | None
    consensus_ndcg: Estimate | None
    cost_item: Estimate | None
    cost_kept: Estimate | None
    completion_tokens: float | None

    @property
    def name(self) -> str:
        """What pages and tables call it."""
        return _called(self.author_name, self.prompt, judge=self.judge)


def _called(author_name: str, prompt: str, *, judge: bool) -> str:
    return f"{author_name} · {prompt or 'imported'}{' · judge' if judge else ''}"


@dataclass(frozen=True, slots=True)
class Pair:
    """Two teachers on the queries that both labelled, the first minus the second."""

    first: str
    second: str
    comparison: Comparison
    p_corrected: float


def summaries(store: Store, cut: float) -> list[Teacher]:
    """Return every teacher, the best self-consistency first.

    Args:
        cut: Self-consistency, nDCG@10, at which an item is kept.
    """
    by = ["author_name", "prompt", "judge"]
    parts = {
        "statuses": teachers.statuses(store),
        "checks": teachers.checks(store),
        "agreements": teachers.agreements(store),
        "costs": teachers.costs(store, cut),
        "label_prompts": teachers.label_prompts(store),
    }
    of = {
        name: {key: rows for key, rows in frame.group_by(by, maintain_order=True)}
        for name, frame in parts.items()
    }
    found = [
        _teacher(
            key,
            rows,
            *(of[name].get(key, parts[name].clear()) for name in parts),
        )
        for key, rows in teachers.quality(store, cut).group_by(by, maintain_order=True)
    ]
    return sorted(found, key=lambda teacher: -teacher.ndcg.value)


def _teacher(
    key: Sequence[object],
    items: pl.DataFrame,
    statuses: pl.DataFrame,
    checks: pl.DataFrame,
    agreements: pl.DataFrame,
    costs: pl.DataFrame,
    label_prompts: pl.DataFrame,
) -> Teacher:
    answers = int(statuses["n"].sum())
    kinds = {row["status"]: row["n"] for row in statuses.to_dicts() if row["status"] != "ok"}
    failed = {row["name"]: row["n"] for row in checks.to_dicts()}
    tokens = statuses.filter(pl.col("completion_tokens").is_not_null())
    return Teacher(
        author_name=str(key[0]),
        prompt=str(key[1]),
        judge=bool(key[2]),
        items=items["item_id"].n_unique(),
        answers=answers,
        ndcg=_required(items["ndcg"]),
        kept=_required(items["kept"]),
        malformed=_share(sum(kinds.values()), answers),
        kinds=kinds,
        label_prompts=tuple(label_prompts["label_prompt"].to_list()),
        malformed_labels=_label_failures(costs),
        flagged=_share(failed.pop("", 0), answers),
        checks=failed,
        tau=_mean(agreements["tau"]),
        overlap=_mean(agreements["overlap"]),
        follows=_mean(agreements["follows"]),
        consensus_ndcg=_mean(agreements["consensus_ndcg"]),
        cost_item=_cost(costs, "labelled"),
        cost_kept=_cost(costs, "kept"),
        completion_tokens=None
        if tokens.is_empty()
        else fmean(tokens["completion_tokens"].to_list(), tokens["n"].to_list()),
    )


def _required(values: pl.Series) -> Estimate:
    known = values.to_list()
    return Estimate(fmean(known), interval(known))


def _mean(values: pl.Series) -> Estimate | None:
    known = values.drop_nulls()
    return None if known.is_empty() else _required(known)


def _share(count: int, n: int) -> Estimate:
    return Estimate(count / n, proportion(count, n))


def _cost(costs: pl.DataFrame, of: str) -> Estimate | None:
    known = costs.filter(pl.col("price").is_not_null())
    count = int(known[of].sum())
    if not count:
        return None
    prices = known["price"].to_list()
    return Estimate(
        sum(prices) / count, ratio_interval(prices, known[of].cast(pl.Float64).to_list())
    )


def _label_failures(costs: pl.DataFrame) -> Estimate | None:
    counted = Counter(
        status for text in costs["statuses"].to_list() for status in json.loads(text).values()
    )
    n = counted.total()
    return _share(n - counted["ok"], n) if n else None


def comparisons(store: Store) -> list[Pair]:
    """Return every two teachers that labelled the same queries, compared by mean nDCG@10.

    Queries are the same by domain and id; each teacher's order is held against the labels of its
    own item.
    """
    values: dict[str, dict[tuple[str, str], float]] = {}
    rows = teachers.quality(store, DEFAULT_CUT).group_by(
        "author_name", "prompt", "judge", "domain", "qid", maintain_order=True
    )
    for row in rows.agg(pl.col("ndcg").mean()).to_dicts():
        name = _called(row["author_name"], row["prompt"], judge=row["judge"])
        values.setdefault(name, {})[row["domain"], row["qid"]] = row["ndcg"]
    found: list[tuple[str, str, Comparison]] = []
    for first, second in combinations(values, 2):
        shared = sorted(values[first].keys() & values[second].keys())
        if len(shared) >= FEWEST:
            own, other = ([values[name][key] for key in shared] for name in (first, second))
            found.append((first, second, compare(own, other)))
    corrected = holm([each.p for _, _, each in found])
    return [Pair(*each, p) for each, p in zip(found, corrected, strict=True)]
