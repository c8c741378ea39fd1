"""A choice among things with ids, whose id is in the URL."""

from collections.abc import Mapping

import streamlit as st


def pick(
    label: str,
    names: Mapping[str, str],
    *,
    key: str,
    default: str | None = None,
    segments: bool = False,
) -> str:
    """Draw a select box over ids, and keep the chosen id in the URL under `key`.

    Bound widgets put their labels into the URL; a link to a job or snapshot should hold its id.

    Args:
        names: From id to what is shown; not empty.
        default: What is chosen where the URL names nothing that is there.
        segments: Draw few options beside each other instead.
    """
    widget, written = f"pick-{key}", f"url-{key}"
    wanted = st.query_params.get(key)
    if wanted in names and wanted != st.session_state.get(written):
        st.session_state[widget] = wanted
    elif st.session_state.get(widget) not in names:
        st.session_state[widget] = default if default in names else next(iter(names))
    if segments:
        chosen = st.segmented_control(
            label,
            list(names),
            required=True,
            format_func=names.__getitem__,
            key=widget,
            label_visibility="collapsed",
        )
    else:
        chosen = st.selectbox(label, list(names), format_func=names.__getitem__, key=widget)
    chosen = str(chosen)
    st.query_params[key] = st.session_state[written] = chosen
    return chosen
