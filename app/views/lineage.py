"""Lineage: what each thing came from and led to, and what differs between two snapshots."""

from typing import Any

import streamlit as st

from app.store import store
from app.widgets.filters import VERDICTS
from app.widgets.graph import KIND_NAMES, lineage_graph
from app.widgets.page import empty_state, go_to, heading, link, mendable
from app.widgets.pick import pick
from app.widgets.snapshot_diff import diff_view
from app.widgets.text import plain
from curation.lineage import Graph, around, starts
from curation.lineage_nodes import Entry, Group, Node
from trainer import ingest

_GO = "lineage-go"  # a page that a group in the graph leads to
_START = "lineage-start"

opened = store()
ingest.sync(opened)


def page_of(entry: Entry) -> tuple[str, dict[str, str]]:
    """Return the page that shows a thing or a group, with what its address says."""
    return _group_page(entry) if isinstance(entry, Group) else _node_page(entry)


def _node_page(node: Node) -> tuple[str, dict[str, str]]:
    pages: dict[str, tuple[str, dict[str, str]]] = {
        "item": ("review", {"item": node.id, "verdict": VERDICTS["any"]}),
        "judgment": ("review", {"item": node.about.get("item", ""), "verdict": VERDICTS["any"]}),
        "batch": ("batches", {"view_of": "batches"}),
        "snapshot": ("batches", {"view_of": "snapshots", "snapshot": node.id}),
        "job": ("jobs", {"job": node.id}),
        "checkpoint": ("checkpoints", {"checkpoint": node.id}),
        "evaluation": ("queries", {"evaluation": node.id}),
        "query": ("queries", dict(node.about)),
    }
    return pages[node.kind]


def _group_page(group: Group) -> tuple[str, dict[str, str]]:
    where = group.where
    if "batch" in where:
        asked = {"batch": where["batch"]}
        if group.kind == "judgment":
            asked |= {"verdict": VERDICTS[where["verdict"]], "by": where["reviewer"]}
        elif group.kind == "item":
            asked |= {"verdict": VERDICTS["open"]}
        return "table", asked
    if "evaluation" in where:
        return "queries", {"evaluation": where["evaluation"]}
    pages: dict[str, tuple[str, dict[str, str]]] = {
        "item": ("table", {"verdict": VERDICTS["returned"]}),
        "judgment": ("review", {"item": group.of.partition(":")[2], "verdict": VERDICTS["any"]}),
        "batch": ("batches", {"view_of": "batches"}),
        "job": ("jobs", {}),
        "evaluation": ("evaluations", {}),
        "query": ("queries", {}),
    }
    return pages[group.kind]


def start_from(found: list[Node]) -> None:
    """Draw a way to the newest things."""
    keys = {each.key: each for each in found}

    def go() -> None:
        if st.session_state[_START]:
            st.query_params["node"] = st.session_state[_START]
            st.session_state[_START] = None

    st.selectbox(
        "Go to",
        list(keys),
        index=None,
        format_func=lambda key: (
            f"{KIND_NAMES[keys[key].kind]} · {keys[key].label} · {keys[key].detail}"
        ),
        placeholder="Go to a snapshot, model, evaluation or batch",
        key=_START,
        on_change=go,
        label_visibility="collapsed",
    )


def draw(graph: Graph) -> None:
    """Draw a graph, and where its middle can be looked at."""
    by_key: dict[str, Entry] = {each.key: each for level in graph.levels for each in level}

    def choose(key: str) -> None:
        entry = by_key.get(key)
        if isinstance(entry, Node):
            st.query_params["node"] = entry.key
        elif entry is not None:
            st.session_state[_GO] = page_of(entry)

    lineage_graph(graph, key="lineage", on_pick=choose)
    focus = graph.focus
    page, asked = page_of(focus)
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(
            f":blue-badge[{KIND_NAMES[focus.kind]}] **{plain(focus.label)}** "
            f":gray[{plain(focus.detail)}]",
            width="stretch",
        )
        link(page, "Open its page", "open_in_new", **asked)
        if focus.kind == "batch":
            link("table", "Its items", "table_rows", batch=focus.id)
        if focus.kind == "snapshot":
            link("lineage", "Compare with another", "difference", lens="diff", after=focus.id)
    st.caption(
        "Click a box, or **Tab** to it and press **Enter**, to go there; the arrow keys follow the "
        "lines. A dashed box is many of a kind: it opens their page, where verdicts are those in "
        "force now."
    )


def graph_view() -> None:
    """Draw the graph around the node that the address names, or the newest thing."""
    found = starts(opened)
    if not found and not st.query_params.get("node"):
        empty_state(
            "account_tree", "Nothing to follow yet", "Make a batch of reviewed items, or a model."
        )
        link("batches", "Batches", "inventory_2")
        return
    start_from(found)
    with mendable():
        draw(around(opened, st.query_params.get("node") or found[0].key))


target: tuple[str, dict[str, Any]] | None = st.session_state.pop(_GO, None)
if target is not None:
    go_to(target[0], **target[1])
heading(
    "Lineage",
    "From a verdict to the model that it went into, to the queries that this model got wrong, and "
    "back to the queue.",
)
if pick("View", {"graph": "Graph", "diff": "Snapshot diff"}, key="lens", segments=True) == "diff":
    diff_view(opened)
else:
    graph_view()
