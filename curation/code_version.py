"""Which RankDesk it was: stamped on judgments, snapshots, jobs and checkpoints."""

import shutil
import subprocess
from functools import cache
from importlib import metadata
from pathlib import Path

_ROOT = Path(__file__).parents[1]


@cache
def code_version() -> str:
    """Return the commit of this checkout (with `+changes` where it has any), else the release.

    Asked once a process: what it runs is what it loaded.
    """
    git = shutil.which("git")
    if git is not None and (_ROOT / ".git").exists():
        show = [git, "-C", str(_ROOT), "describe", "--always", "--abbrev=12", "--dirty=+changes"]
        done = subprocess.run(show, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return done.stdout.strip()
    return metadata.version("rankdesk")
