"""Two texts word by word: what one has that the other has not."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rapidfuzz.distance import Indel

_WORDS = re.compile(r"\[\d+\]\s*|\w+\s*|[^\w\s]\s*|\s+")


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a text; `changed` where the other text does not have it there."""

    text: str
    changed: bool


def word_diff(a: str, b: str) -> tuple[list[Span], list[Span]]:
    """Return both texts cut at where they differ; joined, the spans give each text back.

    Words are compared in order, with the fewest left out of either (longest common subsequence);
    spaces around them do not count, and a mention such as [2] is one word.

    Example:
        >>> word_diff("heat rises", "heat falls")
        ([Span(text='heat ', changed=False), Span(text='rises', changed=True)], \
[Span(text='heat ', changed=False), Span(text='falls', changed=True)])
    """
    ours, theirs = _WORDS.findall(a), _WORDS.findall(b)
    left: list[tuple[str, bool]] = []
    right: list[tuple[str, bool]] = []
    words = [[word.strip() for word in each] for each in (ours, theirs)]
    for step in Indel.opcodes(*words):
        changed = step.tag != "equal"
        left += [(word, changed) for word in ours[step.src_start : step.src_end]]
        right += [(word, changed) for word in theirs[step.dest_start : step.dest_end]]
    return _joined(left), _joined(right)


def _joined(words: Sequence[tuple[str, bool]]) -> list[Span]:
    """Return runs of words that are alike changed or not as one span each."""
    spans: list[Span] = []
    for word, changed in words:
        if spans and spans[-1].changed == changed:
            spans[-1] = Span(spans[-1].text + word, changed)
        else:
            spans.append(Span(word, changed))
    return spans
