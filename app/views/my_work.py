"""My work: what one decided, how it compares with others, and care on gold items."""

from typing import Any

import polars as pl
import streamlit as st

from app.store import may, store, user
from app.widgets.estimates import estimate_table
from app.widgets.page import empty_state, go_to, heading, link
from app.widgets.pick import pick
from app.widgets.text import many, plain, visible
from curation import my_work
from curation.anchoring import Anchoring
from curation.gold import GoldScore
from curation.my_work import LEADS
from curation.reviewer_agreement import TOP
from db import items
from db.records import Judgment

opened = store()
me = user()


def whose() -> str:
    """Return whose work is looked at: one's own, or whom a lead chooses."""
    wanted = st.query_params.get("person")
    if not may(*LEADS):
        return wanted or me
    everybody = list(dict.fromkeys([str(me), *my_work.people(opened, asked_by=me)]))
    if wanted and wanted not in everybody:
        everybody.append(wanted)
    return pick(
        "Person",
        {name: f"{plain(name)}{' (you)' if name == me else ''}" for name in everybody},
        key="person",
        default=str(me),
    )


def counted(done: dict[str, int]) -> None:
    """Draw how much was decided."""
    with st.grid(4):
        for label, name, tip in (
            ("Decided today", "today", "Since midnight, UTC."),
            ("Within 7 days", "week", "Items with a verdict in force that was given since."),
            ("Can't judge", "cannot_judge", "Of all items with a verdict in force."),
            ("Taken back", "undone", "Verdicts that were undone, ever."),
        ):
            st.metric(label, f"{done[name]:,}", help=tip, border=True)
    st.caption(
        f"{many(done['total'], 'item')} with a verdict in force,"
        f" {many(done['adjudicated'], 'adjudication')} among them."
    )


def on_gold(score: GoldScore | None) -> None:
    """Draw the care on gold items."""
    st.markdown("**On gold items**")
    if score is None:
        st.caption("No gold item decided yet: there is nothing to say.")
        return
    parts = [
        ("Verdicts right", score.verdicts, "{:.0%}"),
        ("Labels, Jaccard", score.labels, "{:.2f}"),
        ("Orders, τ", score.orders, "{:.2f}"),
    ]
    for label, value, form in parts:
        said = "undefined: no such answer is known" if value is None else form.format(value)
        st.markdown(f"{label}: **{said}**" if value is not None else f"{label}: :gray[{said}]")
    st.caption(f"Over {many(score.items, 'gold item')}. Which items they are is not told.")


def before_and_after(found: Anchoring) -> None:
    """Draw how blind marks changed once the teacher's labels were seen."""
    st.markdown("**Blind marks, before and after**")
    if not found.items:
        st.caption("No item was marked blind and then approved or fixed.")
        return
    share = "undefined: no mark differed" if found.share is None else f"**{found.share:.0%}**"
    st.markdown(
        f"Of **{found.differed}** marks that differed from the teacher's labels **{found.moved}** "
        f"moved to them: {share}"
    )
    st.markdown(f"Of **{found.agreed}** that were the same **{found.left}** changed")
    st.caption(
        f"Over {many(found.items, 'item')} and {many(found.passages, 'passage')}. Moving is no "
        "fault: the teacher may be right."
    )


def recent(judgments: list[Judgment]) -> None:
    """Draw the latest verdicts with a way back to each item."""
    st.markdown("**Latest verdicts**")
    queries = items.titles(opened, [each.item_id for each in judgments])
    st.dataframe(
        pl.DataFrame(
            {
                "open": ["Review"] * len(judgments),
                "when": [each.judged_at for each in judgments],
                "verdict": [each.verdict.replace("_", " ") for each in judgments],
                "query": [visible(queries.get(each.item_id, ""))[:200] for each in judgments],
                "note": [visible(each.note)[:200] for each in judgments],
            }
        ),
        hide_index=True,
        height=min(38 + 35 * len(judgments), 360),
        alt="Latest verdicts, the newest first",
        column_config={
            "open": st.column_config.ButtonColumn("", width=80, key="recent-open"),
            "when": st.column_config.DatetimeColumn("When (UTC)", format="YYYY-MM-DD HH:mm"),
            "verdict": "Verdict",
            "query": st.column_config.TextColumn("Query", width="large"),
            "note": "Note",
        },
    )
    click: Any = st.session_state.get("recent-open")
    if click is not None and 0 <= click["row"] < len(judgments):
        go_to("review", item=judgments[click["row"]].item_id, verdict="Any")


heading("My work", "Shown to yourself and to leads: reviewers and admins. Nobody is ranked.")
work = my_work.work_of(opened, whose(), asked_by=me)
counted(work.done)
if not work.recent:
    empty_state("rate_review", "No verdict in force", "Judge some items: they are counted here.")
    link("review", "Review items", "rate_review")
else:
    st.markdown("**Agreement with others who judged the same items**")
    estimate_table(
        [work.agreement],
        "Person",
        lambda row: row.group,
        k=TOP,
    )
    st.caption(
        "Each pair of this person and another on an item. α is Krippendorff's, τ Kendall's; in "
        "brackets the 95 % bootstrap interval over items."
    )
    left, right = st.columns(2)
    with left.container(border=True):
        on_gold(work.gold)
    with right.container(border=True):
        before_and_after(work.anchoring)
    recent(work.recent)
