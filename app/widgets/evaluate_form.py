"""The form that starts evaluations: one model, any benchmarks and strategies, repeated or not."""

from itertools import product

import streamlit as st
import yaml

from app.widgets.page import mendable
from app.widgets.preview import preview, preview_all
from app.widgets.ranker import Ranker, choose_ranker, choose_small
from app.widgets.settings_form import settings_form
from app.widgets.text import many
from db import benchmarks, suites
from db.store import Store
from trainer import desk
from trainer.desk import PreparedJob
from trainer.recipes import override_settings
from trainer.strategies import STRATEGIES

COMMON = ("depth", "temperature", "max_new_tokens", "thinking_budget")
STYLES = {
    "rankdesk": "RankDesk",
    "rankllm": "RankLLM: 300 words",
    "reasonrank": "ReasonRank's authors: the model's tokens",
}
MOST = 60  # evaluations at a time


def evaluate_form(store: Store, benchmark_id: str, wanted: str | None) -> None:
    """Draw the form, open when a link asked for a checkpoint, and what it would start."""
    with st.expander(
        "Evaluate a model",
        expanded=wanted is not None,
        icon=":material/play_circle:",
        key="evaluate",
        on_change="rerun",
    ) as form:
        if form.open:
            left, right = st.columns([2, 3], gap="medium")
            prepared: list[PreparedJob] = []
            with left, mendable():
                ranker = choose_ranker(store, wanted)
                if ranker is not None:
                    prepared = _prepare(store, ranker, benchmark_id)
            with right:
                if len(prepared) == 1:
                    preview(store, prepared[0])
                elif prepared:
                    preview_all(store, prepared)


def _prepare(store: Store, ranker: Ranker, benchmark_id: str) -> list[PreparedJob]:
    """Draw what is asked and on what; return one job for each combination."""
    targets = _benchmarks(store, benchmark_id)
    strategies = _strategies(ranker)
    shared = {each for each in strategies if _shares(ranker, each)}
    small = choose_small(store, ranker) if shared else None
    overrides = settings_form(ranker.own, COMMON, ranker.key, "first_stage=bm25")
    style = st.selectbox(
        "Passages written as by",
        STYLES,
        index=list(STYLES).index(ranker.own.style),
        format_func=STYLES.__getitem__,
        key=f"{ranker.key}-style",
        help="How passages and the query are cleaned, cut and put into the prompt",
    )
    if style != ranker.own.style:
        overrides.append(f"style={style}")
    left, right = st.columns([3, 1], gap="small")
    measures = left.text_input(
        "Measures",
        value=", ".join(ranker.own.measures),
        key=f"{ranker.key}-measures",
        help="Names of ir-measures, such as nDCG@10, R@10, AP, RR@10",
    )
    repeats = right.number_input(
        "Repeats",
        1,
        20,
        1,
        key="evaluate-repeats",
        help="Each with a seed of its own; they differ at a temperature above 0",
    )
    overrides.append(f"measures=[{measures or 'nDCG@10'}]")
    chosen = list(product(strategies, targets, range(repeats)))
    name = ""
    if len(chosen) == 1:
        name = st.text_input("Name", key="evaluate-name", placeholder="model on benchmark") or ""
    if len(chosen) > MOST:
        st.warning(f"These are {many(len(chosen), 'evaluation')}; start at most {MOST} at a time.")
        return []
    with st.spinner("Looking at what would run …"):
        return [
            desk.prepare_evaluation(
                store,
                benchmark=target,
                small=small if strategy in shared else None,
                overrides=[strategy, *overrides],
                seed=seed,
                name=name.strip() or None,
                **ranker.arguments,
            )
            for strategy, target, seed in chosen
        ]


def _benchmarks(store: Store, benchmark_id: str) -> list[str]:
    """Draw the choice of benchmarks and suites; return the benchmarks' ids."""
    rows = benchmarks.list_benchmarks(store)
    names = {row["benchmark_id"]: row["name"] for row in rows}
    members = {each: [each] for each in names}
    for suite in suites.list_suites(store):
        key = f"suite:{suite['name']}"
        names[key] = f"{suite['name']} ({many(len(suite['benchmarks']), 'benchmark')})"
        members[key] = suite["benchmark_ids"]
    chosen = st.multiselect(
        "Benchmarks and suites",
        list(names),
        default=[benchmark_id],
        format_func=names.__getitem__,
        key=f"evaluate-on-{benchmark_id}",
    )
    return list(dict.fromkeys(each for key in chosen for each in members[key]))


def _shares(ranker: Ranker, strategy: str) -> bool:
    return "small" in override_settings(ranker.own, [strategy]).strategy.models


def _strategies(ranker: Ranker) -> list[str]:
    """Draw the choice of strategies with their options; return each as a setting."""
    chosen = st.multiselect(
        "Strategies",
        list(STRATEGIES),
        default=[ranker.own.strategy.name],
        format_func=lambda name: STRATEGIES[name].title,
        key=f"{ranker.key}-strategies",
    )
    settings = []
    for name in chosen:
        strategy = STRATEGIES[name]
        title = "Its options" if len(chosen) == 1 else f"Options: {strategy.title}"
        options = st.text_area(
            title,
            value=yaml.safe_dump(desk.strategy_options(ranker.own, name), sort_keys=False),
            key=f"{ranker.key}-{name}-options",
            help=f"YAML. {strategy.source}. Calls for n candidates: {strategy.cost}.",
        )
        settings.append(f"strategy={options}")
    return settings
