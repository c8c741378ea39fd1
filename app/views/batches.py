"""Batches: choose reviewed items by filters, approve them, and keep the frozen snapshots."""

import streamlit as st

from app.store import store
from app.widgets.approval import approve_dialog, batch_table
from app.widgets.judgment_download import judgment_download
from app.widgets.page import empty_state, heading, link
from app.widgets.pick import pick
from app.widgets.selection import new_batch
from app.widgets.snapshot import snapshot_view
from db import batches, items

opened = store()
VIEWS = {
    "new": "New batch",
    "batches": "Batches",
    "snapshots": "Snapshots",
    "judgments": "Judgments",
}

heading(
    "Batches",
    "A batch is a named choice of items. Approving it freezes a snapshot that never changes: the "
    "only thing that training reads.",
)
if not items.counts(opened)["items"]:
    empty_state("inventory_2", "Nothing to choose from yet", "Import a teacher's rankings first.")
    link("overview", "Import on the overview", "upload_file")
    st.stop()

view = pick("View", VIEWS, key="view_of", segments=True)
if view == "new":
    new_batch(opened)
elif view == "batches":
    found = batches.list_batches(opened)
    if found.is_empty():
        empty_state("inventory_2", "No batch yet", "Make one from what was reviewed.")
    else:
        batch_table(found)
elif view == "judgments":
    judgment_download(opened)
else:
    found = batches.list_snapshots(opened)
    if found.is_empty():
        empty_state("ac_unit", "No snapshot yet", "Approve a batch to freeze one.")
    else:
        snapshot_view(opened, found)
approve_dialog(opened)
