"""The form of a new batch: filters, what they let through, a name."""

from datetime import UTC, datetime, time, timedelta

import altair as alt
import polars as pl
import streamlit as st

from app.store import user
from app.widgets.filters import VERDICTS
from app.widgets.page import NOTICE, go_to, mendable
from app.widgets.text import many, plain
from curation import batching
from curation.batching import Selection
from curation.consistency import DEFAULT_CUT
from db import items, judgments, quarantine
from db.store import Store


def new_batch(store: Store) -> None:
    """Draw filters beside what they let through; create the batch on request."""
    left, right = st.columns([2, 3], gap="medium")
    with left.container(border=True):
        chosen = _selection(store)
    with right.container(border=True):
        found = batching.preview(store, chosen)
        _preview(found, chosen)
        _left_out(store, found, chosen)
        name = st.text_input("Name", key="batch_name", placeholder="biology, first round")
        if st.button(
            f"Create batch of {many(found.height, 'item')}",
            type="primary",
            icon=":material/add:",
            disabled=found.is_empty() or not (name or "").strip(),
        ):
            with mendable():
                batching.create(store, name or "", chosen, created_by=user())
                st.session_state[NOTICE] = "Batch created; approve it to freeze a snapshot."
                go_to("batches", view_of="batches")


def _selection(store: Store) -> Selection:
    domains = st.multiselect(
        "Domains", items.domains(store), placeholder="Every domain", key="batch_domains"
    )
    verdicts = st.pills(
        "Verdict in force",
        list(batching.VERDICTS),
        default=["approve", "fix"],
        selection_mode="multi",
        format_func=VERDICTS.__getitem__,
        key="batch_verdicts",
        help="`Not judged` lets items through that nobody looked at: the cut alone decides.",
    )
    cut = st.slider(
        "Self-consistency at least",
        0.0,
        1.0,
        DEFAULT_CUT,
        0.05,
        key="batch_cut",
        help="nDCG@10 of the teacher's order against its own labels. Items that a reviewer fixed "
        "pass in any case. The cut is stored with the batch.",
    )
    reviewers = st.multiselect(
        "Reviewers", judgments.reviewers(store), placeholder="Anyone", key="batch_reviewers"
    )
    days = st.selectbox(
        "Judged within",
        [0, 1, 7, 30],
        format_func=lambda found: many(found, "day") if found else "any time",
        key="batch_age",
    )
    repaired = st.checkbox(
        "Let repaired responses through",
        key="batch_repaired",
        help="Teacher responses with missing, repeated or foreign ids were repaired when parsed. "
        "Items that a reviewer fixed pass in any case.",
    )
    quarantined = st.checkbox(
        "Let quarantined items in",
        key="batch_quarantined",
        help="They ask a benchmark's test query (page Decontamination). Approving them takes a "
        "reason.",
    )
    return Selection(
        domains=tuple(domains),
        verdicts=tuple(verdicts),
        cut=cut,
        reviewers=tuple(reviewers),
        judged_since=_midnight(days),
        only_ok=not repaired,
        quarantined=quarantined,
    )


def _midnight(days: int) -> datetime | None:
    """Return the start of the (UTC) day that many days ago; None for 0, any time."""
    if not days:
        return None
    return datetime.combine(datetime.now(UTC).date() - timedelta(days=days), time(), tzinfo=UTC)


def _left_out(store: Store, found: pl.DataFrame, chosen: Selection) -> None:
    """Say what stays out as repaired or quarantined, and what could not be looked at."""
    missing = batching.left_out(store, chosen, found)
    if missing.repaired:
        approved = f", {missing.approved:,} of them approved" if missing.approved else ""
        st.caption(
            f":material/healing: {many(missing.repaired, 'item')} with a repaired response left "
            f"out{approved}."
        )
    if missing.quarantined:
        st.caption(f":material/policy: {many(missing.quarantined, 'quarantined item')} left out.")
    if never := [row["name"] for row in quarantine.summary(store) if row["scan_id"] is None]:
        st.caption(f":material/policy: Not compared with {plain(', '.join(never))} yet.")


def _preview(found: pl.DataFrame, chosen: Selection) -> None:
    if found.is_empty():
        st.markdown("**0 items pass these filters**")
        st.caption(
            "Review some items, lower the cut, or let items through that nobody judged "
            f"(verdict {VERDICTS['open'].lower()})."
        )
        return
    counts = (
        found.with_columns(pl.col("verdict").fill_null("open"))
        .group_by("domain", "verdict")
        .agg(items=pl.len())
    )
    st.markdown(
        f"**{many(found.height, 'item')}** from {many(found['domain'].n_unique(), 'domain')}, "
        f"at self-consistency {chosen.cut:.2f} and above"
    )
    named = counts.with_columns(pl.col("verdict").replace_strict(VERDICTS, default="?"))
    chart = (
        alt.Chart(named.sort("domain", "verdict"))
        .mark_bar()
        .encode(
            x=alt.X("items:Q", title="Items"),
            y=alt.Y("domain:N", title=None, axis=alt.Axis(labelLimit=180)),
            color=alt.Color("verdict:N", title=None, legend=alt.Legend(orient="top")),
            tooltip=["domain", "verdict", "items"],
        )
        .properties(height=alt.Step(28))
    )
    st.altair_chart(chart, alt="Items by domain and verdict")
