"""Errors of the curation package, below `db.errors.RankDeskError`.

CurationError
└── FormatError
"""

from pathlib import Path

from db.errors import RankDeskError


class CurationError(RankDeskError):
    """The data, or a request about it, does not make sense; nothing was changed."""


class FormatError(CurationError):
    """A file is not in the form it should have.

    Attributes:
        file: The file.
        line: 1-based, or None where the fault is not on one line.
        field: The field at fault, or "".
    """

    def __init__(
        self, message: str, *, file: str | Path, line: int | None = None, field: str = ""
    ) -> None:
        place = f"{file}:{line}" if line is not None else str(file)
        super().__init__(f"{place}: {field + ': ' if field else ''}{message}")
        self.file, self.line, self.field = str(file), line, field
