"""The simulated teacher over real HTTP: what it says, and how its server behaves."""

import json
from concurrent.futures import ThreadPoolExecutor
from urllib.request import urlopen

import openai
import pytest

from curation.demo.reasoning import NO_FAULTS
from curation.demo.teacher import MODEL, PRICES, WEAK, SimulatedTeacher
from curation.demo.teacher_server import TRANSPORT_FAULTS, Transport, serve_teacher
from curation.demo.world import Problem, World, build_world
from curation.permutation import parse_response
from curation.prompts import load_template
from curation.source_folder import SourceQuery
from curation.synthesis import (
    bare_question,
    gold_question,
    parse_choice_of,
    ranking_prompt,
    selection_prompt,
)


@pytest.fixture(scope="module")
def world() -> World:
    return build_world(seed=0, n_items=40, n_benchmark=2)


def asked(item: Problem, template: str = "listwise") -> list[dict[str, str]]:
    query = SourceQuery(item.qid, item.domain, item.query, item.answer)
    texts = [candidate.text for candidate in item.candidates]
    if template == "listwise":
        return ranking_prompt(load_template(template), bare_question(query, texts))
    return selection_prompt(load_template(template), gold_question(query, texts))


def ask(client: openai.OpenAI, messages, model: str = MODEL, **more):
    return client.chat.completions.create(model=model, messages=messages, **more)


def client_of(url: str, retries: int = 0) -> openai.OpenAI:
    return openai.OpenAI(base_url=url, api_key="none", max_retries=retries, timeout=5)


def test_a_teacher_without_faults_tells_the_truth(world: World):
    with serve_teacher(world, faults=NO_FAULTS) as url, client_of(url) as client:
        for item in world.items[:10]:
            docids = [candidate.docid for candidate in item.candidates]
            relevant = world.truth.relevant(item.qid, docids)
            message = ask(client, asked(item)).choices[0].message
            parsed = parse_response(str(message.content), len(docids))
            best = {docids[number - 1] for number in parsed.permutation[: len(relevant)]}
            assert best == set(relevant)
            assert "[1]" in message.model_extra["reasoning_content"]
            labels = ask(client, asked(item, "teacher-select")).choices[0].message.content
            chosen = parse_choice_of(str(labels), len(docids)).numbers
            assert [docids[number - 1] for number in chosen] == relevant


def test_hard_negatives_are_not_relevant_and_share_words(world: World):
    teacher = SimulatedTeacher(world, faults=NO_FAULTS)
    found = 0
    for item in world.items:
        request = {"model": MODEL, "messages": asked(item, "teacher-negatives")}
        answer = teacher.complete(request)["choices"][0]["message"]["content"]
        docids = [candidate.docid for candidate in item.candidates]
        chosen = [docids[n - 1] for n in parse_choice_of(answer, len(docids)).numbers]
        assert not world.truth.relevant(item.qid, chosen)
        found += len(chosen)
    assert found > len(world.items) / 2


def test_a_request_has_one_answer_and_another_seed_another(world: World):
    teacher = SimulatedTeacher(world)

    def answers(**more: object) -> list[str]:
        return [
            json.dumps(
                teacher.complete({"model": MODEL, "messages": asked(item), **more})["choices"]
            )
            for item in world.items
        ]

    assert answers(seed=1) == answers(seed=1)
    assert answers(seed=1) != answers(seed=2)
    assert answers(seed=1, temperature=0) == answers(seed=2, temperature=0)


def test_the_weaker_one_goes_wrong_more_often(world: World):
    teacher = SimulatedTeacher(world)

    def sound(model: str) -> int:
        count = 0
        for item in world.items:
            docids = [candidate.docid for candidate in item.candidates]
            request = {"model": model, "messages": asked(item, "teacher-select")}
            answer = teacher.complete(request)["choices"][0]["message"]["content"]
            chosen = [docids[n - 1] for n in parse_choice_of(answer, len(docids)).numbers]
            count += chosen == world.truth.relevant(item.qid, docids)
        return count

    assert sound(WEAK) < sound(MODEL) < len(world.items)


def test_answers_end_at_the_token_limit(world: World):
    request = {"model": MODEL, "messages": asked(world.items[0]), "max_tokens": 5}
    answer = SimulatedTeacher(world, faults=NO_FAULTS).complete(request)
    assert answer["choices"][0]["finish_reason"] == "length"
    assert answer["usage"]["completion_tokens"] == 5


def test_a_stream_says_the_same_in_pieces(world: World):
    messages = asked(world.items[0])
    with serve_teacher(world, faults=NO_FAULTS) as url, client_of(url) as client:
        whole = ask(client, messages)
        pieces = list(ask(client, messages, stream=True, stream_options={"include_usage": True}))
    deltas = [piece.choices[0].delta for piece in pieces if piece.choices]
    chain = "".join((delta.model_extra or {}).get("reasoning_content", "") for delta in deltas)
    content = "".join(delta.content or "" for delta in deltas)
    assert len(deltas) > 20
    assert chain.split() == whole.choices[0].message.model_extra["reasoning_content"].split()
    assert content.split() == whole.choices[0].message.content.split()
    assert pieces[-1].usage == whole.usage


