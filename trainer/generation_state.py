"""How far a generate job has come, counted as its records are written or read again."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from trainer.teaching import Tally


@dataclass(slots=True)
class GenerationState:
    """What a generate job has done and paid, over all its attempts.

    Attributes:
        total: Queries.
        before: Of them, done by earlier attempts.
        outcomes: Queries by outcome.
        malformed: Answers that had to be repaired or could not be read, by status.
        domains: Queries, labelled ones and US dollars, whoever paid, by domain.
        expected: Requests at most, by stage.
    """

    total: int = 0
    before: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    malformed: Counter[str] = field(default_factory=Counter)
    domains: dict[str, dict[str, float]] = field(default_factory=dict)
    expected: Counter[str] = field(default_factory=Counter)
    tally: Tally = field(default_factory=Tally)
    _unfinished: dict[str, float] = field(default_factory=dict)  # US dollars, by qid
    _paid_queries: int = 0  # done, and paid for by this job at least in part
    _paid_for_them: float = 0.0

    @property
    def done(self) -> int:
        """Return how many queries are done."""
        return sum(self.outcomes.values())

    @property
    def projected(self) -> float | None:
        """Return what the job will spend in all, in US dollars; None before that can be said.

        What is left is taken to cost what the queries did that this job paid for: those whose
        answers were there already come first, and say nothing of the others.
        """
        if not self._paid_queries:
            return None
        each = self._paid_for_them / self._paid_queries
        return round(self.tally.spent + each * (self.total - self.done), 6)

    def count_paid(self, record: Mapping[str, Any]) -> None:
        """Count an answer that this job paid for, a line of `requests.jsonl`."""
        spent = self._unfinished.get(record["qid"], 0.0)
        self._unfinished[record["qid"]] = spent + (record["price"] or 0.0)
        self.tally.count(record["stage"], record)

    def count(self, made: Mapping[str, Any]) -> None:
        """Count a query that is done, a line of `items.jsonl`."""
        if paid := self._unfinished.pop(made["qid"], 0.0):
            self._paid_queries += 1
            self._paid_for_them += paid
        self.outcomes[made["outcome"]] += 1
        statuses = [*made["statuses"].values(), *(each["status"] for each in made["samples"])]
        self.malformed.update(status for status in statuses if status != "ok")
        own = self.domains.setdefault(made["domain"], {"queries": 0, "labelled": 0, "price": 0.0})
        own["queries"] += 1
        own["labelled"] += made["outcome"] == "labelled"
        own["price"] += made["price"]
