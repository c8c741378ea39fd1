"""A bump chart: where each passage stands in one order after the other."""

from collections.abc import Collection, Mapping, Sequence
from typing import TypeAlias

import altair as alt
import polars as pl
import streamlit as st

Layers: TypeAlias = alt.LayerChart | alt.FacetChart
TOP = 20
PLACES = alt.Axis(tickMinStep=1, grid=False)
INK, DARK_INK = "#1b2033", "#e7e9f2"
RELEVANT, OTHER, WINDOW = "#0f8a5f", "#8a91a6", "#3f63c9"


def bump(
    orders: Sequence[Sequence[str]],
    names: Sequence[str],
    texts: Mapping[str, str],
    relevant: Collection[str],
    *,
    windows: Mapping[int, tuple[int, int]] | None = None,
    now: int | None = None,
    top: int = TOP,
) -> Layers:
    """Return a line for each passage through the orders; relevant ones are green with a star.

    Args:
        orders: Docids, best first.
        names: What each order is called; names that are alike count as two.
        texts: How each passage begins, for the tooltip.
        windows: From an order's number (0-based) to the places (half-open) that a call put there.
        now: The order whose window is drawn filled.
        top: Passages that are never so high are left out, unless they are relevant.
    """
    rows = [
        (at, docid, place, docid in relevant, texts.get(docid, ""))
        for docid in dict.fromkeys(docid for order in orders for docid in order)
        if docid in relevant or any(docid in order[:top] for order in orders)
        for at, order in enumerate(orders)
        if docid in order
        for place in (order.index(docid) + 1,)
    ]
    frame = pl.DataFrame(
        rows, schema=["at", "docid", "place", "relevant", "text"], orient="row"
    ).with_columns(kind=pl.when("relevant").then(pl.lit("relevant")).otherwise(pl.lit("other")))
    deepest = int(frame["place"].to_numpy().max())
    scale_y = alt.Scale(domain=[0.5, deepest + 0.5], reverse=True, nice=False)
    scale_x = alt.Scale(domain=[-0.25, len(orders) - 0.75], nice=False)
    x = alt.X("at:Q", title=None, scale=scale_x, axis=None)
    y = alt.Y("place:Q", title="Place", scale=scale_y, axis=PLACES)
    base = alt.Chart(frame).encode(
        x=x,
        y=y,
        color=alt.Color(
            "kind:N",
            title=None,
            scale=alt.Scale(domain=["relevant", "other"], range=[RELEVANT, OTHER]),
            legend=alt.Legend(orient="top"),
        ),
        tooltip=["docid", "place", "kind", "text"],
    )
    lines = base.mark_line().encode(
        detail="docid:N",
        strokeWidth=alt.condition("datum.relevant", alt.value(2.5), alt.value(1)),
    )
    dots = base.mark_point(filled=True, opacity=1).encode(
        shape=alt.Shape(
            "kind:N", scale=alt.Scale(domain=["relevant", "other"], range=["diamond", "circle"])
        ),
        size=alt.condition("datum.relevant", alt.value(110), alt.value(30)),
    )
    heads = (
        alt.Chart(pl.DataFrame({"at": range(len(names)), "name": list(names)}))
        .mark_text(
            baseline="bottom",
            dy=-6,
            fontSize=11,
            limit=220,
            # The theme colours axes and legends, but no text that is a mark.
            color=DARK_INK if st.context.theme.type == "dark" else INK,
        )
        .encode(x=x, y=alt.value(0), text="name:N", tooltip="name")
    )
    layers: list[alt.Chart] = [lines, dots, heads]
    if windows:
        layers.insert(0, _windows(windows, now, scale_y))
    return alt.layer(*layers).properties(height=min(480, max(200, 16 * deepest)))


def _windows(
    windows: Mapping[int, tuple[int, int]], now: int | None, scale: alt.Scale
) -> alt.Chart:
    """Return a bar for each window, over the places that it covers."""
    frame = pl.DataFrame(
        [
            (at - 0.12, at + 0.12, start + 0.5, end + 0.5, at == now)
            for at, (start, end) in windows.items()
        ],
        schema=["left", "right", "high", "low", "now"],
        orient="row",
    )
    chart: alt.Chart = (
        alt.Chart(frame)
        .mark_rect(color=WINDOW, cornerRadius=3)
        .encode(
            x=alt.X("left:Q", title=None, axis=None),
            x2="right:Q",
            y=alt.Y("high:Q", title="Place", axis=PLACES, scale=scale),
            y2="low:Q",
            opacity=alt.condition("datum.now", alt.value(0.35), alt.value(0.1)),
        )
    )
    return chart
