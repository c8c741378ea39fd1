"""The API's tokens: made here and shown once, listed, revoked."""

import streamlit as st

from app.store import user
from app.widgets.page import empty_state, mendable
from app.widgets.text import plain, when
from curation import api_tokens
from db.api_tokens import list_tokens
from db.store import Store


def token_form(store: Store) -> None:
    """Draw what makes a token; the token stands there until the page is drawn again."""
    with (
        st.form("new-token", clear_on_submit=True),
        st.container(horizontal=True, vertical_alignment="bottom"),
    ):
        name = st.text_input("Name", key="token-name", placeholder="who or what reads with it")
        asked = st.form_submit_button("Make a token", key="token-make", icon=":material/key:")
    if asked:
        with mendable():
            made = api_tokens.add(store, name or "", made_by=user())
            st.success("Keep it now: it is not shown again.", icon=":material/key:")
            st.code(made, language=None)


def token_list(store: Store) -> None:
    """Draw the tokens in force, each with what revokes it."""
    found = list_tokens(store)
    if not found:
        empty_state("key", "No token yet", "Make one above; `curl` examples stand in docs/api.md.")
    for row in found:
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            st.markdown(
                f"**{plain(row['name'])}** "
                f":gray[· made by {plain(row['made_by'])}, {when(row['made_at'])}]",
                width="stretch",
            )
            with st.popover("Revoke", icon=":material/key_off:"):
                st.caption("What reads with it is refused from then on.")
                st.button(
                    "Revoke it",
                    key=f"revoke-{row['token_id']}",
                    type="primary",
                    on_click=_revoke,
                    args=(store, row["token_id"]),
                )


def _revoke(store: Store, token_id: str) -> None:
    with mendable():
        api_tokens.revoke(store, token_id, revoked_by=user())
