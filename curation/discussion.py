"""What people say about an item beside verdicts: comments, and a flag that asks for a lead."""

from curation import queueing
from curation.errors import CurationError
from curation.people import require
from db import discussion, judgments
from db.people import ADMIN
from db.store import Store

LONGEST = 10_000  # characters of a comment
LONGEST_REASON = 500


class DiscussionError(CurationError):
    """A comment or flag cannot be as asked; nothing was recorded."""


def comment(store: Store, item_id: str, text: str, *, said_by: str) -> str:
    """Add a comment to an item's thread and return its id.

    Raises:
        RefusedError: If `said_by` is neither annotator nor reviewer.
        DiscussionError: If it is blank or too long.
        NotFoundError: If there is no such item.
    """
    said_by = require(store, said_by, "annotator", "reviewer")
    said = _sound(text, LONGEST, said_by)
    return discussion.append_comment(store, item_id, said, said_by=said_by)


def delete(store: Store, comment_id: str, *, deleted_by: str) -> None:
    """Take a comment back; the log, and so the audit, keeps it.

    Raises:
        RefusedError: If it is not one's own, and `deleted_by` is no admin.
        NotFoundError: If there is no such comment, or it was deleted before.
    """
    name = require(store, deleted_by, "annotator", "reviewer", ADMIN)
    if discussion.get_comment(store, comment_id)["said_by"] != name:
        require(store, deleted_by, ADMIN)
    discussion.append_deletion(store, comment_id, deleted_by=name)


def flag(store: Store, item_id: str, reason: str, *, raised_by: str) -> str:
    """Flag an item for a reviewer and return the flag's id.

    Raises:
        RefusedError: If `raised_by` is neither annotator nor reviewer.
        DiscussionError: If the reason is blank or too long.
        NotFoundError: If there is no such item.
        StoreError: If it is flagged already.
    """
    raised_by = require(store, raised_by, "annotator", "reviewer")
    said = _sound(reason, LONGEST_REASON, raised_by)
    return discussion.append_flag(store, item_id, said, raised_by=raised_by)


def resolve(store: Store, flag_id: str, outcome: str, *, resolved_by: str) -> None:
    """Resolve a flag, saying what came of it.

    Raises:
        RefusedError: If `resolved_by` is no reviewer.
        DiscussionError: If the outcome is blank or too long.
        NotFoundError: If there is no such flag, or it was resolved before.
    """
    resolved_by = require(store, resolved_by, "reviewer")
    said = _sound(outcome, LONGEST_REASON, resolved_by)
    discussion.append_resolution(store, flag_id, said, resolved_by=resolved_by)


def _sound(text: str, most: int, by: str) -> str:
    text = text.strip()
    if not text:
        raise DiscussionError("There is nothing to say: write something first.")
    if len(text) > most:
        raise DiscussionError(f"That is {len(text):,} characters; at most {most:,} are kept.")
    if not by.strip():
        raise DiscussionError("This needs a name: enter yours in the sidebar.")
    return text


def sees_others(store: Store, item_id: str, reader: str) -> bool:
    """Return whether a reader sees what others say of an item.

    Where people decide each for themselves (a shared or gold item), once the reader has decided.
    """
    return not queueing.asks_several(store, item_id) or any(
        each.reviewer == reader for each in judgments.judgments_of(store, item_id)
    )
