"""Named views of the table: the address holds a view too, a name makes it easy to find again."""

from typing import Any

import streamlit as st

from app.store import user
from app.widgets.filters import FIELDS
from app.widgets.page import mendable
from app.widgets.text import key_of, plain
from curation.edits import save_view
from db import saved_views
from db.store import Store

_PAIRS = ("ndcg", "tau")  # sliders with two ends


def views_menu(store: Store, more: tuple[str, ...], options: dict[str, list[str]]) -> None:
    """Draw the popover that opens, saves and drops named views.

    Args:
        more: Keys of the page's widgets that belong to a view beside the filter's.
        options: What can be chosen now, by key; what a view names and is gone is left out.
    """
    found = saved_views.list_views(store)
    with st.popover("Views", icon=":material/bookmark:", width="content"):
        if not found:
            st.caption("Name what the table shows now, to find it again. Its address holds it too.")
        for name, fields in found.items():
            with st.container(
                horizontal=True, vertical_alignment="center", key=key_of("row", name)
            ):
                st.button(
                    plain(name),
                    key=key_of("view", name),
                    type="tertiary",
                    width="stretch",
                    icon=":material/bookmark:",
                    on_click=_open,
                    args=(fields, more, options),
                )
                st.button(
                    "Drop",
                    key=key_of("drop", name),
                    type="tertiary",
                    icon=":material/delete:",
                    on_click=save_view,
                    args=(store, name, None),
                    kwargs={"saved_by": user()},
                )
        with st.form("save-view", border=False, clear_on_submit=True):
            name = st.text_input("Name", max_chars=60, key="view_name")
            if st.form_submit_button("Save this view", icon=":material/add:") and name.strip():
                with mendable():
                    save_view(store, " ".join(name.split()), _present(more), saved_by=user())
                    st.rerun()


def _present(more: tuple[str, ...]) -> dict[str, Any]:
    """Return what the widgets hold now, and the batch that the address names."""
    held = {key: st.session_state[key] for key in (*FIELDS, *more) if key in st.session_state}
    return {**held, "batch": st.query_params.get("batch", "")}


def _open(fields: dict[str, Any], more: tuple[str, ...], options: dict[str, list[str]]) -> None:
    """Set the widgets to a view's fields."""
    for key in (*FIELDS, *more):
        if key not in fields:
            continue
        value = fields[key]
        if key in _PAIRS:
            value = tuple(value)
        elif key in options and isinstance(value, list):
            value = [each for each in value if each in options[key]]
        elif key in options and value not in options[key]:
            value = None
        st.session_state[key] = value
    if fields.get("batch"):
        st.query_params["batch"] = fields["batch"]
    else:
        st.query_params.pop("batch", None)
