"""Several orders of the same passages into one, and how much they disagree."""

from collections.abc import Hashable, Sequence
from itertools import combinations
from math import fsum
from typing import TypeVar

T = TypeVar("T", bound=Hashable)

RRF_K = 60  # Cormack, Clarke and Büttcher 2009


def reciprocal_rank(orders: Sequence[Sequence[T]], *, ties: Sequence[T]) -> list[T]:
    """Return the items by Σ 1 / (60 + rank) over the orders (reciprocal rank fusion).

    Args:
        orders: At least one, all of the same items.
        ties: The order of items with equal sums.
    """
    parts: dict[T, list[float]] = {item: [] for item in ties}
    for order in orders:
        for rank, item in enumerate(order, start=1):
            parts[item].append(1 / (RRF_K + rank))
    # Exactly rounded: the sum of the same ranks is the same, whichever order they come in.
    return sorted(ties, key=lambda item: -fsum(parts[item]))


def kemeny(orders: Sequence[Sequence[T]], *, ties: Sequence[T]) -> list[T]:
    """Return the order with the least Kendall distance to all, exactly, by scipy's integer solver.

    Linear ordering as an integer program: one binary for each pair, and no cycle of three. Among
    equally good orders, the nearest to `ties`.

    Args:
        orders: At least one, all of the same items; up to about 25 items take less than a second.
    """
    import numpy as np
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import lil_array

    n = len(ties)
    if n < 2:
        return list(ties)
    place = {item: i for i, item in enumerate(ties)}
    pairs = {pair: number for number, pair in enumerate(combinations(range(n), 2))}
    # Cost of putting i before j, for i < j in `ties`: votes against it less votes for it.
    cost = np.zeros(len(pairs))
    for order in orders:
        ranks = {place[item]: rank for rank, item in enumerate(order)}
        for (i, j), number in pairs.items():
            cost[number] += 1 if ranks[j] < ranks[i] else -1
    # A split vote keeps the order of `ties`; too little to outweigh one vote anywhere.
    cost -= 1 / (len(pairs) + 1)
    triples = list(combinations(range(n), 3))
    rows = lil_array((max(len(triples), 1), len(pairs)))
    for row, (i, j, k) in enumerate(triples):  # 0 <= x_ij + x_jk - x_ik <= 1
        rows[row, pairs[i, j]] = rows[row, pairs[j, k]] = 1
        rows[row, pairs[i, k]] = -1
    found = milp(
        cost,
        integrality=np.ones(len(pairs)),
        bounds=Bounds(0, 1),
        constraints=LinearConstraint(rows.tocsr(), 0, 1),
    )
    before = [0] * n  # how many items each one beats
    for (i, j), number in pairs.items():
        before[i if found.x[number] > 0.5 else j] += 1
    return [ties[i] for i in sorted(range(n), key=lambda i: -before[i])]


def kendall_distance(a: Sequence[T], b: Sequence[T]) -> float:
    """Return the share of pairs that two orders of the same items put the other way round, 0..1."""
    place = {item: i for i, item in enumerate(b)}
    pairs = list(combinations((place[item] for item in a), 2))
    return sum(x > y for x, y in pairs) / len(pairs) if pairs else 0.0


def disagreement(orders: Sequence[Sequence[T]]) -> float:
    """Return the mean Kendall distance between every two orders, 0 (equal) to 1 (reversed)."""
    distances = [kendall_distance(a, b) for a, b in combinations(orders, 2)]
    return sum(distances) / len(distances) if distances else 0.0
