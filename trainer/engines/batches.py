"""An endpoint's batch API: requests go out in files, and answers come back within a day.

Requests that are asked for at about the same time share a file. Which files were sent is written
down before a batch is made of them, so that a job which was killed fetches what it had submitted
instead of paying again.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from openai import APIError, AsyncOpenAI

from db.ids import content_id
from trainer.engines.endpoints import MALFORMED, Send, T, UnusableAnswerError, client_of
from trainer.errors import EngineError
from trainer.joblog import append_record, read_records

MOST_IN_A_FILE = 20_000
"""Endpoints take 50,000."""

MOST_BYTES = 190_000_000
"""Endpoints take 200 MB, and lists of passages are long."""

_QUIET_S = 1.0  # after the last request, until the file goes out
_FIRST_LOOK_S, _LONGEST_LOOK_S = 1.0, 60.0
_RETRIES = 8
_ENDED = ("completed", "failed", "expired", "cancelled")


class BatchEndpoint:
    """One base URL, asked by batches.

    Attributes:
        failures: Requests that a batch did not answer, by kind.
    """

    def __init__(
        self, base_url: str, *, api_key: str | None, timeout_s: float, log_path: Path
    ) -> None:
        """Prepare the client; nothing is asked yet.

        Args:
            timeout_s: For one call of the API; a batch may take a day.
            log_path: Where files that were sent are written down, a line each.

        Raises:
            EngineError: The base URL is none.
        """
        self._client: AsyncOpenAI = client_of(base_url, api_key or "none", timeout_s).with_options(
            max_retries=_RETRIES
        )
        self._url = base_url
        self._log_path = log_path
        self.failures: Counter[str] = Counter()
        self._waiting: dict[str, dict[str, Any]] = {}  # lines of the next file, by custom id
        self._answers: dict[str, asyncio.Future[Any]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._filling = False
        self._fetched: asyncio.Task[None] | None = None

    async def ask(self, send: Send[T]) -> tuple[T, float]:
        """Return what a request brings, and the seconds that it took; see `Endpoints.ask`.

        Raises:
            EngineError: The batch did not answer it.
        """
        began = time.monotonic()
        try:
            # `send` posts one request to a client; here the post ends in a file.
            answer = await send(self)  # type: ignore[arg-type]
        except (UnusableAnswerError, *MALFORMED) as error:
            self.failures["unusable answer"] += 1
            raise EngineError(f"{self._url} {error}") from None
        return answer, time.monotonic() - began

    async def post(self, path: str, *, cast_to: type[object], body: dict[str, Any]) -> object:
        """Return the body of the answer to one request; takes the place of a client's `post`."""
        if self._fetched is None:
            self._fetched = asyncio.create_task(self._fetch_earlier())
        await asyncio.shield(self._fetched)
        key = content_id([path, body])
        if key not in self._answers:
            self._answers[key] = asyncio.get_running_loop().create_future()
            line = {"custom_id": key, "method": "POST", "url": f"/v1{path}", "body": body}
            self._waiting[key] = line
            if not self._filling:
                self._filling = True
                self._begin(self._fill())
        body_of_answer = await asyncio.shield(self._answers[key])
        self._answers.pop(key, None)  # whoever asks again finds it in the workspace
        return body_of_answer

    async def close(self) -> None:
        """Stop looking; batches that are under way go on, and are fetched by the next attempt."""
        for task in [*self._tasks, *([self._fetched] if self._fetched else [])]:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._client.close()

    def _begin(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _fill(self) -> None:
        """Send files until nothing waits; one goes out when no more requests come for it."""
        try:
            while self._waiting:
                seen = -1
                while seen < len(self._waiting) < MOST_IN_A_FILE:
                    seen = len(self._waiting)
                    await asyncio.sleep(_QUIET_S)
                self._begin(self._submit(self._next_file()))
        finally:
            self._filling = False

    def _next_file(self) -> dict[str, bytes]:
        """Take from what waits as much as a file may hold, lines by custom id."""
        taken: dict[str, bytes] = {}
        size = 0
        for key, line in list(self._waiting.items())[:MOST_IN_A_FILE]:
            written = json.dumps(line, ensure_ascii=False).encode("utf-8", "backslashreplace")
            size += len(written) + 1
            if taken and size > MOST_BYTES:
                break
            taken[key] = written
            del self._waiting[key]
        return taken

    async def _submit(self, lines: Mapping[str, bytes]) -> None:
        content = b"".join(line + b"\n" for line in lines.values())
        path = json.loads(next(iter(lines.values())))["url"]
        try:
            file = await self._client.files.create(
                file=("requests.jsonl", content), purpose="batch"
            )
            append_record(self._log_path, {"file_id": file.id, "custom_ids": list(lines)})
            batch = await self._client.batches.create(
                input_file_id=file.id, endpoint=path, completion_window="24h"
            )
        except (APIError, *MALFORMED) as error:
            self._fail(lines, f"{self._url} took no batch: {error}")
            return
        await self._follow(batch.id, list(lines))

    async def _follow(self, batch_id: str, keys: Sequence[str]) -> None:
        """Wait for a batch, and give each request its answer."""
        pause = _FIRST_LOOK_S
        try:
            while (batch := await self._client.batches.retrieve(batch_id)).status not in _ENDED:
                await asyncio.sleep(pause)
                pause = min(1.5 * pause, _LONGEST_LOOK_S)
            bodies = await self._read(batch)
        except (APIError, *MALFORMED) as error:
            self._fail(keys, f"{self._url} lost the batch {batch_id}: {error}")
            return
        for key, body in bodies.items():
            self._settle(key, body)
        left = [key for key in keys if key not in bodies]
        self._fail(left, f"{self._url} left it unanswered: the batch {batch_id} is {batch.status}")

    async def _read(self, batch: Any) -> dict[str, Any]:
        """Return answers by custom id; what was refused is not among them."""
        if batch.output_file_id is None:
            return {}
        content = await self._client.files.content(batch.output_file_id)
        records = [json.loads(line) for line in content.text.splitlines() if line.strip()]
        return {
            record["custom_id"]: record["response"]["body"]
            for record in records
            if (record.get("response") or {}).get("status_code") == 200
        }

    async def _fetch_earlier(self) -> None:
        """Find the batches of an earlier attempt: their answers are here, or are waited for."""
        sent = {
            record["file_id"]: record["custom_ids"] for record in read_records(self._log_path)[0]
        }
        if not sent:
            return
        try:
            async for batch in self._client.batches.list(limit=100):
                keys = sent.pop(batch.input_file_id, None)
                if keys is not None and batch.status in _ENDED:
                    for key, body in (await self._read(batch)).items():
                        self._settle(key, body)
                elif keys is not None:
                    for key in keys:
                        self._answers[key] = asyncio.get_running_loop().create_future()
                    self._begin(self._follow(batch.id, keys))
                if not sent:
                    return
        except (APIError, *MALFORMED) as error:
            raise EngineError(
                f"{self._url} does not list its batches, and some of this job's may be there: "
                f"{error}. Go on with it later."
            ) from None

    def _settle(self, key: str, body: object) -> None:
        future = self._answers.setdefault(key, asyncio.get_running_loop().create_future())
        if not future.done():
            future.set_result(body)

    def _fail(self, keys: Sequence[str] | Mapping[str, Any], reason: str) -> None:
        self.failures["batch"] += len(keys)
        for key in keys:
            future = self._answers.pop(key)
            future.set_exception(EngineError(f"{reason}."))
            future.exception()  # nobody may be waiting any more
