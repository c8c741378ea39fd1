"""What is done to many items at once: tags, whose they are to decide, and taking it back.

Verdicts on many items are `curation.review.decide_many`.
"""

from collections.abc import Sequence

from curation.code_version import code_version
from curation.errors import CurationError
from curation.people import require
from db import bulk, judgments, people
from db.store import Store

LONGEST_TAG = 40
LONGEST_NAME = 80


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


def assignable(store: Store) -> list[str]:
    """Return who can be assigned items: annotators where accounts are, else whoever judged."""
    accounts = people.list_accounts(store)
    if not accounts:
        return judgments.reviewers(store)
    return [each.account for each in accounts if each.active and "annotator" in each.roles]


def assign(store: Store, item_ids: Sequence[str], assignee: str | None, *, done_by: str) -> str:
    """Make items one person's to decide, and return the bulk action's id.

    They come first in that person's queue, and to nobody else, until that person decided or
    declined them. Who has one in hand already may still decide it.

    Args:
        assignee: None makes them nobody's in particular again.

    Raises:
        RefusedError: If `done_by` is no reviewer.
        BulkError: If there is no item, or nobody of that name who judges.
    """
    done_by = require(store, done_by, "reviewer")
    if not item_ids:
        raise BulkError("There is no item to assign: choose some.")
    if assignee is not None:
        assignee = assignee.strip()
        if not assignee or len(assignee) > LONGEST_NAME:
            raise BulkError(f"Say whose: a name of 1 to {LONGEST_NAME} characters.")
        if people.any_accounts(store) and assignee not in assignable(store):
            raise BulkError(f"{assignee} has no active account with the role annotator.")
    return bulk.append_assignments(store, list(dict.fromkeys(item_ids)), assignee, done_by=done_by)


def undo(store: Store, bulk_id: str, *, done_by: str) -> int:
    """Take back one's own bulk action, and return on how many items something changed.

    What was decided, tagged or assigned anew since stays as it is.

    Raises:
        RefusedError: If `done_by` is neither annotator nor reviewer.
        NotFoundError: If this person made no such bulk action, or took it back before.
    """
    done_by = require(store, done_by, "annotator", "reviewer")
    return bulk.append_undo(store, bulk_id, done_by=done_by, code_version=code_version())
