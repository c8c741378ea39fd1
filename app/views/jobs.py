"""Jobs: every job with its state; one job live, with what it measures and writes."""

import streamlit as st

from app.store import store
from app.widgets.job_detail import job_detail
from app.widgets.job_table import job_table
from app.widgets.page import empty_state, heading, link, mendable
from db import jobs
from trainer import ingest

opened = store()
ingest.sync(opened)
wanted = st.query_params.get("job")
if wanted:
    with mendable():
        job_detail(opened, jobs.get_job(opened, wanted))
else:
    heading("Jobs", "Each job is a process of its own: it outlives the browser and the app.")
    found = jobs.list_jobs(opened)
    if found:
        job_table(opened, found)
    else:
        empty_state("monitoring", "No job yet", "Start one from an approved snapshot.")
    with st.container(horizontal=True):
        link("new_job", "New training job", "play_circle")
        link("evaluations", "Evaluate a model", "leaderboard")
