import pytest

from tests.trainer.small import SFT
from trainer import jobs
from trainer.errors import ModelError
from trainer.models import load_tokenizer
from trainer.process import StopNow, asked_to_stop, explain, raise_if_stopped
from trainer.training import newest_checkpoint


@pytest.fixture
def config(train_spec, tmp_path):
    return jobs.load_config(jobs.prepare_job(tmp_path / "jobs", train_spec("demo-sft", SFT)))


def test_running_out_of_memory_names_the_settings_to_change(config):
    class OutOfMemoryError(RuntimeError):
        """As torch names its own."""

    for error in (
        OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: 9 bytes"),
        MemoryError(),
    ):
        message = explain(error, config)
        assert message.startswith("Out of memory: lower per_device_train_batch_size (now 4)")


def test_an_unforeseen_failure_is_one_line(config):
    assert explain(KeyError("a\nb"), config) == (
        r"KeyError: 'a\nb'. The traceback is in stderr.log."
    )


def test_the_control_file_stops_a_job(tmp_path):
    assert asked_to_stop(tmp_path) is None
    raise_if_stopped(tmp_path)
    (tmp_path / "control").write_text("stop-and-save\n")
    assert asked_to_stop(tmp_path) == "stop-and-save"
    with pytest.raises(StopNow):
        raise_if_stopped(tmp_path)


def test_the_newest_whole_checkpoint_is_found_by_number(tmp_path):
    assert newest_checkpoint(tmp_path) is None
    for step, whole in ((9, True), (100, True), (200, False)):
        folder = tmp_path / "checkpoints" / f"checkpoint-{step}"
        folder.mkdir(parents=True)
        if whole:
            (folder / "trainer_state.json").write_text("{}")
    found = newest_checkpoint(tmp_path)
    assert found is not None
    assert found.name == "checkpoint-100"


def test_a_tokenizer_that_is_missing_is_told_with_the_way_out(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "qwen3"}')
    (tmp_path / "model.safetensors").write_bytes(b"x")
    with pytest.raises(ModelError, match="has no tokenizer: copy"):
        load_tokenizer(str(tmp_path))
    with pytest.raises(ModelError, match="hub cannot be reached"):
        load_tokenizer("nobody/nothing")
