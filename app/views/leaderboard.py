"""Leaderboard: what was measured on several benchmarks, beside what others published."""

from dataclasses import replace

import polars as pl
import streamlit as st

from app.store import store, user
from app.widgets.page import NOTICE, empty_state, heading, link, mendable
from app.widgets.pick import pick
from app.widgets.text import interval, many, p_value, plain, points
from curation.comparing import LEVEL
from curation.edits import set_suite
from curation.leaderboard import (
    PublishedTable,
    Row,
    as_csv,
    as_markdown,
    closest_table,
    matching,
    ordered,
    published_rows,
    published_tables,
)
from db import benchmarks, evaluations, suites
from db.store import Store
from trainer import ingest, leaders

NONE = "none"
ALONE = "published: "  # before a table's name: the table by itself

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
                made = set_suite(opened, name or "", chosen, made_by=user())
                st.session_state[NOTICE] = f"{made['name']}: {many(len(chosen), 'benchmark')}"
                st.query_params["suite"] = made["name"]
                st.rerun()


def board(rows: list[Row], columns: list[str], name: str) -> None:
    """Draw the rows, and what they can be taken away as."""
    keys = {f"value-{number}": column for number, column in enumerate(columns)}
    frame = pl.DataFrame(
        [
            {
                "kind": row.kind,
                "system": row.system,
                "first stage": row.first_stage,
                "strategy": row.strategy,
                "window": row.window,
                "evaluated": f"{len(row.values)} of {len(columns)}",
                "average": _points(row.average),
                "ci": interval(row.ci95),
                "gain": points(row.gain, signed=True),
                "gain_ci": interval(row.gain_ci95),
                "p": p_value(row.p_holm),
                **{key: _points(row.values.get(column)) for key, column in keys.items()},
                "as published": _points(row.published_average),
                "source": row.source,
            }
            for row in rows
        ],
        infer_schema_length=None,
    )
    number = st.column_config.NumberColumn
    whole = all(len(row.values) == len(columns) for row in rows)
    nothing_measured = all(row.ci95 is None for row in rows)
    unquoted = all(row.published_average is None for row in rows)
    st.dataframe(
        frame,
        hide_index=True,
        height="content" if len(rows) < 14 else 520,
        alt="Leaderboard",
        column_config={
            "kind": st.column_config.TextColumn("Kind", width="small", pinned=True),
            "system": st.column_config.TextColumn("System", pinned=True),
            "first stage": "First stage",
            "strategy": "Strategy",
            "window": "Window/step",
            "evaluated": None
            if whole
            else st.column_config.TextColumn(
                "Has", help="Benchmarks with a value. With fewer than all there is no average."
            ),
            "average": number(
                "Average",
                format="%.2f",
                help="Macro, over the benchmarks shown: each counts the same.",
            ),
            "ci": None if nothing_measured else "95 % interval",
            "gain": None
            if nothing_measured
            else st.column_config.TextColumn(
                "Gain", alignment="right", help="Over the first stage, on the same queries."
            ),
            "gain_ci": None if nothing_measured else "Its 95 % interval",
            "p": None
            if nothing_measured
            else st.column_config.TextColumn(
                "p (Holm)",
                help="Paired permutation test within queries, corrected over the measured rows: "
                f"from {LEVEL} on, a gain is not separable from none.",
            ),
            **{key: number(column, format="%.2f") for key, column in keys.items()},
            "as published": None
            if unquoted
            else number("As published", format="%.2f", help="Over all data sets of the table."),
            "source": "Source" if any(row.source for row in rows) else None,
        },
    )
    with st.container(horizontal=True):
        st.download_button(
            "CSV", as_csv(rows, columns), f"{name}.csv", "text/csv", icon=":material/download:"
        )
        st.download_button(
            "Markdown",
            as_markdown(rows, columns),
            f"{name}.md",
            "text/markdown",
            icon=":material/download:",
        )


def _points(value: float | None) -> float | None:
    return None if value is None else 100 * value


def ids() -> tuple[str, ...]:
    """Return the evaluations there are: new ones change what is measured."""
    return tuple(
        row["evaluation_id"]
        for each in benchmarks.list_tests(opened)
        for row in evaluations.list_evaluations(opened, each["benchmark_id"])
    )


@st.cache_data(max_entries=50, show_spinner="Comparing …")
def measured(_store: Store, suite: str, wanted: str, known: tuple[str, ...]) -> list[Row]:
    """Return `leaders.leaderboard`, whose resampling takes a moment a row."""
    return leaders.leaderboard(_store, suite, published_tables().get(wanted))


def of_workspace(suite: str, members: list[str], wanted: str) -> None:
    """Draw the leaderboard of a suite or a benchmark."""
    table = published_tables().get(wanted)
    if table is not None:
        said(table, members)
    board(measured(opened, suite, wanted, ids()), members, suite)
    st.caption(
        "Measured rows are this workspace's evaluations: of several of one model with the same "
        "settings the newest counts. Published ones are quoted, and come from other hardware and "
        "library versions: half a point of the average, and one or two of a data set, are rerun "
        "noise. Whether two measured rows differ on one benchmark is tested on the Compare page."
    )


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
        f"{plain(table.name.lower())}-{plain(table.datasets[0])}, leave the others out of the "
        f"suite, or choose “{plain(table.name)}, as published” to see the table by itself.",
        icon=":material/info:",
    )


def alone(table: PublishedTable) -> None:
    """Draw a published table by itself."""
    st.caption(f"{plain(table.name)}, {plain(table.measure)} × 100, from {plain(table.source)}.")
    # The average that the table prints, which its values give to the last digit or one beside it.
    rows = [
        replace(row, average=row.published_average, published_average=None)
        for row in published_rows(table, table.datasets)
    ]
    board(ordered(rows), list(table.datasets), table.name)


heading("Leaderboard", "Several benchmarks at once: measured here, and as others published it.")
names = {row["benchmark_id"]: row["name"] for row in benchmarks.list_tests(opened)}
tables = published_tables()
choices = {
    row["name"]: f"{row['name']} ({many(len(row['benchmarks']), 'benchmark')})"
    for row in suites.list_suites(opened)
}
choices |= {name: name for name in names.values() if name not in choices}
choices |= {f"{ALONE}{name}": f"{name}, as published" for name in tables}
if not names:
    empty_state("leaderboard", "Nothing measured yet", "Below is what others published.")
    link("benchmarks", "Add a benchmark", "quiz")
left, middle, right = st.columns([2, 2, 1], vertical_alignment="bottom")
with left:
    suite = pick("Suite", choices, key="suite")
if suite.startswith(ALONE) and suite.removeprefix(ALONE) in tables:
    alone(tables[suite.removeprefix(ALONE)])
else:
    members = suites.get_suite(opened, suite)["benchmarks"]
    closest = closest_table(members)
    with middle:
        beside = pick(
            "Published beside it",
            {NONE: "nothing", **{name: name for name in tables}},
            key="published",
            default=closest.name if closest else NONE,
        )
    with right:
        suite_form(names)
    of_workspace(suite, members, beside)
