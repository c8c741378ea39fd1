"""A chain cut into steps and sentences, so that each can be shown, found and marked by itself."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

LONGEST = 4_000
"""Characters of a step: a longer paragraph is several, so that no page has to lay out a megabyte
to show a line of it."""

_PARAGRAPHS = re.compile(r"\n+\s*")
# Not after a number: "1. First" and "in 1990. Then" stay whole.
_SENTENCES = re.compile(r"(?<=[^\d\s][.!?])\s+|(?<=[.!?][\"”')])\s+")


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a chain.

    Attributes:
        start: Its first character in the chain, 0-based.
        sentences: Its text, with the white space after it; joined over all steps, the chain.
    """

    start: int
    sentences: tuple[str, ...]

    @property
    def stop(self) -> int:
        """One past its last character."""
        return self.start + sum(map(len, self.sentences))


@lru_cache(maxsize=8)
def steps_of(chain: str) -> tuple[Step, ...]:
    r"""Return the steps of a chain: its paragraphs, or its sentences where it is one paragraph.

    Example:
        >>> [step.sentences for step in steps_of("Heat. It rises.\nSo [1].")]
        [('Heat. ', 'It rises.\n'), ('So [1].',)]
    """
    paragraphs = list(_cut(chain, _PARAGRAPHS))
    steps, start = [], 0
    for paragraph in paragraphs:
        sentences = [part for sentence in _cut(paragraph, _SENTENCES) for part in _pieces(sentence)]
        for group in _groups(sentences, LONGEST if len(paragraphs) > 1 else 0):
            steps.append(Step(start, group))
            start = steps[-1].stop
    return tuple(steps)


def _cut(text: str, boundary: re.Pattern[str]) -> Iterator[str]:
    """Yield the parts of a text, each with the boundary that ends it."""
    start = 0
    for found in boundary.finditer(text):
        if found.end() < len(text) and text[start : found.start()].strip():
            yield text[start : found.end()]
            start = found.end()
    if start < len(text):
        yield text[start:]


def _pieces(sentence: str) -> Iterator[str]:
    """Yield a sentence, in parts where it is longer than a step may be, cut at spaces."""
    while len(sentence) > LONGEST:
        space = sentence.rfind(" ", LONGEST // 2, LONGEST)
        at = space + 1 if space > 0 else LONGEST
        yield sentence[:at]
        sentence = sentence[at:]
    yield sentence


def _groups(sentences: list[str], longest: int) -> Iterator[tuple[str, ...]]:
    """Yield runs of sentences of at most `longest` characters together, or a single longer one."""
    group: list[str] = []
    length = 0
    for sentence in sentences:
        if group and length + len(sentence) > longest:
            yield tuple(group)
            group, length = [], 0
        group.append(sentence)
        length += len(sentence)
    if group:
        yield tuple(group)
