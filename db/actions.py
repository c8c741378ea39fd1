"""What people do to files and processes, which have no table of their own that says by whom."""

from typing import Literal

from db.store import Store

Action = Literal["export", "stop", "resume", "prices", "prompt"]


def append_action(
    store: Store, action: Action, subject: str, *, done_by: str, before: str = "", after: str = ""
) -> None:
    """Record an action on a snapshot, job, model or prompt, with what it changed."""
    store.execute(
        "INSERT INTO action_events (action, subject, before, after, done_by, done_at)"
        " VALUES (?, ?, ?, ?, ?, now())",
        [action, subject, before, after, done_by],
    )
