"""From an evaluation's queries to the review queue, and what a reviewer sees of it there."""

import streamlit as st

from app.store import user
from app.widgets.filters import VERDICTS
from app.widgets.page import link, mendable
from app.widgets.text import key_of, many, plain
from curation.mistakes import REASONS, Mistake
from curation.permutation import parse_response
from db import evaluations, returns
from db.store import Store
from trainer import returning

SHOWN = 3  # of the reasons why an item is back


def send_form(
    store: Store, baseline: str, evaluation: str, texts: dict[str, str], measure: str
) -> None:
    """Draw what sends the items behind this evaluation's mistakes to review."""
    with st.popover("Send to review", icon=":material/assignment_return:"):
        kinds = [reason for reason in REASONS if reason != "chosen"]
        reason = st.selectbox(
            "Queries where", kinds, format_func=REASONS.__getitem__, key="send-reason"
        )
        left, right = st.columns(2)
        least = left.number_input(
            "By at least",
            0.01,
            1.0,
            0.2,
            0.05,
            key="send-least",
            help="Of the measure (0 to 1) for losses, else the share of a query's answers.",
        )
        each = right.number_input("Items per query", 1, 20, 3, key="send-each")
        found = returning.find_mistakes(
            store, evaluation, baseline, reason or "lost", least=least, measure=measure
        )
        st.caption(
            f"{many(len(found), 'query', 'queries')} of {len(texts)}. The training items whose "
            "queries are most like them come back to the review queue, with what went wrong."
        )
        if st.button("Send", type="primary", disabled=not found, key="send"):
            _send(store, evaluation, found, texts, each)


def send_one(store: Store, evaluation: str, qid: str, texts: dict[str, str], about: str) -> None:
    """Draw what sends the items most like one query to review.

    Args:
        about: What is said of the query, such as its values.
    """
    with st.popover("Send this query to review", icon=":material/assignment_return:"):
        key = key_of("send-one", evaluation, qid)
        note = st.text_input("Why", key=f"{key}-note", placeholder="what is wrong here")
        each = st.number_input("Items", 1, 20, 3, key=f"{key}-each")
        st.caption("The training items whose queries are most like it come back to the queue.")
        if st.button("Send", type="primary", key=f"{key}-send"):
            detail = ", ".join(part for part in ((note or "").strip(), about) if part)
            _send(store, evaluation, [Mistake(qid, "chosen", detail, 1.0)], texts, each)


def _send(
    store: Store, evaluation: str, found: list[Mistake], texts: dict[str, str], each: int
) -> None:
    bar = st.progress(0.0, "Reading what the items ask …")

    def show(done: int, total: int) -> None:
        bar.progress(done / total, f"Reading what the items ask: {done:,} of {total:,}")

    with mendable():
        sent = returning.send_back(
            store, evaluation, found, texts, per_query=each, returned_by=user(), on_progress=show
        )
        st.success(f"{many(sent, 'item is', 'items are')} back in the queue.")
    bar.empty()
    link("review", "Review what was sent back", "rate_review", verdict=VERDICTS["returned"])


def why_back(store: Store, item_id: str) -> None:
    """Draw why evaluations sent an item back: what went wrong, and the model's chain there."""
    found = returns.open_returns(store, item_id)
    if not found:
        return
    with st.popover("Why it is back", icon=":material/assignment_return:", width="content"):
        for each in found[:SHOWN]:
            st.markdown(
                f"**{plain(each['evaluation'])}**: {plain(REASONS[each['reason']])} "
                f":gray[{plain(each['detail'])} · its query is {each['similarity']:.2f} like this "
                "one]"
            )
            calls = evaluations.calls_of(store, each["evaluation_id"], each["qid"])
            if calls:
                response = calls[-1]["response"]
                chain = parse_response(response, len(calls[-1]["docids"])).chain
                with st.container(height=160):
                    st.text(chain or response or "The model wrote nothing.")
            link(
                "queries",
                "Look at the query",
                "difference",
                evaluation=each["evaluation_id"],
                query=each["qid"],
            )
        if len(found) > SHOWN:
            st.caption(f"And {len(found) - SHOWN} more.")
