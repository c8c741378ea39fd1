"""What a strategy may ask a model about passages, and how each answer is read.

Two ways of asking: the model writes an answer (`options` empty), or only the probability of given
next tokens is wanted. A direct question begins the model's turn with an empty think block, so that
nothing but the answer is written (as Qwen3 and TFRank do); see `opening` for the exception.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import exp
from pathlib import Path
from typing import Literal

from curation.permutation import Status, parse_choice, parse_response
from curation.prompts import (
    Message,
    Style,
    Template,
    answers_bare,
    load_template,
    render,
    render_pair,
    render_passage,
)

Kind = Literal["order", "first_token", "best", "worst", "relevance", "prefer"]

LETTERS = 26  # passages that single letters label
NO_CHAIN = "<think>\n\n</think>\n"
ANSWER = "<answer>\n"


@dataclass(frozen=True, slots=True)
class Question:
    """One call about some passages of a query.

    Attributes:
        docids: The passages in the order shown.
        template: Name or path of the prompt template.
        reasoning: Whether the model thinks before it answers.
        options: Texts whose probability to stand first in the answer is wanted; empty where the
            model writes its answer.
        letters: Passages are labelled A, B, … instead of 1, 2, …
        start: Place of the first passage in the candidate list, 0-based; None where the passages
            are no window of it.
        sample: Number of this answer among several to one question, drawn at `temperature`.
        temperature: None is the evaluation's own.
    """

    kind: Kind
    docids: tuple[str, ...]
    template: str
    reasoning: bool
    options: tuple[str, ...] = ()
    letters: bool = False
    start: int | None = None
    sample: int = 0
    temperature: float | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What an answer says.

    Attributes:
        permutation: 1-based into the question's docids, best first, always complete; of a choice,
            the chosen passage stands first (`best`) or last (`worst`).
        scores: For `first_token`, a probability for each passage; for `relevance` and `prefer`,
            one for each option. They sum to 1. Empty where the model wrote an answer.
        status: `ok`, or what was wrong with the answer.
    """

    permutation: tuple[int, ...]
    scores: tuple[float, ...]
    status: Status


def template_of(name: str) -> Template:
    """Return a template, read again only where its file has changed.

    Parsing it costs as much as sending a request.
    """
    return _template(name, _changed(name))[0]


def is_bare(name: str) -> bool:
    """Say whether answers to a template come without tags; see `answers_bare`."""
    return _template(name, _changed(name))[1]


@cache
def _template(name: str, changed: int) -> tuple[Template, bool]:
    template = load_template(name)
    return template, answers_bare(name, template)


def _changed(name: str) -> int:
    """Return when a file changed, in nanoseconds; 0 for a name."""
    path = Path(name)
    return path.stat().st_mtime_ns if path.is_file() else 0


def opening(question: Question) -> str:
    """Return how the model's turn begins, so that a direct question is answered at once.

    Nothing is written for the model where the template asks for a bare answer: RankLLM, whose form
    that is, begins no turn, and its models answer at once by their training.
    """
    return "" if question.reasoning or is_bare(question.template) else NO_CHAIN + ANSWER


def read_text(question: Question, response: str, *, truncated: bool) -> Reading:
    """Read a written answer."""
    n = len(question.docids)
    bare = is_bare(question.template)
    if question.kind in ("best", "worst"):
        chosen, status = parse_choice(response, n, truncated=truncated, bare=bare)
        rest = [number for number in range(1, n + 1) if number != chosen]
        found = [] if chosen is None else [chosen]
        order = [*found, *rest] if question.kind == "best" else [*rest, *found]
        return Reading(tuple(order), (), status)
    parsed = parse_response(response, n, truncated=truncated, bare=bare)
    return Reading(parsed.permutation, (), parsed.status)


def read_logprobs(question: Question, logprobs: Sequence[float]) -> Reading:
    """Read next-token log-probabilities as probabilities among the options."""
    highest = max(logprobs)
    weights = [exp(value - highest) for value in logprobs]
    scores = tuple(weight / sum(weights) for weight in weights)
    numbers = range(1, len(question.docids) + 1)
    order = tuple(numbers)
    if question.kind == "first_token":
        order = tuple(sorted(numbers, key=lambda number: -scores[number - 1]))
    elif question.kind == "prefer" and scores[1] > scores[0]:
        order = (2, 1)
    return Reading(order, scores, "ok")


def messages(
    kind: Kind,
    template: Template,
    query: str,
    texts: Sequence[str],
    *,
    letters: bool = False,
    style: Style = "rankdesk",
) -> list[Message]:
    """Return the prompt that asks a question of this kind about passages, cut already.

    Raises:
        FormatError: The template is of another method.
    """
    if kind == "relevance":
        return render_passage(template, query, texts[0], style)
    if kind == "prefer":
        return render_pair(template, query, texts[0], texts[1], style)
    return render(template, query, texts, labels(len(texts), letters=letters), style)


def labels(n: int, *, letters: bool) -> tuple[str, ...]:
    """Return how n passages are labelled in a prompt.

    Raises:
        ValueError: There are more passages than letters.
    """
    if not letters:
        return tuple(str(number) for number in range(1, n + 1))
    if n > LETTERS:
        raise ValueError(f"{n} passages cannot be labelled by single letters: {LETTERS} at most")
    return tuple(chr(ord("A") + place) for place in range(n))
