"""Where a checkpoint comes from: `lineage.json` beside the weights. No torch here."""

import json
from pathlib import Path
from typing import Any

from curation.code_version import code_version
from trainer.environment import library_versions
from trainer.joblog import utc_now
from trainer.jobs import JobConfig, TrainSpec
from trainer.process import write_json

LINEAGE = "lineage.json"


def write_lineage(model_dir: Path, config: JobConfig, snapshot_id: str, steps: int) -> None:
    """Write the lineage of the model that a training job just saved into `model_dir`."""
    spec = config.spec
    assert isinstance(spec, TrainSpec)
    write_json(
        model_dir / LINEAGE,
        {
            "job_id": config.job_id,
            "kind": spec.recipe.kind,
            "name": spec.name,
            "snapshot_id": snapshot_id,
            "recipe_name": spec.recipe_name,
            "recipe": spec.recipe.model_dump(mode="json"),
            "base": spec.base,
            "parent": spec.parent or read_lineage(Path(spec.base)).get("job_id"),
            "steps": steps,
            "seed": spec.recipe.seed,
            "code_version": code_version(),
            "libraries": library_versions(),
            "created_at": utc_now(),
        },
    )


def read_lineage(model_dir: Path) -> dict[str, Any]:
    """Return a model folder's lineage; empty for a model that no job here wrote."""
    try:
        found = json.loads((model_dir / LINEAGE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
