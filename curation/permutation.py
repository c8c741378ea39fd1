"""From a model's response to a complete permutation, and back."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "no_answer", "truncated", "missing", "repeated", "out_of_range"]

_THINK_OPEN = re.compile(r"<think>", re.IGNORECASE)
_THINK_CLOSE = re.compile(r"</think>", re.IGNORECASE)
_ANSWER_OPEN = re.compile(r"<answer>", re.IGNORECASE)
_ANSWER_CLOSE = re.compile(r"</answer>", re.IGNORECASE)
_TURN = re.compile(r"</think>\s*<answer>", re.IGNORECASE)
_NUMBER = re.compile(r"[0-9]+")
_LONGEST = 9  # digits; longer numbers are out of any range, and slow to convert


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a response says.

    Attributes:
        permutation: 1-based ids, best first, always complete.
        status: What was wrong with the answer; see `parse_response`.
        chain: The text of the think block; "" without one.
        well_formed: Whether a closed think block is followed by a closed answer block.
    """

    permutation: tuple[int, ...]
    status: Status
    chain: str
    well_formed: bool


def parse_response(response: str, n: int, *, truncated: bool = False) -> Parsed:
    """Read the permutation of 1..n out of a response and repair it.

    The answer is what stands in `<answer>` after the think block, else what follows the last
    `<answer>`, else nothing; tags in any case. Numbers count with or without brackets. Repeats
    keep their first place, numbers outside 1..n are dropped, and what was left out follows in
    input order. Digits in a chain are never used.

    The status is the first of these that holds:

    | status | when |
    |---|---|
    | `truncated` | the answer block is open at the end; or there is none, and the think block is \
open or the engine hit its limit |
    | `no_answer` | there is no answer block, or no number in it |
    | `out_of_range` | a number outside 1..n |
    | `repeated` | a number twice |
    | `missing` | a number of 1..n left out |
    | `ok` | each of 1..n exactly once |

    Args:
        n: Number of passages shown, at least 1.
        truncated: The engine stopped at its token limit.

    Raises:
        ValueError: `n` is below 1.

    Example:
        >>> parse_response("<think>[1] is off topic</think> <answer>[2] > [3]</answer>", 3)
        Parsed(permutation=(2, 3, 1), status='missing', chain='[1] is off topic', well_formed=True)
    """
    if n < 1:
        raise ValueError(f"n must be at least 1, got {n}")
    chain, answer, closed = _blocks(response)
    numbers = [
        int(digits) if len(digits) <= _LONGEST else 0 for digits in _NUMBER.findall(answer or "")
    ]
    named = dict.fromkeys(number for number in numbers if 1 <= number <= n)
    permutation = (*named, *(number for number in range(1, n + 1) if number not in named))
    status: Status = "ok"
    if answer is None:
        status = "truncated" if truncated or not closed else "no_answer"
    elif not closed:
        status = "truncated"
    elif not numbers:
        status = "no_answer"
    elif any(not 1 <= number <= n for number in numbers):
        status = "out_of_range"
    elif len(set(numbers)) < len(numbers):
        status = "repeated"
    elif len(named) < n:
        status = "missing"
    return Parsed(permutation, status, chain, _turn(response) is not None)


def _turn(response: str) -> tuple[int, int, int, int] | None:
    """Return where chain and answer start and end in a well-formed response, or None.

    The last place where a think block is closed and a closed answer block follows counts, so an
    answer that the chain rehearses does not.
    """
    opened = _THINK_OPEN.search(response)
    last_close = None
    for last_close in _ANSWER_CLOSE.finditer(response):
        pass
    if opened is None or last_close is None:
        return None
    found = None
    for found in _TURN.finditer(response, opened.end(), last_close.start()):
        pass
    if found is None:
        return None
    end = _ANSWER_CLOSE.search(response, found.end())
    assert end is not None, "the last close comes after every turn"
    return opened.end(), found.start(), found.end(), end.start()


def _blocks(response: str) -> tuple[str, str | None, bool]:
    """Return the chain, the answer block's content if there is one, and whether all is closed."""
    if turn := _turn(response):
        return response[turn[0] : turn[1]].strip(), response[turn[2] : turn[3]], True
    answers = list(_ANSWER_OPEN.finditer(response))
    opened = _THINK_OPEN.search(response)
    chain, thought_through = "", True
    if opened:
        close = _THINK_CLOSE.search(response, opened.end())
        thought_through = close is not None
        after = [answer.start() for answer in answers if answer.start() >= opened.end()]
        end = close.start() if close else min([*after, len(response)])
        chain = response[opened.end() : end].strip()
    if not answers:
        return chain, None, thought_through
    start = answers[-1].end()
    closed = _ANSWER_CLOSE.search(response, start)
    return chain, response[start : closed.start() if closed else len(response)], closed is not None


def render_answer(permutation: Sequence[int]) -> str:
    """Return a permutation as models are asked to write it.

    Example:
        >>> render_answer([2, 1])
        '[2] > [1]'
    """
    return " > ".join(f"[{number}]" for number in permutation)


def render_response(chain: str, permutation: Sequence[int]) -> str:
    """Return what a model is trained to write: the chain, then the answer."""
    return f"<think>\n{chain.strip()}\n</think>\n<answer>\n{render_answer(permutation)}\n</answer>"
