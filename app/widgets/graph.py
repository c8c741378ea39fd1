"""The lineage as columns of boxes with curves between them; a click or Enter goes to a box.

A component of the app's own: the charts that Streamlit draws are not clicked, and not reached by
keyboard. Texts travel as data and are set as plain text in the browser.
"""

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from curation.lineage import Graph
from curation.lineage_nodes import Node

_FOLDER = Path(__file__).parent
KIND_NAMES = {
    "item": "Item",
    "judgment": "Verdict",
    "batch": "Batch",
    "snapshot": "Snapshot",
    "job": "Training",
    "checkpoint": "Checkpoint",
    "evaluation": "Evaluation",
    "query": "Query",
}
_MANY = {
    "item": "items",
    "judgment": "verdicts",
    "batch": "batches",
    "job": "trainings",
    "evaluation": "evaluations",
    "query": "queries",
}

_graph = st.components.v2.component(
    "rankdesk_graph",
    html="<div class='graph'></div>",
    css=(_FOLDER / "graph.css").read_text(encoding="utf-8"),
    js=(_FOLDER / "graph.js").read_text(encoding="utf-8"),
)


def lineage_graph(graph: Graph, *, key: str, on_pick: Callable[[str], None]) -> None:
    """Draw a lineage.

    Args:
        on_pick: Told the key of the box that was chosen. It comes from the browser: check it.
    """
    middle = len(graph.levels) // 2
    titles = {middle - 1: "Comes from", middle: "Here", middle + 1: "Led to"}
    columns = [
        {
            "title": titles.get(place, ""),
            "boxes": [
                {
                    "key": each.key,
                    "kind": KIND_NAMES[each.kind],
                    "label": each.label
                    if isinstance(each, Node)
                    else f"{each.n:,} {_MANY[each.kind]}",
                    "detail": each.detail if isinstance(each, Node) else each.label,
                    "tone": "here"
                    if place == middle
                    else ("node" if isinstance(each, Node) else "group"),
                }
                for each in level
            ],
        }
        for place, level in enumerate(graph.levels)
        if level
    ]

    def picked() -> None:
        chosen = st.session_state[key].pick
        if isinstance(chosen, str):
            on_pick(chosen)

    _graph(
        data={"columns": columns, "edges": [list(edge) for edge in graph.edges]},
        key=key,
        on_pick_change=picked,
    )
