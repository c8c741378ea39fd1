"""Ask a teacher over any OpenAI-compatible endpoint: labels with the gold answer, an order without.

The two questions never share what they show: pointwise labels are asked for with the gold answer,
the chain and order without it (arXiv 2508.07050, section 4.1), so no chain can lean on it.
"""

import asyncio
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from openai import APIError, AsyncOpenAI
from openai.types.chat import ChatCompletion

from curation.errors import CurationError
from curation.permutation import Status, parse_response
from curation.prompts import Message, load_template, render
from db.records import Passage

CONCURRENCY = 32
_SELECT = (
    "Below are a query with its solution, and numbered passages. Name the passages that give what "
    "the solution needs, as numbers in brackets with spaces between them, such as [2] [4]. Sharing "
    "words or topic is not enough. If there is none, answer None. Give nothing but the numbers."
)


class TeacherError(CurationError):
    """The teacher's endpoint could not be used; the message names it."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked about: a query, its gold answer, and its candidates in initial order."""

    domain: str
    qid: str
    query: str
    answer: str
    candidates: tuple[Passage, ...]


@dataclass(frozen=True, slots=True)
class TeacherLabels:
    """Both of a teacher's answers about one item.

    Attributes:
        relevant_docids: The pointwise labels, in initial order; may be empty.
        ranking: Docids, best first, repaired where the response was incomplete.
        status: Parse status of the listwise response.
    """

    question: Question
    relevant_docids: tuple[str, ...]
    ranking: tuple[str, ...]
    chain: str
    response: str
    status: Status
    prompt_tokens: int
    completion_tokens: int


async def label_items(
    questions: Sequence[Question],
    *,
    base_url: str,
    model: str,
    api_key: str,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[TeacherLabels]:
    """Ask both questions about every item, `CONCURRENCY` items at a time, and keep their order.

    Raises:
        TeacherError: If the endpoint refuses, or answers with what is no chat completion.
    """
    bound = asyncio.Semaphore(CONCURRENCY)
    done = 0

    async def label(client: AsyncOpenAI, question: Question) -> TeacherLabels:
        nonlocal done
        async with bound:
            labels = await _label(client, model, question)
        done += 1
        if on_progress:
            on_progress(done, len(questions))
        return labels

    async with AsyncOpenAI(base_url=base_url, api_key=api_key) as client:
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(label(client, question)) for question in questions]
        except ExceptionGroup as failures:
            first = failures.exceptions[0]
            if isinstance(first, APIError):
                raise TeacherError(f"The teacher at {base_url} failed: {first}") from first
            raise first from None
    return [task.result() for task in tasks]


async def _label(client: AsyncOpenAI, model: str, question: Question) -> TeacherLabels:
    docids = [candidate.docid for candidate in question.candidates]
    selection = await _ask(client, model, _selection_prompt(question))
    chosen = parse_selection(_text(selection), len(docids))
    listwise = await _ask(client, model, _ranking_prompt(question))
    choice = listwise.choices[0]
    chain = _reasoning(choice.message.model_extra or {})
    text = choice.message.content or ""
    response = f"<think>\n{chain}\n</think>\n{text}" if chain else text
    parsed = parse_response(response, len(docids), truncated=choice.finish_reason == "length")
    usage = listwise.usage
    return TeacherLabels(
        question=question,
        relevant_docids=tuple(docids[i - 1] for i in chosen),
        ranking=tuple(docids[i - 1] for i in parsed.permutation),
        chain=parsed.chain,
        response=response,
        status=parsed.status,
        prompt_tokens=usage.prompt_tokens if usage else 0,
        completion_tokens=usage.completion_tokens if usage else 0,
    )


def parse_selection(text: str, n: int) -> list[int]:
    """Return the distinct ids of 1..n that a pointwise answer names, in input order.

    Example:
        >>> parse_selection("[4] [2] [9]", 5)
        [2, 4]
    """
    return sorted({int(digits) for digits in re.findall(r"\d{1,9}", text)} & set(range(1, n + 1)))


def _selection_prompt(question: Question) -> list[Message]:
    lines = [f"[{i}] {c.text}" for i, c in enumerate(question.candidates, start=1)]
    text = f"{_SELECT}\nQuery: {question.query}\nSolution: {question.answer}\n" + "\n".join(lines)
    return [{"role": "user", "content": text}]


def _ranking_prompt(question: Question) -> list[Message]:
    texts = [candidate.text for candidate in question.candidates]
    return render(load_template("listwise"), question.query, texts)


async def _ask(client: AsyncOpenAI, model: str, messages: list[Message]) -> ChatCompletion:
    payload: Any = messages
    reply = await client.chat.completions.create(model=model, messages=payload)
    # A proxy's error page comes back as text with status 200, and no exception.
    if not isinstance(reply, ChatCompletion) or not reply.choices:
        raise TeacherError(f"{client.base_url} answered with no chat completion: {reply!r:.200}")
    return reply


def _text(reply: ChatCompletion) -> str:
    return reply.choices[0].message.content or ""


def _reasoning(extra: dict[str, Any]) -> str:
    """Return the chain: DeepSeek calls the field `reasoning_content`, vLLM `reasoning`."""
    return str(extra.get("reasoning_content") or extra.get("reasoning") or "")


def to_reasonrank_rows(labels: Sequence[TeacherLabels], author: str) -> Iterator[dict[str, Any]]:
    """Yield rows of ReasonRank's layout; items without a relevant passage are left out.

    Args:
        author: The teacher's name, kept with each ranking.
    """
    for each in labels:
        if not each.relevant_docids:
            continue
        yield {
            "dataset": each.question.domain,
            "qid": each.question.qid,
            "initial_list": [candidate.docid for candidate in each.question.candidates],
            "final_list": list(each.ranking),
            "reasoning": each.chain,
            "relevant_docids": list(each.relevant_docids),
            "status": each.status,
            "author_name": author,
        }
