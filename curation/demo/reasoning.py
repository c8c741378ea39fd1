"""How the simulated teacher reasons: name the query's principle, then each passage's, then order.

Faults are drawn from the request's own content and a seed, so that one request always gets one
answer. Their rates are meant to make self-consistency worth looking at, and are stated here.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from curation.demo.language import domains
from curation.permutation import render_answer

# What fits is said of the principle first, and of each passage in the same words: a tiny model
# decides by finding the words again, and no decision has to be made before its reason stands there.
OPENINGS = ("Only {p} fits the query.", "For this query {p} fits.")
MATCH = "[{i}] {p} fits."
MISS = "[{i}] {p}."
CLOSING = "So {best} first."
NONE_FITS = "None fits."


@dataclass(frozen=True, slots=True)
class Faults:
    """How often the simulated teacher goes wrong, as shares of its answers.

    Attributes:
        wrong_query: It takes the query for another principle of the domain.
        wrong_passage: For each passage, it takes it for another principle.
        inverted: Its chain is right but it writes the order the wrong way round.
        shuffled: The order it writes has nothing to do with its chain.
        missing: It leaves passages out; repeated: it names one twice.
        no_answer: It writes no answer block; truncated: it stops midway in the chain.
        wrong_label: For each passage, its pointwise call is the opposite of the truth.
    """

    wrong_query: float = 0.12
    wrong_passage: float = 0.03
    inverted: float = 0.20
    shuffled: float = 0.06
    missing: float = 0.03
    repeated: float = 0.02
    no_answer: float = 0.02
    truncated: float = 0.02
    wrong_label: float = 0.04


NO_FAULTS = Faults(*(0.0,) * 9)


@dataclass(frozen=True, slots=True)
class Answer:
    """One simulated response; `answer` is None where it has no answer block."""

    chain: str
    answer: str | None
    truncated: bool = False


def chance(seed: int, *content: str) -> Random:
    """Return the random source that belongs to one request."""
    digest = hashlib.sha256("\x1f".join((str(seed), *content)).encode()).digest()
    return Random(digest)


def rank(random: Random, query: str, passages: Sequence[str], faults: Faults) -> Answer:
    """Answer a listwise request.

    Args:
        query: The query's true principle.
        passages: The passages' true principles, in the order shown.
    """
    believed = _mistaken(random, query) if random.random() < faults.wrong_query else query
    seen = [_mistaken(random, p) if random.random() < faults.wrong_passage else p for p in passages]
    chain, order = explain(random, believed, seen)
    draw = random.random()
    if draw < faults.inverted:
        order = order[::-1]
    elif draw < faults.inverted + faults.shuffled:
        random.shuffle(order)
    return _written(random, chain, order, faults)


def explain(random: Random, query: str, passages: Sequence[str]) -> tuple[str, list[int]]:
    """Return a chain over believed principles and the 1-based order that follows from it."""
    fits = [i for i, p in enumerate(passages, start=1) if p == query]
    rest = [i for i in range(1, len(passages) + 1) if i not in fits]
    lines = [random.choice(OPENINGS).format(p=query), "Passage by passage:"]
    for i, p in enumerate(passages, start=1):
        lines.append((MATCH if p == query else MISS).format(i=i, p=p))
    best = " and ".join(f"[{i}]" for i in fits)
    lines.append(CLOSING.format(best=best) if fits else NONE_FITS)
    return " ".join(lines), fits + rest


def _written(random: Random, chain: str, order: list[int], faults: Faults) -> Answer:
    """Return the answer as it is written, with the faults of form."""
    draw = random.random()
    for rate, kind in (
        (faults.truncated, "truncated"),
        (faults.no_answer, "no_answer"),
        (faults.missing, "missing"),
        (faults.repeated, "repeated"),
    ):
        if draw < rate:
            break
        draw -= rate
    else:
        return Answer(chain, render_answer(order))
    if kind == "truncated":
        return Answer(chain[: random.randrange(len(chain) // 2, len(chain))], None, truncated=True)
    if kind == "no_answer":
        return Answer(chain, None)
    if kind == "missing":
        return Answer(chain, render_answer(order[: -random.choice((1, 2))]))
    return Answer(chain, render_answer([*order, order[0]]))


def select(random: Random, query: str, passages: Sequence[str], faults: Faults) -> str:
    """Answer a pointwise request: the ids of the relevant passages, or None."""
    chosen = [
        i
        for i, p in enumerate(passages, start=1)
        if (p == query) != (random.random() < faults.wrong_label)
    ]
    return " ".join(f"[{i}]" for i in chosen) or "None"


def select_hard(
    random: Random, query: str, passages: Sequence[str], alike: Sequence[int], faults: Faults
) -> str:
    """Answer a request for hard negatives: ids of those that share words and not the principle.

    Args:
        alike: Words that each passage shares with the query; the upper half counts as alike.
    """
    misses = sorted(shared for p, shared in zip(passages, alike, strict=True) if p != query)
    middle = misses[len(misses) // 2] if misses else 0
    chosen = [
        i
        for i, (p, shared) in enumerate(zip(passages, alike, strict=True), start=1)
        if (p != query and shared > middle) != (random.random() < faults.wrong_label)
    ]
    return " ".join(f"[{i}]" for i in chosen) or "None"


def _mistaken(random: Random, principle: str) -> str:
    """Return another principle of the same domain."""
    for domain in domains():
        names = [p.name for p in domain.principles]
        if principle in names:
            return random.choice([name for name in names if name != principle])
    raise ValueError(f"no domain has the principle {principle!r}")
