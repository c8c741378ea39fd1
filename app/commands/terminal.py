"""What every command shares: the workspace it works on, results on stdout, words on stderr."""

import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from getpass import getuser
from os import W_OK, access, environ
from pathlib import Path
from typing import Annotated, Any

import typer

from curation.people import Operator
from db.errors import RankDeskError
from db.store import Store
from db.workspace import Workspace

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout.")]


def workspace(context: typer.Context) -> Workspace:
    """Return the workspace that `--workspace` or the environment names."""
    return Workspace.locate(context.find_root().obj)


def open_store(context: typer.Context) -> Store:
    """Open the workspace, which must exist and be free."""
    return Store.open(workspace(context))


def user() -> Operator:
    """Return who is acting: `RANKDESK_USER`, or the operating system's user."""
    return Operator(environ.get("RANKDESK_USER") or getuser())


def require_writable(path: Path) -> None:
    """Look before the work, not after it, whether its result can be written.

    Raises:
        RankDeskError: If no file can be written at `path`.
    """
    if path.is_dir():
        raise RankDeskError(f"{path} is a folder: name a file in it.")
    if not path.parent.is_dir():
        raise RankDeskError(f"{path} cannot be written: there is no folder {path.parent}.")
    if not access(path if path.exists() else path.parent, W_OK):
        raise RankDeskError(f"{path} cannot be written: you may not write there.")


def say(message: str) -> None:
    """Print words for the person on stderr."""
    typer.echo(message, err=True)


def emit(result: Any, as_json: bool, table: Callable[[], str]) -> None:
    """Print a result on stdout, as JSON or as `table` renders it."""
    typer.echo(json.dumps(result, ensure_ascii=False, default=str) if as_json else table())


def render(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str]) -> str:
    """Return rows as a plain aligned table; `columns` maps keys to headings."""
    if not rows:
        return "(none)"
    cells = [list(columns.values())] + [[_cell(row.get(key)) for key in columns] for row in rows]
    widths = [max(len(line[i]) for line in cells) for i in range(len(columns))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in cells
    )


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.4f}"
    return str(value).replace("\n", " ")


class Progress:
    """A line on stderr that says how far long work is; rewritten in place on a terminal.

    Elsewhere (a log file) it prints at most one line every ten seconds.
    """

    def __init__(self, label: str) -> None:
        self._label = label
        self._shown_at = 0.0
        self._live = sys.stderr.isatty()

    def __call__(self, done: float, total: float, note: str = "") -> None:
        """Show `done` of `total`."""
        pause = 0.1 if self._live else 10.0
        moment = time.monotonic()
        if moment - self._shown_at < pause:
            return
        self._shown_at = moment
        share = f"{100 * done / total:3.0f} %" if total else ""
        line = f"{self._label} {share} {note}".rstrip()
        sys.stderr.write(f"\r\x1b[K{line}" if self._live else f"{line}\n")
        sys.stderr.flush()

    def done(self, note: str) -> None:
        """Close the line with a last word."""
        sys.stderr.write(("\r\x1b[K" if self._live else "") + f"{self._label} {note}\n")
        sys.stderr.flush()
