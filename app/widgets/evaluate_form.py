"""The form that starts an evaluation."""

import streamlit as st
import yaml

from app.widgets.page import link, mendable
from app.widgets.preview import preview
from db import checkpoints
from db.store import Store
from trainer import desk
from trainer.strategies import STRATEGIES


def evaluate_form(store: Store, benchmark_id: str, wanted: str | None) -> None:
    """Draw the form, open when a link asked for a checkpoint, and what it would start."""
    with st.expander(
        "Evaluate a model on this benchmark",
        expanded=wanted is not None,
        icon=":material/play_circle:",
        key="evaluate",
        on_change="rerun",
    ) as form:
        if form.open:
            _form(store, benchmark_id, wanted)


def _form(store: Store, benchmark_id: str, wanted: str | None) -> None:
    found = checkpoints.list_checkpoints(store)
    if not found:
        st.caption("There is no model to evaluate yet.")
        link("new_job", "Train one", "play_circle")
        return
    names = {row["checkpoint_id"]: f"{row['name']} ({row['kind']})" for row in found}
    left, right = st.columns([2, 3], gap="medium")
    with left:
        ids = list(names)
        checkpoint = st.selectbox(
            "Model",
            ids,
            index=ids.index(wanted) if wanted in names else 0,
            format_func=names.__getitem__,
            key=f"evaluate-{wanted}",
        )
        lineage = next(row["lineage"] for row in found if row["checkpoint_id"] == checkpoint)
        with mendable():
            own = desk.evaluation_settings(lineage)
            key = f"evaluate-{checkpoint}"
            wide, narrow = st.columns([3, 1], gap="small")
            ways = list(STRATEGIES)
            strategy = wide.selectbox(
                "Strategy",
                ways,
                index=ways.index(own.strategy.name),
                format_func=lambda name: STRATEGIES[name].title,
                key=f"{key}-strategy",
            )
            depth = narrow.number_input(
                "Depth", 1, 1000, own.depth, key=f"{key}-depth", help="Candidates reranked"
            )
            chosen = STRATEGIES[strategy]
            options = st.text_area(
                "Its options",
                value=yaml.safe_dump(desk.strategy_options(own, strategy), sort_keys=False),
                key=f"{key}-{strategy}-options",
                help="YAML. Every option of the strategy is listed.",
            )
            st.caption(f"{chosen.source}. Calls for n candidates: {chosen.cost}.")
            measures = st.text_input(
                "Measures",
                value=", ".join(own.measures),
                key=f"{key}-measures",
                help="Names of ir-measures, such as nDCG@10, R@10, AP, RR@10",
            )
            name = st.text_input("Name", key="evaluate-name", placeholder="model on benchmark")
            with right, st.spinner("Looking at what would run …"):
                prepared = desk.prepare_evaluation(
                    store,
                    checkpoint=checkpoint,
                    benchmark=benchmark_id,
                    overrides=[
                        f"strategy={options}",
                        f"depth={depth}",
                        f"measures=[{measures or 'nDCG@10'}]",
                    ],
                    name=(name or "").strip() or None,
                )
                preview(store, prepared)
