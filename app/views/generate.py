"""Generate: a teacher labels a source, with its price known before and its answers seen while."""

import streamlit as st

from app.store import store
from app.widgets.generate_form import generate_form
from app.widgets.job_table import job_table
from app.widgets.page import empty_state, heading, link
from app.widgets.prompt_editor import prompt_editor
from db import jobs, sources
from trainer import ingest

opened = store()
ingest.sync(opened)
heading(
    "Generate",
    "A teacher says which passages are relevant, knowing the gold answer; and ranks them with a "
    "chain of reasoning, without it.",
)
found = sources.list_sources(opened)
if not found:
    empty_state(
        "database",
        "No source yet",
        "A source is queries with their answers, and the passages to search.",
    )
    link("sources", "Add a source", "database")
else:
    generate_form(opened, found, st.query_params.get("like"))
    prompt_editor(opened)
    made = [job for job in jobs.list_jobs(opened) if job["kind"] == "generate"]
    if made:
        st.subheader("Earlier", anchor=False)
        job_table(opened, made)
        link("consistency", "Look at what the teacher contradicts itself in", "query_stats")
