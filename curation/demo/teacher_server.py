"""The simulated teacher's server: the OpenAI chat and batch APIs, and what goes wrong with them.

The client that would call DeepSeek-R1 is the one that runs, over real HTTP, with the fields, the
stream, the limits and the faults that it would meet.
"""

import asyncio
import json
import socket
import threading
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from curation.demo import reasoning
from curation.demo.reasoning import Faults
from curation.demo.teacher import PRICES, SimulatedTeacher, UnknownModelError
from curation.demo.teacher_batches import Batches
from curation.demo.world import World
from curation.errors import CurationError

TransportFault = Literal["busy", "error", "dropped", "page", "empty", "hang"]
TRANSPORT_FAULTS: dict[TransportFault, str] = {
    "busy": "429, with Retry-After",
    "error": "500",
    "dropped": "the connection closes midway",
    "page": "a proxy's page with status 200",
    "empty": "a completion without choices",
    "hang": "no answer for an hour",
}


@dataclass(frozen=True, slots=True)
class Transport:
    """How the server behaves, apart from what the teacher says.

    Attributes:
        latency_s: Seconds before an answer begins.
        tokens_per_s: Speed of an answer after that; None is at once.
        requests_per_minute: More than these get 429.
        minute_s: Seconds that those are counted over.
        faults: Shares of requests that meet each fault. A request that is sent again draws anew.
    """

    latency_s: float = 0.0
    tokens_per_s: float | None = None
    requests_per_minute: int | None = None
    minute_s: float = 60.0
    faults: dict[TransportFault, float] = field(default_factory=dict)


@dataclass(slots=True)
class _Counts:
    """What the server has seen; `/stats` shows it."""

    requests: int = 0
    answered: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    prompt_tokens: int = 0
    completion_tokens: int = 0
    price: float = 0.0
    in_flight: int = 0
    most_in_flight: int = 0

    def answer(self, completion: dict[str, Any]) -> None:
        model, usage = completion["model"], completion["usage"]
        self.answered[model] += 1
        self.prompt_tokens += usage["prompt_tokens"]
        self.completion_tokens += usage["completion_tokens"]
        self.price += PRICES[model].of(usage["prompt_tokens"], usage["completion_tokens"])


