"""Charts of who agrees with whom. Names in the data are only text."""

from collections.abc import Sequence

import altair as alt
import polars as pl

from app.widgets.charts import HEIGHT, Layers
from app.widgets.estimates import author
from curation.reliability import Estimate

AGREE, APART, NEITHER = "#3f63c9", "#c2600a", "#eef0f6"
INK, LIGHT, GRAY = "#1b2033", "#ffffff", "#7a8299"
CELL, POINT = "cell", "point"
"""Names of what can be chosen in the two charts."""


def heatmap(cells: pl.DataFrame, authors: Sequence[str], title: str, *, signed: bool) -> Layers:
    """Return a square for every two authors; the number and n stand in it.

    Args:
        cells: As `curation.reviewer_agreement.matrix` returns them.
        authors: In the order to draw them.
        signed: The measure goes from -1, else from 0, to 1.
    """
    names = [author(key) for key in authors]
    everyone = pl.DataFrame({"a": authors})
    square = everyone.join(everyone.rename({"a": "b"}), how="cross").filter(
        pl.col("a") != pl.col("b")
    )
    shown = square.join(cells, on=["a", "b"], how="left").with_columns(pl.col("n").fill_null(0))
    shown = shown.with_columns(
        row=pl.col("a").replace_strict(authors, names),
        column=pl.col("b").replace_strict(authors, names),
        # Below 2 decimals a tiny negative number would be shown as -0.00.
        text=pl.when(pl.col("n") > 0)
        .then((pl.col("value").round(2) + 0.0).map_elements("{:.2f}".format, pl.String))
        .otherwise(pl.lit("–")),
        items=pl.when(pl.col("n") > 0).then(pl.concat_str(pl.lit("n "), "n")).otherwise(pl.lit("")),
        strong=pl.col("value").abs().fill_null(0) > 0.6,
    )
    scale = (
        alt.Scale(domain=[-1, 0, 1], range=[APART, NEITHER, AGREE], interpolate="rgb")
        if signed
        else alt.Scale(domain=[0, 1], range=[NEITHER, AGREE], interpolate="rgb")
    )
    places = alt.Scale(domain=names, paddingInner=0.04)
    axis = alt.Axis(labelLimit=160, labelAngle=0 if len(names) < 7 else -40)
    base = alt.Chart(shown).encode(
        x=alt.X("column:N", sort=names, title=None, axis=axis, scale=places),
        y=alt.Y(
            "row:N",
            sort=names,
            title=None,
            axis=alt.Axis(labelLimit=160),
            scale=places,
        ),
        tooltip=[
            alt.Tooltip("row", title="of"),
            alt.Tooltip("column", title="and"),
            alt.Tooltip("text", title=title),
            alt.Tooltip("low", title="95 % from", format=".2f"),
            alt.Tooltip("high", title="to", format=".2f"),
            alt.Tooltip("n", title="items"),
        ],
    )
    blank = base.mark_rect(color="#d9dce6", opacity=0.15, cornerRadius=3)
    squares = base.mark_rect(cornerRadius=3, cursor="pointer")
    squares = squares.encode(
        color=alt.Color(
            "value:Q",
            title=title,
            scale=scale,
            legend=alt.Legend(orient="right", gradientLength=140),
        )
    ).add_params(alt.selection_point(name=CELL, fields=["a", "b"], on="click"))
    # Chosen by conditions: Streamlit's theme breaks on a colour without a scale.
    ink = (
        alt.when("datum.n == 0")
        .then(alt.value(GRAY))
        .when("datum.strong")
        .then(alt.value(LIGHT))
        .otherwise(alt.value(INK))
    )
    number = base.mark_text(fontSize=13, fontWeight="bold", dy=-6).encode(text="text:N", color=ink)
    counted = base.mark_text(fontSize=11, dy=10).encode(text="items:N", color=ink)
    return alt.layer(blank, squares, number, counted).properties(
        height=min(560, max(150, 56 * len(names) + 40))
    )


def scatter(items: pl.DataFrame, measure: str, title: str, *, signed: bool) -> alt.Chart:
    """Return every item: the teacher's self-consistency, and how much people agree on it.

    Args:
        items: As `curation.reviewer_agreement.by_item` returns them, and query.
        measure: The column that is drawn upwards.
    """
    shown = items.select("item_id", "ndcg", "people", "query", "domain", value=measure).drop_nulls()
    chart: alt.Chart = (
        alt.Chart(shown)
        .mark_circle(size=70, opacity=0.55, cursor="pointer")
        .encode(
            x=alt.X(
                "ndcg:Q",
                title="Self-consistency of the teacher, nDCG@10",
                scale=alt.Scale(domain=[0, 1]),
            ),
            y=alt.Y(
                "value:Q", title=title, scale=alt.Scale(domain=[-1 if signed else 0, 1], padding=6)
            ),
            color=alt.Color(
                "people:O",
                title="People",
                scale=alt.Scale(range=[AGREE, "#a2348f", APART]),
                legend=alt.Legend(orient="top"),
            ),
            tooltip=[
                alt.Tooltip("ndcg", title="nDCG@10", format=".2f"),
                alt.Tooltip("value", title=title, format=".2f"),
                "people",
                "domain",
                "query",
            ],
        )
        .add_params(alt.selection_point(name=POINT, fields=["item_id"], on="click"))
        .properties(height=HEIGHT + 40)
    )
    return chart


def weeks(lines: Sequence[tuple[str, str, Estimate]]) -> Layers:
    """Return a line with its 95 % band for each measure, over weeks.

    Args:
        lines: The week's Monday (ISO), the measure's name, and the estimate; undefined ones are
            left out.
    """
    rows = pl.DataFrame(
        [
            (week, name, each.value, each.low, each.high, each.n)
            for week, name, each in lines
            if each.value is not None
        ],
        schema={
            "week": pl.String,
            "measure": pl.String,
            **dict.fromkeys(("value", "low", "high"), pl.Float64),
            "n": pl.Int64,
        },
        orient="row",
    )
    base = alt.Chart(rows).encode(
        x=alt.X("week:O", title="Week of the item's latest judgment", axis=alt.Axis(labelAngle=0)),
        color=alt.Color(
            "measure:N",
            title=None,
            scale=alt.Scale(range=[AGREE, APART, "#a2348f", "#0f8a5f"]),
            legend=alt.Legend(orient="top", labelLimit=200),
        ),
        tooltip=[
            "week",
            "measure",
            *(alt.Tooltip(each, format=".2f") for each in ("value", "low", "high")),
            alt.Tooltip("n", title="items"),
        ],
    )
    spans = base.mark_rule(strokeWidth=2, opacity=0.5).encode(
        y=alt.Y("low:Q", title="Agreement"), y2="high:Q"
    )
    line = base.mark_line(point=True).encode(y="value:Q")
    return alt.layer(spans, line).properties(height=HEIGHT)
