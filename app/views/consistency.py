"""Consistency: where the teacher's order contradicts the teacher's own labels."""

import polars as pl
import streamlit as st

from app.store import store
from app.widgets.agreement_views import among_samples, order_shown, other_teacher, where_apart
from app.widgets.charts import consistency_histogram, kept_lines
from app.widgets.filters import VERDICTS
from app.widgets.page import empty_state, go_to, heading, link
from app.widgets.pick import pick
from app.widgets.text import many
from curation.chain_checks import CHECKS
from curation.consistency import DEFAULT_CUT, kept_curve
from curation.dropped import dropped_before
from db import agreement, items
from db.records import ItemFilter

AROUND = 50  # items listed around the cut
SIGNALS = {
    "labels": "Against its labels",
    "samples": "Among samples",
    "shown": "Order shown",
    "apart": "Places apart",
    "other": "Another teacher",
}
CUTS = [round(step * 0.05, 2) for step in range(21)]

opened = store()


def numbers(values: pl.DataFrame, cut: float) -> None:
    """Draw what the cut keeps, in all."""
    kept = values.filter(pl.col("ndcg") >= cut).height
    with st.grid(4):
        st.metric("Items", f"{values.height:,}", border=True)
        st.metric(f"Kept at {cut:.2f}", f"{kept:,}", border=True)
        st.metric("Dropped", f"{values.height - kept:,}", border=True)
        st.metric("Kept", f"{kept / values.height:.1%}", border=True)


def domain_table(values: pl.DataFrame, cut: float) -> None:
    """Draw what the cut keeps of each domain."""
    means = values.group_by("domain").agg(
        median=pl.col("ndcg").median() * 100,
        recall=pl.col("recall").mean() * 100,
        overlap=pl.col("overlap").mean() * 100,
        first=pl.col("first_relevant").median(),
    )
    table = (
        kept_curve(values, [cut])
        .with_columns(share=100 * pl.col("kept") / (pl.col("kept") + pl.col("dropped")))
        .join(means, on="domain")
        .drop("cut")
        .sort("domain")
    )
    st.dataframe(
        table,
        hide_index=True,
        alt="Items kept and dropped by domain",
        column_config={
            "domain": "Domain",
            "kept": "Kept",
            "dropped": "Dropped",
            "share": st.column_config.ProgressColumn(
                "Kept, %", format="%.1f", min_value=0, max_value=100
            ),
            "median": st.column_config.NumberColumn("Median nDCG@10", format="%.2f"),
            "recall": st.column_config.NumberColumn("Mean Recall@10", format="%.2f"),
            "overlap": st.column_config.NumberColumn("Mean overlap", format="%.2f"),
            "first": st.column_config.NumberColumn("First relevant at (median)", format="%.0f"),
        },
    )


def chains() -> None:
    """Draw how many chains fail each check, with the way to them."""
    counts = items.failed_checks(opened)
    if not counts:
        return
    st.subheader("Chains to look at", anchor=False)
    with st.container(horizontal=True):
        for check, label in CHECKS.items():
            if check in counts:
                link(
                    "review",
                    f"{label}: {counts[check]:,}",
                    "rate_review",
                    check=label,
                    verdict=VERDICTS["any"],
                )
    st.caption("Found without a model, when the rankings came in. They are reasons to look.")


def around_the_cut(cut: float, domains: list[str]) -> None:
    """Draw the items nearest to the cut; a button opens each in Review."""
    listed = items.list_items(
        opened, ItemFilter(domains=tuple(domains), cut=cut), limit=AROUND
    ).with_columns(
        pl.lit("Review").alias("open"),
        *(pl.col(name) * 100 for name in ("ndcg", "recall", "overlap")),
    )
    clicked = "open-item"
    st.dataframe(
        listed.select(
            "open", "domain", "query", "ndcg", "first_relevant", "recall", "overlap", "verdict"
        ),
        hide_index=True,
        height=380,
        alt="Items around the cut",
        column_config={
            "open": st.column_config.ButtonColumn("", width=80, key=clicked),
            "domain": "Domain",
            "query": st.column_config.TextColumn("Query", width="large"),
            "ndcg": st.column_config.NumberColumn("nDCG@10", format="%.2f"),
            "first_relevant": "First relevant at",
            "recall": st.column_config.NumberColumn("Recall@10", format="%.2f"),
            "overlap": st.column_config.NumberColumn("Overlap", format="%.2f"),
            "verdict": "Verdict",
        },
    )
    click = st.session_state.get(clicked)
    if click is not None and 0 <= click["row"] < listed.height:
        # The cut and the domains are bound to the URL, and so go along by themselves.
        go_to("review", item=listed["item_id"][click["row"]], verdict="Any")


def against_labels(chosen: pl.DataFrame, cut: float, domains: list[str]) -> None:
    """Draw what the recipe's cut keeps and drops."""
    numbers(chosen, cut)
    for sentence in dropped_before(opened).sentences():
        st.caption(f":material/filter_alt: Before any cut: {sentence}")
    left, right = st.columns(2)
    with left.container(border=True):
        st.markdown("**Distribution**")
        st.altair_chart(consistency_histogram(chosen, cut), alt="Histogram of self-consistency")
    with right.container(border=True):
        st.markdown("**Kept at each cut**")
        st.altair_chart(
            kept_lines(kept_curve(chosen, CUTS), cut), alt="Share kept over the cut, by domain"
        )
    domain_table(chosen, cut)
    chains()
    st.subheader(f"The {many(min(AROUND, chosen.height), 'item')} around the cut", anchor=False)
    around_the_cut(cut, domains)


heading(
    "Self-consistency",
    "nDCG@10 of each teacher ranking against the same teacher's pointwise labels. The recipe "
    "keeps items at or above 0.4; here is what any other cut would keep.",
)
values = items.consistency_values(opened)
if values.is_empty():
    empty_state("query_stats", "Nothing to measure yet", "Import a teacher's rankings first.")
    link("overview", "Import on the overview", "upload_file")
else:
    left, right = st.columns([2, 3], vertical_alignment="bottom")
    cut = left.slider("Cut", 0.0, 1.0, DEFAULT_CUT, 0.05, key="cut", bind="query-params")
    domains = right.multiselect(
        "Domains",
        items.domains(opened),
        key="domain",
        bind="query-params",
        placeholder="Every domain",
    )
    chosen = values.filter(pl.col("domain").is_in(domains)) if domains else values
    signal = pick("Signal", SIGNALS, key="signal", segments=True)
    if signal == "labels":
        against_labels(chosen, cut, domains)
    else:
        sampled = agreement.values(opened)
        if domains:
            sampled = sampled.filter(pl.col("domain").is_in(domains))
        if signal == "samples":
            among_samples(sampled, cut)
        elif signal == "shown":
            order_shown(opened, sampled, domains)
        elif signal == "apart":
            where_apart(opened, sampled, domains)
        else:
            other_teacher(sampled)
