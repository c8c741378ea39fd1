import pytest

from db import checkpoints, evaluations, jobs
from db.store import Store
from db.workspace import Workspace
from tests.app.sample import add_evaluation, fill
from trainer import desk, order_test
from trainer import jobs as folders
from trainer.errors import EvaluationError
from trainer.jobs import JobState


@pytest.fixture
def store(tmp_path):
    with Store.create(Workspace(tmp_path / "workspace")) as opened:
        fill(opened, tmp_path)
        yield opened


def test_the_same_evaluation_is_prepared_on_three_shuffles(store):
    tested = evaluations.get_evaluation(store, "sft on held-out")
    prepared = order_test.prepare(store, tested)
    specs = [each.spec for each in prepared]
    assert [spec.settings.shuffle for spec in specs] == [1, 2, 3]
    assert [spec.name for spec in specs] == [f"sft on held-out, shuffled {n}" for n in (1, 2, 3)]
    assert {each.checkpoint_id for each in prepared} == {tested["checkpoint_id"]}
    assert specs[0].settings.label == "shuffled (1) → listwise 6/2"
    unshuffled = specs[0].settings.model_copy(update={"shuffle": None})
    assert unshuffled.model_dump(mode="json") | {"seed": 0} == tested["settings"]


def test_what_is_there_is_not_run_again_and_tells_the_result(store):
    tested = evaluations.get_evaluation(store, "sft on held-out")
    assert order_test.result(store, tested, "nDCG@10") is None
    checkpoint = checkpoints.get_checkpoint(store, "demo-sft-1")["checkpoint_id"]
    add_evaluation(store, checkpoint, "shuffled", shuffle=2, lost=2)
    assert list(order_test.siblings(store, tested)) == [2]
    assert [each.spec.settings.shuffle for each in order_test.prepare(store, tested)] == [1, 3]
    found = order_test.result(store, tested, "nDCG@10")
    assert found.shuffled.n == 1
    assert found.given > found.shuffled.mean
    assert found.tau < 1
    with pytest.raises(EvaluationError, match="shuffled candidates itself"):
        order_test.prepare(store, evaluations.get_evaluation(store, "shuffled"))


def test_what_is_on_its_way_is_not_started_twice(store, monkeypatch):
    tested = evaluations.get_evaluation(store, "sft on held-out")
    for job in order_test.prepare(store, tested)[:2]:
        folder = folders.prepare_job(store.workspace.jobs, job.spec)
        jobs.insert_job(
            store,
            job_id=folder.name,
            kind="evaluate",
            name=job.spec.name,
            config="",
            created_by="ada",
            benchmark_id=job.benchmark_id,
            checkpoint_id=job.checkpoint_id,
        )
    assert order_test.running(store, tested) == set()  # never started
    waiting = JobState("queued", "", None, None, None, None, {}, 1, 1)
    monkeypatch.setattr(desk, "job_state", lambda *_: waiting)
    assert order_test.running(store, tested) == {1, 2}
    assert [each.spec.settings.shuffle for each in order_test.prepare(store, tested)] == [3]


def test_a_first_stage_cannot_be_tested(store):
    with pytest.raises(EvaluationError, match="test a ranker"):
        order_test.prepare(store, evaluations.get_evaluation(store, "first-stage"))
