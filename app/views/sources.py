"""Sources: queries with their answers and passages to search, from files to what Generate takes."""

import polars as pl
import streamlit as st

from app.store import store
from app.widgets.page import empty_state, heading, link
from app.widgets.pick import pick
from app.widgets.source_adding import add_source
from app.widgets.source_look import source_clusters, source_queries, source_report
from app.widgets.text import plain
from db import sources

VIEWS = {"queries": "Queries", "duplicates": "Duplicates", "report": "What was read"}

opened = store()
heading(
    "Sources",
    "Queries with their answers, and passages to search: what a teacher labels. They have no lists "
    "and no orders yet.",
)
found = sources.list_sources(opened)
if found:
    doing = pick("Do", {"look": "What is here", "add": "Add a source"}, key="do", segments=True)
else:
    doing = "add"
    empty_state(
        "database",
        "No source yet",
        "Add one below: tables of problems and solutions, a StackExchange dump, theorems, or a "
        "BEIR folder.",
    )
if doing == "add":
    add_source(opened)
else:
    st.dataframe(
        pl.DataFrame(
            {
                "name": [row["name"] for row in found],
                "kind": [row["kind"] for row in found],
                "queries": [row["n_queries"] for row in found],
                "passages": [row["n_passages"] for row in found],
                "domains": [
                    ", ".join(f"{name} {n:,}" for name, n in row["domains"].items())
                    for row in found
                ],
                "added": [row["added_at"] for row in found],
                "id": [row["source_id"] for row in found],
            }
        ),
        hide_index=True,
        alt="Sources",
        column_config={
            "name": "Name",
            "kind": "Form",
            "queries": "Queries",
            "passages": "Passages",
            "domains": st.column_config.TextColumn("Queries by domain", width="medium"),
            "added": st.column_config.DatetimeColumn("Added", format="YYYY-MM-DD HH:mm"),
            "id": "Content id",
        },
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = pick(
            "Source",
            {row["source_id"]: row["name"] for row in found},
            key="source",
            default=found[-1]["source_id"],
        )
        row = next(each for each in found if each["source_id"] == chosen)
        link("generate", f"Have {plain(row['name'])} labelled", "edit_note", source=chosen)
    view = pick("View", VIEWS, key="source-view", segments=True)
    folder = opened.workspace.sources / chosen
    if view == "queries":
        source_queries(folder)
    elif view == "duplicates":
        source_clusters(folder)
    else:
        source_report(row)
