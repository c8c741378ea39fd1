"""New job: SFT or GRPO from a snapshot; look at exactly what will run, then start it."""

import json
from typing import Any

import streamlit as st
from pydantic import BaseModel

from app.store import store
from app.widgets.page import empty_state, heading, link, mendable
from app.widgets.pick import pick
from app.widgets.preview import preview
from app.widgets.settings_form import settings_form
from app.widgets.text import key_of, many
from db import batches, checkpoints, jobs
from trainer import desk
from trainer.recipes import apply_overrides, differences, list_recipes, parse_recipe

KINDS = {"sft": "SFT: learn to write the teacher's chains", "grpo": "GRPO: learn from the reward"}
OTHER = "Another model …"
# The settings one turns most; every other is reached by `key=value` below.
COMMON = {
    "sft": ["epochs", "learning_rate", "per_device_train_batch_size", "seed"],
    "grpo": ["max_steps", "learning_rate", "num_generations", "beta", "seed"],
}

opened = store()


def base_choice(default: str, key: str) -> str:
    """Draw the choice of the model to start from."""
    found = checkpoints.list_checkpoints(opened)
    names = {row["checkpoint_id"]: f"{row['name']} ({row['kind']})" for row in found}
    ids = {row["name"]: row["checkpoint_id"] for row in reversed(found)}
    wanted = st.session_state.get(f"{key}-parent") or ids.get(default, OTHER)
    options = [*names, OTHER]
    chosen = st.selectbox(
        "Start from",
        options,
        index=options.index(wanted) if wanted in options else len(options) - 1,
        format_func=lambda found: names.get(found, OTHER),
        key=f"{key}-base",
    )
    if chosen != OTHER:
        return str(chosen)
    typed = st.text_input(
        "Model folder or hub name", value=default, key=f"{key}-path", help="safetensors only"
    )
    return typed or default


def template_job() -> dict[str, Any] | None:
    """Return the job to duplicate, if the URL names one."""
    wanted = st.query_params.get("like")
    if not wanted:
        return None
    with mendable():
        return jobs.get_job(opened, wanted)
    return None


def tweaks(like: dict[str, Any] | None, recipe: BaseModel, kind: str, key: str) -> None:
    """Fill the form with a former job's settings, where they differ from the chosen recipe.

    That need not be the job's own: a recipe given as a file is none of the shipped ones.
    """
    if like is None or f"{key}-more" in st.session_state or like["kind"] != kind:
        return
    former = parse_recipe(desk.overrides_of(like["config"]), f"of the job {like['name']}")
    different = differences(recipe.model_dump(mode="json"), former.model_dump(mode="json"))
    for name in [name for name in different if name in COMMON[kind]]:
        value = different.pop(name)
        st.session_state[f"{key}-{name}"] = "" if value is None else str(value)
    st.session_state[f"{key}-more"] = "\n".join(
        f"{name}={json.dumps(value)}" for name, value in different.items()
    )
    st.session_state[f"{key}-parent"] = like["checkpoint_id"]


heading("New job", "From an approved snapshot; the form, then exactly what will run, then start.")
snapshots = batches.list_snapshots(opened)
if snapshots.is_empty():
    empty_state("ac_unit", "No snapshot to train on", "Approve a batch first: that freezes one.")
    link("batches", "Make a batch", "inventory_2")
    st.stop()

like = template_job()
left, right = st.columns([5, 6], gap="medium")
with left:
    kind = st.segmented_control(
        "Kind",
        list(KINDS),
        default=like["kind"] if like and like["kind"] in KINDS else "sft",
        required=True,
        format_func=str.upper,
        key="job_kind",
        help="  \n".join(KINDS.values()),
    )
    kind = kind or "sft"
    snapshot = pick(
        "Snapshot",
        {
            row["snapshot_id"]: f"{row['name']} · {many(row['n_items'], 'item')}"
            for row in snapshots.iter_rows(named=True)
        },
        key="snapshot",
        default=like["snapshot_id"] if like else None,
    )
    recipes = list_recipes(kind)  # type: ignore[arg-type]
    recipe_name = pick(
        "Recipe",
        {name: f"{name} · {recipe.description}" for name, recipe in recipes.items()},
        key=f"{kind}_recipe",
        default=like["recipe"] if like and like["recipe"] in recipes else f"demo-{kind}",
    )
    form = key_of("job", kind, recipe_name, like["job_id"] if like else "")
    with mendable():
        tweaks(like, recipes[recipe_name], kind, form)
    base = base_choice(recipes[recipe_name].base, form)
    overrides = settings_form(recipes[recipe_name], COMMON[kind], form, "reward.recall=0.3")
    name = st.text_input(
        "Name", key=f"{form}-name", placeholder=f"{recipe_name}-{snapshot[:6]}", max_chars=80
    )
with right, mendable():
    apply_overrides(recipes[recipe_name], overrides)  # a wrong setting is told at once
    with st.spinner("Looking at what would run …"):
        prepared = desk.prepare_training(
            opened,
            kind=kind,
            snapshot=snapshot,
            recipe_name=recipe_name,
            base=base,
            overrides=overrides,
            name=(name or "").strip() or None,
        )
    preview(opened, prepared)
