"""The list of batches, and the dialog that approves one."""

import polars as pl
import streamlit as st

from app.store import user
from app.widgets.page import NOTICE, go_to, mendable
from app.widgets.text import many, plain
from curation import batching
from curation.snapshots import Changed
from db import batches
from db.store import Store

_ASKED = "batch_to_approve"


def batch_table(found: pl.DataFrame) -> None:
    """Draw every batch; one that is not approved has a button."""
    open_ones = found.filter(pl.col("snapshot_id").is_null())
    for row in open_ones.iter_rows(named=True):
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            st.markdown(
                f"**{plain(row['name'])}** · {many(row['n_items'], 'item')} · cut {row['cut']:.2f} "
                f":gray[· by {plain(row['created_by'])}] :orange-badge[waits for approval]",
                width="stretch",
            )
            st.button(
                "Approve …",
                key=f"approve-{row['batch_id']}",
                icon=":material/verified:",
                on_click=_ask,
                args=(row["batch_id"],),
            )
    approved = found.filter(pl.col("snapshot_id").is_not_null())
    if approved.is_empty():
        return
    st.dataframe(
        approved.select(
            "name", "n_items", "cut", "created_by", "approved_by", "approved_at", "snapshot_id"
        ),
        hide_index=True,
        alt="Approved batches",
        column_config={
            "name": "Approved batch",
            "n_items": "Items",
            "cut": st.column_config.NumberColumn("Cut", format="%.2f"),
            "created_by": "Made by",
            "approved_by": "Approved by",
            "approved_at": st.column_config.DatetimeColumn("Approved", format="YYYY-MM-DD HH:mm"),
            "snapshot_id": "Snapshot",
        },
    )


def _ask(batch_id: str) -> None:
    st.session_state[_ASKED] = batch_id


def _close() -> None:
    st.session_state.pop(_ASKED, None)


def approve_dialog(store: Store) -> None:
    """Open the dialog while a batch is up for approval."""
    if _ASKED in st.session_state:
        _dialog(store, st.session_state[_ASKED])


@st.dialog("Approve and freeze", on_dismiss=_close)
def _dialog(store: Store, batch_id: str) -> None:
    with mendable():
        batch = batches.get_batch(store, batch_id)
        st.markdown(
            f"**{plain(batch['name'])}** with {many(batch['n_items'], 'item')} becomes a snapshot. "
            "A snapshot cannot be changed or taken back; its manifest says that "
            f"**{plain(user())}** approved it."
        )
        _say_changed(batching.standing(store, batch_id)[1])
    held = batching.quarantined(store, batch_id)
    if held:
        names = sorted({name for row in held for name in row["benchmarks"]})
        st.warning(
            f"{many(len(held), 'item is', 'items are')} quarantined: what they ask is a test query "
            f"of {plain(', '.join(names))}.",
            icon=":material/policy:",
        )
    with st.container(horizontal=True):
        label = f"Leave {len(held):,} out and approve" if held else "Approve"
        agreed = st.button(label, key="approve-now", type="primary", icon=":material/verified:")
        st.button("Not now", on_click=_close)
    reason = _keep_them() if held else ""
    if agreed or reason:
        with mendable():
            manifest = batching.approve(
                store,
                batch_id,
                approved_by=user(),
                leave_out=bool(held) and not reason,
                reason=reason,
            )
            st.session_state[NOTICE] = f"Snapshot {manifest.snapshot_id} is frozen."
            _close()
            go_to("batches", view_of="snapshots", snapshot=manifest.snapshot_id)


def _say_changed(changed: Changed) -> None:
    """Say what reviewers have decided since the batch was made."""
    if changed.left_out:
        st.warning(
            f"{many(len(changed.left_out), 'item passes', 'items pass')} the batch's filters no "
            "longer: left out.",
            icon=":material/remove_circle:",
        )
    if changed.refreshed:
        st.info(
            f"{many(len(changed.refreshed), 'item was', 'items were')} corrected since: frozen as "
            "corrected.",
            icon=":material/edit:",
        )


def _keep_them() -> str:
    """Draw what keeps quarantined items in; return the reason once it is given."""
    with st.expander("Train on them all the same"), st.form("keep-quarantined", border=False):
        reason = st.text_input(
            "Why", key="keep-reason", help="Stands with the batch and in the snapshot's manifest."
        )
        asked = st.form_submit_button("Approve with them", key="keep-now")
    if asked and not (reason or "").strip():
        st.error("Say why they are to be trained on.", icon=":material/error:")
    return (reason or "").strip() if asked else ""
