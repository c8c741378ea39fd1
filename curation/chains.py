"""What a chain says about which passage: its text cut at the `[7]` mentions."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

_MENTION = re.compile(r"\[(\d{1,4})\]")
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
        identifier = int(match[1])
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
        piece.text if piece.identifier is None else f"[{numbers[piece.identifier - 1]}]"
        for piece in pieces(chain, len(numbers))
    )


def mentioned(chain: str) -> set[int]:
    """Return every number that a chain names in brackets, whether a passage has it or not.

    Example:
        >>> sorted(mentioned("Take [2], not [9]."))
        [2, 9]
    """
    return set(mentions(chain))


def mentions(chain: str) -> Counter[int]:
    """Return how often a chain names each number in brackets.

    Example:
        >>> mentions("Take [2], not [9]: [2] fits.")[2]
        2
    """
    return Counter(int(match[1]) for match in _MENTION.finditer(chain))


def concludes_on(chain: str, n: int) -> set[int]:
    """Return the passages of 1..n in the last sentence that names any: what a chain ends on.

    Example:
        >>> concludes_on("[1] is off. So [3] is best. That is all.", 3)
        {3}
    """
    for sentence in reversed(_BETWEEN_SENTENCES.split(chain)):
        if named := {number for number in mentioned(sentence) if 1 <= number <= n}:
            return named
    return set()


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
                    part.text if part.identifier is None else f"[{numbers[part.identifier]}]"
                    for part in parts
                )
            )
        opening = opening and not named
    return " ".join(kept).strip()
