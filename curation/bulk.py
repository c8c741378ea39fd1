"""Tags on many items, and taking back what was done to many items at once.

Verdicts on many items are `curation.review.decide_many`.
"""

from collections.abc import Sequence

from curation.code_version import code_version
from curation.errors import CurationError
from curation.people import require
from db import bulk
from db.store import Store

LONGEST_TAG = 40


class BulkError(CurationError):
    """A bulk action is not to be done as asked; nothing was recorded."""


def tag(
    store: Store, item_ids: Sequence[str], name: str, *, done_by: str, remove: bool = False
) -> str:
    """Tag items, or take a tag off them, and return the bulk action's id.

    Raises:
        RefusedError: If `done_by` is no annotator.
        BulkError: If the name of the tag is blank or too long, or there is no item or no person.
    """
    done_by = require(store, done_by, "annotator")
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_TAG or not name.isprintable():
        raise BulkError(f"A tag is 1 to {LONGEST_TAG} characters, got {name[:60]!r}.")
    if not done_by.strip():
        raise BulkError("Tagging needs a name: enter yours in the sidebar.")
    if not item_ids:
        raise BulkError("There is no item to tag: choose some.")
    return bulk.append_tags(
        store, list(dict.fromkeys(item_ids)), name, add=not remove, done_by=done_by
    )


def undo(store: Store, bulk_id: str, *, done_by: str) -> int:
    """Take back one's own bulk action, and return on how many items something changed.

    What was decided or tagged anew since stays as it is.

    Raises:
        RefusedError: If `done_by` is no annotator.
        NotFoundError: If this person made no such bulk action, or took it back before.
    """
    done_by = require(store, done_by, "annotator")
    return bulk.append_undo(store, bulk_id, done_by=done_by, code_version=code_version())
