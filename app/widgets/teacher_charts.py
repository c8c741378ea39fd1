"""A chart of teachers: what quality costs."""

import altair as alt
import polars as pl

from app.widgets.charts import Layers

COLORS = ["#3f63c9", "#0f8a5f", "#c2600a", "#a2348f", "#2f8fd0", "#7a8299"]


def quality_over_price(rows: pl.DataFrame, price: str) -> Layers:
    """Return each teacher's quality over what it costs, with both intervals.

    Args:
        rows: Columns name; ndcg, ndcg_low, ndcg_high (points); price, price_low, price_high.
        price: What the price is for.
    """
    base = alt.Chart(rows).encode(
        color=alt.Color(
            "name:N",
            title=None,
            scale=alt.Scale(range=COLORS),
            legend=alt.Legend(orient="top", columns=2, labelLimit=480),
        )
    )
    x = alt.X("price:Q", title=price, scale=alt.Scale(zero=True, nice=True))
    y = alt.Y(
        "ndcg:Q", title="Self-consistency, nDCG@10 × 100", scale=alt.Scale(zero=False, padding=20)
    )
    across = base.mark_rule(strokeWidth=2).encode(
        x=alt.X("price_low:Q", title=price), x2="price_high:Q", y=y
    )
    upright = base.mark_rule(strokeWidth=2).encode(
        x=x, y=alt.Y("ndcg_low:Q", title="Self-consistency, nDCG@10 × 100"), y2="ndcg_high:Q"
    )
    dots = base.mark_point(filled=True, size=90, opacity=1).encode(
        x=x,
        y=y,
        tooltip=[
            "name",
            *(
                alt.Tooltip(name, format=".2f")
                for name in ("ndcg", "ndcg_low", "ndcg_high", "price", "price_low", "price_high")
            ),
        ],
    )
    return alt.layer(across, upright, dots).properties(height=340)
