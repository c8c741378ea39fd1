"""The list of jobs."""

from typing import Any

import polars as pl
import streamlit as st

from app.widgets.page import go_to
from app.widgets.text import duration
from db.store import Store
from trainer import desk, ingest

SIGNS = {
    "queued": "◌ queued",
    "running": "▶ running",
    "done": "✓ done",
    "stopped": "■ stopped",
    "failed": "✗ failed",
    "interrupted": "! interrupted",
}
_KINDS = {"evaluate": "Evaluate", "generate": "Generate"}
LIVE = ("queued", "running")
SHOWN = 100  # newest jobs in the table


def job_table(store: Store, found: list[dict[str, Any]]) -> None:
    """Draw the jobs; again every two seconds while one of them is alive."""
    states = [desk.job_state(store, job["job_id"]).state for job in found[:SHOWN]]
    alive = any(state in LIVE for state in states)
    st.fragment(_table, run_every=2 if alive else None)(store, found[:SHOWN])


def _table(store: Store, found: list[dict[str, Any]]) -> None:
    ingest.sync(store)
    rows = []
    for job in found:
        now = desk.job_state(store, job["job_id"])
        share = 100 * now.step / now.total if now.step is not None and now.total else None
        rows.append(
            {
                "open": "Open",
                "state": SIGNS[now.state],
                "name": job["name"],
                "kind": _KINDS.get(job["kind"], job["kind"].upper()),
                "share": 100.0 if now.state == "done" else share,
                "left": duration(now.eta_s) if now.eta_s is not None else "",
                "recipe": job["recipe"],
                "by": job["created_by"],
                "started": job["created_at"],
            }
        )
    clicked = "open-job"
    st.dataframe(
        pl.DataFrame(rows, infer_schema_length=None),
        hide_index=True,
        alt="Jobs",
        column_config={
            "open": st.column_config.ButtonColumn("", width=70, key=clicked),
            "state": "State",
            "name": st.column_config.TextColumn("Name", width="medium"),
            "kind": "Kind",
            "share": st.column_config.ProgressColumn(
                "Progress", format="%.0f %%", min_value=0, max_value=100
            ),
            "left": "Left",
            "recipe": "Recipe",
            "by": "By",
            "started": st.column_config.DatetimeColumn("Started", format="MM-DD HH:mm"),
        },
    )
    click = st.session_state.get(clicked)
    if click is not None and 0 <= click["row"] < len(found):
        go_to("jobs", job=found[click["row"]]["job_id"])
