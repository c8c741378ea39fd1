"""Webhooks: added, tested and removed here, and what became of their messages."""

from typing import Any

import polars as pl
import streamlit as st

from app.store import user
from app.widgets.page import empty_state, mendable
from app.widgets.text import plain
from curation import webhooks
from db import webhooks as outbox
from db.store import Store

EVENTS = {
    "batch.approved": "A batch was approved",
    "job.ended": "A job ended",
    "evaluation.done": "An evaluation is done",
}


def webhook_form(store: Store) -> None:
    """Draw what adds a webhook."""
    with st.form("new-webhook"):
        url = st.text_input(
            "Address", key="webhook-url", placeholder="https://example.org/rankdesk"
        )
        left, right = st.columns(2)
        events = left.multiselect(
            "Told of",
            list(EVENTS),
            list(EVENTS),
            format_func=EVENTS.__getitem__,
            key="webhook-events",
        )
        variable = right.text_input(
            "Variable with the signing secret",
            key="webhook-variable",
            placeholder="RANKDESK_WEBHOOK_SECRET",
            help="An environment variable, or an entry of Streamlit's secrets, that the app was "
            "started with. Only its name is kept.",
        )
        asked = st.form_submit_button("Add it", key="webhook-add", icon=":material/add:")
    if asked:
        with mendable():
            webhooks.add(
                store,
                (url or "").strip(),
                events=events,
                secret_variable=(variable or "").strip(),
                made_by=user(),
            )


def webhook_list(store: Store) -> None:
    """Draw every webhook with its warnings, a test and its removal."""
    found = outbox.list_webhooks(store)
    if not found:
        empty_state("webhook", "No webhook yet", "Add the address of what wants to be told.")
    for row in found:
        _webhook(store, row)


def _webhook(store: Store, row: dict[str, Any]) -> None:
    webhook_id = row["webhook_id"]
    with st.container(border=True):
        told = ", ".join(EVENTS.get(event, event).lower() for event in row["events"])
        st.markdown(
            f"**{plain(row['url'])}**  \n:gray[{plain(told)} · secret in "
            f"{plain(row['secret_variable'])} · added by {plain(row['made_by'])}]"
        )
        with st.container(horizontal=True):
            tested = st.button("Test", key=f"test-{webhook_id}", icon=":material/send:")
            with st.popover("Remove", icon=":material/delete:"):
                st.caption("It is told nothing any more, and what waits for it is dropped.")
                st.button(
                    "Remove it",
                    key=f"remove-{webhook_id}",
                    type="primary",
                    on_click=_remove,
                    args=(store, webhook_id),
                )
        for warning in webhooks.warnings(row["url"], row["secret_variable"]):
            st.warning(plain(warning), icon=":material/warning:")
        if tested:
            _test(store, webhook_id)


def _test(store: Store, webhook_id: str) -> None:
    with mendable():
        with st.spinner("Sending …"):
            sent = webhooks.send_test(store, webhook_id, asked_by=user())
        show = st.success if sent["state"] == "ok" else st.error
        show(plain(webhooks.outcome(sent)))


def _remove(store: Store, webhook_id: str) -> None:
    with mendable():
        webhooks.remove(store, webhook_id, removed_by=user())


@st.fragment(run_every=5)
def delivery_table(store: Store) -> None:
    """Draw the newest deliveries, kept up to date."""
    found = outbox.list_deliveries(store)
    if found.is_empty():
        st.caption("Nothing was sent yet.")
        return
    moment = st.column_config.DatetimeColumn
    st.dataframe(
        found.with_columns(
            pl.col("event").replace(EVENTS),
            pl.when(pl.col("state") == "pending").then("next_at").alias("next_at"),
        ),
        hide_index=True,
        alt="Deliveries, newest first",
        column_config={
            "happened_at": moment("Happened", format="YYYY-MM-DD HH:mm:ss"),
            "event": "What",
            "url": "Address",
            "state": "State",
            "attempts": "Attempts",
            "status": "Answer",
            "detail": "Why not",
            "attempted_at": moment("Last attempt", format="YYYY-MM-DD HH:mm:ss"),
            "next_at": moment("Next attempt", format="YYYY-MM-DD HH:mm:ss"),
            "delivery_id": "Delivery",
        },
    )
