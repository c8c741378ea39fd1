"""A model on the machines of a Ray cluster: one vLLM server on each worker, asked as endpoints.

The job itself stays one process here, which dispatches to the least loaded server. So what it may
spend, what it has asked already and what it says of its progress are the same as with any endpoint.
"""

import asyncio
import importlib
import secrets
import signal
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from trainer.engines.next_tokens import template_digest
from trainer.engines.openai import OpenAIEngine
from trainer.engines.vllm import IN_FLIGHT, VllmEngine
from trainer.errors import EngineError
from trainer.models import tokenizer_source

LOCAL = "local"
"""The address that starts a cluster on this machine, for as long as the engine is open."""

_MISSING = "Ray is not installed here: pip install -e '.[cluster]'."


class _Worker:
    """One worker: it lives in a process of the cluster, and its server with it."""

    def __init__(self) -> None:
        self._engine: VllmEngine | None = None

    def serve(self, checkpoint: str, key: str) -> str:
        """Start a server and return its base URL.

        Ray calls this in the process's main thread, to which the server's life is bound.
        """
        ray: Any = importlib.import_module("ray")
        log = Path(tempfile.mkdtemp(prefix="rankdesk-vllm-")) / "vllm.log"
        host = ray.util.get_node_ip_address()
        self._engine = asyncio.run(
            VllmEngine.start(checkpoint, log_path=log, host=host, api_key=key)
        )
        return self._engine.info.served_by[0]

    def stop(self) -> None:
        """End the server."""
        if self._engine is not None:
            asyncio.run(self._engine.close())


class ClusterEngine(OpenAIEngine):
    """A checkpoint on several workers of a Ray cluster; see `start`."""

    _workers: list[Any]

    @classmethod
    async def start(cls, checkpoint: str, *, address: str, workers: int) -> "ClusterEngine":
        """Have every worker serve the model, and wait until all of them do.

        Each takes a GPU where the cluster has any, else a processor core. The servers want a key
        that this process draws, since a node's address is open to its network.

        Args:
            checkpoint: A hub name, or a folder that every node finds at the same path.
            address: A cluster's address, `auto` for the one that this machine belongs to, or
                `local`.

        Raises:
            EngineError: Ray or the cluster cannot be had, or a server does not come up.
        """
        try:
            # Ray's own types leave out what its decorators add.
            ray: Any = importlib.import_module("ray")
        except ImportError:
            raise EngineError(_MISSING) from None
        _look_for(address)
        try:
            with _own_signals():
                ray.init(
                    address=None if address == LOCAL else address,
                    num_cpus=workers if address == LOCAL else None,
                    include_dashboard=False if address == LOCAL else None,
                    log_to_driver=False,
                )
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise EngineError(f"The Ray cluster {address} cannot be reached: {error}") from error
        key = secrets.token_urlsafe(24)
        gpus = 1 if ray.cluster_resources().get("GPU", 0) else 0
        remote = ray.remote(num_cpus=1, num_gpus=gpus, scheduling_strategy="SPREAD")(_Worker)
        actors = [remote.remote() for _ in range(workers)]
        try:
            urls = await asyncio.gather(*(actor.serve.remote(checkpoint, key) for actor in actors))
        except (ray.exceptions.RayError, asyncio.CancelledError) as error:
            ray.shutdown()
            if isinstance(error, asyncio.CancelledError):
                raise
            raise EngineError(
                f"A worker of {address} did not serve {checkpoint}: {error}"
            ) from error
        engine = cls(
            urls,
            checkpoint,
            api_key=key,
            in_flight=IN_FLIGHT * workers,
            tokenizer=tokenizer_source(checkpoint),
        )
        assert engine.tokenizer is not None
        template = f"the checkpoint's, {template_digest(engine.tokenizer)}"
        engine.info = type(engine.info)("vllm", checkpoint, template, tuple(urls))
        engine._workers = actors
        return engine

    async def close(self) -> None:
        """Close the connections, end the servers and leave the cluster."""
        import ray

        await super().close()
        await asyncio.gather(
            *(actor.stop.remote() for actor in self._workers), return_exceptions=True
        )
        ray.shutdown()


@contextmanager
def _own_signals() -> Iterator[None]:
    """Keep what a SIGTERM does: Ray would make it end the process at once."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)


def _look_for(address: str) -> None:
    """Say at once where nothing answers: Ray itself looks for ten minutes."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not colon or not port.isdigit():
        return
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except OSError as error:
        raise EngineError(
            f"The Ray cluster {address} cannot be reached: {error.strerror or error}. `ray status` "
            "on its head node tells the address."
        ) from error
