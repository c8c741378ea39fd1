"""The workspace folder: one database and the files that snapshots, jobs and benchmarks own."""

import os
from dataclasses import dataclass
from pathlib import Path

from db.errors import RankDeskError, StoreError

VARIABLE = "RANKDESK_WORKSPACE"
DEFAULT = "./workspace"


def typed_path(text: str | os.PathLike[str]) -> Path:
    """Return the path that a person typed; `~` and `~name` are home folders.

    Raises:
        RankDeskError: If nobody of that name has one.
    """
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise RankDeskError(
            f"{text}: nobody of that name has a home folder here. Write the path in full."
        ) from error


@dataclass(frozen=True, slots=True)
class Workspace:
    """Where everything of one team lives.

    Attributes:
        root: The folder, absolute.
    """

    root: Path

    @classmethod
    def locate(cls, folder: str | os.PathLike[str] | None = None) -> "Workspace":
        """Return the workspace at `folder`, or `$RANKDESK_WORKSPACE`, or `./workspace`.

        Raises:
            RankDeskError: If the folder's name cannot be resolved.
        """
        return cls(typed_path(folder or os.environ.get(VARIABLE) or DEFAULT).resolve())

    @property
    def database(self) -> Path:
        """The DuckDB file."""
        return self.root / "rankdesk.duckdb"

    @property
    def snapshots(self) -> Path:
        """One folder for each frozen batch, named by its content hash."""
        return self.root / "snapshots"

    @property
    def jobs(self) -> Path:
        """One folder for each job."""
        return self.root / "jobs"

    @property
    def benchmarks(self) -> Path:
        """One folder for each benchmark, named by its content hash."""
        return self.root / "benchmarks"

    @property
    def sources(self) -> Path:
        """One folder for each source of queries and passages, named by its content hash."""
        return self.root / "sources"

    @property
    def exports(self) -> Path:
        """Where the app writes exports."""
        return self.root / "exports"

    @property
    def models(self) -> Path:
        """Base models that were made here, such as the tiny one."""
        return self.root / "models"

    @property
    def answers(self) -> Path:
        """What teachers answered, by content of the request; jobs write it as they go."""
        return self.root / "answers"

    @property
    def templates(self) -> Path:
        """Prompt templates that people wrote here; each version is a file of its own."""
        return self.root / "templates"

    @property
    def prices(self) -> Path:
        """What models cost, a file that people edit; it may be missing."""
        return self.root / "prices.yaml"

    def create_folders(self) -> None:
        """Make the workspace's folders where they are missing.

        Raises:
            StoreError: If they cannot be made there.
        """
        owned = (self.snapshots, self.jobs, self.benchmarks, self.sources, self.models)
        for folder in (*owned, self.exports):
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise StoreError(
                    f"There can be no workspace in {self.root}: {error.strerror}. Name a folder "
                    "that you may write to, or one that is not there yet."
                ) from error
