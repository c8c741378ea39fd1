"""Playground: a query and passages, ranked by one model or two while you watch."""

from collections.abc import Sequence

import streamlit as st

from app.store import store, user
from app.widgets.page import heading, mendable
from app.widgets.playing import Model, choose_model, load, over, results, templates, watch
from app.widgets.text import many
from app.widgets.window_form import Window, window_form
from curation.people import require
from curation.training_items import full_text
from trainer.playground import MOST, Asking, Playing

PLAYED = "played"  # session key of the last window and the answers to it

opened = store()


def settings(model: Model, key: str) -> Asking:
    """Draw how a model is asked; return it."""
    known = templates()
    own = model.template or "listwise"
    with st.popover("How it is asked", icon=":material/tune:"):
        template = st.selectbox(
            "Prompt",
            known if own in known else [own, *known],
            index=known.index(own) if own in known else 0,
            key=f"{key}-template-{own}",
        )
        reasoning = st.toggle("Reason before answering", value=True, key=f"{key}-reasoning")
        tokens = st.number_input(
            "New tokens at most", 1, 32_768, model.max_new_tokens, key=f"{key}-{model.name}-tokens"
        )
        temperature = st.number_input("Temperature", 0.0, 2.0, 0.0, 0.1, key=f"{key}-temperature")
        seed = st.number_input("Seed", 0, 2**31 - 1, 0, key=f"{key}-seed")
    return Asking(
        str(template), reasoning, int(tokens), model.max_passage_tokens, temperature, int(seed)
    )


def choose() -> list[tuple[Model, Asking]]:
    """Draw the models; return those that are chosen with how each is asked."""
    chosen = []
    for key, label, optional in (("a", "Model", False), ("b", "Beside it", True)):
        with st.container(border=True):
            model = choose_model(opened, label, f"playground-{key}", optional=optional)
            if model is None:
                continue
            chosen.append((model, settings(model, f"playground-{key}")))
            if model.window is not None:
                st.caption(f"Trained on windows of {model.window}: larger ones are new to it.")
    return chosen


def play(window: Window, chosen: Sequence[tuple[Model, Asking]]) -> None:
    """Ask the models; whatever was asked before ends.

    Raises:
        RefusedError: If whoever asks is no trainer: a model takes the server's memory and keys.
    """
    require(opened, user(), "trainer")
    for _, playing in st.session_state.pop(PLAYED, (None, []))[1]:
        playing.stop()
    texts = [full_text(passage) for passage in window.passages]
    loaded = [model.served or load(str(model.path)) for model, _ in chosen]
    st.session_state[PLAYED] = (
        window,
        [
            (model, Playing(source, window.query, texts, asking))
            for source, (model, asking) in zip(loaded, chosen, strict=True)
        ],
    )


heading(
    "Playground",
    f"One window of 2 to {MOST} passages, asked once: no sliding, and nothing is recorded.",
)
left, right = st.columns([3, 2], gap="medium")
with right, mendable():
    chosen = choose()
window = None
with left, mendable():
    window = window_form(opened)
    st.caption(f"{many(len(window.passages), 'passage')}, shown in this order.")
started = st.button(
    "Rank",
    type="primary",
    icon=":material/play_arrow:",
    disabled=window is None or not chosen,
    key="playground-rank",
)
if started and window is not None:
    with mendable():
        play(window, chosen)
if PLAYED in st.session_state:
    asked, answers = st.session_state[PLAYED]
    if all(playing.done.is_set() for _, playing in answers):
        results(asked, over(answers))
    else:
        watch(answers)
