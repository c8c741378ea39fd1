"""A prepared job before it starts: exact configuration, command, preflight, start."""

from collections.abc import Sequence

import streamlit as st

from app.store import user
from app.widgets.page import NOTICE, go_to, mendable
from app.widgets.text import plain
from db.store import Store
from trainer import desk
from trainer.desk import PreparedJob

_SIGNS = {
    "ok": ":green[:material/check_circle:]",
    "warning": ":orange[:material/warning:]",
    "error": ":red[:material/cancel:]",
}


def preview_all(store: Store, prepared: Sequence[PreparedJob]) -> None:
    """Draw several jobs that would run one after the other, and the button that starts them."""
    st.dataframe(
        [
            {
                "name": job.spec.name,
                "checks": next(
                    (f"{c.name}: {c.message}" for c in job.checks if c.level != "ok"), "all well"
                ),
            }
            for job in prepared
        ],
        hide_index=True,
        alt="What would run",
        column_config={
            "name": st.column_config.TextColumn("Job"),
            "checks": st.column_config.TextColumn("Preflight", width="large"),
        },
    )
    shown = st.selectbox(
        "Look at",
        range(len(prepared)),
        format_func=lambda at: prepared[at].spec.name,
        key="preview-one",
    )
    _details(prepared[min(shown or 0, len(prepared) - 1)])
    if _start_button(f"Start all {len(prepared)}", any(job.blocked for job in prepared)):
        with mendable():
            ids = [desk.start(store, job, created_by=user()) for job in prepared]
            st.session_state[NOTICE] = f"{len(ids)} jobs are started; one runs at a time."
            go_to("jobs", job=ids[0])


def preview(store: Store, prepared: PreparedJob) -> None:
    """Draw what would run, and the button that starts it."""
    _details(prepared)
    if _start_button("Start", prepared.blocked):
        with mendable():
            job_id = desk.start(store, prepared, created_by=user())
            st.session_state[NOTICE] = "The job is started."
            go_to("jobs", job=job_id)


def _details(prepared: PreparedJob) -> None:
    """Draw one job's checks, command and configuration."""
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


def _start_button(label: str, blocked: bool) -> bool:
    if blocked:
        st.caption("A check says that the job cannot succeed; mend it first.")
    return st.button(
        label,
        key="start-job",
        type="primary",
        icon=":material/play_arrow:",
        disabled=blocked,
        help="The job is a process of its own: it goes on when the browser or the app is closed.",
    )
