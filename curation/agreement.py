"""What several samples say about each other: orders of one list, by one teacher or by two.

The recipe asks once (arXiv 2508.07050, section 4.1.3) and can only hold an order against labels.
Asked again, and shown the list in another order, a teacher also tells how firm its order is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, product
from statistics import fmean

import polars as pl

from curation.fusion import reciprocal_rank
from curation.order_bias import agreement

DEFAULT_CUT = 0.5
"""Kendall τ: two samples put three pairs of passages in four the same way."""

NORMAL_95 = 1.959964  # quantile of 0.975


@dataclass(frozen=True, slots=True)
class Sample:
    """One order with the order it was asked about; both hold the same passages once."""

    shown: Sequence[str]
    ranking: Sequence[str]


@dataclass(frozen=True, slots=True)
class Agreement:
    """What the samples of one teacher on one item say about each other.

    Attributes:
        samples: How many they are.
        tau: Mean Kendall τ of two of them, -1 (reversed) to 1 (equal); None for one sample.
        overlap: Mean share of the first 10 that two have in common, 0..1; None for one sample.
        consensus: All samples' orders fused, best first.
        dispersion: Of each passage of `consensus`, how many places apart two samples put it.
        follows: How many places lower a passage is ranked for each place that it is shown lower;
            None where all samples were shown one order.
    """

    samples: int
    tau: float | None
    overlap: float | None
    consensus: tuple[str, ...]
    dispersion: tuple[float, ...]
    follows: float | None

    @property
    def spread(self) -> float:
        """How many places apart two samples put a passage, on average."""
        return fmean(self.dispersion)


def measure(samples: Sequence[Sample], candidates: Sequence[str]) -> Agreement:
    """Measure at least one sample of one teacher.

    τ and overlap are means over pairs of samples, so that their expectation does not depend on how
    many there are; over pairs that were shown different orders, where there are such: what two
    samples only left as it was shown to both is no agreement. The consensus is reciprocal rank
    fusion (`curation.fusion`), whose ties keep the initial order.

    Args:
        candidates: The passages in initial order, at least one.
    """
    orders = [sample.ranking for sample in samples]
    tau = overlap = None
    if len(orders) > 1:
        tau, overlap = _agreement(list(combinations(samples, 2)))
    consensus = reciprocal_rank(orders, ties=candidates)
    apart = dispersion(orders)
    return Agreement(
        samples=len(samples),
        tau=tau,
        overlap=overlap,
        consensus=tuple(consensus),
        dispersion=tuple(apart[docid] for docid in consensus),
        follows=follows(samples),
    )


def between(ours: Sequence[Sample], theirs: Sequence[Sample]) -> tuple[float, float]:
    """Return mean Kendall τ and top-10 overlap over pairs of one sample here and one there.

    It compares with the τ within one teacher's samples: two teachers that were one would agree as
    much with each other as each does with itself. So here too, pairs that were shown different
    orders count, where there are such.
    """
    return _agreement(list(product(ours, theirs)))


def dispersion(orders: Sequence[Sequence[str]]) -> dict[str, float]:
    """Return each passage's mean |rank in a - rank in b| over pairs of orders, 0 to n - 1.

    Gini's mean difference of the ranks (David 1968, Biometrika 55): in places, where a standard
    deviation of three ranks would say little. 0 for a single order.
    """
    ranks: dict[str, list[int]] = {docid: [] for docid in orders[0]}
    for order in orders:
        for rank, docid in enumerate(order, start=1):
            ranks[docid].append(rank)
    return {
        docid: fmean([abs(a - b) for a, b in combinations(own, 2)] or [0.0])
        for docid, own in ranks.items()
    }


def follows(samples: Sequence[Sample]) -> float | None:
    """Return by how many places the rank given follows the place shown, of the same passage.

    The within estimator of a regression with one level for each passage: with p the place shown,
    r the rank given, and means over the samples of passage d,

        Σ (p - mean_d p) (r - mean_d r) / Σ (p - mean_d p)²

    0 where the order shown does not matter, 1 where it is repeated, -1 where it is turned round.
    How good a passage is cancels out, as it is the same in every sample. None where no passage was
    shown at two places.
    """
    places: dict[str, list[tuple[int, int]]] = {}
    for sample in samples:
        ranks = {docid: rank for rank, docid in enumerate(sample.ranking, start=1)}
        for place, docid in enumerate(sample.shown, start=1):
            places.setdefault(docid, []).append((place, ranks[docid]))
    together = moved = 0.0
    for pairs in places.values():
        mean_p, mean_r = fmean(p for p, _ in pairs), fmean(r for _, r in pairs)
        together += sum((p - mean_p) * (r - mean_r) for p, r in pairs)
        moved += sum((p - mean_p) ** 2 for p, _ in pairs)
    return together / moved if moved else None


def shifts_by_place(samples: pl.DataFrame) -> pl.DataFrame:
    """Return how far from its usual rank a passage comes, by the place where it is shown.

    For each sample and passage: the rank given, less its mean rank in those samples of the same
    teacher and item that were shown another order. Without bias the mean is 0 at every place.

    Args:
        samples: One row a sample: teacher, item_id, shown and docids (best first).

    Returns:
        Columns teacher, place (1-based), shift, low, high (95 %, normal approximation), n; sorted.
    """
    group, passage = ["teacher", "item_id"], ["teacher", "item_id", "docid"]
    rows = samples.select(*group, "shown", "docids").with_row_index("sample")
    # Which order it was, without comparing lists row by row.
    rows = rows.with_columns(order=pl.struct("item_id", "shown").hash())
    ranks = rows.select("sample", docid="docids").explode("docid", empty_as_null=False)
    ranks = ranks.with_columns(rank=pl.int_range(1, pl.len() + 1).over("sample"))
    places = rows.select(*group, "sample", "order", docid="shown")
    places = places.explode("docid", empty_as_null=False)
    places = places.with_columns(place=pl.int_range(1, pl.len() + 1).over("sample"))
    joined = places.join(ranks, on=["sample", "docid"])
    total, own = pl.col("rank").sum(), pl.len()
    joined = joined.with_columns(
        others=total.over(passage) - total.over([*passage, "order"]),
        n_others=own.over(passage).cast(pl.Int64) - own.over([*passage, "order"]).cast(pl.Int64),
    ).filter(pl.col("n_others") > 0)
    shifts = joined.with_columns(value=pl.col("rank") - pl.col("others") / pl.col("n_others"))
    return with_interval(shifts, ["teacher", "place"]).rename({"mean": "shift"})


def with_interval(values: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    """Return mean, low, high (95 %) and n of the column `value` in each group, sorted by group.

    mean ± 1.96 sd / √n: for many values, where a bootstrap says the same and takes a second. A
    group of one value has no interval.
    """
    half = NORMAL_95 * pl.col("sd") / pl.col("n").sqrt()
    return (
        values.group_by(by)
        .agg(mean=pl.col("value").mean(), sd=pl.col("value").std(), n=pl.len().cast(pl.Int64))
        .with_columns(low=pl.col("mean") - half, high=pl.col("mean") + half)
        .select(*by, "mean", "low", "high", "n")
        .sort(by)
    )


def _agreement(pairs: Sequence[tuple[Sample, Sample]]) -> tuple[float, float]:
    apart = [(a, b) for a, b in pairs if list(a.shown) != list(b.shown)]
    found = [agreement(a.ranking, b.ranking) for a, b in apart or pairs]
    return fmean(tau for tau, _ in found), fmean(overlap for _, overlap in found)
