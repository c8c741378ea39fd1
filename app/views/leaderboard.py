"""Leaderboard: what was measured on several benchmarks, beside what others published."""

import polars as pl
import streamlit as st

from app.store import store
from app.widgets.page import NOTICE, empty_state, heading, link, mendable
from app.widgets.pick import pick
from app.widgets.text import plain
from curation.leaderboard import (
    PublishedTable,
    Row,
    as_markdown,
    closest_table,
    matching,
    published_rows,
    published_tables,
)
from db import benchmarks, suites
from trainer import ingest, leaders

NONE = "none"

opened = store()
ingest.sync(opened)


def suite_form(names: dict[str, str]) -> None:
    """Draw the form that makes or changes a suite."""
    with st.popover("Make a suite", icon=":material/add:"), st.form("suite", border=False):
        name = st.text_input("Name", placeholder="BRIGHT", max_chars=80)
        chosen = st.multiselect("Benchmarks", list(names), format_func=names.__getitem__)
        st.caption("A name that is there already gets these benchmarks from now on.")
        if st.form_submit_button("Save", type="primary"):
            with mendable():
                made = suites.set_suite(opened, name or "", chosen)
                st.session_state[NOTICE] = f"{made['name']}: {len(chosen)} benchmarks"
                st.query_params["suite"] = made["name"]
                st.rerun()


def board(rows: list[Row], columns: list[str], name: str) -> None:
    """Draw the rows, and what they can be taken away as."""
    frame = pl.DataFrame(
        [
            {
                "kind": row.kind,
                "system": row.system,
                "first stage": row.first_stage,
                "strategy": row.strategy,
                "window": row.window,
                "average": None if row.average is None else 100 * row.average,
                **{
                    column: None if column not in row.values else 100 * row.values[column]
                    for column in columns
                },
                "source": row.source,
            }
            for row in rows
        ],
        infer_schema_length=None,
    )
    number = st.column_config.NumberColumn
    st.dataframe(
        frame,
        hide_index=True,
        height="content" if len(rows) < 14 else 520,
        alt="Leaderboard",
        column_config={
            "kind": st.column_config.TextColumn("", width="small", pinned=True),
            "system": st.column_config.TextColumn("System", pinned=True),
            "first stage": "First stage",
            "strategy": "Strategy",
            "window": "Window/step",
            "average": number(
                "Average", format="%.2f", help="Macro: every benchmark counts the same"
            ),
            **{column: number(plain(column), format="%.2f") for column in columns},
            "source": "Source",
        },
    )
    with st.container(horizontal=True):
        st.download_button(
            "CSV", frame.write_csv(), f"{name}.csv", "text/csv", icon=":material/download:"
        )
        st.download_button(
            "Markdown",
            as_markdown(rows, columns),
            f"{name}.md",
            "text/markdown",
            icon=":material/download:",
        )


def of_workspace(table_names: list[str]) -> None:
    """Draw the leaderboard of a suite or a benchmark."""
    names = {row["benchmark_id"]: row["name"] for row in benchmarks.list_benchmarks(opened)}
    found = {
        row["name"]: f"{row['name']} ({len(row['benchmarks'])} benchmarks)"
        for row in suites.list_suites(opened)
    }
    left, middle, right = st.columns([2, 2, 1], vertical_alignment="bottom")
    with left:
        suite = pick("Suite", {**found, **{name: name for name in names.values()}}, key="suite")
    members = suites.get_suite(opened, suite)["benchmarks"]
    closest = closest_table(members)
    with middle:
        wanted = pick(
            "Published beside it",
            {NONE: "nothing", **{name: name for name in table_names}},
            key="published",
            default=closest.name if closest else NONE,
        )
    with right:
        suite_form(names)
    table = published_tables().get(wanted)
    if table is not None:
        said(table, members)
    board(leaders.leaderboard(opened, suite, table), members, suite)


def said(table: PublishedTable, members: list[str]) -> None:
    """Say which published data sets the benchmarks are taken for."""
    known = matching(table, members)
    if len(known) == len(members):
        st.caption(
            f"Published values are those of {plain(', '.join(known.values()))}, and the average is "
            f"over these. Table: {plain(table.source)}."
        )
        return
    unknown = ", ".join(name for name in members if name not in known)
    st.warning(
        f"{plain(table.name)} has no data set that {plain(unknown)} is named after, so its rows "
        "have no average here. Name benchmarks as the table names its data sets, such as "
        f"{plain(table.name.lower())}-{plain(table.datasets[0])}.",
        icon=":material/info:",
    )


heading("Leaderboard", "Several benchmarks at once: measured here, and as others published it.")
tables = list(published_tables())
if benchmarks.list_benchmarks(opened):
    of_workspace(tables)
    st.caption(
        "Measured rows are this workspace's evaluations; published ones are quoted, and come from "
        "other hardware and library versions: half a point of the average is rerun noise."
    )
else:
    empty_state("leaderboard", "Nothing measured yet", "Below is what others published.")
    link("benchmarks", "Add a benchmark", "quiz")
    chosen = published_tables()[pick("Published", {name: name for name in tables}, key="published")]
    datasets = list(chosen.datasets)
    board(published_rows(chosen, datasets), datasets, chosen.name)
