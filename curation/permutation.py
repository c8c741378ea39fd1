"""From a model's response to a complete permutation, and back."""

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple, get_args

Status = Literal["ok", "no_answer", "truncated", "missing", "repeated", "out_of_range"]
STATUSES: tuple[Status, ...] = get_args(Status)  # `ok` is the first

_THINK, _END_THINK, _ANSWER, _END_ANSWER = "<think>", "</think>", "<answer>", "</answer>"
_ANSWER_NEXT = re.compile(r"\s*<answer>")
# Lower-cases ASCII alone: str.lower() can change a text's length, and so its positions.
_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}
_ORDER = re.compile(r"[\s\[\]>,0-9]*")
_DIGITS_ALONE = bytes(byte if chr(byte) in "0123456789" else ord(" ") for byte in range(256))
_RANKING = re.compile(r"\s*\[[0-9]+\](\s*>\s*\[[0-9]+\])*\s*")
_LONGEST = 9  # digits; longer numbers are out of any range, and slow to convert


class _Numbers(dict[bytes, int]):
    """Numbers by their digits: the look-up is several times faster than `int`."""

    def __missing__(self, digits: bytes) -> int:
        return int(digits) if len(digits) <= _LONGEST else 0


_NUMBERS = _Numbers({str(number).encode(): number for number in range(1000)})


class Parsed(NamedTuple):
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


def parse_response(response: str, n: int, *, truncated: bool = False, bare: bool = False) -> Parsed:
    """Read the permutation of 1..n out of a response and repair it.

    The answer is what stands in `<answer>` after the think block, else what follows the last
    `<answer>` outside a chain, else nothing; tags in any case. Numbers count with or without
    brackets. Repeats keep their first place, numbers outside 1..n are dropped, and what was left
    out follows in input order.

    Digits in a chain are never used. What precedes a `</think>` that nothing opened is a chain too
    (some chat templates open it in the prompt). In a chain that never closes, an `<answer>` counts
    only if it holds nothing but an order: the model forgot to close, and did not muse about tags.

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
        bare: The answer was asked for without tags. Where there are none, what follows the chain
            counts if it is a ranking such as `[2] > [1]` and nothing else.

    Raises:
        ValueError: `n` is below 1.

    Example:
        >>> parse_response("<think>[1] is off topic</think> <answer>[2] > [3]</answer>", 3)
        Parsed(permutation=(2, 3, 1), status='missing', chain='[1] is off topic', well_formed=True)
    """
    if n < 1:
        raise ValueError(f"n must be at least 1, got {n}")
    chain, answer, closed, well_formed = _blocks(response)
    if bare and answer is None and (answer := _bare_answer(response)) is not None:
        closed = not truncated
    numbers = read_numbers(answer or "")
    if closed and len(numbers) == n and sorted(numbers) == list(range(1, n + 1)):
        return Parsed(tuple(numbers), "ok", chain, well_formed)
    named = dict.fromkeys(number for number in numbers if 1 <= number <= n)
    permutation = (*named, *(number for number in range(1, n + 1) if number not in named))
    status: Status
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
    else:
        status = "missing"
    return Parsed(permutation, status, chain, well_formed)


def parse_choice(
    response: str, n: int, *, truncated: bool = False, bare: bool = False
) -> tuple[int | None, Status]:
    """Read the one passage of 1..n that a response names; answers are found as for an order.

    Of several, the first counts.

    Returns:
        The number, None where none of 1..n is named; and `ok`, or as for an order what was wrong:
        `repeated` says that more than one was named.

    Raises:
        ValueError: `n` is below 1.

    Example:
        >>> parse_choice("<think>[1] is off topic</think><answer>[2]</answer>", 3)
        (2, 'ok')
    """
    parsed = parse_response(response, n, truncated=truncated, bare=bare)
    _, answer, _, _ = _blocks(response)
    if bare and answer is None:
        answer = _bare_answer(response)
    named = [number for number in read_numbers(answer or "") if 1 <= number <= n]
    if not named:
        return None, parsed.status
    if parsed.status in ("truncated", "out_of_range"):
        return named[0], parsed.status
    return named[0], "ok" if len(named) == 1 else "repeated"


