"""Guidelines for reviewers: published in versions, and what stands between two of them."""

from collections.abc import Sequence
from difflib import unified_diff

from curation.errors import CurationError
from curation.people import require
from db import guidelines
from db.store import Store

LONGEST_TEXT = 50_000  # characters
LONGEST_NAME = 40


class GuidelineError(CurationError):
    """Guidelines cannot be as asked; nothing was published."""


def publish(store: Store, name: str, text: str, *, note: str, after: int, published_by: str) -> int:
    """Put a new version of the guidelines `name` in force, and return its number.

    Args:
        text: Markdown.
        note: What changed, in a line.
        after: The version that it was written from; 0 for the first.

    Raises:
        RefusedError: If `published_by` is neither reviewer nor admin.
        GuidelineError: If name or text will not do, or the text is what is in force.
        StoreError: If another version was published since `after`.
    """
    published_by = require(store, published_by, "reviewer", "admin")
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise GuidelineError(f"A name is 1 to {LONGEST_NAME} characters, got {name[:60]!r}.")
    text = text.replace("\r\n", "\n").strip()
    if not text or len(text) > LONGEST_TEXT:
        raise GuidelineError(
            f"Guidelines have 1 to {LONGEST_TEXT:,} characters, not {len(text):,}."
        )
    current = guidelines.in_force(store, name)
    if current is not None and current["text"] == text:
        raise GuidelineError("This is the version in force: change something before publishing it.")
    return guidelines.append_version(
        store, name, text, note=" ".join(note.split()), after=after, published_by=published_by
    )


def changes(old: str, new: str) -> Sequence[str]:
    """Return what differs between two texts as the lines of a unified diff, without its head."""
    return list(unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=2))[2:]
