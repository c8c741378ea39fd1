"""An evaluation over an endpoint that fails in every way, killed midway: the same run comes out."""

import hashlib
import json
import random
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.trainer.small import SMALL, kill, wait_for, wait_for_state
from trainer import jobs
from trainer.asking import read_calls
from trainer.engines.opening import Served
from trainer.jobs import EvaluateSpec
from trainer.recipes import apply_overrides, load_recipe

SETTINGS = apply_overrides(load_recipe("demo-sft"), SMALL).evaluation_settings()
FAULTS = (
    *("429", "500", "hang", "cut", "empty", "truncated", "not json", "wrong model"),
    *("empty answer", "no finish reason"),
)


class Endpoint(ThreadingHTTPServer):
    """Orders every window by a hash of its prompt; every other request goes wrong, each in turn."""

    daemon_threads = True

    def __init__(self, *, faulty: bool) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.faulty = faulty
        self.lock = threading.Lock()
        self.requests = 0
        self.answered: Counter[str] = Counter()
        self.seen: Counter[str] = Counter()
        self.closing = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


class Handler(BaseHTTPRequestHandler):
    server: Endpoint

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        prompt = body["messages"][-1]["content"]
        with self.server.lock:
            number = self.server.requests
            self.server.requests += 1
        fault = FAULTS[number // 2 % len(FAULTS)] if self.server.faulty and number % 2 else None
        reply = self.reply(body["model"], prompt)
        if fault == "429":
            self.send(429, {"error": {"message": "slow down"}}, retry_after="0")
        elif fault == "500":
            self.send(500, {"error": {"message": "oops"}})
        elif fault == "hang":
            self.server.closing.wait(30)
        elif fault == "cut":
            self.connection.close()
        elif fault == "truncated":
            self.send(200, json.dumps(reply)[:60])
        elif fault == "not json":
            self.send(200, "<html>busy</html>", content_type="text/html")
        elif fault is not None:
            self.send(200, self.odd(fault, reply))
        else:
            with self.server.lock:
                self.server.answered[prompt] += 1
            self.send(200, reply)

    def odd(self, fault: str, reply: dict) -> dict:
        """Return a completion that is none, of another model, or no whole answer."""
        (choice,) = reply["choices"]
        return (
            reply
            | {
                "empty": {"choices": []},
                "empty answer": {"choices": [choice | {"message": {"content": ""}}]},
                "no finish reason": {"choices": [choice | {"finish_reason": None}]},
                "wrong model": {"model": "another"},
            }[fault]
        )

    def reply(self, model: str, prompt: str) -> dict:
        n = prompt.count("note ")
        order = list(range(1, n + 1))
        random.Random(hashlib.sha256(prompt.encode()).digest()).shuffle(order)
        content = "<answer>" + " > ".join(f"[{number}]" for number in order) + "</answer>"
        message = {"role": "assistant", "content": content, "reasoning_content": "thinking"}
        return {
            "id": "1",
            "object": "chat.completion",
            "created": 1,
            "model": model,
            "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
            "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
        }

    def send(self, status: int, body: object, **headers: str) -> None:
        data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in ({"content_type": "application/json"} | headers).items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def endpoint(*, faulty: bool) -> Iterator[Endpoint]:
    with Endpoint(faulty=faulty) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.closing.set()
        server.shutdown()


def prepare(root: Path, benchmark: Path, server: Endpoint) -> Path:
    served = Served(
        model="reranker", base_urls=(server.url,), in_flight=3, timeout_s=0.5, key_variable="NONE"
    )
    spec = EvaluateSpec(name="trial", engine=served, benchmark=benchmark, settings=SETTINGS)
    return jobs.prepare_job(root, spec)


def runs(job_dir: Path) -> list[str]:
    """Return the run without its tag, which is the job's id."""
    return [line.rpartition(" ")[0] for line in (job_dir / "run.txt").read_text().splitlines()]


@pytest.mark.slow
def test_an_evaluation_survives_every_fault_and_a_kill(tmp_path, benchmark):
    with endpoint(faulty=False) as calm:
        undisturbed = prepare(tmp_path / "calm", benchmark, calm)
        jobs.start(undisturbed)
        wait_for_state(undisturbed, "done")
        assert sum(calm.answered.values()) == len(read_calls(undisturbed / "calls.jsonl")) == 9

    with endpoint(faulty=True) as server:
        job_dir = prepare(tmp_path / "faulty", benchmark, server)
        jobs.start(job_dir)
        calls = job_dir / "calls.jsonl"
        wait_for(lambda: len(read_calls(calls)) >= 4, "four answered calls")
        kill(job_dir)
        wait_for_state(job_dir, "interrupted")
        kept = read_calls(calls)
        before = Counter(server.answered)
        jobs.resume(job_dir)
        wait_for_state(job_dir, "done")
        assert runs(job_dir) == runs(undisturbed)
        assert len(read_calls(calls)) == 9
        # What was on disk was not asked for again: only what the kill caught in flight was.
        again = server.answered - before
        assert sum(again.values()) == 9 - len(kept)
        assert server.requests > sum(server.answered.values())  # the faults were met
