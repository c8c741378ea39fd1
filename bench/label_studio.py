"""Label Studio as a yardstick: a server with so many tasks, and reviewers at its HTTP API.

Label Studio lives in an environment of its own:

    python3.11 -m venv .venv-label-studio
    .venv-label-studio/bin/pip install label-studio==1.23.2

Between two tasks it is asked the least that does it: the annotation is sent, the next task fetched.
"""

import asyncio
import os
import random
import re
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
from serving import free_port, stop, wait_for

VERSION = "1.23.2"
TOKEN = "".join(f"{digit:x}" for digit in range(16)) * 2 + "01234567"
PASSWORD = "a-bench-of-reviewers"
PIECE = 1_000  # tasks of one request of the import
CONFIG = """<View>
  <Text name="query" value="$query"/><Text name="chain" value="$chain"/>
  <Choices name="verdict" toName="query" choice="single">
    <Choice value="approve"/><Choice value="reject"/>
  </Choices>
</View>"""


@dataclass
class Yardstick:
    """What reviewers at Label Studio waited for.

    Attributes:
        steps: Milliseconds from sending an annotation to having the next task.
        held: Task, who, from when it was there, to when its annotation was sent.
        failed: Requests that the server answered with an error of its own; they are sent again.
        cpu_ms: The server's processor time of a step.
    """

    steps: list[float] = field(default_factory=list)
    held: list[tuple[str, str, float, float]] = field(default_factory=list)
    failed: int = 0
    cpu_ms: float = 0.0


@contextmanager
def serving(command: Path, folder: Path) -> Iterator[tuple[str, psutil.Process]]:
    """Run Label Studio over a folder, with its defaults, and yield its address and process."""
    port = free_port()
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "server.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [
                *(command, "start", "--no-browser", "--data-dir", folder, "--port", str(port)),
                *("--internal-host", "127.0.0.1", "--host", f"http://127.0.0.1:{port}"),
                *("--username", "lead@example.com", "--password", PASSWORD),
                *("--user-token", TOKEN, "--enable-legacy-api-token"),
            ],
            env={
                **os.environ,
                "HOME": str(folder),
                "COLLECT_ANALYTICS": "false",
                "LATEST_VERSION_CHECK": "false",
            },
            stdout=out,
            stderr=subprocess.STDOUT,
        )
        try:
            wait_for(f"http://127.0.0.1:{port}/health", process, log)
            yield f"http://127.0.0.1:{port}", psutil.Process(process.pid)
        finally:
            stop(process)


def filled(url: str, tasks: Sequence[dict[str, str]]) -> int:
    """Return the id of a project with the tasks, which is made where there is none."""
    with httpx.Client(base_url=url, headers=_lead(), timeout=600) as client:
        known = client.get("/api/projects").raise_for_status().json()["results"]
        if known:
            return int(known[0]["id"])
        body = {"title": "bench", "label_config": CONFIG, "sampling": "Sequential sampling"}
        made = client.post("/api/projects", json=body).raise_for_status().json()
        for start in range(0, len(tasks), PIECE):
            piece = list(tasks[start : start + PIECE])
            client.post(f"/api/projects/{made['id']}/import", json=piece).raise_for_status()
        return int(made["id"])


def _lead() -> dict[str, str]:
    return {"Authorization": f"Token {TOKEN}"}


async def signed_up(client: httpx.AsyncClient, email: str) -> None:
    """Make an account, or sign in where there is one, as the page's form does."""
    for form in ("signup", "login"):
        page = await client.get(f"/user/{form}/")
        hidden = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
        sent = {"email": email, "password": PASSWORD, "csrfmiddlewaretoken": hidden and hidden[1]}
        done = await client.post(f"/user/{form}/", data=sent, headers={"Referer": str(page.url)})
        if done.is_redirect:
            break
    client.headers["X-CSRFToken"] = client.cookies["csrftoken"]
    client.headers["Referer"] = str(client.base_url)
    (await client.get("/api/current-user/whoami")).raise_for_status()


async def sit(
    client: httpx.AsyncClient,
    project: int,
    reviewer: str,
    think_s: float,
    until: float,
    seen: Yardstick,
) -> None:
    """Annotate tasks until the time is up, as one reviewer; each waits for its task."""
    rng = random.Random(reviewer)
    await asyncio.sleep(rng.uniform(0, think_s))  # they do not all begin at once
    task = await _next(client, project, seen)
    while True:
        since = time.monotonic()
        await asyncio.sleep(rng.expovariate(1 / think_s))
        sent = time.monotonic()
        if sent > until:
            return
        choice = {"choices": ["approve"]}
        result = [{"from_name": "verdict", "to_name": "query", "type": "choices", "value": choice}]
        body = {"result": result, "lead_time": sent - since, "project": project}
        await _sent(client, seen, "POST", f"/api/tasks/{task}/annotations/", body)
        following = await _next(client, project, seen)
        seen.steps.append((time.monotonic() - sent) * 1e3)
        seen.held.append((str(task), reviewer, since, sent))
        task = following


async def _next(client: httpx.AsyncClient, project: int, seen: Yardstick) -> int:
    answer = await _sent(client, seen, "GET", f"/api/projects/{project}/next")
    return int(answer.json()["id"])


async def _sent(
    client: httpx.AsyncClient, seen: Yardstick, method: str, path: str, body: Any = None
) -> httpx.Response:
    """Send a request until the server can answer it."""
    while True:
        answer = await client.request(method, path, json=body)
        if not answer.is_server_error:
            return answer.raise_for_status()
        seen.failed += 1


async def annotate(
    served: tuple[str, psutil.Process],
    project: int,
    reviewers: Sequence[str],
    *,
    think_s: float,
    seconds: float,
) -> Yardstick:
    """Let reviewers annotate for `seconds`, with as much thought as elsewhere."""
    url, process = served
    seen = Yardstick()
    async with AsyncExitStack() as stack:
        clients = []
        for reviewer in reviewers:
            client = httpx.AsyncClient(base_url=url, timeout=120)
            clients.append(await stack.enter_async_context(client))
            await signed_up(client, f"{reviewer.replace(' ', '-')}@example.com")
        before = _used(process)
        until = time.monotonic() + seconds
        async with asyncio.TaskGroup() as group:
            for client, reviewer in zip(clients, reviewers, strict=True):
                group.create_task(sit(client, project, reviewer, think_s, until, seen))
        seen.cpu_ms = (_used(process) - before) / max(1, len(seen.steps)) * 1e3
    return seen


def _used(process: psutil.Process) -> float:
    """Return the processor seconds of a server and its children."""
    times = [each.cpu_times() for each in (process, *process.children(recursive=True))]
    return sum(each.user + each.system for each in times)
