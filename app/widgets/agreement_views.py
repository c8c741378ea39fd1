"""What samples of one item say about each other, over all items: the views of Consistency."""

from statistics import fmean

import polars as pl
import streamlit as st

from app.widgets.agreement_charts import (
    agreement_histogram,
    dispersion_lines,
    own_and_other,
    place_lines,
    two_signals,
)
from app.widgets.page import empty_state, go_to, link
from app.widgets.pick import pick
from app.widgets.text import many
from curation.agreement import DEFAULT_CUT, shifts_by_place, with_interval
from curation.significance import interval
from db import agreement
from db.store import Store

LISTED = 100  # items under a view
QUARTERS = {
    "unsure": "Consistent, but its samples disagree",
    "against": "Samples agree, against the labels",
    "both": "Kept by both",
    "neither": "Dropped by both",
}


def among_samples(values: pl.DataFrame, cut: float) -> None:
    """Draw the agreement, a cut on it beside the recipe's, and where the two part."""
    several = values.filter(pl.col("tau").is_not_null())
    if several.is_empty():
        no_samples()
        return
    agree = st.slider(
        "Agreement cut, Kendall τ",
        -1.0,
        1.0,
        DEFAULT_CUT,
        0.05,
        key="agree",
        bind="query-params",
        help="At 0.5 two samples put three pairs of passages in four the same way.",
    )
    parted = several.with_columns(
        quarter=pl.when((pl.col("ndcg") >= cut) & (pl.col("tau") >= agree))
        .then(pl.lit("both"))
        .when(pl.col("ndcg") >= cut)
        .then(pl.lit("unsure"))
        .when(pl.col("tau") >= agree)
        .then(pl.lit("against"))
        .otherwise(pl.lit("neither"))
    )
    counts = dict(parted["quarter"].value_counts().iter_rows())
    with st.grid(4):
        for quarter in ("both", "unsure", "against", "neither"):
            share = counts.get(quarter, 0) / several.height
            st.metric(QUARTERS[quarter], f"{counts.get(quarter, 0):,} · {share:.0%}", border=True)
    left, right = st.columns(2)
    with left.container(border=True):
        st.markdown("**Agreement of samples**")
        st.altair_chart(agreement_histogram(several, agree), alt="Histogram of Kendall τ")
    with right.container(border=True):
        st.markdown("**Both signals**")
        st.altair_chart(
            two_signals(several, cut, agree), alt="Agreement over self-consistency, by item"
        )
    mean = {
        column: fmean(several[column].to_list())
        for column in ("tau", "overlap", "ndcg", "consensus_ndcg")
    }
    st.caption(
        f"{many(several.height, 'item')} of {values.height:,} have several samples that gave an "
        f"order. Mean τ {mean['tau']:.2f}; two samples share {mean['overlap']:.0%} of their first "
        f"10. The mean nDCG@10 is {100 * mean['ndcg']:.2f} for the ranking under review and "
        f"{100 * mean['consensus_ndcg']:.2f} for the consensus of the samples."
    )
    quarter = pick("Items", QUARTERS, key="quarter", segments=True)
    listed(parted.filter(pl.col("quarter") == quarter).sort("tau", "item_id"), "agreement")


def order_shown(store: Store, values: pl.DataFrame, domains: list[str]) -> None:
    """Draw how much the rank given depends on the place shown."""
    shifts = shifts_by_place(agreement.shown_orders(store, domains))
    if shifts.is_empty():
        no_samples("No item was shown in more than one order")
        return
    follows = values["follows"].drop_nulls().to_list()
    if follows:
        mean, (low, high) = fmean(follows), interval(follows)
        said = (
            "The order shown makes no difference that is seen"
            if low <= 0 <= high
            else "It follows the order that it is shown"
            if mean > 0
            else "It turns the order round that it is shown"
        )
        st.markdown(
            f"**{said}:** a passage shown one place lower is ranked **{mean:+.3f}** places lower "
            f"(95 % {low:+.3f} to {high:+.3f}, over {many(len(follows), 'item')} of the teacher "
            "under review)."
        )
    with st.container(border=True):
        st.altair_chart(place_lines(shifts), alt="Shift from the usual rank, by place shown")
    st.caption(
        "The rank given to a passage, less the mean rank that the same passage has in the samples "
        "that were shown another order. Without bias the line is flat at 0; band: 95 %. Passages "
        "that a teacher does not tell apart, and leaves in the order shown, raise it too."
    )
    listed(values.filter(pl.col("follows").is_not_null()).sort("follows", descending=True), "shown")


