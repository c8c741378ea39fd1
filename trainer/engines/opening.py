"""Which engine answers, as a job's file or a command line names it; and the engine itself."""

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from trainer.engines.base import Engine
from trainer.settings import Positive, Strict
from trainer.strategies.base import Model


def absolute(place: str) -> str:
    """Make the path of a folder absolute, for a process that runs elsewhere; leave a hub name."""
    folder = Path(place).expanduser()
    return str(folder.absolute()) if place and folder.exists() else place


class Embedded(Strict):
    """The checkpoint in the job's own process, by transformers."""

    kind: Literal["transformers"] = "transformers"
    model: Annotated[str, AfterValidator(absolute)]  # folder or hub name


class Served(Strict):
    """OpenAI-compatible endpoints that serve the model already."""

    kind: Literal["openai"] = "openai"
    model: str  # as the endpoints call it
    base_urls: Annotated[tuple[str, ...], Field(min_length=1)]
    # The name of the variable that holds the key; the key itself is written nowhere. Where it is
    # not set, the endpoints are asked without one, as servers of one's own want it.
    key_variable: str = "OPENAI_API_KEY"
    in_flight: Positive = 32
    timeout_s: Annotated[float, Field(gt=0)] = 600.0  # for one request; a long chain takes minutes
    # By the endpoint's batch API: cheaper where it is offered, and answered within a day.
    batch: bool = False
    # Folder or hub name of the served model, where the endpoints are vLLM's: passages are then cut
    # by tokens, begun turns rendered here, and options scored exactly. None: as any server can.
    tokenizer: str | None = None

    @model_validator(mode="after")
    def _one_endpoint_takes_batches(self) -> "Served":
        if self.batch and len(self.base_urls) > 1:
            raise ValueError("batches go to one base URL: name one, or leave batch out")
        return self


class Vllm(Strict):
    """A vLLM server that is started for the checkpoint, and stopped after it; or several of them.

    With a cluster, each of the workers is a server on one of its nodes, which must find the model
    at the same path.
    """

    kind: Literal["vllm"] = "vllm"
    model: Annotated[str, AfterValidator(absolute)]  # folder or hub name
    cluster: str | None = None  # address of a Ray cluster, `auto`, or `local` for this machine
    workers: Positive = 1


def base_url_problem(url: str) -> str | None:
    """Say what is wrong with an endpoint's base URL; None where nothing is."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return (
            f"A base URL has no http:// or https:// and host: {url.rpartition('@')[2][:60]!r}. "
            "Give one such as http://127.0.0.1:8000/v1."
        )
    if parts.username or parts.password or parts.query:
        return (
            f"The base URL of {parts.hostname} holds a user, a password or a query: URLs are shown "
            "and stored, so give the key through the environment."
        )
    return None


def model_name(engine: Embedded | Served | Vllm) -> str:
    """Return the name that a model has in the price table and beside its rankings."""
    return Path(engine.model).name if Path(engine.model).is_absolute() else engine.model


EngineSpec = Annotated[Embedded | Served | Vllm, Field(discriminator="kind")]


@asynccontextmanager
async def open_engines(
    specs: Mapping[Model, Embedded | Served | Vllm], log_dir: Path
) -> AsyncIterator[dict[Model, Engine]]:
    """Open every engine, and close them in the end; they share the GPU's memory evenly.

    Args:
        log_dir: Where servers that are started write their logs.
    """
    async with AsyncExitStack() as stack:
        engines: dict[Model, Engine] = {}
        for model, spec in specs.items():
            name = "vllm.log" if model == "main" else f"vllm-{model}.log"
            engines[model] = await open_engine(spec, log_dir / name, share=1 / len(specs))
            stack.push_async_callback(engines[model].close)
        yield engines


async def open_engine(spec: Embedded | Served | Vllm, log_path: Path, share: float = 1.0) -> Engine:
    """Load, reach or start an engine; the caller closes it.

    Args:
        log_path: Where a server that is started writes its log; what is sent in batches is written
            down beside it.
        share: Of the GPU's memory, for a server that is started.

    Raises:
        ModelError: The checkpoint cannot be loaded.
        EngineError: A base URL is none, or the server does not come up.
    """
    if isinstance(spec, Embedded):
        from trainer.engines.transformers import TransformersEngine

        return TransformersEngine(spec.model)
    if isinstance(spec, Vllm) and spec.cluster is not None:
        from trainer.engines.cluster import ClusterEngine

        spread: Engine = await ClusterEngine.start(
            spec.model, address=spec.cluster, workers=spec.workers
        )
        return spread
    if isinstance(spec, Vllm):
        from trainer.engines.vllm import VllmEngine

        started: Engine = await VllmEngine.start(spec.model, log_path=log_path, memory_share=share)
        return started
    from trainer.engines.openai import OpenAIEngine

    reached: Engine = OpenAIEngine(
        spec.base_urls,
        spec.model,
        api_key=os.environ.get(spec.key_variable),
        in_flight=spec.in_flight,
        timeout_s=spec.timeout_s,
        tokenizer=spec.tokenizer,
        batch_log=log_path.with_name(log_path.stem.replace("vllm", "batches") + ".jsonl")
        if spec.batch
        else None,
    )
    return reached
