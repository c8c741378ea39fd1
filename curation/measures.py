"""Measures of one ranking on plain values: fast enough for a reward, exact to trec_eval.

Labels are binary here; graded benchmarks are scored with ir-measures (`curation.scoring`).
"""

from collections.abc import Collection, Hashable, Sequence
from itertools import accumulate
from math import log2

_DEEPEST = 1000
_DISCOUNTS = [1 / log2(rank + 1) for rank in range(1, _DEEPEST + 1)]
_HARMONIC = [0.0, *accumulate(1 / depth for depth in range(1, _DEEPEST + 1))]
_IDEAL = [0.0, *accumulate(_DISCOUNTS)]  # gain of the best order of as many relevant passages


def ndcg_at(ranking: Sequence[Hashable], relevant: Collection[Hashable], k: int = 10) -> float:
    """Return nDCG@k, 0..1, of a ranking without repeats; 0 when nothing is relevant.

    Gain 1 for a relevant passage, discount log2(rank + 1), ideal over min(k, |relevant|)
    (trec_eval `ndcg_cut`).

    Args:
        k: From 1 to 1000.

    Example:
        >>> round(ndcg_at(["b", "a"], {"a"}), 4)
        0.6309
    """
    if not 1 <= k <= _DEEPEST:
        raise ValueError(f"k must be from 1 to {_DEEPEST}, got {k}")
    labels = relevant if isinstance(relevant, (set, frozenset)) else set(relevant)
    gain = 0.0
    for docid, discount in zip(ranking[:k], _DISCOUNTS, strict=False):
        if docid in labels:
            gain += discount
    return gain / _IDEAL[min(k, len(labels))] if labels else 0.0


def recall_at(ranking: Sequence[Hashable], relevant: Collection[Hashable], k: int = 10) -> float:
    """Return the share of the relevant passages among the first k, 0..1; 0 without any."""
    labels = relevant if isinstance(relevant, (set, frozenset)) else set(relevant)
    return len(labels.intersection(ranking[:k])) / len(labels) if labels else 0.0


def average_overlap(a: Sequence[Hashable], b: Sequence[Hashable]) -> float:
    """Return the mean over depths d of |a[:d] ∩ b[:d]| / d, 0..1, of two orders of the same items.

    This is what ReasonRank's reward code computes (`rbo` with its default p = 1), uniform in
    depth and not the geometric RBO of the paper's Eq. 4.

    Example:
        >>> average_overlap(["a", "b"], ["b", "a"])
        0.5
    """
    return overlap_of_places(_places(a, b))


def overlap_of_places(places: Sequence[int]) -> float:
    """Return `average_overlap` from each item's 0-based place in the other order."""
    n = len(places)
    if n > _DEEPEST:
        return sum(_agreements(places)) / n
    # An item counts 1/d at every depth d from the one at which both lists have shown it.
    missed = 0.0
    same = True
    for i, j in enumerate(places):
        missed += _HARMONIC[j] if j > i else _HARMONIC[i]
        same = same and i == j
    # Exactly 1 for one order, where the sums would round.
    return 1.0 if same else _HARMONIC[n] - missed / n


def rbo(a: Sequence[Hashable], b: Sequence[Hashable], p: float) -> float:
    """Return extrapolated rank-biased overlap, 0..1, of two orders of the same items.

    (1 - p) Σ p^(d-1) A_d over the lists' depth n, plus p^n A_n for the unseen rest (Webber,
    Moffat and Zobel 2010, Eq. 32, for lists of one length), so that equal lists score 1.

    Args:
        p: Persistence, in (0, 1).
    """
    if not 0 < p < 1:
        raise ValueError(f"p must be between 0 and 1, got {p}")
    agreements = _agreements(_places(a, b))
    if not agreements:
        return 1.0
    head = sum((1 - p) * p**depth * share for depth, share in enumerate(agreements))
    return head + p ** len(agreements) * agreements[-1]


def _agreements(places: Sequence[int]) -> list[float]:
    """Return |a[:d] ∩ b[:d]| / d for every depth d, from the places of a's items in b."""
    newly_shared = [0] * len(places)
    for before, other in enumerate(places):
        newly_shared[max(before, other)] += 1
    return [count / depth for depth, count in enumerate(accumulate(newly_shared), start=1)]


def _places(a: Sequence[Hashable], b: Sequence[Hashable]) -> list[int]:
    """Return for each item of `a`, in order, its 0-based place in `b`."""
    place = dict(zip(b, range(len(b)), strict=True))
    try:
        found = list(map(place.__getitem__, a))
    except KeyError as error:
        raise ValueError(f"overlap is defined for orders of the same items: {error}") from None
    if len(found) != len(place):
        raise ValueError("overlap is defined for orders of the same items: some are repeated")
    return found


def first_relevant_rank(ranking: Sequence[str], relevant: Collection[str]) -> int | None:
    """Return the 1-based rank of the first relevant passage, or None."""
    labels = set(relevant)
    return next((rank for rank, docid in enumerate(ranking, start=1) if docid in labels), None)
