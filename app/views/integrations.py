"""Integrations: tokens of the API, and webhooks."""

import streamlit as st

from app.store import store
from app.widgets.page import heading
from app.widgets.pick import pick
from app.widgets.tokens import token_form, token_list
from app.widgets.webhook_views import delivery_table, webhook_form, webhook_list

opened = store()

heading(
    "Integrations",
    "What other programs may read of this workspace, and what they are told of by themselves.",
)
view = pick("View", {"api": "API", "webhooks": "Webhooks"}, key="view_of", segments=True)
if view == "api":
    st.caption(
        "Read-only, under `/api/v1` of this server's address; `/api/openapi.json` describes it."
    )
    token_form(opened)
    token_list(opened)
else:
    webhook_form(opened)
    webhook_list(opened)
    st.subheader("Deliveries", anchor=False)
    delivery_table(opened)
