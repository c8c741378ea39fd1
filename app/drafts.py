"""What a reviewer enters for an item before the verdict: kept in the workspace at every change.

A change runs the page anew, and before an item is drawn its draft is written where it differs from
what was written last. So what is on the screen is on disk: a reload, another browser or a server
that was killed finds it again. A verdict drops it, in the verdict's own transaction.

Of two tabs on one item, the one that writes later finds what the other wrote, and shows that.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeGuard

from pydantic import TypeAdapter, ValidationError

from curation.review import ReviewItem, changes_nothing
from curation.segments import steps_of
from db import drafts
from db.records import Detail, Ranking, StepMark, Verdict
from db.store import Store


@dataclass
class Draft:
    """What is entered for one item and not recorded yet; ids are 1-based candidate numbers.

    Attributes:
        order: Of a fix, every passage, best first; empty before the fix was opened.
        started_from: Of a fix, the id of the ranking that the order began as; empty for the
            initial order.
        ranked: Of a fix, how many places from the top are ranked; 0 where the whole order is.
        tied: Of a fix, passages that stand level with the one before them.
        grades: From passages to 0..3.
        chain: Of a fix, the edited chain; None where the teacher's stays.
        writing: Whether the chain is open for rewriting.
        steps: From where a step of the teacher's chain starts (characters) to 1, 0 or -1.
    """

    reasons: list[str] = field(default_factory=list)
    note: str = ""
    rejecting: bool = False
    fixing: bool = False
    order: list[int] = field(default_factory=list)
    started_from: str = ""
    ranked: int = 0
    tied: set[int] = field(default_factory=set)
    relevant: set[int] = field(default_factory=set)
    grades: dict[int, int] = field(default_factory=dict)
    chain: str | None = None
    writing: bool = False
    marks: set[int] = field(default_factory=set)
    steps: dict[int, int] = field(default_factory=dict)

    def turn(self, reason: str) -> None:
        """Choose a reason of a rejection, or take it off again."""
        if reason in self.reasons:
            self.reasons.remove(reason)
        else:
            self.reasons.append(reason)


EDITED_ELSEWHERE = "This item was edited in another tab; what it says there is shown here."

_DRAFT = TypeAdapter(Draft)
_EMPTY = _DRAFT.dump_json(Draft()).decode()


class Drafts:
    """One reviewer's drafts: those that this tab opened, and what is on disk of each."""

    def __init__(self) -> None:
        self._reviewer = ""
        self._open: dict[str, Draft] = {}
        self._written: dict[str, str] = {}
        self._taken_in: Counter[str] = Counter()

    def of(self, item_id: str) -> Draft:
        """Return the draft of an item, empty at first."""
        return self._open.setdefault(item_id, Draft())

    def is_open(self, item_id: str, reviewer: str) -> bool:
        """Return whether this tab has the reviewer's draft of an item already."""
        return reviewer == self._reviewer and item_id in self._open

    def restore(self, store: Store, item_id: str, reviewer: str) -> Draft:
        """Read the draft of an item as the reviewer left it, in whichever tab."""
        if reviewer != self._reviewer:
            self._reviewer, self._open, self._written = reviewer, {}, {}
        return self._read(item_id, drafts.get_draft(store, item_id, reviewer) or _EMPTY)

    def _read(self, item_id: str, found: str) -> Draft:
        try:
            self._open[item_id] = _DRAFT.validate_json(found)
        except ValidationError:  # written by another version: there is nothing to go on with
            self._open[item_id] = Draft()
        self._written[item_id] = found
        return self._open[item_id]

    def keep(self, store: Store, item_id: str) -> bool:
        """Write the draft of an item that was restored, if it changed.

        Returns:
            False where another tab changed it since this one read or wrote it: then nothing is
            written, and the draft is the other tab's from now on.
        """
        content = _DRAFT.dump_json(self.of(item_id)).decode()
        known = self._written.get(item_id, _EMPTY)
        if content == known:
            return True
        newer = drafts.put_draft(
            store,
            item_id=item_id,
            reviewer=self._reviewer,
            content=None if content == _EMPTY else content,
            over=known,
        )
        if newer is None:
            self._written[item_id] = content
            return True
        self._read(item_id, newer)
        self._taken_in[item_id] += 1
        return False

    def token(self, item_id: str) -> str:
        """Return what the browser calls an item: another name once its draft came from elsewhere.

        So what is still on its way from before does not reach that draft.
        """
        times = self._taken_in[item_id]
        return f"{item_id} {times}" if times else item_id

    def cancel(self, item_id: str) -> None:
        """Drop what was entered of a fix or a rejection; the note and the marks of steps stay."""
        was = self.of(item_id)
        self._open[item_id] = Draft(note=was.note, marks=was.marks, steps=was.steps)

    def forget(self, item_id: str) -> None:
        """Drop a draft whose verdict was recorded, and which is gone from the workspace."""
        self._open.pop(item_id, None)
        self._written.pop(item_id, None)