def read_numbers(text: str) -> list[int]:
    """Return the numbers of a text, in order; one of more than nine digits counts as 0."""
    digits = text.encode("utf-8", "replace").translate(_DIGITS_ALONE).split()
    return list(map(_NUMBERS.__getitem__, digits))


def _blocks(response: str) -> tuple[str, str | None, bool, bool]:
    """Find the blocks of a response, in time linear in its length.

    Returns:
        The chain; the answer block's content, or None without one; whether all that was opened
        is closed; and whether the response is well formed.
    """
    text = response.lower() if response.isascii() else response.translate(_LOWER)
    thought = text.find(_THINK)
    thought_end = thought + len(_THINK)
    if thought >= 0 and (turn := _turn(text, thought_end)):
        close, start, end = turn
        return response[thought_end:close].strip(), response[start:end], True, True
    chain = ""
    if thought >= 0:
        close = text.find(_END_THINK, thought_end)
        if close < 0:
            close = text.find(_ANSWER, thought_end)
        chain = response[thought_end : close if close >= 0 else len(text)].strip()
    return chain, *_loose_answer(text), False


def _bare_answer(response: str) -> str | None:
    """Return what follows the chain, or the whole of a response without one, if it is a ranking."""
    text = response.translate(_LOWER)
    start = text.rfind(_END_THINK)
    rest = text[start + len(_END_THINK) :] if start >= 0 else text
    return rest if _RANKING.fullmatch(rest) else None


def _loose_answer(text: str) -> tuple[str | None, bool]:
    """Return the last answer block outside every chain, and whether all that was opened is closed.

    For responses that are not well formed; `text` is in lower case.
    """
    *closed, rest = text.split(_END_THINK)
    outside = [part.partition(_THINK)[0] for part in closed]
    if closed and _THINK not in closed[0]:
        outside[0] = ""  # the prompt opened this chain
    before, thinking, open_chain = rest.partition(_THINK)
    if thinking:
        answer, ended = _last_answer(open_chain)
        if answer is not None and _ORDER.fullmatch(answer):
            return answer, ended
    answer, ended = _last_answer("\n".join((*outside, before)))
    return answer, ended if answer is not None else not thinking


def _last_answer(text: str) -> tuple[str | None, bool]:
    """Return what the last `<answer>` holds, None without one, and whether it is closed."""
    start = text.rfind(_ANSWER)
    if start < 0:
        return None, False
    start += len(_ANSWER)
    end = text.find(_END_ANSWER, start)
    return (text[start:end], True) if end >= 0 else (text[start:], False)


def _turn(text: str, thought_end: int) -> tuple[int, int, int] | None:
    """Return where the chain ends, the answer starts and ends, in a well-formed response.

    The last place where a think block is closed and a closed answer block follows counts, so an
    answer that the chain rehearses does not.
    """
    close = text.rfind(_END_ANSWER)
    while close >= 0 and (close := text.rfind(_END_THINK, thought_end, close)) >= 0:
        after = _ANSWER_NEXT.match(text, close + len(_END_THINK))
        if after is not None:
            return close, after.end(), text.find(_END_ANSWER, after.end())
    return None


def render_answer(permutation: Sequence[int]) -> str:
    """Return a permutation as models are asked to write it.

    Example:
        >>> render_answer([2, 1])
        '[2] > [1]'
    """
    return " > ".join(f"[{number}]" for number in permutation)


def render_response(chain: str, permutation: Sequence[int]) -> str:
    """Return what a model is trained to write: the chain, then the answer."""
    return render_turn(chain, render_answer(permutation))


def render_turn(chain: str, answer: str) -> str:
    """Return a model's turn: a chain, which may be empty, and an answer."""
    return f"<think>\n{chain.strip()}\n</think>\n<answer>\n{answer}\n</answer>"
