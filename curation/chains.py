"""What a chain says about which passage: its text cut at the `[7]` mentions."""

import re
from dataclasses import dataclass

_MENTION = re.compile(r"\[(\d{1,4})\]")


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
