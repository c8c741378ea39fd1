"""Checkpoints: trained models and where each comes from."""

from typing import Any

import polars as pl
import streamlit as st

from app.store import store
from app.widgets.item_benchmarks import way_to_orders
from app.widgets.page import empty_state, heading, link
from app.widgets.pick import pick
from app.widgets.text import plain, when
from db import checkpoints, evaluations
from trainer import ingest

opened = store()
ingest.sync(opened)


def ancestors(chosen: dict[str, Any], by_id: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the models a checkpoint descends from, oldest first, itself last."""
    line = [chosen]
    while (parent := line[0]["lineage"].get("parent")) in by_id and by_id[parent] not in line:
        line.insert(0, by_id[parent])
    return line


def draw_line(line: list[dict[str, Any]]) -> None:
    """Draw the way from the base model to the checkpoint."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        for place, row in enumerate(line):
            if place:
                st.markdown(":gray[:material/arrow_forward:]", width="content")
            with st.container(border=True, width="content", gap="xxsmall"):
                st.markdown(f"**{plain(row['name'])}**  :blue-badge[{plain(row['kind'])}]")
                lineage = row["lineage"]
                if lineage.get("snapshot_id"):
                    st.caption(
                        f"{plain(lineage['recipe_name'])} on {plain(lineage['snapshot_id'])}"
                    )
                else:
                    st.caption("start model")


def facts(row: dict[str, Any]) -> None:
    """Draw everything the lineage file says."""
    lineage = row["lineage"]
    libraries = lineage.get("libraries") or {}
    table = {
        "Made": when(row["created_at"]),
        "Recipe": lineage.get("recipe_name"),
        "Snapshot": lineage.get("snapshot_id"),
        "Base": lineage.get("base"),
        "Steps": lineage.get("steps"),
        "Seed": lineage.get("seed"),
        "Code": lineage.get("code_version"),
        "Libraries": ", ".join(f"{name} {version}" for name, version in libraries.items()),
        "Folder": row["path"],
    }
    st.dataframe(
        pl.DataFrame(
            [(key, str(value)) for key, value in table.items() if value not in (None, "")],
            schema=["what", "value"],
            orient="row",
        ),
        hide_index=True,
        height="content",
        alt="Lineage",
        column_config={
            "what": st.column_config.TextColumn("", width="small"),
            "value": st.column_config.TextColumn("Lineage", width="large"),
        },
    )


heading("Checkpoints", "Every model says what it was trained on, by which recipe, from what.")
found = checkpoints.list_checkpoints(opened)
if not found:
    empty_state(
        "deployed_code",
        "No model yet",
        "Train one from an approved snapshot; a demo workspace also has the tiny base model.",
    )
    link("new_job", "New job", "play_circle")
    st.stop()
by_id = {row["checkpoint_id"]: row for row in found}
chosen = by_id[
    pick(
        "Checkpoint",
        {
            row["checkpoint_id"]: f"{row['name']} · {row['kind']} · {when(row['created_at'])}"
            for row in found
        },
        key="checkpoint",
    )
]
draw_line(ancestors(chosen, by_id))
left, right = st.columns([3, 2], gap="medium")
with left:
    facts(chosen)
with right, st.container(border=True):
    st.markdown("**Go on from here**")
    with st.container(horizontal=True):
        link("evaluations", "Evaluate it", "leaderboard", checkpoint=chosen["checkpoint_id"])
        way_to_orders(opened, "Let it order items", chosen["checkpoint_id"])
        link("lineage", "Lineage", "account_tree", node=f"checkpoint:{chosen['checkpoint_id']}")
        if chosen["job_id"]:
            link("jobs", "Its job", "monitoring", job=chosen["job_id"])
            link("new_job", "Duplicate and tweak", "content_copy", like=chosen["job_id"])
        if chosen["lineage"].get("snapshot_id"):
            link(
                "batches",
                "Its snapshot",
                "inventory_2",
                view_of="snapshots",
                snapshot=chosen["lineage"]["snapshot_id"],
            )
    measured = [
        row
        for row in evaluations.list_evaluations(opened)
        if row["checkpoint_id"] == chosen["checkpoint_id"]
    ]
    st.markdown("**Measured**")
    if not measured:
        st.caption("Not evaluated yet.")
    for row in measured:
        link("queries", plain(row["name"]), "difference", evaluation=row["evaluation_id"])
with st.expander("Recipe, as it was used", icon=":material/settings:"):
    st.json(chosen["lineage"].get("recipe") or {}, expanded=1)
