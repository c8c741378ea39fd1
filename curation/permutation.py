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
_NUMBER = re.compile(r"[0-9]+")
_LONGEST = 9  # digits; longer numbers are out of any range, and slow to convert


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a response says.

    Attributes:
        permutation: 1-based ids, best first, always complete.
        status: What was wrong with the answer; see `parse_response`.
        chain: The text of the think block; "" without one.
    """

    permutation: tuple[int, ...]
    status: Status
    chain: str


def parse_response(response: str, n: int, *, truncated: bool = False) -> Parsed:
    """Read the permutation of 1..n out of a response and repair it.

    The answer is what stands in `<answer>` after the think block, else what follows the last
    `<answer>`, else nothing; tags in any case. Numbers count with or without brackets. Repeats
    keep their first place, numbers outside 1..n are dropped, and what was left out follows in
    input order. Digits in a chain are never used.

    The status is the first of these that holds:

    | status | when |
    |---|---|
    | `truncated` | the engine hit its limit, or a think or answer block is not closed |
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
        Parsed(permutation=(2, 3, 1), status='missing', chain='[1] is off topic')
    """
    if n < 1:
        raise ValueError(f"n must be at least 1, got {n}")
    chain, rest, thought = _split_chain(response)
    answer, closed = _answer(rest)
    numbers = [
        int(digits) if len(digits) <= _LONGEST else 0 for digits in _NUMBER.findall(answer or "")
    ]
    named = dict.fromkeys(number for number in numbers if 1 <= number <= n)
    permutation = (*named, *(number for number in range(1, n + 1) if number not in named))
    status: Status = "ok"
    if truncated or not thought or not closed:
        status = "truncated"
    elif not numbers:
        status = "no_answer"
    elif any(not 1 <= number <= n for number in numbers):
        status = "out_of_range"
    elif len(set(numbers)) < len(numbers):
        status = "repeated"
    elif len(named) < n:
        status = "missing"
    return Parsed(permutation, status, chain)


def _split_chain(response: str) -> tuple[str, str, bool]:
    """Return the think block's text, what follows it, and whether the block was closed."""
    opened = _THINK_OPEN.search(response)
    if opened is None:
        return "", response, True
    closes = list(_THINK_CLOSE.finditer(response, opened.end()))
    if closes:
        return (
            response[opened.end() : closes[-1].start()].strip(),
            response[closes[-1].end() :],
            True,
        )
    answered = _ANSWER_OPEN.search(response, opened.end())
    end = answered.start() if answered else len(response)
    return response[opened.end() : end].strip(), response[end:], answered is not None


def _answer(text: str) -> tuple[str | None, bool]:
    """Return the last answer block's content, and False where it was left open."""
    opens = list(_ANSWER_OPEN.finditer(text))
    if not opens:
        return None, True
    start = opens[-1].end()
    closed = _ANSWER_CLOSE.search(text, start)
    return text[start : closed.start() if closed else len(text)], closed is not None


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
