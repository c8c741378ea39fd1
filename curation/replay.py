"""A query's calls played again, round by round: what the list was before and after each.

Windows say where in the list they stand, so the list is rebuilt from the calls alone: a place holds
its first candidate until a window covers it, and a window's answer decides what its places hold
then. Calls that are no windows (a choice, a pair, one passage) leave the list unknown until the
end; their rounds have calls only.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from curation.fusion import reciprocal_rank

Call = Mapping[str, Any]
Fuse = Callable[..., list[str]]


@dataclass(frozen=True, slots=True)
class Round:
    """Calls that went out together.

    Attributes:
        number: 1-based; the last one is the query's sequential depth.
        window: Half-open places of the list, 0-based; None where the calls are no window.
        before: The whole list as docids, best first; empty where the calls are no window.
        after: The same after the round.
    """

    number: int
    calls: tuple[Call, ...]
    window: tuple[int, int] | None = None
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


def replay(
    calls: Sequence[Call], final: Sequence[str], *, fuse: Fuse = reciprocal_rank
) -> list[Round]:
    """Return the rounds of one query's calls.

    Args:
        calls: In the order they were asked, each with round, start, docids, permutation, sample.
        final: The query's final order; it holds all candidates, those that no window covered too.
        fuse: Makes one order of a window's samples, where there are several.
    """
    rounds = [
        Round(number, tuple(group)) for number, group in groupby(calls, lambda each: each["round"])
    ]
    order = _first(rounds, final)
    if not order:
        return rounds
    played = []
    for each in rounds:
        shown, answered = _window(each, fuse)
        start = each.calls[0]["start"]
        end = start + len(shown)
        if order[start:end] != shown or sorted(answered) != sorted(shown):
            return rounds  # the trace is not of windows over this list
        before = tuple(order)
        order[start:end] = answered
        played.append(Round(each.number, each.calls, (start, end), before, tuple(order)))
    return played


def _first(rounds: Sequence[Round], final: Sequence[str]) -> list[str]:
    """Return the list before the first round; empty where the calls do not tell."""
    seen: dict[int, str] = {}
    for each in rounds:
        starts = {call["start"] for call in each.calls}
        (start,) = starts if len(starts) == 1 else (None,)
        if start is None:
            return []
        for place, docid in enumerate(each.calls[0]["docids"], start):
            seen.setdefault(place, docid)
    order = [seen.get(place, docid) for place, docid in enumerate(final)]
    return order if sorted(order) == sorted(final) else []


def _window(each: Round, fuse: Fuse) -> tuple[list[str], list[str]]:
    """Return a round's window as it was, and as its answers order it.

    The first sample sees the window as it is; further ones may see it shuffled.
    """
    shown = list(each.calls[0]["docids"])
    orders = [[call["docids"][number - 1] for number in call["permutation"]] for call in each.calls]
    return shown, orders[0] if len(orders) == 1 else fuse(orders, ties=shown)


def moves(before: Sequence[str], after: Sequence[str]) -> dict[str, int]:
    """Return how many places each passage that moved has come up; negative for down.

    Example:
        >>> moves(["a", "b", "c"], ["c", "b", "a"])
        {'c': 2, 'a': -2}
    """
    places = {docid: place for place, docid in enumerate(before)}
    return {
        docid: places[docid] - place
        for place, docid in enumerate(after)
        if docid in places and places[docid] != place
    }
