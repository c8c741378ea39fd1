"""Does reasoning help? One checkpoint with and without a chain, listwise and pointwise."""

from typing import Any

import polars as pl
import streamlit as st

from app.store import store, user
from app.widgets.compare_charts import grouped_bars, pareto, reliability
from app.widgets.page import empty_state, heading, link, mendable
from app.widgets.pick import pick
from app.widgets.query_diff import benchmark_of
from app.widgets.text import interval, many, p_value, plain, points
from curation import breakdown
from curation.calibration import Calibration
from db import benchmarks, checkpoints, evaluations
from trainer import desk, ingest, scoreboard, study

opened = store()
ingest.sync(opened)


def choose() -> tuple[dict[str, Any], str]:
    """Draw the choice of a checkpoint and a benchmark."""
    left, right = st.columns(2)
    models = {row["checkpoint_id"]: row for row in checkpoints.list_checkpoints(opened)}
    found = benchmarks.list_benchmarks(opened)
    with left:
        checkpoint_id = pick(
            "Checkpoint",
            {key: f"{row['name']} ({row['kind']})" for key, row in models.items()},
            key="checkpoint",
            default=next(iter(models)),
        )
    with right:
        benchmark_id = pick(
            "Benchmark",
            {row["benchmark_id"]: row["name"] for row in found},
            key="benchmark",
            default=found[-1]["benchmark_id"],
        )
    return models[checkpoint_id], benchmark_id


def start(checkpoint: dict[str, Any], benchmark_id: str, missing: list[str]) -> None:
    """Draw the button that starts what is missing."""
    label = "Run all four" if len(missing) == len(study.VARIANTS) else "Run what is missing"
    if st.button(label, type="primary", icon=":material/play_circle:", disabled=not missing):
        with mendable():
            prepared = study.prepare(opened, checkpoint["checkpoint_id"], benchmark_id)
            for variant in missing:
                desk.start(opened, prepared[variant], created_by=user())
            st.success(f"{many(len(missing), 'evaluation')} started, one after the other.")
    link("jobs", "Watch them", "monitoring")


def quality(
    found: dict[str, dict[str, Any]], rates: dict[str, Calibration], domains: dict[str, str]
) -> None:
    """Draw the four side by side: quality, also by domain, tokens, and how pointwise ones err."""
    rows = list(found.values())
    ids = [row["evaluation_id"] for row in rows]
    # Each is set against the first that ran: with a chain against without, where both are there.
    compared = scoreboard.compare(opened, rows, "nDCG@10", dict.fromkeys(ids, ids[0]))
    spent = {row["evaluation_id"]: row for row in evaluations.costs(opened, ids)}
    table = []
    for variant, row in zip(found, compared, strict=True):
        rate = rates.get(variant)
        cost = spent[row["evaluation_id"]]
        table.append(
            {
                "variant": variant,
                "value": 100 * row["value"],
                "ci": interval(row["ci95"]),
                "difference": points(row["difference"], signed=True)
                + (" (not separable)" if row["separable"] is False else ""),
                "difference_ci": interval(row["difference_ci95"]),
                "p": p_value(row["p_holm"]),
                "wtl": "–"
                if row["wins"] is None
                else f"{row['wins']} / {row['ties']} / {row['losses']}",
                "tokens": cost["completion_tokens"],
                "calls": cost["calls"],
                "ece": rate and rate.ece,
                "tpr": rate and rate.tpr,
                "tnr": rate and rate.tnr,
            }
        )
    number = st.column_config.NumberColumn
    st.dataframe(
        pl.DataFrame(table, infer_schema_length=None),
        hide_index=True,
        alt="The variants side by side",
        column_config={
            "variant": st.column_config.TextColumn("Variant", pinned=True),
            "value": number("nDCG@10", format="%.2f"),
            "ci": "95 % interval",
            "difference": f"Against {plain(next(iter(found)))}",
            "difference_ci": "Its 95 % interval",
            "p": "p (Holm)",
            "wtl": "Win / tie / loss",
            "tokens": number("Generated tokens", format="%.0f"),
            "calls": number("Calls", format="%.1f"),
            "ece": number("ECE", format="%.3f", help="Expected calibration error"),
            "tpr": number("TPR", format="%.2f", help="Of the relevant passages, called relevant"),
            "tnr": number("TNR", format="%.2f", help="Of the others, called not relevant"),
        },
    )
    if domains:
        by_query = evaluations.per_query(opened, ids, "nDCG@10").select(
            "qid",
            value=100 * pl.col("value"),
            name=pl.col("evaluation_id").replace_strict(dict(zip(ids, found, strict=True))),
        )
        st.altair_chart(
            grouped_bars(breakdown.means(by_query, domains), list(found), "nDCG@10"),
            alt="By domain",
        )
    left, right = st.columns(2, gap="medium")
    with left:
        drawn = pl.DataFrame(table, infer_schema_length=None).select(
            pl.col("variant").alias("name"), "value", "tokens", front=pl.lit(value=False)
        )
        st.altair_chart(
            pareto(drawn, "tokens", "Generated tokens per query", "nDCG@10"),
            alt="Quality over generated tokens",
        )
    with right:
        bins = [
            (variant, each.confidence, each.share, each.n)
            for variant, rate in rates.items()
            for each in rate.bins
        ]
        if bins:
            frame = pl.DataFrame(bins, schema=["variant", "confidence", "share", "n"], orient="row")
            st.altair_chart(reliability(frame), alt="Are the probabilities what they say?")


heading("Does reasoning help?", "One checkpoint with and without a chain, listwise and pointwise.")
if not (benchmarks.list_benchmarks(opened) and checkpoints.list_checkpoints(opened)):
    empty_state("psychology", "Nothing to try yet", "It takes a checkpoint and a benchmark.")
    link("benchmarks", "Add a benchmark", "quiz")
    st.stop()
checkpoint, benchmark_id = choose()
found = study.results(opened, checkpoint["name"], benchmark_id)
missing = [variant for variant in study.VARIANTS if variant not in found]
start(checkpoint, benchmark_id, missing)
if found:
    benchmark = benchmark_of(opened, benchmark_id)
    rates = {
        variant: rate
        for variant, row in found.items()
        if (rate := study.calibrated(opened, row["evaluation_id"], benchmark.qrels)) is not None
    }
    quality(found, rates, benchmark.domains)
else:
    st.caption(
        "The four run one after the other: listwise and pointwise, each with a chain and without. "
        "A model that was trained on one of them only will be poor at the others."
    )
