"""The choice of what ranks: a checkpoint of this workspace, or a model behind endpoints."""

import os
from dataclasses import dataclass
from typing import Any

import streamlit as st

from app.widgets.page import link
from db import checkpoints
from db.store import Store
from trainer import desk
from trainer.engines.opening import Served
from trainer.environment import vllm_is_here
from trainer.recipes import EvaluationSettings, list_recipes, load_recipe

HERE, ENDPOINTS = "A checkpoint", "Endpoints"
OWN = "the one that trained it"


@dataclass(frozen=True, slots=True)
class Ranker:
    """What was chosen.

    Attributes:
        own: How it is asked unless something else is chosen.
        arguments: For `desk.prepare_evaluation`.
        key: Begins the keys of widgets that depend on the choice.
    """

    own: EvaluationSettings
    arguments: dict[str, Any]
    key: str


def choose_ranker(store: Store, wanted: str | None) -> Ranker | None:
    """Draw the choice; None until there is something that can rank.

    Args:
        wanted: The checkpoint that a link asks for.
    """
    kind = st.segmented_control(
        "What ranks",
        [HERE, ENDPOINTS],
        default=HERE,
        required=True,
        key="ranker",
        label_visibility="collapsed",
    )
    return _endpoints() if kind == ENDPOINTS else _checkpoint(store, wanted)


def choose_small(store: Store, ranker: Ranker) -> str | None:
    """Draw the choice of the second model, for a strategy that shares the work."""
    if "served" in ranker.arguments:
        typed = st.text_input(
            "The small model", key="ranker-small-name", help="As the same endpoints call it"
        )
        return (typed or "").strip() or None
    names = _names(store)
    return st.selectbox(
        "The small model", list(names), format_func=names.__getitem__, key="ranker-small"
    )


def _names(store: Store) -> dict[str, str]:
    return {
        row["checkpoint_id"]: f"{row['name']} ({row['kind']})"
        for row in checkpoints.list_checkpoints(store)
    }


def _checkpoint(store: Store, wanted: str | None) -> Ranker | None:
    names = _names(store)
    if not names:
        st.caption("There is no checkpoint here yet.")
        link("new_job", "Train one", "play_circle")
        return None
    ids = list(names)
    chosen = str(
        st.selectbox(
            "Model",
            ids,
            index=ids.index(wanted) if wanted in names else 0,
            format_func=names.__getitem__,
            key=f"evaluate-{wanted}",
        )
    )
    vllm = vllm_is_here() and st.toggle(
        "By a vLLM server", key="ranker-vllm", help="Started for the job, and stopped with it"
    )
    recipe = st.selectbox(
        "Asked as by the recipe",
        [OWN, *list_recipes()],
        key=f"evaluate-{chosen}-recipe",
        help="Its prompt, windows and caps",
    )
    name = None if recipe == OWN else recipe
    own = desk.evaluation_settings(checkpoints.get_checkpoint(store, chosen)["lineage"], name)
    arguments = {"checkpoint": chosen, "vllm": vllm, "recipe_name": name}
    return Ranker(own, arguments, f"evaluate-{chosen}-{name}")


def _endpoints() -> Ranker | None:
    left, right = st.columns(2, gap="small")
    model = left.text_input(
        "Model", key="ranker-model", placeholder="deepseek-reasoner", help="As they call it"
    )
    variable = right.text_input(
        "Key in the variable",
        value="OPENAI_API_KEY",
        key="ranker-key",
        help="The name of the environment variable that holds the key, never the key itself",
    )
    urls = st.text_area(
        "Base URLs",
        key="ranker-urls",
        height=70,
        placeholder="one a line, for example\nhttp://127.0.0.1:8000/v1",
        help="Several serve the same model; each call goes to the least loaded one",
    )
    left, middle, right = st.columns([2, 1, 1], gap="small")
    tokenizer = left.text_input(
        "Tokenizer",
        key="ranker-tokenizer",
        placeholder="folder or hub name",
        help="The served model's, where the endpoints are vLLM's: passages are then cut by its "
        "tokens, and options scored exactly",
    )
    in_flight = middle.number_input("Calls in flight", 1, 1024, 32, key="ranker-in-flight")
    timeout = right.number_input("Timeout, s", 1, 86_400, 600, key="ranker-timeout")
    recipes = list(list_recipes())
    recipe = st.selectbox(
        "Asked as by the recipe",
        recipes,
        index=recipes.index(desk.PAPER),
        key="ranker-recipe",
        help="Its prompt, windows and caps",
    )
    places = tuple(line.strip() for line in (urls or "").splitlines() if line.strip())
    if not (model and places and recipe):
        st.caption("Name the model and at least one base URL.")
        return None
    if variable and variable not in os.environ:
        st.caption("The app's environment has no such variable: they are asked without a key.")
    served = Served(
        model=model,
        base_urls=places,
        key_variable=variable or "OPENAI_API_KEY",
        in_flight=in_flight,
        timeout_s=timeout,
        tokenizer=(tokenizer or "").strip() or None,
    )
    return Ranker(
        load_recipe(recipe).evaluation_settings(),
        {"checkpoint": None, "served": served, "recipe_name": recipe},
        f"evaluate-{recipe}",
    )
