"""Measures of one ranking on plain values: fast enough for a reward, exact to trec_eval.

Labels are binary here; graded benchmarks are scored with ir-measures (`curation.scoring`).
"""

from collections.abc import Collection, Sequence
from math import log2

_DISCOUNTS = [1 / log2(rank + 1) for rank in range(1, 1001)]


def ndcg_at(ranking: Sequence[str], relevant: Collection[str], k: int = 10) -> float:
    """Return nDCG@k, 0..1, of a ranking without repeats; 0 when nothing is relevant.

    Gain 1 for a relevant passage, discount log2(rank + 1), ideal over min(k, |relevant|)
    (trec_eval `ndcg_cut`).

    Example:
        >>> round(ndcg_at(["b", "a"], {"a"}), 4)
        0.6309
    """
    labels = set(relevant)
    gain = sum(
        discount
        for docid, discount in zip(ranking[:k], _DISCOUNTS, strict=False)
        if docid in labels
    )
    ideal = sum(_DISCOUNTS[: min(k, len(labels))])
    return gain / ideal if ideal else 0.0


def recall_at(ranking: Sequence[str], relevant: Collection[str], k: int = 10) -> float:
    """Return the share of the relevant passages among the first k, 0..1; 0 without any."""
    labels = set(relevant)
    return len(labels.intersection(ranking[:k])) / len(labels) if labels else 0.0


def average_overlap(a: Sequence[str], b: Sequence[str]) -> float:
    """Return the mean over depths d of |a[:d] ∩ b[:d]| / d, 0..1, of two equally long rankings.

    This is what ReasonRank's reward code computes (`rbo` with its default p = 1), uniform in
    depth and not the geometric RBO of the paper's Eq. 4.

    Example:
        >>> average_overlap(["a", "b"], ["b", "a"])
        0.5
    """
    return sum(_agreements(a, b)) / len(a) if a else 1.0


def rbo(a: Sequence[str], b: Sequence[str], p: float) -> float:
    """Return extrapolated rank-biased overlap, 0..1, of two equally long rankings.

    (1 - p) Σ p^(d-1) A_d over the lists' depth n, plus p^n A_n for the unseen rest (Webber,
    Moffat and Zobel 2010, Eq. 32, for lists of one length), so that equal lists score 1.

    Args:
        p: Persistence, in (0, 1).
    """
    if not 0 < p < 1:
        raise ValueError(f"p must be between 0 and 1, got {p}")
    agreements = _agreements(a, b)
    if not agreements:
        return 1.0
    head = sum((1 - p) * p**depth * share for depth, share in enumerate(agreements))
    return head + p ** len(agreements) * agreements[-1]


def _agreements(a: Sequence[str], b: Sequence[str]) -> list[float]:
    """Return |a[:d] ∩ b[:d]| / d for every depth d."""
    seen_a: set[str] = set()
    seen_b: set[str] = set()
    shared = 0
    found = []
    for depth, (x, y) in enumerate(zip(a, b, strict=True), start=1):
        seen_a.add(x)
        seen_b.add(y)
        shared += 1 if x == y else (x in seen_b) + (y in seen_a)
        found.append(shared / depth)
    return found


def first_relevant_rank(ranking: Sequence[str], relevant: Collection[str]) -> int | None:
    """Return the 1-based rank of the first relevant passage, or None."""
    labels = set(relevant)
    return next((rank for rank, docid in enumerate(ranking, start=1) if docid in labels), None)
