"""A prepared job before it starts: exact configuration, command, preflight, start."""

import streamlit as st

from app.store import user
from app.widgets.page import NOTICE, mendable
from app.widgets.text import plain
from db.store import Store
from trainer import desk
from trainer.desk import PreparedJob

_SIGNS = {
    "ok": ":green[:material/check_circle:]",
    "warning": ":orange[:material/warning:]",
    "error": ":red[:material/cancel:]",
}


def preview(store: Store, prepared: PreparedJob) -> None:
    """Draw what would run, and the button that starts it."""
    with st.container(border=True):
        st.markdown("**Preflight**")
        for check in prepared.checks:
            st.markdown(
                f"{_SIGNS[check.level]} **{plain(check.name)}** :gray[·] {plain(check.message)}"
            )
    with st.container(border=True):
        st.markdown("**Command**")
        st.code(prepared.command, language="bash", wrap_lines=True)
        with st.expander("config.yaml, as the job will read it", icon=":material/settings:"):
            st.code(prepared.config_yaml, language="yaml", height=420)
    if st.button(
        "Start",
        key="start-job",
        type="primary",
        icon=":material/play_arrow:",
        disabled=prepared.blocked,
        help="The job is a process of its own: it goes on when the browser or the app is closed.",
    ):
        with mendable():
            job_id = desk.start(store, prepared, created_by=user())
            st.session_state[NOTICE] = "The job is started."
            st.switch_page("views/jobs.py", query_params={"job": job_id})
    if prepared.blocked:
        st.caption("A check says that the job cannot succeed; mend it first.")
