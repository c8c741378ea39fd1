import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from curation.benchmarks import read_benchmark
from curation.prompts import Message
from curation.trec import read_run
from tests.trainer.small import SMALL, read_json, wait_for_state
from trainer import engine as engines
from trainer import jobs
from trainer.engine import Answer, TransformersEngine
from trainer.errors import EvaluationError
from trainer.evaluate import evaluate, read_calls
from trainer.jobs import EvaluateSpec
from trainer.models import load_tokenizer
from trainer.process import StopNow
from trainer.recipes import apply_overrides, load_recipe
from trainer.rerank import Reranker

SETTINGS = apply_overrides(load_recipe("demo-sft"), SMALL).evaluation_settings()


class ScriptedEngine:
    """Answers every prompt by a function of it, and counts the prompts."""

    def __init__(self, tokenizer, answer: Callable[[str], str]) -> None:
        self.tokenizer = tokenizer
        self.prompts: list[str] = []
        self._answer = answer

    def generate(
        self, prompts: Sequence[list[Message]], *, max_new_tokens: int, temperature: float
    ) -> Iterator[tuple[int, Answer]]:
        for index in reversed(range(len(prompts))):
            text = prompts[index][-1]["content"]
            self.prompts.append(text)
            yield index, Answer(self._answer(text), 10, 5, 0.01, "stop")


def right_answer(prompt: str) -> str:
    """Rank the passage first whose number the query names, if the window has it."""
    *passages, query = [line for line in prompt.splitlines() if "number" in line]
    wanted = query.rstrip("?").split()[-1]
    hits = [p.split()[-1].strip("[]") for p in passages if p.split()[-2] == wanted]
    return "<think>look</think>\n<answer>" + " > ".join(f"[{hit}]" for hit in hits) + "</answer>"


@pytest.fixture
def spec(tiny_model: Path, benchmark: Path) -> EvaluateSpec:
    return EvaluateSpec(name="small", checkpoint=tiny_model, benchmark=benchmark, settings=SETTINGS)


@pytest.fixture
def job_dir(tmp_path: Path, spec: EvaluateSpec) -> Path:
    return jobs.prepare_job(tmp_path / "jobs", spec)


@pytest.fixture
def scripted(monkeypatch, tiny_model) -> ScriptedEngine:
    engine = ScriptedEngine(load_tokenizer(str(tiny_model)), right_answer)
    monkeypatch.setattr(engines, "TransformersEngine", lambda *_, **__: engine)
    return engine


def test_a_right_model_lifts_the_relevant_passage_through_the_windows(job_dir, scripted):
    message = evaluate(job_dir, jobs.load_config(job_dir))
    per_query = read_json(job_dir / "per_query.json")
    # q4's two candidates do not hold its relevant passage: nothing can lift it.
    assert [per_query[f"q{n}"]["nDCG@10"] for n in range(5)] == [1, 1, 1, 1, 0]
    result = read_json(job_dir / "result.json")
    assert result["measures"] == pytest.approx(
        {"nDCG@10": 0.8, "R@10": 0.8, "AP": 0.8, "RR@10": 0.8}
    )
    assert result["queries"] == 5
    assert result["calls"] == 4 * 2 + 1  # windows (2, 6) and (0, 4); one for two candidates
    assert sum(result["statuses"].values()) == 9
    assert (result["prompt_tokens"], result["completion_tokens"]) == (90, 45)
    assert "nDCG@10 0.8000" in message
    run = read_run(job_dir / "run.txt")
    assert list(run["q0"]) == ["d/0 3", "d/0 0", "d/0 1", "d/0 2", "d/0 4", "d/0 5"]
    for scores in run.values():
        values = list(scores.values())
        assert values == sorted(set(values), reverse=True)  # distinct, falling


def test_calls_tell_what_the_model_saw_and_said(job_dir, scripted):
    evaluate(job_dir, jobs.load_config(job_dir))
    calls = [json.loads(line) for line in (job_dir / "calls.jsonl").read_text().splitlines()]
    first, second = sorted((c for c in calls if c["qid"] == "q0"), key=lambda call: call["call"])
    assert set(first) == {
        *("qid", "call", "start", "end", "docids", "response", "permutation", "status"),
        *("prompt_tokens", "completion_tokens", "seconds"),
    }
    assert (first["start"], first["end"]) == (2, 6)
    assert first["docids"] == ["d/0 2", "d/0 3", "d/0 4", "d/0 5"]
    assert (first["permutation"], first["status"]) == ([2, 1, 3, 4], "missing")
    assert (second["start"], second["end"]) == (0, 4)
    assert second["docids"] == ["d/0 0", "d/0 1", "d/0 3", "d/0 2"]