def where_apart(store: Store, values: pl.DataFrame, domains: list[str]) -> None:
    """Draw where in the list the samples put passages apart."""
    found = agreement.dispersions(store, domains)
    if found.is_empty():
        no_samples()
        return
    rows = with_interval(
        found.with_columns(
            label=pl.when("relevant").then(pl.lit("relevant")).otherwise(pl.lit("not relevant"))
        ),
        ["label", "place"],
    )
    with st.container(border=True):
        st.altair_chart(dispersion_lines(rows), alt="Dispersion by place in the consensus")
    st.caption(
        "How many places apart two samples put a passage, on average, by its place in the "
        "consensus of the samples; band: 95 %. What is firm stays near 0."
    )
    listed(
        values.filter(pl.col("samples") > 1).sort("spread", "item_id", descending=[True, False]),
        "spread",
    )


def other_teacher(values: pl.DataFrame) -> None:
    """Draw how much a second teacher agrees, beside how much the first does with itself."""
    both = values.filter(pl.col("other_tau").is_not_null())
    if both.is_empty():
        empty_state(
            "gavel",
            "No item was ranked by two teachers",
            "Name a second teacher as judge on Generate: it ranks the same lists.",
        )
        link("generate", "Generate", "edit_note")
        return
    paired = both.filter(pl.col("tau").is_not_null())
    measured = paired if paired.height else both  # like with like, where there is a like
    with st.grid(3):
        for label, column in (
            ("Same teacher again, τ", "tau"),
            ("Another teacher, τ", "other_tau"),
            ("Another teacher, first 10 shared", "other_overlap"),
        ):
            known = measured[column].drop_nulls().to_list()
            low, high = interval(known) if known else (0.0, 0.0)
            st.metric(
                label,
                f"{fmean(known):.2f}" if known else "–",
                f"95 % {low:.2f} to {high:.2f}, {many(len(known), 'item')}" if known else None,
                delta_color="off",
                delta_arrow="off",
                border=True,
            )
    with st.container(border=True):
        st.altair_chart(own_and_other(measured), alt="Agreement within and between")
    st.caption(
        "Two teachers that judge alike agree as much with each other as each does with itself. An "
        "item where the first is firm and the second says otherwise is worth a look."
    )
    listed(both.sort("other_tau", "item_id"), "other")


def listed(rows: pl.DataFrame, key: str) -> None:
    """Draw items of a view; a button opens the samples of each, or its review."""
    shown = rows.head(LISTED).with_columns(
        pl.lit("Samples").alias("samples_link"),
        pl.lit("Review").alias("review_link"),
        *(pl.col(name) * 100 for name in ("ndcg", "overlap")),
    )
    number = st.column_config.NumberColumn
    keys = {page: f"{key}-{page}" for page in ("samples", "review")}
    columns = ["samples_link", "review_link", "domain", "query", "tau", "overlap", "spread"]
    columns += ["follows", "other_tau", "ndcg", "verdict"]
    st.dataframe(
        shown.select(columns),
        hide_index=True,
        height=min(38 + 35 * max(1, shown.height), 380),
        alt="Items of this view",
        column_config={
            "samples_link": st.column_config.ButtonColumn("", width=90, key=keys["samples"]),
            "review_link": st.column_config.ButtonColumn("", width=80, key=keys["review"]),
            "domain": "Domain",
            "query": st.column_config.TextColumn("Query", width="medium"),
            "tau": number("τ", format="%.2f"),
            "overlap": number("First 10, %", format="%.0f"),
            "spread": number("Apart", format="%.1f"),
            "follows": number("Follows", format="%+.2f"),
            "other_tau": number("Other τ", format="%.2f"),
            "ndcg": number("nDCG@10", format="%.2f"),
            "verdict": "Verdict",
        },
    )
    if rows.height > LISTED:
        st.caption(f"The first {LISTED} of {many(rows.height, 'item')}.")
    for page in ("samples", "review"):
        click = st.session_state.get(keys[page])
        if click is not None and 0 <= click["row"] < shown.height:
            query = {"item": shown["item_id"][click["row"]]}
            if page == "review":
                query["verdict"] = "Any"
            go_to(page, **query)


def no_samples(title: str = "No item has several samples") -> None:
    """Say how to get them."""
    empty_state(
        "stacks",
        title,
        "Let a teacher answer more than once: Generate with samples above 1, and orders above 1 to "
        "see whether it follows the order that it is shown.",
    )
    link("generate", "Generate", "edit_note")
