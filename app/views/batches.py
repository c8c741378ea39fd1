"""Batches: choose reviewed items by filters, approve them, and keep the frozen snapshots."""

import streamlit as st

from app.store import store
from app.widgets.approval import approve_dialog, batch_table
from app.widgets.page import empty_state, heading, link
from app.widgets.selection import new_batch
from app.widgets.snapshot import snapshot_view
from db import batches, items

opened = store()
VIEWS = ["New batch", "Batches", "Snapshots"]

heading(
    "Batches",
    "A batch is a named choice of items. Approving it freezes a snapshot that never changes: the "
    "only thing that training reads.",
)
if not items.counts(opened)["items"]:
    empty_state("inventory_2", "Nothing to choose from yet", "Import a teacher's rankings first.")
    link("overview", "Import on the overview", "upload_file")
    st.stop()

if "next_batch_view" in st.session_state:  # set by the buttons below, before this is drawn
    st.session_state["batch_view"] = st.session_state.pop("next_batch_view")
view = st.segmented_control(
    "View",
    VIEWS,
    default=VIEWS[0],
    required=True,
    key="batch_view",
    bind="query-params",
    label_visibility="collapsed",
)
if view == "New batch":
    new_batch(opened)
elif view == "Batches":
    found = batches.list_batches(opened)
    if found.is_empty():
        empty_state("inventory_2", "No batch yet", "Make one from what was reviewed.")
    else:
        batch_table(found)
else:
    found = batches.list_snapshots(opened)
    if found.is_empty():
        empty_state("ac_unit", "No snapshot yet", "Approve a batch to freeze one.")
    else:
        snapshot_view(opened, found)
approve_dialog(opened)
