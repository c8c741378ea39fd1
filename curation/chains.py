"""What a chain says about which passage: its text cut at the `[7]` and `passage 7` mentions."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

_MENTION = re.compile(r"\[(\d{1,4})\]|(?<=[Pp]assage )(\d{1,3})\b")
_ORDER = re.compile(r"\[\d{1,4}\](?:\s*>\s*\[\d{1,4}\])+")
# "[3] is better than [1]", "[3] over [1]": what stands between says which comes first.
_PREFERENCE = re.compile(
    r"\[(\d{1,4})\]\s+(?:(?:is|are|seems|ranks)\s+(?:\w+\s+)?)?"
    r"(?:(?:better|higher|stronger|closer|more\s+\w+)\s+than|over|above|before|beats)"
    r"\s+(?:passage\s+)?\[(\d{1,4})\]",
    re.IGNORECASE,
)
_BETWEEN_SENTENCES = re.compile(r"(?<=[.!?])\s+|\n+")


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a chain.

    Attributes:
        text: As written, brackets included.
        identifier: The 1-based passage that a mention names, or None for plain text. A number
            that no passage has stays plain text.
    """

    text: str
    identifier: int | None = None


def pieces(chain: str, n: int) -> list[Piece]:
    """Cut `chain` into plain text and mentions of passages 1..n; joined, they give it back.

    Example:
        >>> pieces("Take [2], not [9].", 3)
        [Piece(text='Take ', identifier=None), Piece(text='[2]', identifier=2), \
Piece(text=', not [9].', identifier=None)]
    """
    found: list[Piece] = []
    plain_from = 0
    for match in _MENTION.finditer(chain):
        identifier = _number(match)
        if not 1 <= identifier <= n:
            continue
        if match.start() > plain_from:
            found.append(Piece(chain[plain_from : match.start()]))
        found.append(Piece(match[0], identifier))
        plain_from = match.end()
    if plain_from < len(chain):
        found.append(Piece(chain[plain_from:]))
    return found


def renumbered(chain: str, numbers: Sequence[int]) -> str:
    """Return a chain whose mentions name passages by other numbers.

    Args:
        numbers: What the chain calls [1], [2] and so on; a number that no passage has stays.

    Example:
        >>> renumbered("[2] over [1], not [9].", [5, 3])
        '[3] over [5], not [9].'
    """
    return "".join(
        piece.text if piece.identifier is None else _called(piece, numbers[piece.identifier - 1])
        for piece in pieces(chain, len(numbers))
    )


def mentioned(chain: str) -> set[int]:
    """Return every number that a chain names, whether a passage has it or not.

    Example:
        >>> sorted(mentioned("Take [2] or passage 3, not [9]."))
        [2, 3, 9]
    """
    return set(mentions(chain))


def mentions(chain: str) -> Counter[int]:
    """Return how often a chain names each number.

    Example:
        >>> mentions("Take [2], not [9]: [2] fits.")[2]
        2
    """
    return Counter(_number(match) for match in _MENTION.finditer(chain))


def agrees(chain: str, permutation: Sequence[int]) -> bool | None:
    """Say whether the last preference that a chain states is the answer's; None if it states none.

    A stated order (`[3] > [1]`) or comparison (`[3] is better than [1]`) is contradicted by an
    answer that has any two of its passages the other way round; a last sentence that only names
    passages, by an answer that begins with none of them.

    Args:
        permutation: The answer, 1-based.

    Example:
        >>> agrees("Final order: [2] > [3] > [1].", [2, 1, 3])
        False
        >>> agrees("[1] is off. So [3] is best.", [3, 2, 1])
        True
    """
    place = {number: at for at, number in enumerate(permutation)}
    for sentence in reversed(_BETWEEN_SENTENCES.split(chain)):
        stated = [match[0] for match in _ORDER.finditer(sentence)]
        compared = [match.groups() for match in _PREFERENCE.finditer(sentence)]
        orders = [re.findall(r"\d+", stated[-1])] if stated else compared
        known = [[place[int(n)] for n in order if int(n) in place] for order in orders]
        if any(len(order) > 1 for order in known):
            return all(order == sorted(order) for order in known)
        if named := place.keys() & mentioned(sentence):
            return permutation[0] in named
    return None


def excerpt(chain: str, shown: Sequence[int], n: int) -> str:
    """Return what a chain over passages 1..n says of some of them alone, renumbered.

    That is its opening, up to the first mention, and the sentences whose mentions are all among
    `shown`.

    Args:
        shown: Distinct passages of 1..n, in the order that numbers them anew.

    Example:
        >>> excerpt("Heat is asked. [1] is on heat. [2] is not. So [1] first.", [2], 2)
        'Heat is asked. [1] is not.'
    """
    numbers = {number: at for at, number in enumerate(shown, start=1)}
    kept = []
    opening = True
    for sentence in _BETWEEN_SENTENCES.split(chain):
        parts = pieces(sentence, n)
        named = {part.identifier for part in parts if part.identifier is not None}
        if named <= numbers.keys() if named else opening:
            kept.append(
                "".join(
                    part.text
                    if part.identifier is None
                    else _called(part, numbers[part.identifier])
                    for part in parts
                )
            )
        opening = opening and not named
    return " ".join(kept).strip()


def _number(mention: re.Match[str]) -> int:
    return int(mention[1] or mention[2])


def _called(piece: Piece, number: int) -> str:
    """Return a mention of another passage, in the form of this one."""
    return f"[{number}]" if piece.text.startswith("[") else str(number)
