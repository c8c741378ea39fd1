"""Charts of what samples say about each other. Names in the data are only text."""

import altair as alt
import polars as pl

from app.widgets.charts import HEIGHT, Layers

BIN = 0.1
WITHIN_BETWEEN = {"tau": "the same teacher again", "other_tau": "another teacher"}
KEPT, DROPPED, CUT, JUDGE = "#3f63c9", "#8a91a6", "#c2600a", "#a2348f"


def agreement_histogram(values: pl.DataFrame, cut: float) -> Layers:
    """Return how many items reach which agreement, kept and dropped told apart.

    Args:
        values: One row an item, with tau (-1..1).
    """
    bins = (
        values.with_columns(
            low=((pl.col("tau") / BIN + 1e-9).floor() * BIN).clip(-1, 1 - BIN),
            part=pl.when(pl.col("tau") >= cut).then(pl.lit("kept")).otherwise(pl.lit("dropped")),
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
                title="Agreement of samples, Kendall τ",
                scale=alt.Scale(domain=[-1, 1]),
            ),
            x2="high:Q",
            y=alt.Y("items:Q", title="Items", stack=True, axis=alt.Axis(tickMinStep=1)),
            color=alt.Color(
                "part:N",
                title=None,
                scale=alt.Scale(domain=["kept", "dropped"], range=[KEPT, DROPPED]),
                legend=alt.Legend(orient="top"),
            ),
            tooltip=["part", alt.Tooltip("low", format=".1f"), "items"],
        )
    )
    return alt.layer(bars, _rule(cut, "x")).properties(height=HEIGHT)


def two_signals(values: pl.DataFrame, cut: float, agree: float) -> Layers:
    """Return every item by both signals; each quarter of the plot is one of the four verdicts.

    Args:
        values: One row an item, with tau, ndcg and query.
    """
    dots = (
        alt.Chart(values.select("tau", "ndcg", pl.col("query").str.head(120)))
        .mark_circle(size=45, opacity=0.45, color=KEPT)
        .encode(
            x=alt.X("ndcg:Q", title="Self-consistency, nDCG@10", scale=alt.Scale(domain=[0, 1])),
            y=alt.Y("tau:Q", title="Agreement of samples, τ", scale=alt.Scale(domain=[-1, 1])),
            tooltip=[
                alt.Tooltip("ndcg", format=".2f"),
                alt.Tooltip("tau", format=".2f"),
                "query",
            ],
        )
    )
    return alt.layer(dots, _rule(cut, "x"), _rule(agree, "y")).properties(height=HEIGHT)


def _rule(cut: float, axis: str) -> alt.Chart:
    chart: alt.Chart = (
        alt.Chart(pl.DataFrame({"cut": [cut]}))
        .mark_rule(color=CUT, strokeWidth=2, strokeDash=[5, 3])
        .encode(**{axis: "cut:Q"}, tooltip=[alt.Tooltip("cut", format=".2f")])
    )
    return chart


def place_lines(shifts: pl.DataFrame) -> Layers:
    """Return how far a passage comes from its usual rank, by the place where it is shown.

    Args:
        shifts: As `curation.agreement.shifts_by_place` returns them.
    """
    return _lines(
        shifts.rename({"shift": "mean"}),
        "teacher",
        "Place shown",
        "Places below its usual rank",
        zero=True,
    )


def dispersion_lines(values: pl.DataFrame) -> Layers:
    """Return how many places apart two samples put a passage, by its place in the consensus.

    Args:
        values: Columns label, place, mean, low, high, n.
    """
    return _lines(values, "label", "Place in the consensus", "Places apart", zero=False)


def _lines(rows: pl.DataFrame, name: str, x: str, y: str, *, zero: bool) -> Layers:
    """Return a line with its 95 % band for each name, over place (Q), mean, low, high, n."""
    base = alt.Chart(rows).encode(
        x=alt.X(
            "place:Q",
            title=x,
            axis=alt.Axis(tickMinStep=1, grid=False),
            scale=alt.Scale(zero=False, nice=False, padding=14),
        ),
        color=alt.Color(
            f"{name}:N",
            title=None,
            scale=alt.Scale(range=[KEPT, "#0f8a5f", JUDGE, CUT]),
            legend=alt.Legend(orient="top", labelLimit=300, columns=2, symbolOpacity=1),
        ),
    )
    band = base.mark_area(opacity=0.15).encode(y=alt.Y("low:Q", title=y), y2="high:Q")
    line = base.mark_line(point=True).encode(
        y="mean:Q",
        tooltip=[
            name,
            "place",
            *(alt.Tooltip(each, format="+.2f" if zero else ".2f") for each in _VALUES),
            "n",
        ],
    )
    layers = [band, line]
    if zero:
        flat = alt.Chart(pl.DataFrame({"y": [0.0]})).mark_rule(color="#7a8299", strokeDash=[4, 3])
        layers.insert(0, flat.encode(y="y:Q"))
    return alt.layer(*layers).properties(height=HEIGHT + 40)


_VALUES = ("mean", "low", "high")


def own_and_other(values: pl.DataFrame) -> Layers:
    """Return how the agreement within one teacher and with another one is spread over items.

    Args:
        values: Columns tau and other_tau, a row for each item.
    """
    known = pl.concat(
        values.select(tau=column, kind=pl.lit(kind)).drop_nulls()
        for column, kind in WITHIN_BETWEEN.items()
    )
    bins = (
        known.with_columns(low=((pl.col("tau") / BIN + 1e-9).floor() * BIN).clip(-1, 1 - BIN))
        .group_by("kind", "low")
        .agg(items=pl.len())
        .with_columns(
            high=pl.col("low") + BIN, share=pl.col("items") / pl.col("items").sum().over("kind")
        )
        .sort("kind", "low")
    )
    chart = (
        alt.Chart(bins)
        .mark_bar(binSpacing=1, opacity=0.55)
        .encode(
            x=alt.X("low:Q", bin="binned", title="Kendall τ", scale=alt.Scale(domain=[-1, 1])),
            x2="high:Q",
            y=alt.Y("share:Q", title="Items", stack=None, axis=alt.Axis(format="%")),
            color=alt.Color(
                "kind:N",
                title=None,
                scale=alt.Scale(domain=list(WITHIN_BETWEEN.values()), range=[KEPT, JUDGE]),
                legend=alt.Legend(orient="top", labelLimit=300),
            ),
            tooltip=["kind", alt.Tooltip("low", format=".1f"), "items"],
        )
    )
    return alt.layer(chart).properties(height=HEIGHT)
