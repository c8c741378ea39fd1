"""Why an item is on the screen, and that it stays in this reviewer's hand while it is."""

import streamlit as st

from app import session
from curation import queueing
from curation.queue_policy import REASONS, Why, badge
from db.store import Store

ELSEWHERE = {"taken": "In another hand", "assigned": "Assigned to another"}
RENEW = 20  # seconds between two looks at the claim: within a third of the shortest, a minute


@st.fragment(run_every=RENEW)
def why_here(store: Store, item_id: str, reviewer: str, *, hidden: bool) -> None:
    """Draw the item's reason, which opens all of them, and keep its claim alive.

    Where the item stands otherwise than it was drawn, decided in another tab or in somebody else's
    hand, the page is drawn anew.

    Args:
        hidden: The teacher's answer is, and with it the reasons, which tell of it.
    """
    watch = session.desk().watch
    if watch.has_changed(store):
        st.rerun()
    if elsewhere := ELSEWHERE.get(watch.hand):
        # In the place of the reason: two would wrap, and push the passages down.
        st.badge(elsewhere, icon=":material/back_hand:", color="orange")
        return
    mine = queueing.owner(store, item_id) == reviewer
    reasons = [] if hidden else queueing.why(store, item_id)
    if mine and not reasons:
        st.badge("Assigned to you", icon=":material/person:", color="blue")
    if reasons:
        # One line with what stands beside it: whose it is goes into the label.
        first = badge(reasons)
        label = f"Yours: {first[0].lower()}{first[1:]}" if mine else first
        with st.popover(label, icon=f":material/{'person' if mine else 'flag'}:", width="content"):
            if mine:
                st.markdown("**Assigned to you.**")
            st.markdown("**Why am I seeing this?**")
            st.markdown(reason_table(reasons))


def reason_table(reasons: list[Why]) -> str:
    """Return the reasons of an item as a table: every one, also those that add nothing."""
    lines = ["| Reason | Weight | Value | Adds |", "|---|--:|--:|--:|"]
    lines += [
        f"| {REASONS[why.reason][0]} | {why.weight:g} | {why.value:.2f} | {why.adds:.2f} |"
        for why in reasons
    ]
    return "\n".join(lines)
