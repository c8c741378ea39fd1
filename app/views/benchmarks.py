"""Benchmarks: what models are measured on, and adding one from its files."""

from pathlib import Path

import polars as pl
import streamlit as st

from app.store import store
from app.widgets.page import NOTICE, empty_state, heading, link, mendable
from app.widgets.scores import score_table
from app.widgets.text import plain, points
from db import benchmarks
from trainer import scoreboard

FILES = {
    "queries": ("Queries", "TSV (`qid`, text) or JSONL", "queries.tsv"),
    "passages": ("Passages", "JSONL as BEIR (`_id`, `title`, `text`) or Pyserini", "corpus.jsonl"),
    "qrels": ("Labels", "TREC qrels; doc ids may hold spaces", "qrels.txt"),
    "run": ("First-stage run", "TREC run: what is reranked", "bm25.run"),
}

opened = store()


def add_form() -> None:
    """Draw the form that registers a benchmark from four files on the server."""
    with st.form("add_benchmark", border=True):
        st.markdown("**Add a benchmark** :gray[from files on the server; each may be gzipped]")
        name = st.text_input("Name", placeholder="bright-biology", max_chars=80)
        paths = {}
        with st.grid(2, min_column_width=300, gap="small"):
            for key, (label, text, example) in FILES.items():
                paths[key] = st.text_input(
                    label, help=text, placeholder=f"/data/bright/{example}", key=f"path-{key}"
                )
        asked = st.form_submit_button("Check and add", type="primary", icon=":material/add:")
    if not asked:
        return
    missing = [FILES[key][0].lower() for key, path in paths.items() if not (path or "").strip()]
    if missing:
        st.error(f"Name the files: {', '.join(missing)}.", icon=":material/error:")
        return
    with mendable(), st.spinner("Checking the files against each other …"):
        files = {key: Path((path or "").strip()).expanduser() for key, path in paths.items()}
        manifest = scoreboard.add_benchmark(opened, name or "", **files)
        st.session_state[NOTICE] = f"{manifest.name}: {manifest.n_queries} queries"
        st.rerun()


heading(
    "Benchmarks",
    "Queries, passages, labels and the first-stage order that models rerank. Keep them apart from "
    "what you train on.",
)
found = benchmarks.list_benchmarks(opened)
if found:
    first = [score_table(opened, row["benchmark_id"])[0] for row in found]
    st.dataframe(
        pl.DataFrame(
            {
                "name": [row["name"] for row in found],
                "queries": [row["n_queries"] for row in found],
                "passages": [row["n_passages"] for row in found],
                "first": [points(row["value"]) for row in first],
                "added": [row["created_at"] for row in found],
                "id": [row["benchmark_id"] for row in found],
            }
        ),
        hide_index=True,
        alt="Benchmarks",
        column_config={
            "name": "Name",
            "queries": "Queries",
            "passages": "Passages",
            "first": "First stage, nDCG@10",
            "added": st.column_config.DatetimeColumn("Added", format="YYYY-MM-DD HH:mm"),
            "id": "Content id",
        },
    )
    with st.container(horizontal=True):
        for row in found[-4:]:
            link(
                "evaluations",
                f"Evaluations on {plain(row['name'])}",
                "leaderboard",
                benchmark=row["benchmark_id"],
            )
else:
    empty_state("quiz", "No benchmark yet", "Add one below: four files, checked together.")
add_form()
