"""One query's way through the stages, with a teacher that answers from a function."""

import asyncio
from collections.abc import Callable

from curation.prompts import load_template
from curation.source_folder import SourceQuery
from trainer.answers import Stored
from trainer.synthesis import Made, Synthesis, requests_of
from trainer.synthesis_settings import SynthesisSettings
from trainer.teaching import Request


class Teacher:
    """Says what a function makes of the request."""

    name = "teacher"

    def __init__(self, say: Callable[[Request], str]) -> None:
        self.say = say
        self.asked: list[Request] = []

    async def ask(self, request: Request) -> Stored:
        self.asked.append(request)
        return Stored(self.say(request), "stop", 1, 1, 0.0, 0.5, "job")


def make(
    query: SourceQuery, retrieved: list[str], say: Callable[[Request], str], **settings
) -> tuple[Made, list[Request]]:
    teacher = Teacher(say)
    own = SynthesisSettings(**settings)
    templates = {stage: load_template(name) for stage, name in own.templates.items()}
    work = Synthesis(own, teacher, None, lambda ids: ids, seed=0, templates=templates)
    return asyncio.run(work.make(query, retrieved)), teacher.asked


def test_many_linked_passages_are_chosen_from_in_parts():
    linked = tuple(f"d{n}" for n in range(50))
    query = SourceQuery("q", "d", "why?", "because", linked=linked)
    retrieved = [f"r{n}" for n in range(20)]
    made, asked = make(query, retrieved, lambda _: "[1]", depth=20, until="select")
    shown = [request.messages[-1]["content"] for request in asked]
    assert ["[20]" in text for text in shown] == [True] * 3
    assert ["[21]" in text for text in shown] == [False] * 3
    assert made.relevant == ("d0", "d20", "d40")
    assert made.responses.keys() == {"select", "select 2", "select 3"}
    assert made.price == 1.5
    assert requests_of(query, SynthesisSettings(depth=20, until="select")) == {"select": 3}


def test_few_linked_passages_share_one_request_with_what_was_retrieved():
    query = SourceQuery("q", "d", "why?", "because", linked=("d0",))
    _, (request,) = make(query, [f"r{n}" for n in range(20)], lambda _: "None", depth=20)
    assert "[20]" in request.messages[-1]["content"]
    assert "[21]" not in request.messages[-1]["content"]


def test_a_query_without_any_passage_is_set_aside_and_nothing_is_asked():
    made, asked = make(SourceQuery("q", "d", "why?", "because"), [], lambda _: "[1]")
    assert (made.outcome, made.reason, asked) == ("no_positives", "no passage was found for it", [])
