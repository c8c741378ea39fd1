"""Queries: two evaluations query by query: their orders, their chains, and their calls replayed."""

from collections.abc import Callable
from statistics import fmean

import polars as pl
import streamlit as st

from app.store import store
from app.widgets.call_views import chains_side_by_side, replay_view
from app.widgets.charts import differences
from app.widgets.page import empty_state, heading, link
from app.widgets.pick import pick
from app.widgets.query_diff import benchmark_of, bump_view, order_diff
from app.widgets.sending import send_form, send_one
from app.widgets.text import key_of, many
from db import benchmarks, evaluations
from trainer import ingest
from trainer.scoreboard import run_of

opened = store()
ingest.sync(opened)


def choose() -> tuple[str, str, str]:
    """Draw the choice of a benchmark's two evaluations; return its id and theirs."""
    found = benchmarks.list_benchmarks(opened)
    every = evaluations.list_evaluations(opened)
    linked = next(
        (row for row in every if row["evaluation_id"] == st.query_params.get("evaluation")), None
    )
    left, middle, right = st.columns(3)
    with left:
        benchmark_id = pick(
            "Benchmark",
            {row["benchmark_id"]: row["name"] for row in found},
            key="benchmark",
            default=linked["benchmark_id"] if linked else found[-1]["benchmark_id"],
        )
    names = {
        row["evaluation_id"]: row["name"] for row in every if row["benchmark_id"] == benchmark_id
    }
    with middle:
        baseline = pick(
            "Compared with",
            names,
            key="baseline_of",
            default=benchmarks.pinned_baseline(opened, benchmark_id) or next(iter(names)),
        )
    with right:
        evaluation = pick("Evaluation", names, key="evaluation", default=list(names)[-1])
    return benchmark_id, baseline, evaluation


def table(baseline: str, evaluation: str, texts: dict[str, str], measure: str) -> str | None:
    """Draw every query with both values; return the one that is chosen."""
    values = evaluations.per_query(opened, [baseline, evaluation], measure)
    wide = (
        values.filter(pl.col("evaluation_id") == evaluation)
        .select("qid", after="value")
        .join(
            values.filter(pl.col("evaluation_id") == baseline).select("qid", before="value"),
            on="qid",
        )
        .with_columns(
            difference=(pl.col("after") - pl.col("before")) * 100,
            before=pl.col("before") * 100,
            after=pl.col("after") * 100,
            query=pl.col("qid").replace_strict(texts, default=""),
        )
        .with_columns(
            change=pl.when(pl.col("difference") > 1e-9)
            .then(pl.lit("▲ win"))
            .when(pl.col("difference") < -1e-9)
            .then(pl.lit("▼ loss"))
            .otherwise(pl.lit("= tie"))
        )
        .sort("difference", "qid")
    )
    counts = dict(wide["change"].value_counts().iter_rows())
    left, right = st.columns([3, 2], gap="medium")
    with right, st.container(border=True):
        st.markdown(
            f"**{fmean(wide['difference'].to_list()):+.2f}** on average · "
            f":green[▲ {counts.get('▲ win', 0)}] · = {counts.get('= tie', 0)} · "
            f":red[▼ {counts.get('▼ loss', 0)}]"
        )
        st.altair_chart(differences(wide["difference"].to_list()), alt="Differences by query")
    with left:
        kinds = st.pills(
            "Show",
            ["▲ win", "= tie", "▼ loss"],
            selection_mode="multi",
            key="change",
            bind="query-params",
            label_visibility="collapsed",
        )
        shown = wide.filter(pl.col("change").is_in(kinds)) if kinds else wide
        wanted = st.query_params.get("query")
        rows = shown["qid"].to_list()
        number = st.column_config.NumberColumn
        event = st.dataframe(
            shown.select("change", "query", "before", "after", "difference", "qid"),
            hide_index=True,
            height=212,
            alt="Queries",
            on_select="rerun",
            selection_mode="single-row",
            selection_default={"selection": {"rows": [rows.index(wanted)], "columns": []}}
            if wanted in rows
            else None,
            key=key_of("queries", baseline, evaluation, measure, *kinds),
            column_config={
                "change": st.column_config.TextColumn("", width="small"),
                "query": st.column_config.TextColumn("Query", width="medium"),
                "before": number("Before", format="%.2f"),
                "after": number("After", format="%.2f"),
                "difference": number("Difference", format="%+.2f"),
                "qid": "qid",
            },
        )
    chosen = [row for row in event.selection.rows if row < len(rows)]
    if not chosen and wanted not in texts:
        return None
    qid = str(rows[chosen[0]] if chosen else wanted)
    st.query_params["query"] = qid
    return qid


def one_query(
    benchmark_id: str, baseline: str, evaluation: str, qid: str, texts: dict[str, str]
) -> None:
    """Draw one query in the chosen view."""
    with st.container(border=True, height=72):
        st.text(texts.get(qid, ""))
    views: dict[str, Callable[[], None]] = {
        "Orders": lambda: order_diff(opened, benchmark_id, baseline, evaluation, qid),
        "Bump chart": lambda: bump_view(opened, benchmark_id, baseline, evaluation, qid),
        "Chains": lambda: chains_side_by_side(opened, benchmark_id, baseline, evaluation, qid),
        "Replay": lambda: replay_view(opened, benchmark_id, evaluation, qid),
    }
    with st.container(horizontal=True, vertical_alignment="center"):
        view = st.segmented_control(
            "View",
            list(views),
            default="Orders",
            required=True,
            key="diff_view",
            bind="query-params",
            label_visibility="collapsed",
        )
        link("playground", "Open in the playground", "joystick", benchmark=benchmark_id, query=qid)
    views[view or "Orders"]()
    send_one(opened, evaluation, qid, texts, _values(baseline, evaluation, qid))


def downloads(evaluation: str) -> None:
    """Draw what takes the evaluation's rankings away; made when it is clicked."""
    with st.container(horizontal=True):
        st.download_button(
            "TREC run",
            lambda: run_of(opened, evaluation, "trec"),
            "evaluation.run",
            "text/plain",
            icon=":material/download:",
            help="The chosen evaluation's rankings of every query",
        )
        st.download_button(
            "RankLLM results",
            lambda: run_of(opened, evaluation, "rankllm"),
            "evaluation.json",
            "application/json",
            icon=":material/download:",
            help="The same with the texts of queries and passages",
        )


def _values(baseline: str, evaluation: str, qid: str) -> str:
    """Say what the measure was before and after."""
    values = evaluations.per_query(opened, [baseline, evaluation], measure).filter(
        pl.col("qid") == qid
    )
    by_evaluation = dict(values.select("evaluation_id", "value").iter_rows())
    before, after = (100 * by_evaluation.get(each, 0.0) for each in (baseline, evaluation))
    return f"{measure} {before:.1f} → {after:.1f}"


heading("Queries", "Where two evaluations differ, and what the model wrote there.")
if not evaluations.list_evaluations(opened):
    empty_state("difference", "Nothing to compare yet", "Evaluate a model on a benchmark first.")
    link("evaluations", "Evaluations", "leaderboard")
    st.stop()
benchmark_id, baseline, evaluation = choose()
queries = benchmark_of(opened, benchmark_id).queries
measure = evaluations.measure_names(opened, benchmark_id)[0]
send_form(opened, baseline, evaluation, queries, measure)
downloads(evaluation)
qid = table(baseline, evaluation, queries, measure)
if qid is None:
    st.caption(f"Choose one of {many(len(queries), 'row')} to see both orders.")
else:
    one_query(benchmark_id, baseline, evaluation, qid, queries)
