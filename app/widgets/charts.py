"""Charts of the app, drawn by Altair in the app's own colours. Names in the data are only text."""

from typing import TypeAlias

import altair as alt
import polars as pl

Layers: TypeAlias = alt.LayerChart | alt.FacetChart

HEIGHT = 260
BIN = 0.05


def consistency_histogram(values: pl.DataFrame, cut: float) -> Layers:
    """Return how many items reach which self-consistency, kept and dropped told apart.

    Args:
        values: One row an item, with ndcg (0..1).
    """
    bins = (
        values.with_columns(
            low=((pl.col("ndcg") / BIN).floor() * BIN).clip(0, 1 - BIN),
            part=pl.when(pl.col("ndcg") >= cut).then(pl.lit("kept")).otherwise(pl.lit("dropped")),
        )
        .group_by("low", "part")
        .agg(items=pl.len())
        .with_columns(high=pl.col("low") + BIN)
        .sort("low", "part")
    )
    bars = (
        alt.Chart(bins)
        .mark_bar(binSpacing=1)
        .encode(
            x=alt.X(
                "low:Q",
                bin="binned",
                title="Self-consistency, nDCG@10",
                scale=alt.Scale(domain=[0, 1]),
            ),
            x2="high:Q",
            y=alt.Y("items:Q", title="Items", stack=True, axis=alt.Axis(tickMinStep=1)),
            color=alt.Color(
                "part:N",
                title=None,
                scale=alt.Scale(domain=["kept", "dropped"], range=["#3f63c9", "#8a91a6"]),
                legend=alt.Legend(orient="top"),
            ),
            tooltip=["part", alt.Tooltip("low", format=".2f"), "items"],
        )
    )
    return alt.layer(bars, _cut_rule(cut)).properties(height=HEIGHT)


def kept_lines(curve: pl.DataFrame, cut: float) -> Layers:
    """Return the share that each cut keeps, a line for each domain.

    Args:
        curve: Columns domain, cut, kept, dropped.
    """
    shares = curve.with_columns(share=pl.col("kept") / (pl.col("kept") + pl.col("dropped")))
    lines = (
        alt.Chart(shares)
        .mark_line(interpolate="step-after")
        .encode(
            x=alt.X("cut:Q", title="Cut", scale=alt.Scale(domain=[0, 1])),
            y=alt.Y("share:Q", title="Kept", axis=alt.Axis(format="%")),
            color=alt.Color("domain:N", title=None, legend=alt.Legend(orient="top", columns=3)),
            tooltip=[
                "domain",
                alt.Tooltip("cut", format=".2f"),
                "kept",
                "dropped",
                alt.Tooltip("share", format=".1%"),
            ],
        )
    )
    return alt.layer(lines, _cut_rule(cut)).properties(height=HEIGHT)


def score_histogram(counts: list[int], cut: float) -> Layers:
    """Return how many items have their nearest test query at which score, with the cut.

    Args:
        counts: Items in each of equal bins over 0..1.
    """
    width = 1 / len(counts)
    bins = pl.DataFrame({"items": counts}).with_row_index("bin")
    bins = bins.filter(pl.col("items") > 0).select(
        "items", low=pl.col("bin") * width, high=(pl.col("bin") + 1) * width, ground=pl.lit(0.5)
    )
    bars = (
        alt.Chart(bins)
        .mark_bar(binSpacing=1, color="#3f63c9")
        .encode(
            x=alt.X("low:Q", bin="binned", title="Cosine", scale=alt.Scale(domain=[0, 1])),
            x2="high:Q",
            # A log scale, or a few items near the cut could not be seen beside thousands that
            # are like nothing; it has no 0, so that bars stand on a half.
            y=alt.Y("items:Q", title="Items", scale=alt.Scale(type="log", domainMin=0.5)),
            y2="ground:Q",
            tooltip=[alt.Tooltip("low", format=".2f"), "items"],
        )
    )
    return alt.layer(bars, _cut_rule(cut)).properties(height=HEIGHT)


def _cut_rule(cut: float) -> alt.Chart:
    chart: alt.Chart = (
        alt.Chart(pl.DataFrame({"cut": [cut]}))
        .mark_rule(color="#c2600a", strokeWidth=2, strokeDash=[5, 3])
        .encode(x="cut:Q", tooltip=[alt.Tooltip("cut", format=".2f")])
    )
    return chart


def metric_lines(metrics: pl.DataFrame, names: dict[str, str], title: str) -> alt.Chart:
    """Return what a job measured over its steps, a line for each name.

    Args:
        metrics: Columns step, name, value.
        names: What to draw, and what to call it.
    """
    chosen = metrics.filter(pl.col("name").is_in(list(names))).with_columns(
        label=pl.col("name").replace_strict(names, default=None)
    )
    encoding = {
        "x": alt.X("step:Q", title=None),
        "y": alt.Y(
            "value:Q",
            title=None,
            scale=alt.Scale(zero=False),
            axis=alt.Axis(format="~g", tickCount=4),
        ),
        "tooltip": ["label", "step", alt.Tooltip("value", format=".4g")],
    }
    if len(names) > 1:
        encoding["color"] = alt.Color(
            "label:N",
            title=None,
            sort=list(names.values()),
            legend=alt.Legend(orient="top", columns=2, symbolSize=40, labelFontSize=11),
        )
    chart: alt.Chart = (
        alt.Chart(chosen)
        .mark_line(point=alt.OverlayMarkDef(size=14))
        .encode(**encoding)
        .properties(height=190, title=alt.TitleParams(title, anchor="start", fontSize=13))
    )
    return chart


def intervals(rows: pl.DataFrame, measure: str) -> Layers:
    """Return a dot with its 95 % interval for each evaluation, in points.

    Args:
        rows: Columns name, value, low, high (points) and baseline (bool), in the order to draw.
    """
    base = alt.Chart(rows).encode(
        y=alt.Y("name:N", sort=None, title=None, axis=alt.Axis(labelLimit=260)),
        color=alt.condition("datum.baseline", alt.value("#c2600a"), alt.value("#3f63c9")),
    )
    scale = alt.Scale(zero=False, nice=True, padding=12)
    lines = base.mark_rule(strokeWidth=2).encode(
        x=alt.X("low:Q", scale=scale, title=f"{measure} × 100, 95 % interval"), x2="high:Q"
    )
    dots = base.mark_point(filled=True, size=70, opacity=1).encode(
        x=alt.X("value:Q", scale=scale),
        tooltip=["name", *(alt.Tooltip(c, format=".2f") for c in ("value", "low", "high"))],
    )
    return alt.layer(lines, dots).properties(height=alt.Step(30))


def differences(values: list[float]) -> alt.Chart:
    """Return the per-query differences of two evaluations, sorted: wins above, losses below.

    Args:
        values: Differences in points.
    """
    frame = pl.DataFrame({"difference": sorted(values, reverse=True)}).with_row_index("query", 1)
    chart: alt.Chart = (
        alt.Chart(frame)
        .mark_bar()
        .encode(
            x=alt.X("query:O", title="Queries, best gain first", axis=alt.Axis(labels=False)),
            y=alt.Y("difference:Q", title="Difference, points"),
            color=alt.condition("datum.difference < 0", alt.value("#c8323c"), alt.value("#0f8a5f")),
            tooltip=[alt.Tooltip("difference", format="+.2f")],
        )
        .properties(height=130)
    )
    return chart
