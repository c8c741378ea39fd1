"""Answers that are told as they grow, by a server that streams."""

import asyncio
import json

import pytest

from tests.trainer.test_openai_engine import FAULTS, GREEDY, Handler, engine, prompt, serving
from trainer.engines.base import Answer
from trainer.errors import EngineError

PIECES = [
    {"role": "assistant", "content": ""},
    {"reasoning_content": "[2] fits"},
    {"reasoning_content": " best"},
    {"content": "\n\n<answer>"},
    {"content": "[2] > [1]</answer>"},
]
WHOLE = "<think>\n[2] fits best\n</think>\n<answer>[2] > [1]</answer>"


def send_stream(handler: Handler, deltas: list[dict], *, finish: str | None = "stop") -> None:
    """Send chunks as vLLM and DeepSeek do: usage in a last one without choices."""
    shape = {"object": "chat.completion.chunk", "model": handler.body["model"]}
    handler.send_response(200)
    handler.send_header("content-type", "text/event-stream")
    handler.send_header("connection", "close")
    handler.end_headers()
    handler.close_connection = True
    chunks = [{"choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    if finish:
        chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
        chunks.append({"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 9}})
    for chunk in chunks:
        handler.wfile.write(f"data: {json.dumps(shape | chunk)}\n\n".encode())
        handler.wfile.flush()
    if finish:
        handler.wfile.write(b"data: [DONE]\n\n")


def listen(server, prefill: str = "", **options) -> tuple[Answer, list[str]]:
    said: list[str] = []

    async def once() -> Answer:
        asked = engine(server, **options)
        try:
            return await asked.stream(prompt("a", prefill), GREEDY, said.append)
        finally:
            await asked.close()

    return asyncio.run(once()), said


def test_a_chain_and_its_answer_are_told_as_they_grow():
    with serving(lambda handler, _: send_stream(handler, PIECES)) as server:
        answer, said = listen(server)
    assert said == [
        "<think>\n[2] fits",
        "<think>\n[2] fits best",
        "<think>\n[2] fits best\n</think>\n<answer>",
        WHOLE,
    ]
    assert (answer.text, answer.finish_reason) == (WHOLE, "stop")
    assert (answer.prompt_tokens, answer.completion_tokens) == (3, 9)
    (request,) = server.requests
    assert request["stream"] is True
    assert request["stream_options"] == {"include_usage": True}


def test_a_begun_turn_is_told_with_its_beginning():
    pieces = [{"content": "[2]"}, {"content": " > [1]"}]
    with serving(lambda handler, _: send_stream(handler, pieces, finish="length")) as server:
        answer, said = listen(server, "<answer>\n")
    assert said == ["<answer>\n[2]", "<answer>\n[2] > [1]"]
    assert (answer.text, answer.finish_reason) == (said[-1], "length")


@pytest.mark.parametrize("fault", [*FAULTS, "stream cut"])
def test_a_stream_that_fails_begins_anew(fault):
    def script(handler: Handler, number: int) -> None:
        if number:
            send_stream(handler, PIECES)
        elif fault == "stream cut":
            send_stream(handler, PIECES[:3], finish=None)
        else:
            FAULTS[fault](handler)

    with serving(script) as server:
        answer, said = listen(server, timeout_s=1.0 if fault == "hang" else 10.0)
    assert answer.text == said[-1] == WHOLE
    assert len(server.requests) == 2


def test_another_model_s_stream_is_refused():
    def script(handler: Handler, _: int) -> None:
        handler.body["model"] = "org/other"
        send_stream(handler, PIECES)

    with serving(script) as server, pytest.raises(EngineError, match="answered as the model"):
        listen(server)


def test_a_cancelled_stream_closes_its_connection():
    def endless(handler: Handler, _: int) -> None:
        send_stream(handler, PIECES[:2], finish=None)
        handler.server.released.wait(60)

    async def cancel_when_begun(url_server) -> None:
        asked = engine(url_server)
        begun = asyncio.Event()
        task = asyncio.create_task(asked.stream(prompt("a"), GREEDY, lambda _: begun.set()))
        await asyncio.wait_for(begun.wait(), 20)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asked.close()

    with serving(endless) as server:
        asyncio.run(cancel_when_begun(server))
    assert len(server.requests) == 1
