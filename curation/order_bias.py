"""Does a ranker follow the order it is shown? The same candidates, shuffled, tell."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from random import Random
from statistics import fmean

from curation.errors import CurationError
from curation.fusion import kendall_distance
from curation.repeats import Spread, spread
from curation.significance import Comparison, compare

LEVEL = 0.05
TOP = 10

Orders = Mapping[str, Sequence[str]]  # from qid to docids, best first


def shuffled(qid: str, docids: Sequence[str], *, depth: int, seed: int) -> list[str]:
    """Return a query's candidates with the first `depth` shuffled; the rest keep their places."""
    top = list(docids[:depth])
    digest = hashlib.sha256(f"{seed}:{qid}".encode("utf-8", "surrogatepass")).digest()
    Random(digest).shuffle(top)
    return [*top, *docids[depth:]]


@dataclass(frozen=True, slots=True)
class OrderTest:
    """One ranker from the first stage's order and from shuffled ones.

    Attributes:
        given: Mean of the measure from the first stage's order.
        shuffled: Means from the shuffled orders.
        comparison: By query: from the given order, minus the mean of the shuffled ones.
        tau: Mean Kendall τ of the orders that it made from any two of the orders shown, -1..1.
        overlap: Mean share of their first 10 that two such orders have in common, 0..1.
    """

    measure: str
    given: float
    shuffled: Spread
    comparison: Comparison
    tau: float
    overlap: float

    @property
    def biased(self) -> bool:
        """Whether the order shown changes the quality, at p < 0.05."""
        return self.comparison.p < LEVEL

    @property
    def sentence(self) -> str:
        """What the test says, in words."""
        points = 100 * self.comparison.difference
        low, high = (100 * bound for bound in self.comparison.ci)
        numbers = f"({points:+.2f} points, {low:.2f} to {high:.2f}, p = {self.comparison.p:.4f})"
        if self.biased and points > 0:
            said = f"Order-biased: it ranks better from the first stage's order {numbers}."
        elif self.biased:
            said = f"Order-biased: it ranks better from a shuffled order {numbers}."
        else:
            said = f"Not separable: the order shown makes no difference that is seen {numbers}."
            if self.comparison.detectable is not None:
                said += f" A true one of {100 * self.comparison.detectable:.2f} would be."
        return (
            f"{said} Two of its orders for one query share {self.overlap:.0%} of their first {TOP}"
            f" (Kendall τ {self.tau:.2f})."
        )


def order_test(
    measure: str,
    given: Mapping[str, float],
    others: Sequence[Mapping[str, float]],
    orders: Sequence[Orders],
    *,
    depth: int,
) -> OrderTest:
    """Test one ranker.

    Args:
        given: The measure by qid, from the first stage's order.
        others: The same from each shuffled order, at least one.
        orders: What it made of the given order, then of each shuffled one.
        depth: Candidates that were reranked; those below never move and are left out.

    Raises:
        CurationError: There is no shuffled order, or no query that all of them have.
    """
    shared = sorted(set(given).intersection(*others)) if others else []
    if not shared:
        raise CurationError("The evaluations share no query: run the shuffle test again.")
    means = {qid: fmean(each[qid] for each in others) for qid in shared}
    agreements = [
        agreement(a[qid][:depth], b[qid][:depth])
        for a, b in combinations(orders, 2)
        for qid in shared
        if len(a.get(qid, ())) > 1 and len(b.get(qid, ())) > 1
    ]
    return OrderTest(
        measure,
        fmean(given[qid] for qid in shared),
        spread([fmean(each[qid] for qid in shared) for each in others]),
        compare([given[qid] for qid in shared], [means[qid] for qid in shared]),
        fmean([tau for tau, _ in agreements] or [1.0]),
        fmean([overlap for _, overlap in agreements] or [1.0]),
    )


def agreement(a: Sequence[str], b: Sequence[str]) -> tuple[float, float]:
    """Return Kendall τ over the passages of both orders, and the overlap of their first 10.

    Example:
        >>> agreement(["a", "b", "c"], ["c", "b", "a"])
        (-1.0, 1.0)
    """
    places = {docid: place for place, docid in enumerate(b)}
    common = [docid for docid in a if docid in places]
    tau = 1 - 2 * kendall_distance(common, sorted(common, key=places.__getitem__))
    size = min(TOP, len(a), len(b))
    return tau, len(set(a[:size]) & set(b[:size])) / size if size else 1.0
