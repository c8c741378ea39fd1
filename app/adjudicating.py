"""What one does on Adjudicate: choose what is decided, merge, record it, take it back.

What is chosen stands in the address, what is merged is a draft as on Review; neither is lost by a
reload.
"""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from app import session
from app.drafts import decision, fits, numbers_of, start_from, take
from app.widgets.page import NOTICE
from curation import adjudication
from curation.adjudication import Case, Version
from curation.review import changes_nothing
from db.errors import RankDeskError
from db.store import Store

PROBLEM = "adjudicate_problem"
"""Session key of what was wrong with the last decision."""
MERGE = "merge"
"""In the address, in place of a version's letter, while versions are merged."""


def choose(name: str, value: str) -> None:
    """Take a choice into the address."""
    st.query_params[name] = value


def go(item_id: str | None) -> None:
    """Show another item, None for the first that waits; nothing is chosen for it yet."""
    for name in ("take", "cause"):
        st.query_params.pop(name, None)
    if item_id is None:
        st.query_params.pop("item", None)
    else:
        st.query_params["item"] = item_id


def start_merge(case: Case, version: Version | None) -> None:
    """Open the order of a version, with its labels and grades, for editing."""
    shown, drafts = case.shown, session.desk().drafts
    number = numbers_of(shown)
    note = drafts.of(shown.item.item_id).note
    drafts.cancel(shown.item.item_id)
    draft = drafts.of(shown.item.item_id)
    draft.note, draft.fixing = note, True
    ranking = version.ranking if version else None
    start_from(draft, shown, ranking or shown.teacher)
    labels = version.labels if version else None
    draft.relevant = {number[docid] for docid in labels or shown.item.relevant_docids}
    if version is not None:
        draft.grades = {number[docid]: grade for docid, grade in version.judgment.grades.items()}
        if ranking is not None and ranking.author == "human" and ranking.chain:
            draft.chain = ranking.chain
    choose("take", MERGE)


def edit(case: Case, change: Mapping[str, Any]) -> None:
    """Take a move or mark from the browser into the merge, if it fits the item."""
    item_id, drafts = case.shown.item.item_id, session.desk().drafts
    if fits(case.shown, change, drafts.token(item_id)):
        take(drafts.of(item_id), change)


def decide(store: Store, case: Case, option: str, cause: str, after: str | None, me: str) -> None:
    """Record the decision and go on to the next item.

    Args:
        option: A version's letter, `merge`, `reject` or `cannot_judge`.
    """
    item_id, drafts = case.shown.item.item_id, session.desk().drafts
    draft = drafts.of(item_id)
    over = [each.judgment.event_id for each in case.versions]
    said: dict[str, Any] = {"over": over, "cause": cause, "note": draft.note, "decided_by": me}
    version = next((each for each in case.versions if each.letter == option), None)
    try:
        if version is not None:
            adjudication.take(store, item_id, version.judgment.event_id, **said)
        elif option == MERGE:
            verdict, entered = decision(draft, "fix", lambda: case.shown)
            if verdict == "fix" and changes_nothing(
                case.shown, entered["order"], entered["relevant"], entered["chain"]
            ):
                verdict, entered = "approve", {}
            adjudication.merge(store, item_id, verdict=verdict, **entered, **said)
        else:
            reasons = draft.reasons if option == "reject" else []
            adjudication.merge(store, item_id, verdict=option, reasons=reasons, **said)  # type: ignore[arg-type]
    except RankDeskError as error:
        st.session_state[PROBLEM] = error
        return
    drafts.forget(item_id)
    st.session_state[NOTICE] = "Decided. It can be taken back under Decided."
    go(after)


def undo(store: Store, event_id: str, me: str) -> None:
    """Take a decision of one's own back and show its item among those that wait."""
    try:
        item_id = adjudication.undo(store, event_id, undone_by=me)
    except RankDeskError as error:
        st.session_state[PROBLEM] = error
        return
    st.session_state[NOTICE] = "Taken back: the item waits again."
    go(item_id)
    choose("list", "waiting")
