"""Groups of rollouts without any spread of rewards are a reason to look at their items."""

import polars as pl

from curation import queueing
from tests.samples import add_samples
from trainer.ingest_rollouts import read_groups


def write(folder, step, rewards):
    folder.mkdir(parents=True, exist_ok=True)
    rows = [
        {"step": step, "item_id": item_id, "reward": reward}
        for item_id, group in rewards.items()
        for reward in group
    ]
    pl.DataFrame(rows).write_parquet(folder / f"step-{step:05d}-0.parquet")


def test_each_file_is_read_once_and_flat_groups_count(store, tmp_path):
    add_samples(store)
    write(tmp_path / "rollouts", 1, {"i1": [0.5, 0.5], "i2": [0.1, 0.9]})
    read_groups(store, "job-1", tmp_path)
    write(tmp_path / "rollouts", 2, {"i1": [0.5, 0.7], "i2": [0.2, 0.9]})
    read_groups(store, "job-1", tmp_path)
    read_groups(store, "job-1", tmp_path)
    row = store.row("SELECT count(*) AS n, sum(rollouts) AS rollouts FROM rollout_groups")
    assert row == {"n": 4, "rollouts": 8}
    flat = {
        item_id: next(why.value for why in queueing.why(store, item_id) if why.reason == "flat")
        for item_id in ("i1", "i2", "i3")
    }
    assert flat == {"i1": 0.5, "i2": 0.0, "i3": 0.0}
