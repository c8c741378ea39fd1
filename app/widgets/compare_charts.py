"""Charts that set several evaluations side by side."""

from collections.abc import Iterable
from typing import Any, TypeAlias

import altair as alt
import polars as pl

from curation.comparing import Comparisons

Layers: TypeAlias = alt.LayerChart | alt.FacetChart

COSTS = {
    "completion_tokens": "Generated tokens per query",
    "prompt_tokens": "Prompt tokens per query",
    "calls": "Calls per query",
    "rounds": "Sequential depth",
    "seconds_p50": "Seconds per query (median)",
}


def pair_cells(found: Comparisons) -> pl.DataFrame:
    """Return every pair in both directions, as `matrix` takes them."""
    cells = []
    for pair in found.pairs:
        points = 100 * pair.comparison.difference
        for row, column, sign in (
            (pair.first, pair.second, 1),
            (pair.second, pair.first, -1),
        ):
            mark = f"{sign * points:+.1f}" if pair.separable else "not separable"
            cells.append((row, column, sign * points, pair.p_corrected, mark))
    return pl.DataFrame(cells, schema=["row", "column", "difference", "p", "mark"], orient="row")


def cost_rows(
    costs: Iterable[dict[str, Any]], found: Comparisons, labels: dict[str, str]
) -> list[dict[str, Any]]:
    """Return name, value (points) and costs per query of each evaluation; a first stage costs 0.

    Args:
        costs: As `db.evaluations.costs` returns them.
        labels: What each evaluation is called, by id.
    """
    known = {row["evaluation_id"]: row for row in costs}
    return [
        {"name": label, "value": 100 * found.means[label]}
        | {key: known.get(each, {}).get(key, 0.0) for key in (*COSTS, "seconds_p95")}
        for each, label in labels.items()
    ]


def on_front(row: dict[str, Any], rows: list[dict[str, Any]], cost: str) -> bool:
    """Return whether no other row is at least as good and cheaper, or better and as cheap."""
    return not any(
        other["value"] >= row["value"]
        and other[cost] <= row[cost]
        and (other["value"] > row["value"] or other[cost] < row[cost])
        for other in rows
    )


def matrix(pairs: pl.DataFrame, names: list[str]) -> Layers:
    """Return every pair's difference: row minus column, coloured where it is separable.

    Args:
        pairs: Columns row, column, difference (points), p, mark.
        names: The systems, in the order to draw.
    """
    span = max(1.0, *(abs(value) for value in pairs["difference"].to_list()))
    base = alt.Chart(pairs).encode(
        x=alt.X(
            "column:N",
            sort=names,
            title=None,
            axis=alt.Axis(orient="top", labelAngle=-30, labelLimit=180),
        ),
        y=alt.Y("row:N", sort=names, title=None, axis=alt.Axis(labelLimit=220)),
    )
    cells = base.mark_rect(stroke="white").encode(
        color=alt.condition(
            "datum.p < 0.05",
            alt.Color(
                "difference:Q",
                legend=None,
                scale=alt.Scale(
                    domain=[-span, 0, span],
                    range=["#f0a9ad", "#f4f5f8", "#8fd3b4"],
                    interpolate="rgb",
                ),
            ),
            alt.value("#eceef3"),
        ),
        tooltip=[
            "row",
            "column",
            alt.Tooltip("difference", format="+.2f"),
            alt.Tooltip("p", format=".4f", title="p (Holm)"),
        ],
    )
    words = base.mark_text(fontSize=12, color="#101320").encode(text="mark:N")
    return alt.layer(cells, words).properties(height=alt.Step(34))


def pareto(rows: pl.DataFrame, cost: str, title: str, measure: str) -> Layers:
    """Return quality over cost, with the front of what nothing beats on both.

    Args:
        rows: Columns name, value (points), front (bool) and the cost's column.
    """
    base = alt.Chart(rows).encode(
        x=alt.X(f"{cost}:Q", title=title, scale=alt.Scale(zero=True, nice=True)),
        y=alt.Y("value:Q", title=f"{measure} × 100", scale=alt.Scale(zero=False, padding=20)),
    )
    front = (
        base.transform_filter("datum.front")
        .mark_line(interpolate="step-after", color="#8a91a6", strokeDash=[4, 3])
        .encode(order=f"{cost}:Q")
    )
    dots = base.mark_point(filled=True, size=90, opacity=1).encode(
        color=alt.condition("datum.front", alt.value("#c2600a"), alt.value("#3f63c9")),
        tooltip=["name", alt.Tooltip("value", format=".2f"), alt.Tooltip(cost, format=".4g")],
    )
    names = base.mark_text(align="left", dx=8, dy=-8, fontSize=11).encode(text="name:N")
    return alt.layer(front, dots, names).properties(height=280)


def scatter(rows: pl.DataFrame, x: str, y: str, measure: str) -> Layers:
    """Return two systems query by query; above the line the second is better.

    Args:
        rows: Columns qid, x, y (points).
    """
    scale = alt.Scale(domain=[0, 100])
    dots = (
        alt.Chart(rows)
        .mark_circle(size=50, opacity=0.55, color="#3f63c9")
        .encode(
            x=alt.X("x:Q", title=f"{x}, {measure} × 100", scale=scale),
            y=alt.Y("y:Q", title=y, scale=scale),
            tooltip=["qid", alt.Tooltip("x", format=".2f"), alt.Tooltip("y", format=".2f")],
        )
    )
    diagonal = (
        alt.Chart(pl.DataFrame({"x": [0, 100], "y": [0, 100]}))
        .mark_line(color="#c2600a", strokeDash=[5, 3])
        .encode(x="x:Q", y="y:Q")
    )
    return alt.layer(diagonal, dots).properties(height=320)


def grouped_bars(rows: pl.DataFrame, names: list[str], measure: str) -> alt.Chart:
    """Return means by group, a bar for each system.

    Args:
        rows: Columns group, name, value (points), n.
    """
    chart: alt.Chart = (
        alt.Chart(rows)
        .mark_bar()
        .encode(
            x=alt.X("group:N", title=None, axis=alt.Axis(labelAngle=0, labelLimit=140)),
            xOffset=alt.XOffset("name:N", sort=names),
            y=alt.Y("value:Q", title=f"{measure} × 100"),
            color=alt.Color(
                "name:N",
                sort=names,
                title=None,
                legend=alt.Legend(orient="top", columns=3, labelLimit=240),
            ),
            tooltip=["group", "name", alt.Tooltip("value", format=".2f"), "n"],
        )
        .properties(height=260)
    )
    return chart


def reliability(rows: pl.DataFrame) -> Layers:
    """Return the share of relevant passages over the probability that was given to them.

    Args:
        rows: Columns variant, confidence, share (0..1), n.
    """
    scale = alt.Scale(domain=[0, 1])
    ideal = (
        alt.Chart(pl.DataFrame({"x": [0, 1], "y": [0, 1]}))
        .mark_line(color="#8a91a6", strokeDash=[5, 3])
        .encode(x="x:Q", y="y:Q")
    )
    lines = (
        alt.Chart(rows)
        .mark_line(point=True)
        .encode(
            x=alt.X("confidence:Q", title="Probability of relevance", scale=scale),
            y=alt.Y("share:Q", title="Share that is relevant", scale=scale),
            color=alt.Color("variant:N", title=None, legend=alt.Legend(orient="top")),
            tooltip=["variant", alt.Tooltip("confidence", format=".2f"), "share", "n"],
        )
    )
    return alt.layer(ideal, lines).properties(height=280)
