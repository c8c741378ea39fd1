"""Answers that were paid for, by the content of the request: none is ever asked for twice.

One LMDB file in the workspace, shared by all jobs. An answer is there or it is not, also after
`kill -9` and with several jobs writing; many answers are flushed to disk by one commit. What a job
is about to ask is locked, so that another one waits for the answer instead of paying for it too.
"""

import asyncio
import errno
import fcntl
import json
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import lmdb

from db.ids import content_id

_MOST_BYTES = 1 << 40  # of address space, not of disk
_FIRST_LOOK_S, _LONGEST_LOOK_S = 0.05, 1.0


@dataclass(frozen=True, slots=True)
class Stored:
    """An answer as it was given.

    Attributes:
        text: The whole turn, the chain in a think block.
        finish: `length` where the token limit ended it.
        price: US dollars; None where the model had no price.
        job_id: The job that paid.
    """

    text: str
    finish: str
    prompt_tokens: int
    completion_tokens: int
    seconds: float
    price: float | None
    job_id: str


def request_key(model: str, messages: list[dict[str, str]], sampling: dict[str, Any]) -> str:
    """Return the content id of a request: equal requests have one answer."""
    return content_id([model, messages, sampling])


class Answers:
    """The store of answers; use it as an asynchronous context."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._lmdb = lmdb.open(str(folder), map_size=_MOST_BYTES, metasync=False)
        self._asking = (folder / "asking.lock").open("ab")
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="answers")
        self._waiting: list[tuple[bytes, bytes, asyncio.Future[None]]] = []
        self._flushing: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._flushing is not None:
            await asyncio.gather(self._flushing, return_exceptions=True)
        self._writer.shutdown()
        self._lmdb.close()
        self._asking.close()

    def get(self, key: str) -> Stored | None:
        """Return the answer to a request, if it was ever given."""
        with self._lmdb.begin() as reading:
            found = reading.get(key.encode())
        return None if found is None else Stored(**json.loads(found))

    @asynccontextmanager
    async def alone(self, key: str) -> AsyncIterator[None]:
        """Hold the right to ask for what has no answer; wait while another process has it.

        Look for the answer again within. The right is a lock on one byte of a file, at a place
        that the key decides: the system takes it from a process that is no more.
        """
        place, pause = int(key[:15], 16), _FIRST_LOOK_S
        while True:
            try:
                fcntl.lockf(self._asking, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
                break
            except OSError as error:
                if error.errno not in (errno.EACCES, errno.EAGAIN):
                    raise
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_LOOK_S)
        try:
            yield
        finally:
            fcntl.lockf(self._asking, fcntl.LOCK_UN, 1, place)

    async def put(self, key: str, answer: Stored) -> None:
        """Keep an answer; returns when it is on disk."""
        kept = asyncio.get_running_loop().create_future()
        value = json.dumps(asdict(answer), ensure_ascii=False).encode("utf-8", "surrogatepass")
        self._waiting.append((key.encode(), value, kept))
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.create_task(self._flush())
        await kept

    async def _flush(self) -> None:
        """Write what waits, and what came meanwhile, one commit after the other."""
        loop = asyncio.get_running_loop()
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                await loop.run_in_executor(self._writer, self._write, batch)
            except Exception as error:  # noqa: BLE001 - whoever waits for the write is told
                for _, _, kept in batch:
                    if not kept.done():
                        kept.set_exception(error)
            else:
                for _, _, kept in batch:
                    if not kept.done():
                        kept.set_result(None)

    def _write(self, batch: list[tuple[bytes, bytes, asyncio.Future[None]]]) -> None:
        with self._lmdb.begin(write=True) as writing:
            for key, value, _ in batch:
                writing.put(key, value)
