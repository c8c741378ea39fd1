"""Read which items' rollouts a GRPO job could learn nothing from: all of a group rewarded alike."""

from pathlib import Path

import polars as pl

from db import queue_values
from db.store import Store
from trainer.rollouts import ROLLOUTS


def read_groups(store: Store, job_id: str, folder: Path) -> None:
    """Bring in the groups of the rollout files that were not read yet."""
    known = queue_values.groups_read(store, job_id)
    paths = [
        path
        for path in sorted((folder / ROLLOUTS).glob("step-*.parquet"))
        if path.name not in known
    ]
    if not paths:
        return
    groups = [
        pl.read_parquet(path, columns=["step", "item_id", "reward"])
        .group_by("item_id", maintain_order=True)
        .agg(
            step=pl.col("step").first(),
            rollouts=pl.len(),
            lowest=pl.col("reward").min(),
            highest=pl.col("reward").max(),
        )
        .with_columns(job_id=pl.lit(job_id), file=pl.lit(path.name))
        for path in paths
    ]
    schema = pl.Schema(queue_values.GROUP_SCHEMA)
    queue_values.insert_groups(store, pl.concat(groups).select(schema.names()).cast(schema))
