"""A model on two workers of a Ray cluster on this machine, each with a real vLLM server."""

import asyncio

import psutil
import pytest

from tests.trainer.test_vllm_engine import build_models, needs_vllm
from trainer.engines.base import Answer, Prompt, Sampling
from trainer.engines.cluster import LOCAL, ClusterEngine
from trainer.errors import EngineError

PROMPTS = [Prompt([{"role": "user", "content": f"which note is on number {n}?"}]) for n in range(8)]


def servers(model: str) -> list[int]:
    found = []
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if model in words and any("vllm.entrypoints" in word for word in words):
            found.append(process.pid)
    return found


@needs_vllm
def test_two_workers_serve_one_model_and_are_gone_afterwards(tmp_path):
    pytest.importorskip("ray", reason="the extra `cluster` is not installed")
    model, _ = build_models(tmp_path)

    async def ask() -> tuple[list[list[Answer]], tuple[str, ...], int]:
        engine = await ClusterEngine.start(str(model), address=LOCAL, workers=2)
        try:
            sampling = Sampling(max_new_tokens=12)
            asked = [engine.generate(prompt, sampling) for prompt in PROMPTS * 2]
            return await asyncio.gather(*asked), engine.info.served_by, len(servers(str(model)))
        finally:
            await engine.close()

    answers, urls, running = asyncio.run(ask())
    assert len(set(urls)) == 2
    assert running == 2
    # Whichever worker answered, the model says the same.
    half = len(PROMPTS)
    assert [a.text for (a,) in answers[:half]] == [a.text for (a,) in answers[half:]]
    assert all(a.completion_tokens for (a,) in answers)
    assert servers(str(model)) == []


def test_a_cluster_that_is_not_there_is_named():
    pytest.importorskip("ray", reason="the extra `cluster` is not installed")
    with pytest.raises(EngineError, match="127.0.0.1:1 cannot be reached"):
        asyncio.run(ClusterEngine.start("any", address="127.0.0.1:1", workers=1))
