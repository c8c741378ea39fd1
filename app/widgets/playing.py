"""The playground's models: which is asked, and its answer while it comes and when it is whole."""

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import streamlit as st

from app.widgets.page import show_error
from app.widgets.reader import Card, blank_pane, cards_pane, chain_pane, moved, reader
from app.widgets.text import key_of, many, plain
from app.widgets.window_form import Window
from curation.permutation import parse_response
from curation.prompts import LISTWISE, load_template, shipped_templates
from db import checkpoints
from db.errors import RankDeskError
from db.store import Store
from trainer import desk
from trainer.engines.opening import Served
from trainer.playground import Playing, Ranked
from trainer.recipes import EvaluationSettings

if TYPE_CHECKING:
    from trainer.engines.transformers import TransformersEngine

KEY = "OPENAI_API_KEY"
LOADED = 2  # models that stay in memory, for all who use this server


@dataclass(frozen=True, slots=True)
class Model:
    """What answers.

    Attributes:
        path: A checkpoint's folder; None where `served` answers.
        template: The listwise prompt that it knows, if it is known.
        window: Passages that it was trained to order at a time, if that is known.
    """

    name: str
    path: str | None
    served: Served | None
    template: str | None = None
    max_passage_tokens: int = 512
    max_new_tokens: int = 3072
    window: int | None = None


@dataclass(frozen=True, slots=True)
class Played:
    """An answer that is over.

    Attributes:
        ranked: None where it was stopped or failed; then `text` is what came before.
    """

    name: str
    text: str
    ranked: Ranked | None
    error: RankDeskError | None


@st.cache_resource(max_entries=LOADED, show_spinner="Loading the model …")
def load(path: str) -> "TransformersEngine":
    """Return a checkpoint's engine, loaded once for every session."""
    from trainer.engines.transformers import TransformersEngine

    return TransformersEngine(path)


def choose_model(store: Store, label: str, key: str, *, optional: bool) -> Model | None:
    """Draw the choice of a checkpoint or an endpoint; None where there is none."""
    found = {row["checkpoint_id"]: row for row in checkpoints.list_checkpoints(store)}
    kinds = [*(["None"] if optional else []), *(["Checkpoint"] if found else []), "Endpoint"]
    kind = st.segmented_control(label, kinds, default=kinds[0], required=True, key=f"{key}-kind")
    if kind == "None":
        return None
    if kind == "Endpoint":
        return _endpoint(key)
    chosen = st.selectbox(
        "Checkpoint",
        list(found),
        format_func=lambda each: f"{found[each]['name']} ({found[each]['kind']})",
        key=f"{key}-checkpoint",
        label_visibility="collapsed",
    )
    return _checkpoint(found[chosen]) if chosen else None


def _endpoint(key: str) -> Model | None:
    url = st.text_input("Base URL", key=f"{key}-url", placeholder="http://127.0.0.1:8000/v1")
    name = st.text_input("Model", key=f"{key}-model", placeholder="as the endpoint calls it")
    known = f"the key in {KEY} is sent to it" if os.environ.get(KEY) else f"{KEY} is not set"
    st.caption(f"OpenAI-compatible; {known}.")
    if not ((url or "").strip() and (name or "").strip()):
        return None
    served = Served(model=str(name).strip(), base_urls=(str(url).strip(),), key_variable=KEY)
    return Model(served.model, None, served)


def _checkpoint(row: dict[str, Any]) -> Model:
    own = _own_settings(row["lineage"])
    if own is None:
        return Model(row["name"], row["path"], None)
    window = getattr(own.strategy, "window", None)
    return Model(
        row["name"],
        row["path"],
        None,
        next((name for name in own.strategy.templates if _is_listwise(name)), None),
        own.max_passage_tokens,
        own.max_new_tokens,
        window if isinstance(window, int) else None,
    )


