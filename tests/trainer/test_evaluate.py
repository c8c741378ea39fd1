import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from curation.benchmarks import read_benchmark
from curation.trec import read_run
from tests.trainer.small import SMALL, read_json, wait_for_state
from trainer import jobs
from trainer.asking import read_calls
from trainer.desk import check_models
from trainer.engines import transformers
from trainer.engines.base import Answer, EngineInfo, Prompt, Sampling
from trainer.engines.opening import Embedded
from trainer.errors import EvaluationError, RecipeError
from trainer.evaluate import evaluate
from trainer.joblog import read_events
from trainer.jobs import EvaluateSpec
from trainer.process import StopNow
from trainer.recipes import apply_overrides, load_recipe, override_settings

SETTINGS = apply_overrides(load_recipe("demo-sft"), SMALL).evaluation_settings()


class ScriptedEngine:
    """Answers every prompt by a function of it, and counts the prompts."""

    info = EngineInfo("scripted", "none", "none")
    in_flight = 4

    def __init__(self, answer: Callable[[str], str]) -> None:
        self.prompts: list[str] = []
        self._answer = answer

    async def generate(self, prompt: Prompt, sampling: Sampling, *, n: int = 1) -> list[Answer]:
        text = prompt.messages[-1]["content"]
        self.prompts.append(text)
        return [Answer(self._answer(text), 10, 5, 0.01, "stop")] * n

    def cut_passages(self, texts: Sequence[str], max_tokens: int) -> list[str]:
        return list(texts)

    async def close(self) -> None:
        pass


def right_answer(prompt: str) -> str:
    """Rank the passage first whose number the query names, if the window has it."""
    *passages, query = [line for line in prompt.splitlines() if "number" in line]
    wanted = query.rstrip("?").split()[-1]
    hits = [p.split()[-1].strip("[]") for p in passages if p.split()[-2] == wanted]
    return "<think>look</think>\n<answer>" + " > ".join(f"[{hit}]" for hit in hits) + "</answer>"


@pytest.fixture
def spec(tiny_model: Path, benchmark: Path) -> EvaluateSpec:
    return EvaluateSpec(
        name="small",
        engine=Embedded(model=str(tiny_model)),
        benchmark=benchmark,
        settings=SETTINGS,
    )


@pytest.fixture
def job_dir(tmp_path: Path, spec: EvaluateSpec) -> Path:
    return jobs.prepare_job(tmp_path / "jobs", spec)


@pytest.fixture
def scripted(monkeypatch) -> ScriptedEngine:
    engine = ScriptedEngine(right_answer)
    monkeypatch.setattr(transformers, "TransformersEngine", lambda *_, **__: engine)
    return engine


def test_a_right_model_lifts_the_relevant_passage_through_the_windows(job_dir, scripted):
    message = evaluate(job_dir, jobs.load_config(job_dir))
    per_query = read_json(job_dir / "per_query.json")
    # q4's two candidates do not hold its relevant passage: nothing can lift it.
    assert [per_query[f"q{n}"]["nDCG@10"] for n in range(5)] == [1, 1, 1, 1, 0]
    result = read_json(job_dir / "result.json")
    assert result["measures"] == pytest.approx(
        {"nDCG@10": 0.8, "R@10": 0.8, "AP": 0.8, "RR@10": 0.8, "Judged@10": 0.8 / 6}
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
        *("qid", "call", "round", "model", "kind", "start", "docids", "sample", "response"),
        *("permutation", "scores", "status", "prompt_tokens", "completion_tokens", "seconds"),
    }
    assert (first["start"], first["round"], first["kind"]) == (2, 1, "order")
    assert first["docids"] == ["d/0 2", "d/0 3", "d/0 4", "d/0 5"]
    assert (first["permutation"], first["status"]) == ([2, 1, 3, 4], "missing")
    assert (second["start"], second["round"]) == (0, 2)
    assert second["docids"] == ["d/0 0", "d/0 1", "d/0 3", "d/0 2"]


def test_candidates_below_the_depth_keep_their_places(tmp_path, spec, scripted):
    shallow = spec.model_copy(update={"settings": SETTINGS.model_copy(update={"depth": 4})})
    job_dir = jobs.prepare_job(tmp_path / "jobs", shallow)
    evaluate(job_dir, jobs.load_config(job_dir))
    run = read_run(job_dir / "run.txt")
    assert list(run["q0"]) == ["d/0 3", "d/0 0", "d/0 1", "d/0 2", "d/0 4", "d/0 5"]
    assert len(scripted.prompts) == 5


