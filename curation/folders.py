"""Folders that appear whole or not at all: written beside their place, then renamed into it."""

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import file_digest
from pathlib import Path


@contextmanager
def draft_folder(parent: Path) -> Iterator[Path]:
    """Yield a new hidden folder in `parent`; unless published by then, it is removed at the end."""
    parent.mkdir(parents=True, exist_ok=True)
    draft = parent / f".draft-{uuid.uuid4().hex}"
    draft.mkdir()
    try:
        yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def publish(draft: Path, target: Path) -> None:
    """Flush a draft to disk and make it `target`, in one step that no crash can halve.

    Raises:
        OSError: If `target` exists and is no empty folder.
    """
    for path in draft.rglob("*"):
        _flush(path)
    _flush(draft)
    draft.rename(target)
    _flush(target.parent)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