def fits(shown: ReviewItem, change: Mapping[str, Any], token: str) -> bool:
    """Return whether a change that the browser sent is one of this item, by its token.

    It holds `steps` (pairs of a step's start and its mark), or an order with labels and, of a fix,
    grades (pairs of a passage and 0..3), `ranked` (places from the top), `tied` and the `chain` as
    it was rewritten, or both.
    """
    if change.get("token") != token:
        return False
    n = len(shown.item.candidates)
    numbers = set(range(1, n + 1))
    if "steps" in change:
        starts = {step.start for step in steps_of(shown.teacher.chain)}
        if not _pairs(change["steps"], starts, {-1, 0, 1}):
            return False
        if "order" not in change and "relevant" not in change:
            return True
    if not isinstance(change.get("chain", ""), str):
        return False
    order, relevant, tied = change.get("order"), change.get("relevant"), change.get("tied", [])
    ranked = change.get("ranked", 0)
    return (
        _numbers(order)
        and sorted(order) == sorted(numbers)
        and _numbers(relevant)
        and numbers.issuperset(relevant)
        and _numbers(tied)
        and numbers.issuperset(tied)
        and _number(ranked)
        and 0 <= ranked <= n
        and _pairs(change.get("grades", []), numbers, {0, 1, 2, 3})
    )


def _number(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _numbers(values: object) -> TypeGuard[list[int]]:
    return isinstance(values, list) and all(_number(value) for value in values)


def _pairs(values: object, keys: set[int], marks: set[int]) -> bool:
    return isinstance(values, list) and all(
        _numbers(pair) and len(pair) == 2 and pair[0] in keys and pair[1] in marks
        for pair in values
    )


def take(draft: Draft, change: Mapping[str, Any]) -> None:
    """Take a change that fits into the draft."""
    if "steps" in change:
        draft.steps = dict(change["steps"])
    if "order" not in change:
        return
    if not draft.fixing:
        draft.marks = set(change["relevant"])
        return
    draft.order, draft.relevant = list(change["order"]), set(change["relevant"])
    draft.tied, draft.ranked = set(change.get("tied", ())), change.get("ranked", 0)
    draft.grades = dict(change.get("grades", ()))
    if "chain" in change:
        draft.chain = change["chain"]


def numbers_of(shown: ReviewItem) -> dict[str, int]:
    """Return the 1-based candidate number of each docid."""
    return {candidate.docid: n for n, candidate in enumerate(shown.item.candidates, start=1)}


def start_from(draft: Draft, shown: ReviewItem, ranking: Ranking | None) -> None:
    """Let a fix's order begin as an author's, or as the initial one; labels and grades stay.

    With an answer to a hint comes its chain: it was asked for to take the place of the teacher's.
    A chain that came so goes again with the next beginning; one that was written stays.
    """
    numbers = numbers_of(shown)
    draft.order = [numbers[docid] for docid in (ranking.docids if ranking else numbers)]
    draft.started_from = ranking.ranking_id if ranking else ""
    draft.ranked, draft.tied = 0, set()
    if draft.chain is None or draft.chain in shown.hinted_chains:
        draft.chain = ranking.chain if ranking and ranking.hint and ranking.chain else None


def decision(
    draft: Draft, verdict: Verdict, read: Callable[[], ReviewItem]
) -> tuple[Verdict, dict[str, Any]]:
    """Return what a draft says with a verdict, as `curation.review.decide` takes it.

    A fix that changes nothing, but grades passages or marks steps, is an approval with those.

    Args:
        read: Returns the item; asked only where the draft says something of its texts.
    """
    reasons = tuple(draft.reasons) if verdict == "reject" else ()
    if verdict != "fix" and not draft.steps:
        return verdict, {"reasons": reasons}
    shown = read()
    docids = [candidate.docid for candidate in shown.item.candidates]
    marked = [step for step in steps_of(shown.teacher.chain) if step.start in draft.steps]
    detail = Detail(
        chain_id=shown.teacher.ranking_id if marked else None,
        steps=tuple(StepMark(step.start, step.stop, draft.steps[step.start]) for step in marked),
    )
    if verdict != "fix":
        return verdict, {"reasons": reasons, "detail": detail}
    order = [docids[number - 1] for number in draft.order]
    relevant = [docids[number - 1] for number in sorted(draft.relevant)]
    grades = {docids[number - 1]: grade for number, grade in sorted(draft.grades.items())}
    said = {"grades": grades, "detail": detail}
    if (grades or marked) and changes_nothing(shown, order, relevant, draft.chain):
        return "approve", said
    said["detail"] = Detail(
        started_from=draft.started_from or None,
        ranked=draft.ranked or None,
        tied=tuple(docids[number - 1] for number in draft.order if number in draft.tied),
        chain_id=detail.chain_id,
        steps=detail.steps,
    )
    return "fix", {**said, "order": order, "relevant": relevant, "chain": draft.chain}