@pytest.mark.parametrize("fault", [fault for fault in TRANSPORT_FAULTS if fault != "hang"])
def test_a_fault_is_met_as_often_as_it_is_asked_for(world: World, fault):
    transport = Transport(faults={fault: 1.0})
    with (
        serve_teacher(world, transport=transport) as url,
        client_of(url) as client,
    ):
        try:
            reply = ask(client, asked(world.items[0]))
            assert isinstance(reply, str) or not reply.choices
        except openai.APIError:
            pass
        stats = json.load(urlopen(url.removesuffix("v1") + "stats"))
    assert stats["refused"] == {fault: 1}
    assert stats["answered"] == {}


def test_a_request_that_is_sent_again_draws_anew(world: World):
    transport = Transport(faults={"error": 0.5})
    with serve_teacher(world, transport=transport) as url, client_of(url, retries=10) as client:
        for item in world.items[:8]:
            assert ask(client, asked(item)).choices
        stats = json.load(urlopen(url.removesuffix("v1") + "stats"))
    assert stats["answered"] == {MODEL: 8}
    assert stats["refused"]["error"] > 0


def test_more_requests_than_the_limit_are_refused(world: World):
    with (
        serve_teacher(world, transport=Transport(requests_per_minute=2)) as url,
        client_of(url) as client,
    ):
        for item in world.items[:2]:
            ask(client, asked(item))
        with pytest.raises(openai.RateLimitError) as caught:
            ask(client, asked(world.items[2]))
    assert caught.value.response.headers["retry-after"]


def test_stats_tell_tokens_price_and_how_many_were_in_flight(world: World):
    with (
        serve_teacher(world, transport=Transport(latency_s=0.2)) as url,
        client_of(url) as client,
        ThreadPoolExecutor(4) as pool,
    ):
        replies = list(pool.map(lambda item: ask(client, asked(item)), world.items[:4]))
        stats = json.load(urlopen(url.removesuffix("v1") + "stats"))
    usages = [reply.usage for reply in replies]
    assert stats["most_in_flight"] == 4
    assert stats["prompt_tokens"] == sum(usage.prompt_tokens for usage in usages)
    price = sum(PRICES[MODEL].of(u.prompt_tokens, u.completion_tokens) for u in usages)
    assert stats["price"] == pytest.approx(price)


def test_batches_answer_as_requests_do(world: World):
    bodies = [{"model": MODEL, "messages": asked(item)} for item in world.items[:3]]
    bodies.append({"model": MODEL, "messages": [{"role": "user", "content": "What is love?"}]})
    lines = [
        {"custom_id": f"r{n}", "method": "POST", "url": "/v1/chat/completions", "body": body}
        for n, body in enumerate(bodies)
    ]
    content = "".join(json.dumps(line) + "\n" for line in lines).encode()
    with serve_teacher(world) as url, client_of(url) as client:
        file = client.files.create(file=("requests.jsonl", content), purpose="batch")
        batch = client.batches.create(
            input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h"
        )
        seen = [batch.status]
        while batch.status != "completed":
            batch = client.batches.retrieve(batch.id)
            seen.append(batch.status)
        answers = [
            json.loads(x) for x in client.files.content(batch.output_file_id).text.splitlines()
        ]
        errors = [
            json.loads(x) for x in client.files.content(batch.error_file_id).text.splitlines()
        ]
        whole = ask(client, bodies[0]["messages"])
    assert seen[:2] == ["validating", "in_progress"]
    assert {answer["custom_id"] for answer in answers} == {"r0", "r1", "r2"}
    first = next(answer for answer in answers if answer["custom_id"] == "r0")
    said = first["response"]["body"]["choices"][0]["message"]
    assert said["content"] == whole.choices[0].message.content
    assert [error["custom_id"] for error in errors] == ["r3"]
    assert batch.request_counts.failed == 1


def test_the_server_introduces_itself_as_simulated(world: World):
    with serve_teacher(world) as url:
        models = json.load(urlopen(f"{url}/models"))
        health = json.load(urlopen(f"{url.removesuffix('/v1')}/health"))
    assert [model["id"] for model in models["data"]] == [MODEL, WEAK]
    assert all("simulated" in model["id"] for model in models["data"])
    assert health == {"status": "ok"}


@pytest.mark.parametrize(
    ("model", "content", "reason"),
    [
        (MODEL, "What is love?", "no query of the demo world"),
        (MODEL, "Query: {query}", "no passages"),
        (MODEL, "Query: {query}\n[1] from somewhere else", "no passage of the demo world"),
        ("deepseek-reasoner", "Query: {query}", "no model 'deepseek-reasoner'"),
    ],
)
def test_the_server_refuses_what_it_does_not_know(world: World, model, content, reason):
    content = content.replace("{query}", world.items[0].query)
    with (
        serve_teacher(world) as url,
        client_of(url) as client,
        pytest.raises(openai.APIStatusError, match=reason),
    ):
        ask(client, [{"role": "user", "content": content}], model)
