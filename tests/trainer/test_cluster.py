"""A model on two workers of a Ray cluster on this machine, each with a real vLLM server."""

import asyncio

import polars as pl
import psutil
import pytest

from curation.source_folder import SourceQuery, write_source
from tests.trainer.small import wait_for
from tests.trainer.test_vllm_engine import build_models, needs_vllm
from trainer import jobs
from trainer.engines.base import Answer, Prompt, Sampling
from trainer.engines.cluster import LOCAL, ClusterEngine
from trainer.engines.opening import Vllm
from trainer.errors import EngineError
from trainer.joblog import read_records
from trainer.jobs import GenerateSpec
from trainer.synthesis_settings import SynthesisSettings

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


@pytest.mark.slow
@needs_vllm
def test_a_generate_job_asks_the_workers_of_a_cluster(tmp_path):
    pytest.importorskip("ray", reason="the extra `cluster` is not installed")
    model, _ = build_models(tmp_path)
    passages = pl.DataFrame(
        [(f"d{n}", "", f"note on number {n}") for n in range(4)],
        schema={"docid": pl.String, "title": pl.String, "text": pl.String},
        orient="row",
    )
    docids = tuple(passages["docid"])
    queries = [
        SourceQuery(f"q{n}", "notes", f"number {n}?", relevant=("d1",), candidates=docids)
        for n in range(6)
    ]
    made = write_source(tmp_path, "notes", "table", queries, passages)
    spec = GenerateSpec(
        name="on a cluster",
        source=tmp_path / made.source_id,
        answers=tmp_path / "answers",
        engine=Vllm(model=str(model), cluster=LOCAL, workers=2),
        settings=SynthesisSettings(max_new_tokens=20),
    )
    job_dir = jobs.prepare_job(tmp_path / "jobs", spec)
    jobs.start(job_dir)
    ended = ("done", "failed", "stopped", "interrupted")
    wait_for(lambda: jobs.state(job_dir).state in ended, "the job", 300)
    assert jobs.state(job_dir).state == "done", jobs.state(job_dir).message
    done, _ = read_records(job_dir / "items.jsonl")
    assert {each["qid"] for each in done} == {query.qid for query in queries}
    assert all(each["samples"][0]["completion_tokens"] for each in done)
    assert servers(str(model)) == []


def test_a_cluster_that_is_not_there_is_named():
    pytest.importorskip("ray", reason="the extra `cluster` is not installed")
    with pytest.raises(EngineError, match="127.0.0.1:1 cannot be reached"):
        asyncio.run(ClusterEngine.start("any", address="127.0.0.1:1", workers=1))
