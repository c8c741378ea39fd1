"""The queue's policy: what is looked at first and why, and how items are shared out.

A policy weighs named reasons. Each has a value of 0..1 for each item; an item's score is the sum
of weight × value, and the reason that adds most is its badge. Where chance decides (audit,
overlap, gold), it is a hash of the policy's seed, so the same item is drawn every time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from curation.consistency import DEFAULT_CUT
from curation.errors import CurationError

Values = npt.NDArray[np.float32]

REASONS = {
    "near_cut": ("Near the cut", "1 at the self-consistency cut, 0 from 0.2 away on"),
    "samples": ("Samples disagree", "1 − Kendall τ of the teacher's samples, at most 1"),
    "chain": ("Chain check failed", "1 where the chain fails a check"),
    "checkpoint": (
        "Checkpoint disagrees",
        "distance of the two orders, or how alike the query is that sent the item back",
    ),
    "lost": ("Checkpoint lost nDCG", "how alike the query is on which a checkpoint lost"),
    "flat": ("No reward variance", "share of its GRPO groups whose rewards were all equal"),
    "quarantine": ("Quarantined pair", "1 where the item asks a benchmark's query"),
    "diverse": ("Diverse sample", "1 ÷ place in its cluster, from the middle outwards"),
    "audit": ("Random audit", "1 for a share of the items, drawn by the seed"),
    "flagged": ("Flagged", "1 where somebody's flag on it is open"),
}
"""Label and meaning of each reason, in the order of the columns of values."""

NEAR = 0.2  # distance from the cut, in nDCG, from which on an item is not near it
DEFAULT_WEIGHTS = {
    "near_cut": 1.0,
    "samples": 0.5,
    "chain": 0.5,
    "checkpoint": 1.0,
    "lost": 2.0,
    "flat": 0.5,
    "quarantine": 0.0,
    "diverse": 0.25,
    "audit": 0.5,
    "flagged": 0.0,
}


class PolicyError(CurationError):
    """A policy's numbers are out of range; it was not saved."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What comes first, and to whom.

    Attributes:
        weights: By reason, 0..10; a reason that is missing weighs nothing.
        cut: Self-consistency cut that nearness is measured from, 0..1.
        audit_share: Share of the items that are audited by chance, 0..1.
        overlap_share: Share of the items that several reviewers decide, 0..1.
        overlap_reviewers: How many, for those, at least 2.
        gold_share: Of what a reviewer gets, the share that are gold items, 0..0.5.
        claim_minutes: How long an item is kept for a reviewer whose screen went away, 1..240.
        seed: Of everything that chance decides.
    """

    weights: Mapping[str, float] = field(default_factory=lambda: dict(DEFAULT_WEIGHTS))
    cut: float = DEFAULT_CUT
    audit_share: float = 0.05
    overlap_share: float = 0.0
    overlap_reviewers: int = 3
    gold_share: float = 0.0
    claim_minutes: int = 15
    seed: int = 1

    def __post_init__(self) -> None:
        """Refuse numbers that make no sense."""
        if unknown := set(self.weights) - set(REASONS):
            raise PolicyError(
                f"Unknown reasons {sorted(unknown)}; the reasons are {', '.join(REASONS)}."
            )
        ranges: list[tuple[str, float, float, float]] = [
            *((f"The weight of {name}", value, 0, 10) for name, value in self.weights.items()),
            ("The cut", self.cut, 0, 1),
            ("The audited share", self.audit_share, 0, 1),
            ("The overlap share", self.overlap_share, 0, 1),
            ("The number of reviewers for overlap", self.overlap_reviewers, 2, 20),
            ("The share of gold items", self.gold_share, 0, 0.5),
            ("The minutes of a claim", self.claim_minutes, 1, 240),
        ]
        for name, value, least, most in ranges:
            if not least <= value <= most:
                raise PolicyError(f"{name} is {value}; it must be from {least} to {most}.")

    def settings(self) -> dict[str, Any]:
        """Return the policy as plain values, for keeping."""
        return asdict(self)


def draw(seed: int, *parts: object) -> float:
    """Return a number in [0, 1) that depends on `parts` and the seed alone."""
    text = "\x1f".join(map(str, (seed, *parts)))
    return int.from_bytes(sha256(text.encode("utf-8", "surrogatepass")).digest()[:8]) / 2**64


def reviewers_needed(policy: Policy, item_id: str) -> int:
    """Return how many people decide an item: one, or several on the drawn share."""
    drawn = (
        policy.overlap_share > 0 and draw(policy.seed, "overlap", item_id) < policy.overlap_share
    )
    return policy.overlap_reviewers if drawn else 1


def values_of(read: pl.DataFrame, policy: Policy) -> Values:
    """Return each item's value for each reason, an array of (items, reasons), 0..1.

    Args:
        read: Columns of `db.queue_values.reason_values`.
    """
    near = (1 - (pl.col("ndcg") - policy.cut).abs() / NEAR).clip(0, 1)
    checkpoint = pl.max_horizontal("checkpoint_distance", "back")
    found = read.select(
        near_cut=near,
        samples=(1 - pl.col("tau")).clip(0, 1),
        chain=pl.col("failed"),
        checkpoint=checkpoint.clip(0, 1),
        lost=pl.col("lost").clip(0, 1),
        flat=pl.col("flat"),
        quarantine=pl.col("quarantined"),
        diverse=1 / pl.col("cluster_place"),
        audit=_audited(read["item_id"].to_list(), policy),
        flagged=pl.col("flagged"),
    )
    filled = found.select(pl.col(list(REASONS)).cast(pl.Float32).fill_null(0).fill_nan(0))
    return filled.to_numpy()


def _audited(item_ids: Sequence[str], policy: Policy) -> pl.Series:
    share, seed = policy.audit_share, policy.seed
    return pl.Series(
        [share > 0 and draw(seed, "audit", item_id) < share for item_id in item_ids],
        dtype=pl.Boolean,
    )


def weights_of(policy: Policy) -> Values:
    """Return the weights in the order of `REASONS`."""
    return np.array([policy.weights.get(name, 0.0) for name in REASONS], dtype=np.float32)


def order_of(values: Values, policy: Policy) -> npt.NDArray[np.int64]:
    """Return the places of the items by score, highest first; of equal ones, the first comes first.

    Args:
        values: An array of (items, reasons).
    """
    return np.argsort(-(values @ weights_of(policy)), kind="stable").astype(np.int64)


@dataclass(frozen=True, slots=True)
class Why:
    """One reason of an item: `weight` × `value` of its score."""

    reason: str
    weight: float
    value: float

    @property
    def adds(self) -> float:
        """What it adds to the score."""
        return self.weight * self.value


def reasons_for(values: Values, policy: Policy) -> list[Why]:
    """Return every reason of one item, what adds most first.

    Args:
        values: One row of `values_of`.
    """
    found = [
        Why(name, float(policy.weights.get(name, 0.0)), float(value))
        for name, value in zip(REASONS, values, strict=True)
    ]
    return sorted(found, key=lambda why: -why.adds)


def badge(reasons: Sequence[Why]) -> str:
    """Return the label of what put an item where it is."""
    first = reasons[0] if reasons else None
    return REASONS[first.reason][0] if first and first.adds > 0 else "Not judged yet"