class _Server:
    """The routes and their state."""

    def __init__(self, teacher: SimulatedTeacher, transport: Transport, seed: int) -> None:
        self._teacher = teacher
        self._transport = transport
        self._seed = seed
        self._counts = _Counts()
        self._times: deque[float] = deque()  # of the last minute's requests
        self._tries: Counter[bytes] = Counter()
        self.batches = Batches(self._completed)

    def routes(self) -> list[Route]:
        return [
            Route("/v1/chat/completions", self._counted(self.complete), methods=["POST"]),
            Route("/v1/models", self.models),
            Route("/health", self.health),
            Route("/stats", self.stats),
            *self.batches.routes(),
        ]

    async def complete(self, request: Request) -> Response:
        body = await request.body()
        self._counts.requests += 1
        if self._over_limit():
            return self._fault("busy")
        fault = self._drawn_fault(body)
        if fault == "hang":
            await asyncio.sleep(3600)
        await asyncio.sleep(self._transport.latency_s)
        if fault is not None:
            return self._fault(fault)
        try:
            asked = json.loads(body)
            completion = self._completed(asked)
        except UnknownModelError as error:
            return _refusal(404, str(error), "model_not_found")
        except ValueError as error:
            return _refusal(400, str(error), "invalid_request_error")
        if asked.get("stream"):
            return StreamingResponse(
                self._stream(completion, asked), media_type="text/event-stream"
            )
        if self._transport.tokens_per_s:
            tokens = completion["usage"]["completion_tokens"]
            await asyncio.sleep(tokens / self._transport.tokens_per_s)
        return JSONResponse(completion)

    async def models(self, _: Request) -> Response:
        data = [
            {"id": name, "object": "model", "pricing": price.model_dump()}
            for name, price in PRICES.items()
        ]
        return JSONResponse({"object": "list", "data": data})

    async def health(self, _: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def stats(self, _: Request) -> Response:
        shown = {name: getattr(self._counts, name) for name in _Counts.__dataclass_fields__}
        return JSONResponse(shown)

    def _completed(self, asked: dict[str, Any]) -> dict[str, Any]:
        completion = self._teacher.complete(asked)
        self._counts.answer(completion)
        return completion

    def _counted(
        self, handle: Callable[[Request], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def counted(request: Request) -> Response:
            counts = self._counts
            counts.in_flight += 1
            counts.most_in_flight = max(counts.most_in_flight, counts.in_flight)
            try:
                return await handle(request)
            finally:
                counts.in_flight -= 1

        return counted

    def _over_limit(self) -> bool:
        if self._transport.requests_per_minute is None:
            return False
        now = time.monotonic()
        while self._times and self._times[0] < now - self._transport.minute_s:
            self._times.popleft()
        if len(self._times) >= self._transport.requests_per_minute:
            return True
        self._times.append(now)
        return False

    def _drawn_fault(self, body: bytes) -> TransportFault | None:
        if not self._transport.faults:
            return None
        self._tries[body] += 1
        draw = reasoning.chance(self._seed, body.decode(), str(self._tries[body])).random()
        for fault, share in self._transport.faults.items():
            if draw < share:
                return fault
            draw -= share
        return None

    def _fault(self, fault: TransportFault) -> Response:
        self._counts.refused[fault] += 1
        if fault == "busy":
            refusal = _refusal(429, "too many requests for now", "rate_limit_exceeded")
            refusal.headers["retry-after"] = "0.1"
            return refusal
        if fault == "page":
            return HTMLResponse("<html><body>Please sign in.</body></html>")
        if fault == "empty":
            return JSONResponse({"object": "chat.completion", "choices": []})
        if fault == "dropped":
            return Response(b"{", headers={"content-length": "4000"})
        return _refusal(500, "the simulated server failed", "server_error")

    async def _stream(
        self, completion: dict[str, Any], asked: dict[str, Any]
    ) -> AsyncIterator[str]:
        (choice,) = completion["choices"]
        message = choice["message"]
        head = {key: completion[key] for key in ("id", "created", "model")}
        head["object"] = "chat.completion.chunk"

        def event(delta: dict[str, str], finish: str | None = None) -> str:
            each = {"index": 0, "delta": delta, "finish_reason": finish}
            return f"data: {json.dumps({**head, 'choices': [each]})}\n\n"

        yield event({"role": "assistant", "content": ""})
        for name in ("reasoning_content", "content"):
            for word in str(message.get(name, "")).split(" "):
                if self._transport.tokens_per_s:
                    await asyncio.sleep(1 / self._transport.tokens_per_s)
                yield event({name: f"{word} "})
        yield event({}, choice["finish_reason"])
        if (asked.get("stream_options") or {}).get("include_usage"):
            yield f"data: {json.dumps({**head, 'choices': [], 'usage': completion['usage']})}\n\n"
        yield "data: [DONE]\n\n"


def _refusal(status: int, message: str, kind: str) -> JSONResponse:
    return JSONResponse({"error": {"message": message, "type": kind}}, status_code=status)


@contextmanager
def serve_teacher(
    world: World,
    seed: int = 0,
    faults: Faults | None = None,
    transport: Transport | None = None,
    port: int = 0,
) -> Iterator[str]:
    """Serve the simulated teacher on a loopback port (0: a free one), and yield its base URL.

    Raises:
        CurationError: The port is taken.
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
        routes = _Server(
            SimulatedTeacher(world, seed, faults), transport or Transport(), seed
        ).routes()
        # What it logs would be about the faults that it was told to have.
        config = uvicorn.Config(Starlette(routes=routes), log_level="critical", lifespan="off")
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
            server.should_exit = server.force_exit = True
            thread.join(timeout=10)
