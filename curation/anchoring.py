"""Anchoring: how far reviewers give up their blind marks, once they saw the teacher's labels."""

from dataclasses import dataclass

from db import judgments
from db.store import Store


@dataclass(frozen=True, slots=True)
class Anchoring:
    """Labels of passages before and after the teacher's were seen, counted.

    Only of items marked blind and then approved or fixed: other verdicts stand for no labels.

    Attributes:
        items: Items of that kind; `passages` is how many labels they hold together.
        agreed: Passages on which the blind mark and the teacher's label were the same.
        left: Of those, how many have another label after.
        differed: Passages on which they were not.
        moved: Of those, how many have the teacher's label after.
    """

    items: int
    passages: int
    agreed: int
    left: int
    differed: int
    moved: int

    @property
    def share(self) -> float | None:
        """Of the labels that differed, the share that moved to the teacher's; None without any."""
        return self.moved / self.differed if self.differed else None


def anchoring(store: Store, reviewer: str | None = None) -> Anchoring:
    """Count how labels changed from the blind marks to the verdict in force.

    Args:
        reviewer: Whose; None for everyone together.
    """
    n_items = passages = agreed = left = differed = moved = 0
    for row in judgments.revealed_labels(store, reviewer):
        before, shown, after = (set(row[key]) for key in ("before", "shown", "after"))
        n_items += 1
        passages += len(row["docids"])
        apart = before ^ shown
        differed += len(apart)
        agreed += len(row["docids"]) - len(apart)
        changed = shown ^ after
        moved += len(apart - changed)
        left += len(changed - apart)
    return Anchoring(n_items, passages, agreed, left, differed, moved)