def test_candidates_below_the_depth_keep_their_places(benchmark, tiny_model):
    found = read_benchmark(benchmark)
    engine = ScriptedEngine(load_tokenizer(str(tiny_model)), right_answer)
    settings = SETTINGS.model_copy(update={"depth": 4})
    reranker = Reranker(engine, settings, passage_texts=found.texts, on_call=lambda _: None)
    order = reranker.rerank(found.queries, found.first_stage, {})
    assert order["q0"] == ["d/0 3", "d/0 0", "d/0 1", "d/0 2", "d/0 4", "d/0 5"]
    assert len(engine.prompts) == 5


def test_a_resumed_evaluation_repeats_no_answered_call(job_dir, scripted):
    config = jobs.load_config(job_dir)
    evaluate(job_dir, config)
    expected = (job_dir / "run.txt").read_text()
    calls = job_dir / "calls.jsonl"
    lines = calls.read_bytes().splitlines(keepends=True)
    calls.write_bytes(b"".join(lines[:4]) + lines[4][:20])  # killed while it wrote the fifth
    scripted.prompts.clear()

    evaluate(job_dir, config)
    assert len(scripted.prompts) == 5
    assert len(read_calls(calls)) == 9
    assert (job_dir / "run.txt").read_text() == expected
    assert read_json(job_dir / "result.json")["calls"] == 9


def test_a_stopped_evaluation_keeps_its_answers(job_dir, scripted):
    config = jobs.load_config(job_dir)
    (job_dir / "control").write_text("stop-and-save")
    with pytest.raises(StopNow):
        evaluate(job_dir, config)
    assert len(read_calls(job_dir / "calls.jsonl")) == 1
    assert not (job_dir / "result.json").exists()
    (job_dir / "control").unlink()
    evaluate(job_dir, config)
    assert len(scripted.prompts) == 9


def test_calls_of_another_benchmark_are_refused(job_dir, scripted):
    config = jobs.load_config(job_dir)
    evaluate(job_dir, config)
    calls = job_dir / "calls.jsonl"
    calls.write_text(calls.read_text().replace("d/0 2", "d/9 9"))
    with pytest.raises(EvaluationError, match="'q0' does not fit"):
        evaluate(job_dir, config)


def test_the_engine_answers_in_any_batch_as_it_does_alone(tiny_model):
    prompts = [[{"role": "user", "content": "note " * n}] for n in (1, 9, 4, 30)]
    together = dict(
        TransformersEngine(str(tiny_model)).generate(prompts, max_new_tokens=8, temperature=0)
    )
    alone = TransformersEngine(str(tiny_model), batch_tokens=1)
    for index, prompt in enumerate(prompts):
        ((_, answer),) = alone.generate([prompt], max_new_tokens=8, temperature=0)
        assert answer.text == together[index].text
        assert answer.prompt_tokens == together[index].prompt_tokens
        assert answer.completion_tokens <= 8
        assert (answer.finish_reason == "length") == (answer.completion_tokens == 8)
    lengths = [together[index].prompt_tokens for index in range(4)]
    assert sorted(lengths) == [lengths[0], lengths[2], lengths[1], lengths[3]]


def test_sampling_repeats_with_its_seed(tiny_model):
    prompt = [[{"role": "user", "content": "note"}]]

    def sample(seed: int) -> str:
        engine = TransformersEngine(str(tiny_model), seed=seed)
        ((_, answer),) = engine.generate(prompt, max_new_tokens=20, temperature=1.0)
        return answer.text

    assert sample(1) == sample(1) != sample(2)


@pytest.mark.slow
def test_an_evaluation_runs_as_a_job(job_dir):
    jobs.start(job_dir)
    wait_for_state(job_dir, "done")
    now = jobs.state(job_dir)
    assert (now.step, now.total, now.unit) == (9, 9, "call")
    result = read_json(job_dir / "result.json")
    assert result["statuses"] == {"truncated": 9}  # an untrained model never ends its answer
    assert result["completion_tokens"] == 9 * SETTINGS.max_new_tokens
    assert result["device"]["kind"] in ("cpu", "cuda")
