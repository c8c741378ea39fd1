"""How much raters agree: Krippendorff's alpha, Kendall's tau-b and means, with their intervals.

An interval is the 95 % percentile bootstrap over items: what is drawn anew is whole items, because
what several people said of one item is no several observations. What cannot be said has no value,
and says why; it is never 0.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import krippendorff
import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2000
SEED = 0
NO_VARIATION = "no variation: everybody said the same"

Level = Literal["nominal", "ordinal"]
Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its 95 % interval.

    Attributes:
        value: None where it is undefined.
        low: Lower end of the interval; None where there is none: of one item, or undefined.
        high: Upper end, likewise.
        n: Items that it rests on.
        why: Why it is undefined, in words; empty where it is not.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    why: str = ""


def mean(values: Numbers, *, why: str) -> Estimate:
    """Return the mean of one value for each item; values that are not a number are left out.

    Args:
        why: What to say where there is no value at all.
    """
    known = values[~np.isnan(values)]
    if not known.size:
        return Estimate(None, None, None, 0, why)
    low, high = _interval(np.round(known, 3)[:, None], lambda sums: sums[:, 0] / known.size)
    return Estimate(float(known.mean()), low, high, int(known.size))


def alpha(
    counts: NDArray[np.int64], items: NDArray[np.int64], level: Level, *, why: str
) -> Estimate:
    """Return Krippendorff's alpha (2011): 1 for agreement, 0 for chance, below 0 for worse.

    Args:
        counts: For each unit, how many raters gave each value, an array of (units, values), the
            values in their order. Units with fewer than two raters say nothing and are left out.
        items: Of each unit, the number of the item it belongs to.
        level: Ordinal counts how far apart two values are, nominal only whether they differ.
        why: What to say where no unit is left.
    """
    paired = counts.sum(axis=1) > 1
    counts, items = counts[paired], items[paired]
    n = len(np.unique(items))
    if not n:
        return Estimate(None, None, None, 0, why)
    if np.count_nonzero(counts.sum(axis=0)) < 2:
        return Estimate(None, None, None, n, NO_VARIATION)
    value = float(krippendorff.alpha(value_counts=counts, level_of_measurement=level))
    size = counts.shape[1]
    _, own = np.unique(items, return_inverse=True)
    rows = np.zeros((n, size * size))
    np.add.at(rows, own, _coincidences(counts).reshape(len(counts), -1))
    low, high = _interval(rows, lambda sums: alphas(sums.reshape(-1, size, size), level))
    return Estimate(value, low, high, n)


def _coincidences(counts: NDArray[np.int64]) -> Numbers:
    """Return each unit's part of the coincidence matrix, an array of (units, values, values)."""
    pairs = counts[:, :, None] * counts[:, None, :] - counts[:, :, None] * np.eye(
        counts.shape[1], dtype=np.int64
    )
    return np.asarray(pairs / (counts.sum(axis=1) - 1)[:, None, None], dtype=float)


def alphas(coincidences: Numbers, level: Level) -> Numbers:
    """Return the alpha of each coincidence matrix, of (matrices, values, values).

    `krippendorff.alpha` takes one at a time, and an interval takes thousands. Not a number where
    nothing varies.
    """
    totals = coincidences.sum(axis=2)
    apart = np.broadcast_to(1 - np.eye(totals.shape[1]), coincidences.shape)
    if level == "ordinal":
        until = np.cumsum(totals, axis=1)
        # How many values lie from the middle of one to the middle of the other.
        middle = until - totals / 2
        apart = (middle[:, :, None] - middle[:, None, :]) ** 2
    observed = (coincidences * apart).sum(axis=(1, 2))
    chance = (totals[:, :, None] * totals[:, None, :] * apart).sum(axis=(1, 2))
    chance /= np.maximum(totals.sum(axis=1) - 1, 1)
    ratio = np.divide(observed, chance, out=np.full(len(chance), np.nan), where=chance > 0)
    return np.asarray(1 - ratio)


def tau_b(a: NDArray[np.int64], b: NDArray[np.int64]) -> Numbers:
    """Return Kendall's tau-b of each two rows of ranks, -1..1; not a number where all are tied.

    Args:
        a: Ranks, an array of (rows, passages), equal ones for passages that stand level.
        b: The same passages in the same columns.
    """
    x, y = _sides(a), _sides(b)
    scale = np.sqrt(np.count_nonzero(x, axis=1) * np.count_nonzero(y, axis=1))
    together = (x * y).sum(axis=1)
    return np.asarray(np.divide(together, scale, out=np.full(len(a), np.nan), where=scale > 0))


def _sides(ranks: NDArray[np.int64]) -> NDArray[np.int8]:
    """Return which of each two columns is larger: 1 the left one, -1 the right, 0 neither."""
    # A rank in a list fits into half the bytes, which takes half the time.
    columns = ranks.astype(np.int32).T
    left, right = np.triu_indices(len(columns), k=1)
    above = (columns[left] > columns[right]).view(np.int8)
    return np.ascontiguousarray((above - (columns[left] < columns[right]).view(np.int8)).T)


def _interval(
    rows: Numbers, statistic: Callable[[Numbers], Numbers]
) -> tuple[float | None, float | None]:
    """Return the bootstrap interval of what is computed from a sum over items.

    Items with equal rows are drawn together, by a multinomial, so that many cost no more than few.

    Args:
        rows: What each item adds, an array of (items, numbers).
        statistic: Takes sums, of (resamples, numbers), and returns a value for each.
    """
    if len(rows) < 2:
        return None, None
    distinct, times = np.unique(rows, axis=0, return_counts=True)
    drawn = np.random.default_rng(SEED).multinomial(len(rows), times / len(rows), size=RESAMPLES)
    values = statistic(drawn @ distinct)
    known = values[~np.isnan(values)]
    if known.size < RESAMPLES / 2:  # most of what could have come says nothing
        return None, None
    low, high = np.quantile(known, [0.025, 0.975])
    return float(low), float(high)
