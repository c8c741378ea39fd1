"""Reward sandbox: what a response would earn in GRPO, part by part."""

import streamlit as st

from app.store import store
from app.widgets.page import heading, mendable
from app.widgets.reader import chain_pane, reader
from app.widgets.text import plain
from curation import review
from curation.permutation import parse_response, render_answer, render_response
from curation.reward import Reward, multi_view_reward
from db import items
from db.records import ItemFilter

EXAMPLE = render_response("Passage [2] states the rule that the query is about.", [2, 1, 3])
STATUS = {
    "ok": "exactly the ids 1 to n",
    "no_answer": "no answer was found",
    "truncated": "the response was cut off",
    "missing": "ids are missing; they were appended in the given order",
    "repeated": "ids come twice; the first place counts",
    "out_of_range": "ids that no passage has; they were dropped",
}

opened = store()


def from_item() -> None:
    """Fill the form with the item that was chosen: its labels and the teacher's response."""
    item_id = st.session_state["sandbox_item"]
    if item_id is None:
        return
    shown = review.load(opened, item_id, "")
    docids = [candidate.docid for candidate in shown.item.candidates]
    order = [docids.index(docid) + 1 for docid in shown.teacher.docids]
    st.session_state["sandbox_n"] = len(docids)
    st.session_state["sandbox_relevant"] = [
        docids.index(docid) + 1 for docid in shown.item.relevant_docids
    ]
    st.session_state["sandbox_gold"] = render_answer(order)
    st.session_state["sandbox_response"] = shown.teacher.response or render_response(
        shown.teacher.chain, order
    )


def parts(found: Reward, weights: tuple[float, float]) -> None:
    """Draw the reward and what it is made of."""
    paid = found.format == "ok"
    color = {"ok": "green", "bad_answer": "orange", "bad_output": "red"}[found.format]
    st.markdown(
        f":{color}-badge[format: {plain(found.format)}] "
        f":{'green' if found.status == 'ok' else 'orange'}-badge[parse: {plain(found.status)}] "
        f":gray[{STATUS[found.status]}]"
    )
    with st.grid(2, gap="small"):
        st.metric("Reward", f"{found.reward:.4f}", border=True)
        st.metric("nDCG@10", f"{found.ndcg:.4f}", border=True)
        st.metric(f"{weights[0]:g} × Recall@10", f"{weights[0] * found.recall:.4f}", border=True)
        st.metric(f"{weights[1]:g} × overlap", f"{weights[1] * found.overlap:.4f}", border=True)
    if not paid:
        st.caption(
            "The parts are not paid: "
            + (
                "without both a think and an answer block the reward is −1."
                if found.format == "bad_output"
                else "an answer that is not exactly the ids 1 to n earns 0."
            )
        )
    st.markdown(f"Read as `{render_answer(found.permutation)}`")


heading(
    "Reward sandbox",
    "What a response would earn in GRPO: nDCG@10 + 0.2 Recall@10 + 0.1 overlap.",
)
st.session_state.setdefault("sandbox_n", 3)
st.session_state.setdefault("sandbox_relevant", [2])
st.session_state.setdefault("sandbox_gold", "[2] > [1] > [3]")
st.session_state.setdefault("sandbox_response", EXAMPLE)
left, right = st.columns(2, gap="medium")
with left:
    listed = items.list_items(opened, ItemFilter(order="imported"), limit=200)
    if not listed.is_empty():
        names = dict(zip(listed["item_id"], listed["query"], strict=True))
        st.selectbox(
            "Fill from an item",
            list(names),
            index=None,
            placeholder="One of the first 200 items",
            format_func=lambda found: names.get(found, "")[:90],
            key="sandbox_item",
            on_change=from_item,
        )
    st.text_area("Response", key="sandbox_response", height=240)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        n = st.number_input("Passages", 2, 200, key="sandbox_n", width=120)
        relevant = st.multiselect(
            "Relevant passages",
            range(1, n + 1),
            key="sandbox_relevant",
            format_func="[{}]".format,
        )
    st.text_input("Gold order", key="sandbox_gold", help="The listwise label, as in training")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        recall = st.number_input("Recall weight", 0.0, 5.0, 0.2, 0.05)
        overlap = st.number_input("Overlap weight", 0.0, 5.0, 0.1, 0.05)
        kind = st.selectbox(
            "Overlap",
            ["average", "rbo"],
            format_func={"average": "average overlap (p = 1)", "rbo": "geometric RBO"}.__getitem__,
        )
        p = st.number_input("RBO p", 0.01, 0.99, 0.9, 0.05, disabled=kind == "average")
with right, mendable():
    response = st.session_state["sandbox_response"] or ""
    docids = [str(number) for number in range(1, n + 1)]
    found = multi_view_reward(
        response,
        docids,
        [str(number) for number in relevant],
        st.session_state["sandbox_gold"] or "",
        recall_weight=recall,
        overlap_weight=overlap,
        overlap="rbo" if kind == "rbo" else "average",
        rbo_p=p,
    )
    parts(found, (recall, overlap))
    reader(
        [chain_pane("Chain, as it is read", parse_response(response, n).chain, n)],
        token="sandbox",
        key="sandbox-reader",
        chrome=560,
    )
