"""The simulated teacher: an OpenAI-compatible server that knows the demo world's truth.

It answers over real HTTP, so that the client that would call DeepSeek-R1 is the one that runs.
"""

import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from curation.demo import reasoning
from curation.demo.reasoning import Faults
from curation.demo.world import World
from curation.errors import CurationError

MODEL = "simulated-teacher"
_PASSAGE = re.compile(r"^\[(\d+)\] (.*)$", re.MULTILINE)


class SimulatedTeacher:
    """Looks the texts of a request up in the world's truth, and answers with seeded faults."""

    def __init__(self, world: World, seed: int = 0, faults: Faults | None = None) -> None:
        self._seed = seed
        self._faults = faults or Faults()
        self._queries = {item.query: world.truth.of_query[item.qid] for item in world.items}
        self._answers = {item.answer for item in world.items}
        self._passages = {
            candidate.text: world.truth.of_passage[candidate.docid]
            for item in world.items
            for candidate in item.candidates
        }

    def complete(self, request: dict[str, object]) -> dict[str, object]:
        """Return a chat completion.

        Raises:
            ValueError: If the request does not hold a query and passages of the world.
        """
        prompt = "\n".join(str(m["content"]) for m in _messages(request))
        query = self._find_query(prompt)
        passages = [self._principle(text) for _, text in _PASSAGE.findall(prompt)]
        if not passages:
            raise ValueError("the prompt shows no passages as `[1] text` lines")
        random = reasoning.chance(self._seed, prompt)
        message: dict[str, object] = {"role": "assistant"}
        finish = "stop"
        if self._shows_solution(prompt):
            message["content"] = reasoning.select(random, query, passages, self._faults)
        else:
            found = reasoning.rank(random, query, passages, self._faults)
            message["reasoning_content"] = found.chain
            message["content"] = "" if found.answer is None else f"<answer>{found.answer}</answer>"
            finish = "length" if found.truncated else "stop"
        written = f"{message.get('reasoning_content', '')} {message['content']}"
        usage = {"prompt_tokens": len(prompt.split()), "completion_tokens": len(written.split())}
        return {
            "id": f"chatcmpl-{random.getrandbits(64):016x}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": MODEL,
            "choices": [{"index": 0, "message": message, "finish_reason": finish}],
            "usage": {**usage, "total_tokens": sum(usage.values())},
        }

    def _shows_solution(self, prompt: str) -> bool:
        lines = (line.removeprefix("Solution: ") for line in prompt.splitlines())
        return any(line in self._answers for line in lines)

    def _find_query(self, prompt: str) -> str:
        for line in prompt.splitlines():
            _, _, text = line.partition("uery: ")
            if text in self._queries:
                return self._queries[text]
        raise ValueError("the prompt holds no query of the demo world after `Query: `")

    def _principle(self, text: str) -> str:
        if text not in self._passages:
            raise ValueError(f"this is no passage of the demo world: {text[:60]!r}")
        return self._passages[text]


def _messages(request: dict[str, object]) -> list[dict[str, object]]:
    messages = request.get("messages")
    if not isinstance(messages, list) or not all(
        isinstance(m, dict) and "content" in m for m in messages
    ):
        raise ValueError("messages must be a list of objects with role and content")
    return messages


def application(teacher: SimulatedTeacher) -> Starlette:
    """Return the server's routes."""

    async def complete(request: Request) -> JSONResponse:
        try:
            return JSONResponse(teacher.complete(json.loads(await request.body())))
        except ValueError as error:
            body = {"error": {"message": str(error), "type": "invalid_request_error"}}
            return JSONResponse(body, status_code=400)

    async def models(_: Request) -> JSONResponse:
        return JSONResponse({"object": "list", "data": [{"id": MODEL, "object": "model"}]})

    async def health(_: Request) -> JSONResponse:
        return JSONResponse({"status": "ok"})

    return Starlette(
        routes=[
            Route("/v1/chat/completions", complete, methods=["POST"]),
            Route("/v1/models", models),
            Route("/health", health),
        ]
    )


@contextmanager
def serve_teacher(
    world: World, seed: int = 0, faults: Faults | None = None, port: int = 0
) -> Iterator[str]:
    """Serve the simulated teacher on a loopback port (0: a free one), and yield its base URL.

    Raises:
        RuntimeError: If the server does not come up.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError as error:
            raise CurationError(
                f"Port {port} cannot be had ({error.strerror}): take another, or 0 for a free one."
            ) from error
        taken = listener.getsockname()[1]
        config = uvicorn.Config(
            application(SimulatedTeacher(world, seed, faults)), log_level="error", lifespan="off"
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        try:
            while not server.started:
                if not thread.is_alive():
                    raise RuntimeError("the simulated teacher did not start")
                time.sleep(0.01)
            yield f"http://127.0.0.1:{taken}/v1"
        finally:
            server.should_exit = True
            thread.join(timeout=10)
