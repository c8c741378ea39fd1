"""What never came as far as the self-consistency cut: refused rows, queries that gave no item."""

from dataclasses import dataclass

from db import generation, imports
from db.store import Store

OUTCOMES = {
    "no_positives": "no positives",
    "malformed": "unreadable labels",
    "failed": "failed requests",
    "waiting": "still waiting",
}


@dataclass(frozen=True, slots=True)
class Dropped:
    """Counts of what was dropped before the cut.

    Attributes:
        rows: Rows that imports read, each folder as it was read last.
        refused: Of them, those that were refused.
        queries: Queries that a teacher was asked about.
        no_item: Of them, those that gave no item, by outcome (keys of `OUTCOMES`).
    """

    rows: int
    refused: int
    queries: int
    no_item: dict[str, int]

    def sentences(self) -> list[str]:
        """Say each kind of drop that there was in a sentence."""
        said = []
        if self.no_item:
            causes = ", ".join(f"{OUTCOMES[key]} {n:,}" for key, n in self.no_item.items())
            without = sum(self.no_item.values())
            said.append(f"{without:,} of {self.queries:,} queries gave no item: {causes}.")
        if self.refused:
            said.append(f"{self.refused:,} of {self.rows:,} imported rows were refused.")
        return said


def dropped_before(store: Store) -> Dropped:
    """Count what of the workspace's sources never became an item."""
    return Dropped(*imports.refused_rows(store), *generation.without_item(store))
