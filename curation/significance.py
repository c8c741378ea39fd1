"""Is one ranking really better? Paired tests and intervals over queries, by scipy, seeded."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 9999
SEED = 0
_TIE = 1e-9
_NORMAL_95 = 1.959964  # quantile of 0.975
_DETECTABLE = _NORMAL_95 + 0.841621  # and of 0.8


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two systems over the same queries: the first minus the second.

    Attributes:
        ci: 95 % bootstrap interval of the mean difference.
        p: Two-sided paired permutation test of the mean difference.
        wins: Queries on which the first is better.
        effect: Cohen's d of the differences: their mean by their standard deviation; None where
            they do not vary.
        detectable: The smallest true difference that a paired test on as many queries, with
            differences that vary as these, finds at p < 0.05 in four cases of five (normal
            approximation); None for a single query.
    """

    difference: float
    ci: tuple[float, float]
    p: float
    wins: int
    ties: int
    losses: int
    n: int
    effect: float | None
    detectable: float | None


def interval(values: Sequence[float], *, level: float = 0.95) -> tuple[float, float]:
    """Return the bootstrap percentile interval of the mean.

    One value, or equal values, give an interval of no width.

    Raises:
        ValueError: Without any value.
    """
    data = np.asarray(values, dtype=float)
    if data.size == 0:
        raise ValueError("an interval needs at least one value")
    if np.ptp(data) == 0:
        return float(data[0]), float(data[0])
    from scipy import stats  # takes a second to import, and every page reaches this module

    result = stats.bootstrap(
        (data,),
        np.mean,
        confidence_level=level,
        n_resamples=RESAMPLES,
        method="percentile",
        rng=np.random.default_rng(SEED),
        batch=1000,
    )
    return float(result.confidence_interval.low), float(result.confidence_interval.high)


def proportion(count: int, n: int) -> tuple[float, float]:
    """Return the 95 % Wilson interval (Wilson 1927) of a share, `count` of `n`, at least one."""
    from scipy import stats

    found = stats.binomtest(count, n).proportion_ci(method="wilson")
    return float(found.low), float(found.high)


def ratio_interval(parts: Sequence[float], wholes: Sequence[float]) -> tuple[float, float]:
    """Return the 95 % interval of R = Σ parts / Σ wholes, paired by row, by linearization.

    R ± 1.96 sd(part - R whole) / (√n mean(whole)), not below 0 (Cochran 1977, Sampling Techniques,
    section 6.3): a bootstrap of two sums would take seconds. One row gives no width.

    Args:
        wholes: At least one above 0.
    """
    a, b = np.asarray(parts, dtype=float), np.asarray(wholes, dtype=float)
    ratio = float(a.sum() / b.sum())
    if len(a) < 2:
        return ratio, ratio
    half = _NORMAL_95 * float((a - ratio * b).std(ddof=1)) / (len(a) ** 0.5 * float(b.mean()))
    return max(0.0, ratio - half), ratio + half


def compare(a: Sequence[float], b: Sequence[float]) -> Comparison:
    """Compare paired values, `a` minus `b`.

    Raises:
        ValueError: If they are not equally many, or none.
    """
    if len(a) != len(b) or not a:
        raise ValueError(f"paired values must be equally many and some, got {len(a)} and {len(b)}")
    differences = np.asarray(a, dtype=float) - np.asarray(b, dtype=float)
    differences[np.abs(differences) < _TIE] = 0.0
    wins, losses = int((differences > 0).sum()), int((differences < 0).sum())
    spread = float(differences.std(ddof=1)) if len(differences) > 1 else 0.0
    return Comparison(
        difference=float(differences.mean()),
        ci=interval(differences.tolist()),
        p=_permuted(differences),
        wins=wins,
        ties=len(differences) - wins - losses,
        losses=losses,
        n=len(differences),
        effect=float(differences.mean()) / spread if spread > 0 else None,
        detectable=_DETECTABLE * spread / len(differences) ** 0.5 if len(differences) > 1 else None,
    )


def _permuted(differences: NDArray[np.float64]) -> float:
    """Return the two-sided p of paired differences; 1 where nothing differs, or for one alone.

    Flipping the signs of the differences is the exchange of the two systems within a query.
    """
    if len(differences) < 2 or not differences.any():
        return 1.0
    from scipy import stats  # takes a second to import, and every page reaches this module

    found = stats.permutation_test(
        (differences,),
        np.mean,
        permutation_type="samples",
        n_resamples=RESAMPLES,
        vectorized=True,
        rng=np.random.default_rng(SEED),
        batch=1000,
    )
    return float(found.pvalue)


def macro_interval(groups: Sequence[Sequence[float]]) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of a macro average: the mean of the groups' means.

    Queries are drawn anew within each group, which all keep their size and count the same.
    """
    data = [np.asarray(each, dtype=float) for each in groups]
    if all(np.ptp(each) == 0 for each in data):
        mean = float(np.mean([each[0] for each in data]))
        return mean, mean
    rng = np.random.default_rng(SEED)
    drawn = [rng.choice(each, (RESAMPLES, each.size)).mean(axis=1) for each in data]
    low, high = np.quantile(np.mean(drawn, axis=0), [0.025, 0.975])
    return float(low), float(high)


def compare_macro(
    a: Sequence[Sequence[float]], b: Sequence[Sequence[float]]
) -> tuple[float, tuple[float, float], float]:
    """Compare the macro averages of two systems over the same queries, `a` minus `b`.

    Returns:
        The difference, its 95 % bootstrap interval and the two-sided p of a paired permutation
        test: within each query the systems change places.

    Raises:
        ValueError: If the groups are not equally many, or not of the same sizes, or there is none.
    """
    if not a or [len(each) for each in a] != [len(each) for each in b] or not all(map(len, a)):
        raise ValueError("both systems need the same groups of queries, none of them empty")
    differences = [np.subtract(x, y) for x, y in zip(a, b, strict=True)]
    weighted = np.concatenate([each / (len(each) * len(differences)) for each in differences])
    weighted[np.abs(weighted) < _TIE / weighted.size] = 0.0
    return (
        float(weighted.sum()),
        macro_interval([each.tolist() for each in differences]),
        _permuted(weighted),
    )


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for testing them all (Holm 1979), in the order given."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    corrected = [0.0] * len(p_values)
    highest = 0.0
    for place, index in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - place) * p_values[index]))
        corrected[index] = highest
    return corrected
