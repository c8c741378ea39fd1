"""Beside the item on Review: the guidelines, or its comments and flag. The address says which."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import streamlit as st

from app import session
from app.store import may
from app.widgets.key_map import shows_keys
from app.widgets.page import link
from app.widgets.text import key_of, many, markdown, plain, visible, when
from curation import discussion
from curation.discussion import LONGEST, LONGEST_REASON
from db import discussion as log
from db import guidelines
from db.errors import RankDeskError
from db.store import Store

BESIDE = "beside"  # in the URL: what stands there
GUIDELINES, COMMENTS = "guidelines", "comments"


def side_buttons(store: Store, item_id: str, reviewer: str, *, hidden: bool) -> None:
    """Draw the two buttons that open and close what stands beside the item."""
    said, _ = _thread(store, item_id, reviewer, hidden=hidden)
    flagged = log.open_flag(store, item_id) is not None
    helps = {
        GUIDELINES: "The guidelines, beside the item",
        COMMENTS: f"{many(len(said), 'comment')}{', flagged' if flagged else ''}: beside the item",
    }
    for what, label, shortcut, icon in (
        (GUIDELINES, "Guide", "G", "menu_book"),
        (COMMENTS, str(len(said)), "I", "flag" if flagged else "chat"),
    ):
        st.button(
            label,
            key=f"beside-{what}",
            shortcut=shortcut,
            icon=f":material/{icon}:",
            type="tertiary",
            disabled=shows_keys(),
            on_click=_toggle,
            args=(what,),
            help=helps[what],
        )


def _toggle(what: str) -> None:
    if st.query_params.get(BESIDE) == what:
        del st.query_params[BESIDE]
    else:
        st.query_params[BESIDE] = what


@contextmanager
def beside_it(
    store: Store, item_id: str, reviewer: str, *, hidden: bool, fixing: bool, chrome: int
) -> Iterator[None]:
    """Draw what is asked for beside what is drawn within.

    Args:
        hidden: The teacher's answer is, and so what others say of it.
        fixing: A fix is open, whose keys work in a text field too.
        chrome: Pixels of the window that belong to everything else on the page.
    """
    what = st.query_params.get(BESIDE)
    if what not in (GUIDELINES, COMMENTS):
        yield
        return
    left, right = st.columns([5, 2], gap="small", wrap=False)
    with left:
        yield
    # As high as the item, whose height the window gives, and in smaller letters.
    st.html(
        f"""<style>
        .st-key-beside, :has(> .st-key-beside) {{
            flex: none;
            height: max(320px, calc(100vh - {chrome}px)) !important;
        }}
        .st-key-beside :is(p, li, td, th, [data-testid="stText"]) {{ font-size: 0.875rem; }}
        .st-key-beside h1 {{ font-size: 1.35rem; }}
        .st-key-beside :is(h2, h3, h4, h5, h6) {{ font-size: 1.1rem; }}
        </style>"""
    )
    with right.container(border=True, height=320, key="beside", gap="small"):
        if what == GUIDELINES:
            _guidelines(store)
        else:
            _comments(store, item_id, reviewer, hidden=hidden, fixing=fixing)


def _guidelines(store: Store) -> None:
    campaign = session.desk().campaign
    name = guidelines.GENERAL if campaign is None else campaign.guideline
    found = guidelines.in_force(store, name)
    if found is None:
        st.caption("No guidelines are published yet.")
        link("guidelines", "Write them", "menu_book")
        return
    with st.container(key="guideline-text"):
        st.markdown(markdown(found["text"]))
    stamp = plain(f"{name} v{found['version']}")
    st.caption(f"{stamp} · {plain(found['published_by'])}, {when(found['published_at'])}")
    link("guidelines", "All versions", "menu_book", name=name)


def _thread(
    store: Store, item_id: str, reviewer: str, *, hidden: bool
) -> tuple[list[dict[str, Any]], int]:
    """Return the comments that this reader sees now, and how many are kept for later."""
    said = log.comments_of(store, item_id)
    if not hidden and discussion.sees_others(store, item_id, reviewer):
        return said, 0
    own = [row for row in said if row["said_by"] == reviewer]
    return own, len(said) - len(own)


def _comments(store: Store, item_id: str, reviewer: str, *, hidden: bool, fixing: bool) -> None:
    _flag(store, item_id, reviewer, hidden=hidden, fixing=fixing)
    said, kept = _thread(store, item_id, reviewer, hidden=hidden)
    for row in said:
        with st.container(gap="xsmall", key=key_of("comment", row["comment_id"])):
            with st.container(horizontal=True, vertical_alignment="center"):
                st.caption(f"**{plain(row['said_by'])}** · {when(row['said_at'])}")
                if row["said_by"] == reviewer or may("admin"):
                    st.button(
                        "Delete",
                        key=key_of("delete", row["comment_id"]),
                        type="tertiary",
                        on_click=_act,
                        args=(
                            partial(
                                discussion.delete, store, row["comment_id"], deleted_by=reviewer
                            ),
                        ),
                    )
            st.text(visible(row["text"]))
    if kept:
        what = "the reveal" if hidden else "your verdict"
        st.caption(f"{many(kept, 'comment')} by others, shown after {what}.")
    elif not said:
        st.caption("No comment yet.")
    if fixing:
        st.caption("Save or cancel the fix to comment: its keys work in text fields too.")
        return
    key = key_of("comment-text", item_id)
    with st.form(key_of("say", item_id), border=False):
        st.text_area(
            "Comment",
            key=key,
            height=90,
            max_chars=LONGEST,
            placeholder="What others should know",
            label_visibility="collapsed",
        )
        say = partial(discussion.comment, store, item_id, said_by=reviewer)
        st.form_submit_button("Comment", icon=":material/send:", on_click=_act, args=(say, key))


def _flag(store: Store, item_id: str, reviewer: str, *, hidden: bool, fixing: bool) -> None:
    """Draw the item's open flag with its resolution, or what raises one."""
    found = log.open_flag(store, item_id)
    key = key_of("flag-text", item_id)
    if found is not None:
        sees = not hidden and discussion.sees_others(store, item_id, reviewer)
        if not sees and found["raised_by"] != reviewer:
            st.markdown(":orange-badge[:material/flag: Flagged] :gray[by another]")
            return
        st.markdown(
            f":orange-badge[:material/flag: Flagged] {plain(found['raised_by'])}"
            f" :gray[{when(found['raised_at'])}]"
        )
        st.text(visible(found["text"]))
        if not may("reviewer"):
            return
    if fixing:
        return
    label = "Flag it" if found is None else "Resolve"
    ask = "Why a lead should look" if found is None else "What came of it"
    with (
        st.popover(label, icon=":material/flag:", width="stretch"),
        st.form(key_of("flag", item_id), border=False),
    ):
        st.text_input(ask, key=key, max_chars=LONGEST_REASON)
        act = (
            partial(discussion.flag, store, item_id, raised_by=reviewer)
            if found is None
            else partial(discussion.resolve, store, found["flag_id"], resolved_by=reviewer)
        )
        st.form_submit_button(label, type="primary", on_click=_act, args=(act, key))


def _act(act: Callable[..., object], key: str = "") -> None:
    """Do it, with the text of a field where there is one, which is then empty."""
    try:
        act(*([str(st.session_state[key] or "")] if key else []))
    except RankDeskError as error:
        session.desk().error = str(error)
        return
    if key:
        st.session_state[key] = ""
