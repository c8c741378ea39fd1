"""Long texts cut into passages: at headings, blank lines and sentences, by length, with overlap.

A passage ends at the strongest boundary in the second half of its length: before a heading (`#` at
the start of a line, as Markdown has it), else at a blank line, else at the end of a line or of a
sentence, else between two words, else between two tokens. Where several are equally strong, the
last one counts.
"""

import re
from collections.abc import Callable, Sequence

from curation.errors import CurationError

Span = tuple[int, int]
Tokens = Callable[[str], Sequence[Span]]
"""Gives the (start, end) of each of a text's tokens, in characters and in order."""

_WORD = re.compile(r"\S+")
_HEADING = re.compile(r"#{1,6}\s")
_SENTENCE_ENDS = (".", "!", "?", "。", "！", "？")
_HEADING_NEXT, _BLANK_LINE, _LINE_OR_SENTENCE, _WORDS, _WITHIN = 4, 3, 2, 1, 0


def words(text: str) -> list[Span]:
    """Return the span of each word: what counts as a token where no tokenizer is given."""
    return [match.span() for match in _WORD.finditer(text)]


def split(text: str, length: int, overlap: int = 0, tokens: Tokens = words) -> list[str]:
    """Cut a text into passages, in order, that lose nothing but the space at their ends.

    Args:
        length: Most tokens of a passage, at least 1.
        overlap: How many of a passage's last tokens the next one begins with, at most half of
            `length`.
        tokens: The tokens that are counted. A tokenizer may count a passage by itself a little
            differently from the same words within the text.

    Raises:
        CurationError: If length and overlap do not make sense.
    """
    if length < 1 or not 0 <= overlap <= length // 2:
        raise CurationError(
            f"Passages of {length} tokens cannot overlap by {overlap}: "
            "the length is 1 at least, the overlap at most half of it."
        )
    spans = tokens(text)
    if len(spans) <= length:
        return [text.strip()] if text.strip() else []
    strengths = [_strength(text, start) for start, _ in spans]
    passages, start = [], 0
    while len(spans) - start > length:
        # The cut lies before token `end`.
        least = start + length // 2 + 1
        end = max(range(least, start + length + 1), key=lambda place: (strengths[place], place))
        passages.append(_between(text, spans, start, end))
        start = end - overlap
    passages.append(_between(text, spans, start, len(spans)))
    return [passage for passage in passages if passage]


def _between(text: str, spans: Sequence[Span], start: int, end: int) -> str:
    """Return the text of these tokens, with whatever between them no token covers."""
    first = spans[start][0] if start else 0
    last = spans[end][0] if end < len(spans) else len(text)
    return text[first:last].strip()


def _strength(text: str, cut: int) -> int:
    """Return how well a text may be cut before character `cut`, from 0.

    The space around the cut decides, for many tokenizers make it a part of their tokens.
    """
    before = after = cut
    while before and text[before - 1].isspace():
        before -= 1
    while after < len(text) and text[after].isspace():
        after += 1
    lines = text.count("\n", before, after)
    if lines and _HEADING.match(text, text.rfind("\n", 0, before) + 1):
        return _WITHIN  # a heading is not parted from what it heads
    if lines and _HEADING.match(text, after):
        return _HEADING_NEXT
    if lines > 1:
        return _BLANK_LINE
    if lines or (before < after and text.endswith(_SENTENCE_ENDS, 0, before)):
        return _LINE_OR_SENTENCE
    return _WORDS if before < after else _WITHIN
