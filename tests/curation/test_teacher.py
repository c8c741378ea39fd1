import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.request import urlopen

import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.demo.reasoning import NO_FAULTS
from curation.demo.teacher_server import MODEL, serve_teacher
from curation.demo.world import World, build_world
from curation.measures import ndcg_at
from curation.teacher import TeacherError, label_items, parse_selection, to_reasonrank_rows

Reply = tuple[int, str, str]  # status, content type, body


@pytest.fixture(scope="module")
def world() -> World:
    return build_world(seed=0, n_items=60, n_benchmark=12)


@pytest.fixture(scope="module")
def labels(world: World):
    with serve_teacher(world, seed=0) as base_url:
        return ask(base_url, world.items)


def ask(base_url, questions, on_progress=None):
    return asyncio.run(
        label_items(
            questions, base_url=base_url, model=MODEL, api_key="none", on_progress=on_progress
        )
    )


@contextmanager
def endpoint(answer: Callable[[dict[str, Any]], Reply]) -> Iterator[str]:
    """Serve `answer` as a chat endpoint of somebody else's."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            length = int(self.headers["Content-Length"])
            status, kind, body = answer(json.loads(self.rfile.read(length)))
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body.encode())))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def completion(message: dict[str, Any], **fields: Any) -> Reply:
    body = {
        "id": "c",
        "object": "chat.completion",
        "created": 0,
        "model": "m",
        "choices": [
            {
                "index": 0,
                "finish_reason": fields.pop("finish", "stop"),
                "message": {"role": "assistant", **message},
            }
        ],
        **fields,
    }
    return 200, "application/json", json.dumps(body)


def test_every_item_is_labelled_in_its_place_over_http(world: World):
    told: list[tuple[int, int]] = []
    with serve_teacher(world, seed=0) as base_url:
        found = ask(base_url, world.items, lambda done, total: told.append((done, total)))
    assert [each.question for each in found] == list(world.items)
    assert told == [(k, 60) for k in range(1, 61)]
    for each in found:
        docids = [candidate.docid for candidate in each.question.candidates]
        assert sorted(each.ranking) == sorted(docids)
        assert set(each.relevant_docids) <= set(docids)
        assert each.prompt_tokens > 0
        assert each.completion_tokens > 0


def test_the_same_seed_gives_the_same_labels_and_another_seed_others(world: World, labels):
    with serve_teacher(world, seed=0) as base_url:
        assert ask(base_url, world.items) == labels
    with serve_teacher(world, seed=1) as base_url:
        assert ask(base_url, world.items) != labels


def test_a_teacher_without_faults_tells_the_truth(world: World):
    with serve_teacher(world, faults=NO_FAULTS) as base_url:
        found = ask(base_url, world.items)
    for each in found:
        docids = [candidate.docid for candidate in each.question.candidates]
        assert list(each.relevant_docids) == world.truth.relevant(each.question.qid, docids)
        assert ndcg_at(each.ranking, each.relevant_docids) == 1
        assert each.status == "ok"
        assert "[1]" in each.chain


def test_the_order_is_asked_for_without_the_gold_answer(world: World):
    prompts: list[str] = []

    def answer(request: dict[str, Any]) -> Reply:
        prompts.append("\n".join(message["content"] for message in request["messages"]))
        return completion({"content": "[1]"})

    question = world.items[0]
    with endpoint(answer) as base_url:
        ask(base_url, [question])
    selection, ranking = prompts
    assert question.answer in selection
    assert question.answer not in ranking
    for text in (question.query, *(candidate.text for candidate in question.candidates)):
        assert text in selection
        assert text in ranking


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_the_chain_is_found_under_either_name(world: World, field: str):
    n = len(world.items[0].candidates)
    order = " > ".join(f"[{i}]" for i in range(n, 0, -1))
    message = {"content": f"<answer>{order}</answer>", field: "Because [2] fits."}
    with endpoint(lambda _: completion(message)) as base_url:
        (each,) = ask(base_url, world.items[:1])
    assert each.chain == "Because [2] fits."
    assert each.ranking == tuple(c.docid for c in reversed(world.items[0].candidates))
    assert each.status == "ok"
    assert (each.prompt_tokens, each.completion_tokens) == (0, 0)  # it told no usage


def test_an_answer_cut_off_by_the_token_limit_keeps_the_initial_order(world: World):
    message = {"content": "", "reasoning_content": "First [7], then"}
    with endpoint(lambda _: completion(message, finish="length")) as base_url:
        (each,) = ask(base_url, world.items[:1])
    assert each.status == "truncated"
    assert each.ranking == tuple(candidate.docid for candidate in world.items[0].candidates)


def test_a_proxy_s_page_is_no_answer(world: World):
    page = (200, "text/html", "<html>Sign in</html>")
    with endpoint(lambda _: page) as base_url, pytest.raises(TeacherError) as caught:
        ask(base_url, world.items[:1])
    assert base_url in str(caught.value)
    assert "no chat completion" in str(caught.value)


def test_a_completion_without_choices_is_no_answer(world: World):
    empty = json.loads(completion({"content": ""})[2]) | {"choices": []}
    reply = (200, "application/json", json.dumps(empty))
    with (
        endpoint(lambda _: reply) as base_url,
        pytest.raises(TeacherError, match="no chat completion"),
    ):
        ask(base_url, world.items[:1])


def test_a_refusal_names_the_endpoint_and_its_reason(world: World):
    refusal = (401, "application/json", '{"error": {"message": "this key is unknown"}}')
    with endpoint(lambda _: refusal) as base_url, pytest.raises(TeacherError) as caught:
        ask(base_url, world.items[:3])
    assert base_url in str(caught.value)
    assert "this key is unknown" in str(caught.value)


def test_a_busy_endpoint_is_asked_again(world: World):
    asked = 0

    def answer(_: dict[str, Any]) -> Reply:
        nonlocal asked
        asked += 1
        if asked == 1:
            return 503, "application/json", '{"error": {"message": "busy"}}'
        return completion({"content": "[1]"})

    with endpoint(answer) as base_url:
        (each,) = ask(base_url, world.items[:1])
    assert asked == 3
    assert each.relevant_docids == (world.items[0].candidates[0].docid,)


def test_an_endpoint_that_is_not_there_is_named(world: World):
    with endpoint(lambda _: completion({"content": ""})) as base_url:
        gone = base_url
    with pytest.raises(TeacherError, match="failed"):
        ask(gone, world.items[:1])


def test_the_server_introduces_itself_as_simulated(world: World):
    with serve_teacher(world) as base_url:
        models = json.load(urlopen(f"{base_url}/models"))
        health = json.load(urlopen(f"{base_url.removesuffix('/v1')}/health"))
    assert [model["id"] for model in models["data"]] == [MODEL]
    assert "simulated" in MODEL
    assert health == {"status": "ok"}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("What is love?", "no query of the demo world"),
        ("Query: {query}", "no passages"),
        ("Query: {query}\n[1] from somewhere else", "no passage of the demo world"),
    ],
)
def test_the_server_refuses_what_it_does_not_know(world: World, content: str, reason: str):
    content = content.replace("{query}", world.items[0].query)
    with serve_teacher(world) as base_url:
        client = openai.OpenAI(base_url=base_url, api_key="none")
        with client, pytest.raises(openai.BadRequestError, match=reason):
            client.chat.completions.create(
                model=MODEL, messages=[{"role": "user", "content": content}]
            )


@given(st.text(), st.integers(1, 20))
def test_a_selection_is_distinct_ids_of_the_window_in_order(text: str, n: int):
    chosen = parse_selection(text, n)
    assert chosen == sorted(set(chosen))
    assert all(1 <= each <= n for each in chosen)


@pytest.mark.parametrize(
    ("text", "chosen"),
    [("[4] [2]", [2, 4]), ("None", []), ("", []), ("[0] [6] [5]", [5]), ("[3] [3]", [3])],
)
def test_a_selection_is_read(text: str, chosen: list[int]):
    assert parse_selection(text, 5) == chosen


def test_rows_have_reasonrank_s_columns_and_need_a_relevant_passage(labels):
    rows = list(to_reasonrank_rows(labels, MODEL))
    without = [each for each in labels if not each.relevant_docids]
    assert len(rows) == len(labels) - len(without)
    for row in rows:
        assert sorted(row["final_list"]) == sorted(row["initial_list"])
        assert row["relevant_docids"]
        assert set(row["relevant_docids"]) <= set(row["initial_list"])
        assert {"dataset", "qid", "reasoning"} <= set(row)
