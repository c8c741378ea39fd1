"""How a training item is made of a source's query: what a teacher is asked, and the list it gets.

Pointwise labels are asked for with the gold answer, the chain and order without it (arXiv
2508.07050, section 4.1), so that no chain can lean on it. Types hold this: `ranking_prompt` takes a
`BareQuestion`, which has no answer to show.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal

from curation.prompts import Message, Template, render, render_selection
from curation.source_folder import SourceQuery

DEPTH = 40
"""Passages retrieved for each query (arXiv 2508.07050, appendix B.1)."""

SIZE = 20
"""Most candidates of an item: one window (section 4.1)."""

_NUMBER = r"\d{1,9}"
_BETWEEN = r"(?:[\s,;&]|and\b)"
# `[2] [4]`, `[2], and [4].`, `[2, 4]` or `2, 4`, and nothing else.
_LIST = re.compile(
    rf"(?:\[\s*{_NUMBER}(?:\s*,\s*{_NUMBER})*\s*\]{_BETWEEN}*)+\.?"
    rf"|{_NUMBER}(?:{_BETWEEN}+{_NUMBER})*[\s.]*"
)
_NONE = re.compile(r"\W*none\b", re.IGNORECASE)
_DENIES = re.compile(r"\b(?:not?|ir\w+|exclud\w+|reject\w+|un\w+)\b", re.IGNORECASE)
_MARKUP = re.compile(r"</?answer>|[*`]")


@dataclass(frozen=True, slots=True)
class GoldQuestion:
    """What may be asked for labels: it holds the gold answer."""

    query: str
    answer: str
    passages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BareQuestion:
    """What may be asked for a chain and an order: there is no gold answer in it."""

    query: str
    passages: tuple[str, ...]


def gold_question(query: SourceQuery, passages: Sequence[str]) -> GoldQuestion:
    """Return the question about labels."""
    return GoldQuestion(query.text, query.answer, tuple(passages))


def bare_question(query: SourceQuery, passages: Sequence[str]) -> BareQuestion:
    """Return the question about the order."""
    return BareQuestion(query.text, tuple(passages))


def selection_prompt(template: Template, question: GoldQuestion) -> list[Message]:
    """Return the messages that ask which passages are relevant, or are hard negatives."""
    return render_selection(template, question.query, question.answer, question.passages)


def ranking_prompt(template: Template, question: BareQuestion) -> list[Message]:
    """Return the messages that ask for a chain and an order."""
    return render(template, question.query, question.passages)


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a teacher chose.

    Attributes:
        numbers: 1-based, distinct, ascending.
        status: `ok`; `out_of_range` where some numbers name nothing (the others are kept);
            `no_answer` where neither a list of numbers nor `None` was given; `truncated` at the
            token limit.
    """

    numbers: tuple[int, ...]
    status: Literal["ok", "no_answer", "out_of_range", "truncated"]


def parse_choice_of(text: str, n: int, *, truncated: bool = False) -> Chosen:
    """Read an answer such as `[2] [4]` or `None`; numbers in a think block are no choice.

    Beside other words, the one line that is a list counts, `Chosen: [2] [4]` too. Numbers within
    sentences may be named for not being chosen.

    Example:
        >>> parse_choice_of("[4] [2] [9]", 5)
        Chosen(numbers=(2, 4), status='out_of_range')
    """
    if truncated:
        return Chosen((), "truncated")
    answer = text.rpartition("</think>")[2].partition("<think>")[0]
    answer = _MARKUP.sub("", answer).strip()
    parts = [answer] if _LIST.fullmatch(answer) else answer.splitlines()
    lists = [found for part in parts if (found := _listed(part.strip()))]
    if len(lists) != 1:
        none = not lists and not re.search(r"\d", answer) and _NONE.match(answer)
        return Chosen((), "ok" if none else "no_answer")
    named = {int(digits) for digits in re.findall(_NUMBER, lists[0])}
    known = tuple(sorted(named & set(range(1, n + 1))))
    return Chosen(known, "ok" if len(known) == len(named) else "out_of_range")


def _listed(line: str) -> str:
    """Return the list that a line is, after a heading with a colon; "" where it is none."""
    heading, _, listed = line.rpartition(":")
    if _DENIES.search(heading) or not _LIST.fullmatch(listed.strip()):
        return ""
    return listed


def compose(
    positives: Collection[str],
    hard: Collection[str],
    others: Sequence[str],
    *,
    seed: int,
    qid: str,
    size: int = SIZE,
) -> list[str]:
    """Return an item's candidates: positives, hard negatives and a sample of the rest, shuffled.

    The paper does not say how lists are put together. Here positives take at most a third of a
    list that the others can fill, drawn where there are more: most of a published list is not
    relevant (2.8 of 18 passages on average), and where half is, few orders fall below the cut. Hard
    negatives come next, in the order given. Equal arguments give the equal list.

    Args:
        others: What else was retrieved; drawn from without replacement.
    """
    chance = _chance(seed, "compose", qid)
    relevant = list(dict.fromkeys(positives))
    negatives = [d for d in dict.fromkeys([*hard, *others]) if d not in set(relevant)]
    most = max(most_positives(size), size - len(negatives))
    kept = chance.sample(relevant, most) if len(relevant) > most else relevant
    kept += [d for d in negatives if d in set(hard)][: size - len(kept)]
    rest = [d for d in negatives if d not in set(kept)]
    kept += chance.sample(rest, min(size - len(kept), len(rest)))
    chance.shuffle(kept)
    return kept


def most_positives(size: int) -> int:
    """Return how many positives a list of `size` has at most, where others can fill the rest."""
    return max(1, size // 3)


def shown_order(
    candidates: Sequence[str], sample: int, *, orders: int, seed: int, qid: str
) -> list[str]:
    """Return the candidates as sample number `sample` is shown them.

    With one order every sample sees the initial one. With more, the samples take turns: the first
    sees the initial order, the next a shuffle, and so on.
    """
    turn = sample % orders
    if turn == 0:
        return list(candidates)
    shuffled = list(candidates)
    _chance(seed, f"order {turn}", qid).shuffle(shuffled)
    return shuffled


def _chance(seed: int, what: str, qid: str) -> Random:
    return Random(f"{seed}:{what}:{qid}")
