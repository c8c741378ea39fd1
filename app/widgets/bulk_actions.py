"""What is done to many items of the table: asked with a count, done whole, taken back whole."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from app.session import desk
from app.store import may, user
from app.widgets.filters import VERDICTS
from app.widgets.page import NOTICE, mendable
from app.widgets.text import key_of, many, plain, when
from curation import bulk, review
from curation.bulk import LONGEST_TAG
from curation.review import REASONS
from db import tags
from db.bulk import get_bulk, recent_bulks, verdict_counts
from db.people import any_accounts
from db.store import Store

_ASKED = "bulk-asked"
_NOBODY = "\0"  # chosen for whom items are to be; no person's name
_TITLES = {
    "approve": "Approve",
    "reject": "Reject",
    "tag": "Tag",
    "untag": "Untag",
    "assign": "Assign",
}
_DONE = {
    "approve": "Approved {}",
    "reject": "Rejected {}",
    "tag": "Tagged {}",
    "untag": "Took the tag off {}",
    "assign": "Assigned {}",
    "unassign": "Made {} nobody's in particular",
}


def action_row(store: Store, choose: Callable[[], list[str]], *, enabled: bool) -> None:
    """Draw the actions on the chosen items, and the undo of the last one.

    Args:
        choose: Returns the items' ids, when one of the actions is asked for.
    """
    asked = _ASKED in st.session_state  # a key that is pressed over the dialog is meant for it
    # One line in a window of 1280 pixels: no icons.
    for action, shortcut in (
        ("approve", "A"),
        ("reject", "X"),
        ("tag", "T"),
        ("untag", "N"),
        ("assign", "P"),
    ):
        if action == "assign" and not may("reviewer"):
            continue
        st.button(
            f"{_TITLES[action]} …",
            key=f"act-{action}",
            shortcut=shortcut,
            disabled=asked or not enabled,
            on_click=_ask,
            args=(action, choose),
        )
    st.space("stretch")
    recent = recent_bulks(store, user())
    st.button(
        "Undo",
        key="bulk-undo",
        shortcut="U",
        disabled=asked or not recent,
        help=f"Takes back: {_said(recent[0])}" if recent else "You changed nothing here yet.",
        on_click=_undo,
        args=(store, recent[0]["bulk_id"] if recent else ""),
    )
    if len(recent) > 1:
        with st.popover("Earlier", icon=":material/history:"):
            for made in recent:
                st.button(
                    f"Undo: {_said(made)} · {when(made['done_at'])}",
                    key=key_of("undo", made["bulk_id"]),
                    type="tertiary",
                    on_click=_undo,
                    args=(store, made["bulk_id"]),
                )


def _said(made: dict[str, Any]) -> str:
    """Return what a bulk action did."""
    detail = made["detail"]
    if made["action"] == "reject":
        detail = ", ".join(REASONS.get(each, each).lower() for each in detail.split(", "))
    text = _DONE[made["action"]].format(many(made["n_items"], "item"))
    return f"{text}: {plain(detail)}" if detail else text


def _ask(action: str, choose: Callable[[], list[str]]) -> None:
    st.session_state[_ASKED] = (action, choose())


def _close() -> None:
    st.session_state.pop(_ASKED, None)


def _undo(store: Store, bulk_id: str) -> None:
    with mendable():
        n = bulk.undo(store, bulk_id, done_by=user())
        desk().loaded.clear()  # what Review read ahead is no longer as it was
        st.session_state[NOTICE] = f"Taken back on {many(n, 'item')}; what came later stays"


def action_dialog(store: Store) -> None:
    """Open the dialog while an action is asked for."""
    if _ASKED in st.session_state:
        action, item_ids = st.session_state[_ASKED]
        st.dialog(_TITLES[action], on_dismiss=_close)(_body)(store, action, item_ids)


def _body(store: Store, action: str, item_ids: list[str]) -> None:
    standing = verdict_counts(store, item_ids)
    parts = " · ".join(f"{n:,} {VERDICTS[verdict].lower()}" for verdict, n in standing.items())
    st.markdown(f"**{many(len(item_ids), 'item')}** as **{plain(user())}**  \n:gray[now: {parts}]")
    reasons, note, tag = [], "", ""
    whose: str | None = None
    if action == "reject":
        reasons = st.pills(
            "Why?",
            list(REASONS),
            selection_mode="multi",
            format_func=REASONS.__getitem__,
            key="bulk-reasons",
        )
    if action == "assign":
        whose = st.selectbox(
            "To",
            [_NOBODY, *bulk.assignable(store)],
            index=None,
            format_func=lambda name: "Nobody in particular" if name == _NOBODY else plain(name),
            placeholder="Whose they are to decide",
            accept_new_options=not any_accounts(store),
            key="bulk-whose",
            help="They come first in that person's queue, and to nobody else until they are "
            "decided or declined.",
        )
    elif action in ("approve", "reject"):
        note = st.text_input("Note (optional)", key="bulk-note") or ""
    else:
        known = tags.all_tags(store)
        if action == "untag":
            carried = tags.tags_of(store, item_ids)
            known = sorted({each for names in carried.values() for each in names})
        tag = (
            st.selectbox(
                "Tag",
                known,
                index=None,
                placeholder="Choose one, or type a new one" if action == "tag" else "Choose one",
                accept_new_options=action == "tag",
                key="bulk-tag",
                help=f"At most {LONGEST_TAG} characters.",
            )
            or ""
        )
    with st.container(horizontal=True):
        agreed = st.button(
            f"{_TITLES[action]}: {many(len(item_ids), 'item')}",
            key="bulk-now",
            type="primary",
            shortcut="Ctrl+Enter",
        )
        st.button("Not now", key="bulk-not", on_click=_close)
    if agreed:
        with mendable():
            if action in ("approve", "reject"):
                made = review.decide_many(
                    store,
                    item_ids=item_ids,
                    reviewer=user(),
                    verdict=action,  # type: ignore[arg-type]
                    reasons=reasons,
                    note=note,
                )
            elif action == "assign":
                name = None if whose == _NOBODY else whose or ""
                made = bulk.assign(store, item_ids, name, done_by=user())
            else:
                made = bulk.tag(store, item_ids, tag, done_by=user(), remove=action == "untag")
            desk().loaded.clear()
            st.session_state[NOTICE] = f"{_said(get_bulk(store, made))} · U takes it back"
            _close()
            st.rerun()