def test_progress_tells_the_measure_so_far(job_dir, scripted):
    evaluate(job_dir, jobs.load_config(job_dir))
    last = [e for e in read_events(job_dir)[0] if e["type"] == "progress"][-1]
    assert (last["step"], last["total"]) == (9, 9)
    assert last["so_far"] == {"queries": 5, "nDCG@10": 0.8}


def test_candidates_may_come_from_a_search(tmp_path, spec, scripted):
    settings = SETTINGS.model_copy(update={"first_stage": "bm25", "depth": 4})
    searched = spec.model_copy(update={"settings": settings})
    job_dir = jobs.prepare_job(tmp_path / "jobs", searched)
    evaluate(job_dir, jobs.load_config(job_dir))
    run = read_run(job_dir / "run.txt")
    assert {qid: len(docids) for qid, docids in run.items()} == {f"q{n}": 4 for n in range(5)}
    # q4's own list lacks its relevant passage, and so does not bound what a search finds.
    assert any("on number 7" in prompt for prompt in scripted.prompts)
    assert settings.label == "bm25 → listwise 4/2"


def test_passages_may_be_written_as_rankllm_does(tmp_path, spec, scripted, benchmark):
    settings = SETTINGS.model_copy(update={"style": "rankllm", "depth": 4})
    job_dir = jobs.prepare_job(tmp_path / "jobs", spec.model_copy(update={"settings": settings}))
    evaluate(job_dir, jobs.load_config(job_dir))
    titled = [each for each in read_benchmark(benchmark).every_passage().values() if each.title]
    assert bool(titled) == any("Title: " in prompt for prompt in scripted.prompts)
    assert settings.label == "listwise 4/2, as rankllm"


def test_candidates_may_be_shown_shuffled(tmp_path, spec, scripted, benchmark):
    settings = SETTINGS.model_copy(update={"shuffle": 7, "depth": 4})
    job_dir = jobs.prepare_job(tmp_path / "jobs", spec.model_copy(update={"settings": settings}))
    evaluate(job_dir, jobs.load_config(job_dir))
    shown = [call.docids for call in read_calls(job_dir / "calls.jsonl").values()]
    given = [tuple(docids[:4]) for docids in read_benchmark(benchmark).first_stage.values()]
    assert [sorted(each) for each in shown] == [sorted(each) for each in given]
    assert shown != given
    run = read_run(job_dir / "run.txt")  # what lies below the depth stays where it was
    assert list(run["q0"]) == ["d/0 3", *(d for d in shown[0] if d != "d/0 3"), "d/0 4", "d/0 5"]


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
    assert 0 < len(read_calls(job_dir / "calls.jsonl")) < 9
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


def test_two_models_share_the_work(tmp_path, spec, monkeypatch):
    engines: dict[str, ScriptedEngine] = {}

    def open_one(model: str) -> ScriptedEngine:
        return engines.setdefault(model, ScriptedEngine(right_answer))

    monkeypatch.setattr(transformers, "TransformersEngine", open_one)
    strategy = (
        "strategy={name: collaborative, top: 3, template: listwise-short, "
        "small: {name: listwise, window: 4, step: 2, template: listwise-short}}"
    )
    shared = spec.model_copy(
        update={
            "small": Embedded(model="tiny-one"),
            "settings": override_settings(SETTINGS, [strategy]),
        }
    )
    job_dir = jobs.prepare_job(tmp_path / "jobs", shared)
    evaluate(job_dir, jobs.load_config(job_dir))
    calls = read_calls(job_dir / "calls.jsonl").values()
    assert [c.model for c in calls if c.qid == "q0"] == ["small", "small", "main"]
    assert len(engines["tiny-one"].prompts) == 9  # sliding windows, as above
    assert len(engines[spec.engine.model].prompts) == 5  # one for each query
    assert read_json(job_dir / "result.json")["engines"].keys() == {"main", "small"}


@pytest.mark.parametrize(
    ("strategy", "small", "told"),
    [
        ("{name: collaborative, small: {name: listwise}}", None, "name the small one too"),
        ("{name: listwise}", "other", "asks one model"),
        (
            "{name: cascade, stages: [{depth: 9, model: small, strategy: {name: first}}]}",
            None,
            "name the small one too",
        ),
    ],
)
def test_a_second_model_is_named_where_the_strategy_asks_it_and_nowhere_else(strategy, small, told):
    chosen = override_settings(SETTINGS, [f"strategy={strategy}"]).strategy
    with pytest.raises(RecipeError, match=told):
        check_models(chosen, has_small=small is not None)
    check_models(chosen, has_small=small is None)
