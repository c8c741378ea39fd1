"""Gold items on the Queue page: which there are, making one, and how careful reviewers are."""

from dataclasses import asdict

import polars as pl
import streamlit as st

from app.widgets.page import NOTICE, mendable
from app.widgets.text import many, plain
from curation import gold
from db import items, judgments, queue_log
from db.store import Store

RECENT = 50  # own verdicts that are offered


def gold_desk(store: Store, lead: str) -> None:
    """Draw the gold items, what makes one, and every reviewer's score."""
    known = queue_log.gold_items(store)
    _making(store, lead, {row["item_id"] for row in known})
    if not known:
        st.caption("No gold items yet. They are mixed in by the share that the policy says.")
        return
    titles = items.titles(store, [row["item_id"] for row in known])
    left, right = st.columns([3, 2])
    with left:
        st.markdown(f"**{many(len(known), 'gold item')}**")
        chosen = st.dataframe(
            pl.DataFrame(
                {
                    "query": [titles[row["item_id"]] for row in known],
                    "verdict": [row["verdict"] or "" for row in known],
                    "labels": [row["relevant_docids"] is not None for row in known],
                    "order": [row["docids"] is not None for row in known],
                    "by": [row["set_by"] for row in known],
                }
            ),
            hide_index=True,
            alt="Gold items",
            on_select="rerun",
            selection_mode="single-row",
            key="gold_items",
            column_config={
                "query": st.column_config.TextColumn("Query", width="large"),
                "verdict": "Right verdict",
                "labels": "Labels",
                "order": "Order",
                "by": "By",
            },
        )
        rows = [row for row in chosen.selection.rows if row < len(known)]
        st.button(
            "Make it an ordinary item",
            icon=":material/undo:",
            disabled=not rows,
            on_click=gold.withdraw,
            args=(store, known[rows[0]]["item_id"], lead) if rows else (),
        )
    with right:
        _scores(store)


def _making(store: Store, lead: str, known: set[str]) -> None:
    recent = {
        judgment.item_id: judgment.verdict.replace("_", " ")
        for judgment in judgments.recent_judgments(store, lead, RECENT)
        if judgment.item_id not in known
    }
    titles = items.titles(store, list(recent))
    with st.form("gold", border=True, clear_on_submit=True):
        st.markdown("Your verdict on an item becomes its known answer.")
        wanted = st.multiselect(
            "Items that you judged lately",
            list(recent),
            format_func=lambda item_id: plain(f"{recent[item_id]}: {titles[item_id][:80]}"),
        )
        with st.container(horizontal=True):
            labels = st.checkbox("With the labels", value=True)
            order = st.checkbox("With the order")
        asked = st.form_submit_button("Make gold", icon=":material/star:", disabled=not recent)
        if asked and not wanted:
            st.warning("Choose an item first.", icon=":material/info:")
        elif asked:
            with mendable():
                for item_id in wanted:
                    gold.set_from_verdict(store, item_id, lead, labels=labels, order=order)
                st.session_state[NOTICE] = f"{many(len(wanted), 'gold item')} more"
                st.rerun()


def _scores(store: Store) -> None:
    found = gold.scores(store)
    st.markdown("**How reviewers did on them**")
    if not found:
        st.caption("Nobody has decided a gold item yet.")
        return
    number = st.column_config.NumberColumn
    st.dataframe(
        pl.DataFrame([asdict(score) for score in found], infer_schema_length=None),
        hide_index=True,
        alt="Reviewers on gold items",
        column_config={
            "reviewer": "Reviewer",
            "items": number("Items"),
            "verdicts": number("Verdict right", format="percent"),
            "labels": number("Labels, Jaccard", format="%.2f"),
            "orders": number("Order, τ", format="%.2f"),
        },
    )
