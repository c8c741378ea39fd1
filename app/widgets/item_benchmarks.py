"""Benchmarks made of the workspace's items: making one, and the way to it."""

import streamlit as st

from app.store import user
from app.widgets.filters import choices, item_filter, told
from app.widgets.page import NOTICE, link, mendable
from app.widgets.text import many, plain
from db import benchmarks, items
from db.store import Store
from trainer import scoreboard

FORM = "This workspace's items"
"""What the form is called on Benchmarks, and in its address."""


def items_form(store: Store) -> None:
    """Draw the form that lets checkpoints order the workspace's items."""
    st.caption(
        "A checkpoint that is evaluated on it orders the items: its order and chain then stand "
        "beside the teacher's and people's on Review, Compare and Disagreements, and the queue "
        "knows where it disagrees. It says nothing of how good a checkpoint is: it may have been "
        "trained on these items, and the labels are the teacher's."
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.text_input("Name", placeholder="items to compare", max_chars=80, key="items-name")
        chosen = item_filter(*choices(store), verdict_at_first="any")
        if st.button("Make it", type="primary", icon=":material/add:", key="add-items"):
            with mendable():
                with st.spinner("Reading the items …"):
                    manifest = scoreboard.add_items(store, name or "", chosen, added_by=user())
                st.session_state[NOTICE] = f"{(name or '').strip()}: {manifest.n_queries} items"
                st.rerun()
    st.caption(f"{many(items.count_items(store, chosen), 'item')}: {plain(told(chosen))}")


def way_to_orders(store: Store, label: str, checkpoint_id: str = "") -> None:
    """Draw the way to a checkpoint's orders of items: the newest benchmark of them, or the form.

    Args:
        checkpoint_id: Whose; chosen there where it is not named.
    """
    made = [row["benchmark_id"] for row in benchmarks.list_benchmarks(store) if row["of_items"]]
    icon = "format_list_numbered"
    if made:
        asked = {"checkpoint": checkpoint_id} if checkpoint_id else {}
        link("evaluations", label, icon, benchmark=made[-1], **asked)
    else:
        link("benchmarks", label, icon, benchmark_form=FORM)
