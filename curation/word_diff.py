"""Two texts word by word: what each holds that the other does not."""

from itertools import groupby

from rapidfuzz.distance import Indel

Pieces = list[tuple[str, bool]]
"""Runs of words in order, each with whether it differs from the other text."""


def word_diff(first: str, second: str) -> tuple[Pieces, Pieces]:
    """Return both texts in pieces; words are compared as written, spacing is not.

    Example:
        >>> word_diff("a  b c", "a c")
        ([('a', False), ('b', True), ('c', False)], [('a c', False)])
    """
    sides = first.split(), second.split()
    same: tuple[list[bool], list[bool]] = ([False] * len(sides[0]), [False] * len(sides[1]))
    for step in Indel.opcodes(*sides):
        if step.tag == "equal":
            same[0][step.src_start : step.src_end] = [True] * (step.src_end - step.src_start)
            same[1][step.dest_start : step.dest_end] = [True] * (step.dest_end - step.dest_start)
    return _pieces(sides[0], same[0]), _pieces(sides[1], same[1])


def _pieces(words: list[str], same: list[bool]) -> Pieces:
    marked = zip(words, same, strict=True)
    return [
        (" ".join(word for word, _ in run), not kept)
        for kept, run in groupby(marked, key=lambda each: each[1])
    ]
