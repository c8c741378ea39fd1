"""Are a pointwise ranker's probabilities what they say? Reliability, and how it errs.

After "Rethinking Reasoning in Document Ranking" (arXiv 2510.08985), which finds that reasoning
raises the true positive rate at the price of the true negative rate.
"""

from collections.abc import Sequence
from dataclasses import dataclass

BINS = 10


@dataclass(frozen=True, slots=True)
class Bin:
    """Passages whose probability lies in [low, low + 0.1).

    Attributes:
        confidence: Their mean probability.
        share: How many of them are relevant, 0..1.
    """

    low: float
    n: int
    confidence: float
    share: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """How probabilities of relevance agree with the labels.

    Attributes:
        ece: Expected calibration error: the bins' gaps between confidence and share, weighted by
            their sizes (arXiv 1706.04599, Eq. 3).
        tpr: Of the relevant passages, the share with a probability of at least one half; None
            without any.
        tnr: Of the others, the share below one half; None without any.
    """

    n: int
    ece: float
    tpr: float | None
    tnr: float | None
    bins: tuple[Bin, ...]


def calibration(probabilities: Sequence[float], relevant: Sequence[bool]) -> Calibration:
    """Compare probabilities with labels.

    Args:
        probabilities: Of relevance, 0..1, one for each passage.

    Raises:
        ValueError: They are not equally many, or none.
    """
    if len(probabilities) != len(relevant) or not relevant:
        raise ValueError(f"got {len(probabilities)} probabilities and {len(relevant)} labels")
    members: list[list[tuple[float, bool]]] = [[] for _ in range(BINS)]
    for probability, label in zip(probabilities, relevant, strict=True):
        members[min(int(probability * BINS), BINS - 1)].append((probability, label))
    bins = tuple(
        Bin(
            low=place / BINS,
            n=len(inside),
            confidence=sum(p for p, _ in inside) / len(inside),
            share=sum(label for _, label in inside) / len(inside),
        )
        for place, inside in enumerate(members)
        if inside
    )
    called = [probability >= 0.5 for probability in probabilities]
    positives = sum(relevant)
    negatives = len(relevant) - positives
    hits = sum(yes and label for yes, label in zip(called, relevant, strict=True))
    rejections = sum(not yes and not label for yes, label in zip(called, relevant, strict=True))
    return Calibration(
        n=len(relevant),
        ece=sum(each.n * abs(each.confidence - each.share) for each in bins) / len(relevant),
        tpr=hits / positives if positives else None,
        tnr=rejections / negatives if negatives else None,
        bins=bins,
    )
