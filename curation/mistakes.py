"""What a checkpoint got wrong on a benchmark: lost, broken, or at odds with its own chain."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from curation.chains import agrees
from curation.permutation import parse_response

Reason = Literal["lost", "format", "contradiction", "chosen"]
REASONS: dict[Reason, str] = {
    "lost": "Lost against the baseline",
    "format": "Answer broken",
    "contradiction": "Chain contradicts the order",
    "chosen": "Chosen by hand",
}


@dataclass(frozen=True, slots=True)
class Mistake:
    """One query that went wrong.

    Attributes:
        severity: Loss of the measure, or share of the query's calls; 0..1, larger is worse.
    """

    qid: str
    reason: Reason
    detail: str
    severity: float


def lost(
    before: Mapping[str, float], after: Mapping[str, float], *, least: float, measure: str
) -> list[Mistake]:
    """Return the queries whose measure fell by at least `least` (0..1), the worst first."""
    found = [
        Mistake(qid, "lost", f"{measure} {100 * before[qid]:.1f} → {100 * value:.1f}", fall)
        for qid, value in after.items()
        if qid in before and (fall := before[qid] - value) >= least and fall > 0
    ]
    return sorted(found, key=lambda each: -each.severity)


def broken(calls: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[Mistake]:
    """Return the queries with answers that had to be repaired, the most of them first.

    Args:
        calls: By qid, rows with status.
    """
    found = []
    for qid, rows in calls.items():
        bad = [str(row["status"]) for row in rows if row["status"] != "ok"]
        if bad:
            detail = f"{len(bad)} of {len(rows)} answers repaired: {', '.join(sorted(set(bad)))}"
            found.append(Mistake(qid, "format", detail, len(bad) / len(rows)))
    return sorted(found, key=lambda each: -each.severity)


def contradicting(calls: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[Mistake]:
    """Return the queries where a chain ends on another order than its answer; see `chains.agrees`.

    Args:
        calls: By qid, rows with kind, response, docids and permutation.
    """
    found = []
    for qid, rows in calls.items():
        answers = (_agrees(row) for row in rows if row["kind"] == "order")
        judged = [answer for answer in answers if answer is not None]
        wrong = judged.count(False)
        if wrong:
            detail = f"{wrong} of {len(judged)} chains end on another order than the answer's"
            found.append(Mistake(qid, "contradiction", detail, wrong / len(judged)))
    return sorted(found, key=lambda each: -each.severity)


def _agrees(row: Mapping[str, Any]) -> bool | None:
    chain = parse_response(str(row["response"]), len(row["docids"])).chain
    return agrees(chain, row["permutation"])
