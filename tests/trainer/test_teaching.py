"""A teacher as a job asks it: its rates, its budget, and what it shares with others."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from curation.demo.teacher import MODEL
from curation.demo.teacher_server import Transport, serve_teacher
from curation.demo.world import World, build_world
from curation.prices import Price
from curation.prompts import load_template
from curation.source_folder import SourceQuery
from curation.synthesis import bare_question, ranking_prompt
from tests.trainer.test_openai_engine import Handler, serving
from trainer.answers import Answers, Stored
from trainer.engines import batches
from trainer.engines.base import Sampling
from trainer.engines.openai import OpenAIEngine
from trainer.joblog import read_records
from trainer.pacing import Pace, Paces
from trainer.teaching import Request, Tally, Teacher

PRICE = Price(prompt=1.0, completion=2.0)


@pytest.fixture(scope="module")
def world() -> World:
    return build_world(seed=3, n_items=4, n_benchmark=2)


def requests(world: World, n: int) -> list[Request]:
    """Return `n` different requests for orders."""
    template = load_template("listwise")
    found = []
    for number in range(n):
        item = world.items[number % len(world.items)]
        query = SourceQuery(item.qid, item.domain, item.query)
        texts = [each.text for each in item.candidates]
        found.append(
            Request(item.qid, "rank", ranking_prompt(template, bare_question(query, texts)), number)
        )
    return found


def asked(
    answers: Path, url: str, wanted: list[Request], *, model: str = MODEL, **options: Any
) -> tuple[list[Stored], Tally]:
    """Ask all at the same time."""

    async def together() -> tuple[list[Stored], Tally]:
        tally = Tally()
        async with Answers(answers) as kept:
            engine = OpenAIEngine(
                [url],
                model,
                api_key=None,
                backoff_s=0.001,
                in_flight=64,
                batch_log=options.get("batch_log"),
            )
            teacher = Teacher(
                model,
                engine,
                Sampling(500),
                price=PRICE,
                answers=kept,
                budget=options.get("budget"),
                paces=options.get("paces", Paces(None, None)),
                tally=tally,
                job_id="job",
                on_paid=lambda _, request, answer: tally.count(
                    request.stage,
                    {
                        "prompt_tokens": answer.prompt_tokens,
                        "completion_tokens": answer.completion_tokens,
                        "price": answer.price,
                    },
                ),
            )
            try:
                return list(await asyncio.gather(*map(teacher.ask, wanted))), tally
            finally:
                await engine.close()

    return asyncio.run(together())


def test_an_endpoint_at_its_limit_never_has_to_complain(tmp_path, world):
    limit = Transport(requests_per_minute=30, minute_s=2.0)
    with serve_teacher(world, transport=limit) as url:
        paces = Paces(30, None, minute_s=2.0)
        asked(tmp_path, url, requests(world, 1), paces=paces)  # the first one takes long
        asked(tmp_path, url, requests(world, 40), paces=paces)
        stats = json.load(urlopen(url.removesuffix("v1") + "stats"))
    assert stats["refused"] == {}
    assert stats["answered"] == {MODEL: 40}


def test_a_repeated_request_keeps_to_the_limit_too(tmp_path, world):
    times: list[float] = []

    def first_fails(handler: Handler, number: int) -> None:
        times.append(time.monotonic())
        if number < 8:
            handler.send(503, "")
        else:
            handler.answer("[1] > [2]", model=MODEL)

    with serving(first_fails) as server:
        paces = Paces(600, None, minute_s=30.0)  # 50 ms each
        asked(tmp_path, server.url, requests(world, 8), paces=paces)
    times.sort()
    assert len(times) == 16
    assert times[-1] - times[0] >= 15 * 0.05


def test_a_pace_is_even_from_the_first_minute_on():
    async def when(pace: Pace, amounts: list[float]) -> list[float]:
        began = time.monotonic()

        async def one(amount: float) -> float:
            await pace.take(amount)
            return time.monotonic() - began

        return await asyncio.gather(*map(one, amounts))

    found = asyncio.run(when(Pace(1000, minute_s=1.0), [100.0, 50.0, 1.0]))
    assert found == pytest.approx([0.0, 0.105, 0.1575], abs=0.04)
    assert max(asyncio.run(when(Pace(None), [1e9] * 50))) < 0.5


def test_a_batch_s_file_is_no_larger_than_endpoints_take(tmp_path, world, monkeypatch):
    wanted = requests(world, 6)
    one = len(json.dumps(wanted[0].messages))
    monkeypatch.setattr(batches, "MOST_BYTES", 3 * one)
    monkeypatch.setattr(batches, "_QUIET_S", 0.05)
    monkeypatch.setattr(batches, "_FIRST_LOOK_S", 0.1)
    log = tmp_path / "batches.jsonl"
    with serve_teacher(world) as url:
        found, _ = asked(tmp_path / "answers", url, wanted, batch_log=log)
    sent = [len(record["custom_ids"]) for record in read_records(log)[0]]
    assert sum(sent) == len(found) == 6
    assert len(sent) >= 3
