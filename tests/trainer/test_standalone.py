"""Reranking files with a real, untrained model."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from curation.demo.world import build_world, write_benchmark_files
from curation.trec import read_run
from trainer.asking import Answering
from trainer.engines.opening import Embedded
from trainer.errors import EvaluationError
from trainer.standalone import Work, read_files, rerank_files
from trainer.strategies.listwise import First, Listwise

ANSWERING = Answering(max_new_tokens=8)


@pytest.fixture
def work(tmp_path: Path) -> Work:
    write_benchmark_files(build_world(seed=4, n_items=1, n_benchmark=3), tmp_path)
    names = ("queries.jsonl", "passages.jsonl", "run.txt")
    queries, passages, candidates = read_files(*(tmp_path / name for name in names))
    strategy = Listwise(window=6, step=2, template="listwise-short")
    return Work(queries, passages, candidates, strategy, 12, "rankdesk", None, 16)


@pytest.fixture
def rerank(work, tmp_path, tiny_model):
    def run(
        *,
        resume: bool = False,
        output: str = "new.run",
        answering: Answering = ANSWERING,
        **change: object,
    ) -> dict:
        return rerank_files(
            replace(work, **change),
            {"main": Embedded(model=str(tiny_model))},
            answering,
            output=tmp_path / output,
            trace=tmp_path / "trace.jsonl",
            resume=resume,
            on_progress=lambda done, total: None,
        )

    return run


def test_reranking_goes_on_from_its_trace(rerank, work, tmp_path):
    first = rerank()
    assert (first["calls"], first["sequential_depth"]) == (3 * 4, 4)
    run, trace = tmp_path / "new.run", tmp_path / "trace.jsonl"
    before = run.read_text()
    for qid, scores in read_run(run).items():
        assert sorted(scores) == sorted(work.candidates[qid])
        assert list(scores)[12:] == work.candidates[qid][12:]  # below the depth
    with pytest.raises(EvaluationError, match="go on from it with --resume"):
        rerank()
    kept = trace.read_text().splitlines(keepends=True)
    assert "settings" in json.loads(kept[0])
    trace.write_text("".join(kept[:6]) + kept[6][:9])  # killed while it wrote the sixth
    assert rerank(resume=True)["calls"] == 12
    assert run.read_text() == before
    assert len(trace.read_text().splitlines()) == 14  # the broken line, settings, twelve calls


def test_candidates_that_tie_are_shown_in_the_order_of_the_run(tmp_path):
    (tmp_path / "q.tsv").write_text("q\twhy?\n")
    (tmp_path / "p.jsonl").write_text(
        "".join(json.dumps({"id": docid, "contents": docid}) + "\n" for docid in "abc")
    )
    (tmp_path / "r.run").write_text("q Q0 b 1 1.0 x\nq Q0 a 2 1.0 x\nq Q0 c 3 2.0 x\n")
    _, _, order = read_files(*(tmp_path / name for name in ("q.tsv", "p.jsonl", "r.run")))
    assert order == {"q": ["c", "b", "a"]}


def test_results_may_be_written_for_rankllm(rerank, tmp_path):
    rerank(output="new.json")
    entries = json.loads((tmp_path / "new.json").read_text())
    assert len(entries) == 3
    assert {"text", "qid"} == set(entries[0]["query"])
    assert len(entries[0]["candidates"]) == 20


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            {"strategy": First(window=6, step=2, template="listwise-short")},
            "strategy was {'window'",
        ),
        ({"depth": 11}, "depth was 12, not 11"),
        ({"style": "rankllm"}, "style was 'rankdesk', not 'rankllm'"),
    ],
)
def test_a_trace_of_other_settings_is_refused(rerank, change, told):
    rerank()
    with pytest.raises(EvaluationError, match=told):
        rerank(resume=True, **change)


def test_a_trace_of_another_answering_or_text_is_refused(rerank, work, tmp_path):
    rerank()
    with pytest.raises(EvaluationError, match=r"temperature was 0.0, not 0.5; .*seed|temperature"):
        rerank(resume=True, answering=Answering(max_new_tokens=8, temperature=0.5))
    work.queries[next(iter(work.candidates))] = "another?"
    with pytest.raises(EvaluationError, match="queries was"):
        rerank(resume=True)
    (tmp_path / "trace.jsonl").write_text('{"qid": "q"}\n')
    with pytest.raises(EvaluationError, match="does not begin with the settings"):
        rerank(resume=True)
