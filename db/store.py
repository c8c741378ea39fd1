"""The one place that opens the workspace database: one connection, a cursor for each call."""

import re
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Self

import duckdb
import polars as pl
import psutil

from db.errors import WorkspaceBusyError, WorkspaceMissingError
from db.migrate import migrate
from db.workspace import Workspace

Parameters = Sequence[Any] | Mapping[str, Any]
Cursor = duckdb.DuckDBPyConnection

# The network is never reached for: what is not built into DuckDB is not used.
_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
}

_commits: Counter[Path] = Counter()  # by workspace, whichever of its stores wrote
_counting = threading.Lock()


class Store:
    """The open workspace. DuckDB lets one process hold a file; within it, any thread may call.

    Attributes:
        workspace: The folder this store belongs to.
    """

    def __init__(self, workspace: Workspace, connection: duckdb.DuckDBPyConnection) -> None:
        self.workspace = workspace
        self._connection = connection
        self._write_lock = threading.RLock()

    @classmethod
    def create(cls, workspace: Workspace) -> "Store":
        """Open the workspace, making it first where there is none."""
        workspace.create_folders()
        return cls._connect(workspace)

    @classmethod
    def open(cls, workspace: Workspace) -> "Store":
        """Open an existing workspace and bring its schema up to date.

        Raises:
            WorkspaceMissingError: If the folder holds no database.
            WorkspaceBusyError: If another process owns it.
            MigrationError: If the schema cannot be brought up to date.
        """
        if not workspace.database.exists():
            raise WorkspaceMissingError(
                f"There is no workspace in {workspace.root}. Make one with `rankdesk "
                f"--workspace {workspace.root} init`, or with `init --demo` to try RankDesk on "
                "generated data."
            )
        return cls._connect(workspace)

    @classmethod
    def _connect(cls, workspace: Workspace) -> "Store":
        try:
            connection = duckdb.connect(str(workspace.database), config=_CONFIG)
        except duckdb.IOException as error:
            raise _busy(workspace, error) from error
        try:
            connection.execute("SET GLOBAL TimeZone = 'UTC'").fetchall()
            migrate(connection)
        except BaseException:
            connection.close()
            raise
        return cls(workspace, connection)

    def close(self) -> None:
        """Give the workspace back, so that another process can open it."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def transaction(self) -> Iterator[Cursor]:
        """Yield a cursor whose writes are all kept, and on disk, or all undone.

        Writers take turns: DuckDB would otherwise abort one of two that meet.
        """
        with self._write_lock, closing(self._connection.cursor()) as cursor:
            cursor.begin()
            try:
                yield cursor
            except BaseException:
                cursor.rollback()
                raise
            cursor.commit()
            with _counting:
                _commits[self.workspace.root] += 1

    @property
    def commits(self) -> int:
        """How many transactions this process committed to the workspace.

        All writes are in one, and no other process writes: while it stays, every answer does.
        """
        return _commits[self.workspace.root]

    def cursor(self) -> Cursor:
        """Return a cursor for streaming a long result; the caller closes it."""
        return self._connection.cursor()

    def execute(self, sql: str, parameters: Parameters = ()) -> None:
        """Run one writing statement in a transaction of its own."""
        with self.transaction() as cursor:
            cursor.execute(sql, parameters).fetchall()

    def frame(self, sql: str, parameters: Parameters = ()) -> pl.DataFrame:
        """Return the rows of a query as a polars frame."""
        with closing(self._connection.cursor()) as cursor:
            frame: pl.DataFrame = cursor.sql(sql, params=parameters or None).pl()
            return frame

    def rows(self, sql: str, parameters: Parameters = ()) -> list[dict[str, Any]]:
        """Return the rows of a query as dictionaries."""
        with closing(self._connection.cursor()) as cursor:
            result = cursor.execute(sql, parameters)
            names = [column[0] for column in result.description or []]
            return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    def row(self, sql: str, parameters: Parameters = ()) -> dict[str, Any] | None:
        """Return the first row of a query, or None."""
        rows = self.rows(sql, parameters)
        return rows[0] if rows else None


def insert_frame(cursor: Cursor, sql: str, frame: pl.DataFrame) -> None:
    """Run an `INSERT … SELECT … FROM incoming` with `frame` standing for `incoming`."""
    cursor.register("incoming", frame.to_arrow())
    try:
        cursor.execute(sql).fetchall()
    finally:
        cursor.unregister("incoming")


def _busy(workspace: Workspace, error: duckdb.IOException) -> Exception:
    """Return what to raise for an error on opening the file: busy with its holder, or itself."""
    if "Conflicting lock" not in str(error):
        return WorkspaceMissingError(f"{workspace.database} cannot be opened: {error}")
    holder = "another process"
    if found := re.search(r"\(PID (\d+)\)", str(error)):
        holder = f"process {found[1]}"
        try:
            holder += f" ({' '.join(psutil.Process(int(found[1])).cmdline())[:120]})"
        except psutil.Error:
            pass  # it ended, or is somebody else's; the number is all there is to say
    return WorkspaceBusyError(
        f"{workspace.root} is in use by {holder}. One process owns a workspace at a time: do this "
        "in the app if that is the app, or end that process and try again. Running jobs go on."
    )