def _own_settings(lineage: dict[str, Any]) -> EvaluationSettings | None:
    """Return how a checkpoint is asked; None where nothing says it.

    A recipe of another version no longer reads; then the shipped one of its name is the best guess.
    """
    for recipe in (None, lineage.get("recipe_name")):
        with suppress(RankDeskError):
            return desk.evaluation_settings(lineage, recipe)
    return None


def _is_listwise(template: str) -> bool:
    try:
        return load_template(template).method == LISTWISE
    except RankDeskError:
        return False


def templates() -> list[str]:
    """Return the shipped templates of listwise prompts."""
    return [name for name in shipped_templates() if _is_listwise(name)]


def watch(playing: Sequence[tuple[Model, Playing]]) -> None:
    """Draw answers that are on their way, side by side, until all are over.

    In a fragment of its own: the page is free meanwhile, and the button is heard at once.
    """
    st.fragment(_watch, run_every=0.3)(playing)


def _watch(playing: Sequence[tuple[Model, Playing]]) -> None:
    if all(each.done.is_set() for _, each in playing):
        st.rerun()  # the whole page, which draws what came of it
    if st.button("Stop", icon=":material/stop:", key="playground-stop"):
        for _, each in playing:
            each.stop()
    for column, (model, each) in zip(st.columns(len(playing)), playing, strict=True):
        with column:
            st.markdown(f"**{plain(model.name)}**")
            with st.container(border=True, height=360, autoscroll=True):
                text = each.look()
                if text.strip():
                    st.text(text)
                else:
                    st.caption("Reading the passages …")


def over(playing: Sequence[tuple[Model, Playing]]) -> list[Played]:
    """Return what came of answers that are over."""
    return [Played(model.name, each.text, each.ranked, each.error) for model, each in playing]


def results(window: Window, played: Sequence[Played]) -> None:
    """Draw finished answers: status, cost, chain, and the order with its moves."""
    alone = len(played) == 1
    for number, (column, each) in enumerate(zip(st.columns(len(played)), played, strict=True)):
        with column:
            st.markdown(f"**{plain(each.name)}**")
            if each.error is not None:
                show_error(each.error)
            if each.ranked is None:
                if each.error is None:
                    st.caption("Stopped.")
                st.text(each.text)
                continue
            _facts(each.ranked)
            reader(
                [_chain(each.ranked, len(window.passages)), _order(window, each.ranked)],
                token=key_of(each.name, each.text),
                key=f"played-{number}",
                chrome=260 if alone else 60,
                stacked=not alone,
            )


def _facts(ranked: Ranked) -> None:
    answer = ranked.answer
    color = "green" if ranked.status == "ok" else "orange"
    speed = f", {answer.completion_tokens / answer.seconds:.0f} a second" if answer.seconds else ""
    st.markdown(
        f":{color}-badge[{plain(ranked.status)}] "
        f":gray[{many(answer.prompt_tokens, 'prompt token')}, "
        f"{many(answer.completion_tokens, 'answer token')}, {answer.seconds:.1f} s{speed}"
        f"{'; cut off at the token limit' if answer.finish_reason == 'length' else ''}]"
    )


def _chain(ranked: Ranked, n: int) -> dict[str, Any]:
    chain = parse_response(ranked.answer.text, n).chain
    if chain:
        return chain_pane("Chain", chain, n, note="click a mention", share=2)
    if ranked.answer.text:
        return chain_pane("Whole response: it has no chain", ranked.answer.text, n, share=2)
    return blank_pane("Response", "The model answered nothing.", share=2)


def _order(window: Window, ranked: Ranked) -> dict[str, Any]:
    cards = []
    for place, number in enumerate(ranked.permutation, start=1):
        passage = window.passages[number - 1]
        relevant = None if window.labels is None else window.labels.get(passage.docid, 0) > 0
        tags = (moved(number, place),)
        cards.append(Card(number, passage.docid, passage.text, passage.title, relevant, tags))
    return cards_pane("Its order", cards, note="moves from the order shown", share=4)
