"""Evaluations: models on a benchmark, with their uncertainty, against a pinned baseline."""

from typing import Any

import polars as pl
import streamlit as st

from app.store import store, user
from app.widgets.charts import intervals
from app.widgets.clean_scores import clean_scores
from app.widgets.evaluate_form import evaluate_form
from app.widgets.page import empty_state, heading, link, mendable
from app.widgets.pick import pick
from app.widgets.scores import score_table
from app.widgets.text import interval, many, p_value, points
from curation.comparing import LEVEL
from curation.edits import pin_baseline
from db import benchmarks, evaluations
from trainer import ingest

opened = store()
ingest.sync(opened)


def results(rows: list[dict[str, Any]], measure: str) -> None:
    """Draw the table, its chart, and the buttons that pin a baseline and open queries."""
    st.dataframe(
        pl.DataFrame(
            [
                {
                    "name": ("⚑ " if row["is_baseline"] else "") + row["name"],
                    "value": None if row["value"] is None else 100 * row["value"],
                    "ci": interval(row["ci95"]),
                    "n": row["n"],
                    "difference": points(row["difference"], signed=True),
                    "difference_ci": interval(row["difference_ci95"]),
                    "verdict": verdict(row),
                    "p": p_value(row["p"]),
                    "p_holm": p_value(row["p_holm"]),
                    "wtl": "–"
                    if row["wins"] is None
                    else f"{row['wins']} / {row['ties']} / {row['losses']}",
                    "effect": "–" if row["effect"] is None else f"{row['effect']:.2f}",
                    "detectable": points(row["detectable"]),
                    "strategy": row["strategy"],
                    "judged": row["judged"],
                    "holes": row["holes"],
                    "repaired": repaired(row["summary"]),
                    "apart": (row["summary"] or {}).get("disagreement"),
                }
                for row in rows
            ],
            infer_schema_length=None,
        ),
        hide_index=True,
        alt="Evaluations with intervals and comparisons",
        column_config={
            "name": st.column_config.TextColumn("Evaluation", pinned=True),
            "value": st.column_config.NumberColumn(measure, format="%.2f"),
            "ci": "95 % interval",
            "n": "n",
            "difference": st.column_config.TextColumn("Difference", alignment="right"),
            "difference_ci": "Its 95 % interval",
            "verdict": "",
            "p": "p (paired)",
            "p_holm": st.column_config.TextColumn(
                "p (Holm)", help="Corrected for testing every row of the table."
            ),
            "wtl": "Win / tie / loss",
            "effect": st.column_config.TextColumn(
                "Effect size", alignment="right", help="Cohen's d of the paired differences."
            ),
            "detectable": st.column_config.TextColumn(
                "Detectable",
                alignment="right",
                help="The smallest true difference that this benchmark would show in four cases of "
                "five, given how the differences vary.",
            ),
            "strategy": "Strategy",
            "judged": st.column_config.NumberColumn(
                "Judged@10",
                format="percent",
                help="Of a query's first ten passages, how many anyone judged. The others count as "
                "irrelevant: a lower share than another evaluation's may hide relevant ones.",
            ),
            "holes": st.column_config.NumberColumn(
                "Holes", format="%.1f", help="Unjudged passages among a query's first ten, mean."
            ),
            "repaired": "Answers repaired",
            "apart": st.column_config.NumberColumn(
                "Samples disagree",
                format="%.3f",
                help="Mean Kendall distance between a window's samples: 0 equal, 1 reversed",
            )
            if any("disagreement" in row["summary"] for row in rows)
            else None,
        },
    )
    st.caption(
        "⚑ is the baseline. Differences are paired by query; p by a permutation test, corrected "
        f"by Holm over the table: not separable is p (Holm) ≥ {LEVEL}."
    )
    drawn = [row for row in rows if row["value"] is not None]
    if len(drawn) > 1:
        with st.container(border=True):
            st.altair_chart(
                intervals(
                    pl.DataFrame(
                        {
                            "name": [row["name"] for row in drawn],
                            "value": [100 * row["value"] for row in drawn],
                            "low": [100 * row["ci95"][0] for row in drawn],
                            "high": [100 * row["ci95"][1] for row in drawn],
                            "baseline": [row["is_baseline"] for row in drawn],
                        }
                    ),
                    measure,
                ),
                alt="Means with their intervals",
            )


def verdict(row: dict[str, Any]) -> str:
    """Say whether a row is told apart from the baseline."""
    if row["separable"] is None:
        return ""
    if not row["separable"]:
        return "not separable"
    return "▲ better" if row["difference"] > 0 else "▼ worse"


def repaired(summary: dict[str, Any]) -> str:
    """Return the share of answers that were no clean permutation."""
    statuses = summary.get("statuses") or {}
    total = sum(statuses.values())
    return f"{1 - statuses.get('ok', 0) / total:.1%}" if total else ""


heading("Evaluations", "What a model does on a benchmark, and how sure that is.")
found = benchmarks.list_benchmarks(opened)
if not found:
    empty_state("quiz", "No benchmark yet", "Add one first: it is what models are measured on.")
    link("benchmarks", "Add a benchmark", "quiz")
    st.stop()

left, middle, right = st.columns([2, 1, 2], vertical_alignment="bottom")
with left:
    benchmark_id = pick(
        "Benchmark",
        {
            row["benchmark_id"]: f"{row['name']} · {many(row['n_queries'], 'query', 'queries')}"
            for row in found
        },
        key="benchmark",
        default=found[-1]["benchmark_id"],
    )
if next(row["of_items"] for row in found if row["benchmark_id"] == benchmark_id):
    st.info(
        "This one is made of items of this workspace: what is measured is how far a checkpoint "
        "agrees with the teacher's labels, on items that it may have been trained on. Its orders "
        "are rankings of the items.",
        icon=":material/info:",
    )
names = evaluations.measure_names(opened, benchmark_id)
measure = middle.selectbox("Measure", names, key="measure", bind="query-params") or "nDCG@10"
rows = score_table(opened, benchmark_id, measure)
baselines = [row["evaluation_id"] for row in rows if row["is_baseline"]]
by_id = {row["evaluation_id"]: row["name"] for row in rows}
pinned = next(
    (row["evaluation_id"] for row in rows if row["is_baseline"]), rows[0]["evaluation_id"]
)


def pin() -> None:
    """Compare with the chosen evaluation from now on."""
    with mendable():
        pin_baseline(opened, benchmark_id, st.session_state["baseline"], pinned_by=user())


if st.session_state.get("baseline") not in by_id or st.session_state.get("of") != benchmark_id:
    st.session_state["baseline"], st.session_state["of"] = pinned, benchmark_id
right.selectbox(
    "Pinned baseline", list(by_id), format_func=by_id.__getitem__, key="baseline", on_change=pin
)
results(rows, measure)
clean_scores(opened, benchmark_id, rows, measure)
with st.container(horizontal=True):
    link("compare", "Compare up to five, every pair tested", "compare", benchmark=benchmark_id)
    link("queries", "Look at two of them query by query", "difference", benchmark=benchmark_id)
evaluate_form(opened, benchmark_id, wanted=st.query_params.get("checkpoint"))
