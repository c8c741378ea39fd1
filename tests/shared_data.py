"""The real runs and qrels beside the project, where they are there."""

from pathlib import Path

import pytest

SHARED = Path(__file__).parents[2] / "shared" / "data"

needs_shared_data = pytest.mark.skipif(
    not SHARED.is_dir(), reason="the shared data folder is not beside the project"
)
