"""Samples: what one teacher said of one item when it was asked more than once."""

import streamlit as st

from app.store import store
from app.widgets.asking_again import ask_again
from app.widgets.page import empty_state, heading, link
from app.widgets.pick import pick
from app.widgets.sample_views import chains, facts, orders, passage_table
from curation.samples import load
from db import items
from db.agreement import sampled_items
from trainer import ingest

SORTED: dict[str, str] = {
    "least_agreed": "Samples agree least first",
    "most_spread": "Places furthest apart first",
    "other_teacher": "Another teacher agrees least first",
    "imported": "As imported",
}

opened = store()
ingest.sync(opened)


def go(item_id: str) -> None:
    """Show another item."""
    st.query_params["item"] = item_id


def step(found: list[str], now: str) -> None:
    """Draw the way to the previous and the next item."""
    at = found.index(now) if now in found else -1
    for label, shortcut, icon, to in (
        ("Previous", "Left", "chevron_left", at - 1),
        ("Next", "Right", "chevron_right", at + 1),
    ):
        there = 0 <= to < len(found)
        st.button(
            label,
            key=f"sample-{label.lower()}",
            shortcut=shortcut,
            icon=f":material/{icon}:",
            disabled=not there,
            on_click=go,
            args=(found[to] if there else now,),
        )
    st.markdown(
        f":gray[**{at + 1:,}** of {len(found):,}]" if at >= 0 else ":gray[not in this list]",
        width="content",
    )


def choose() -> tuple[list[str], str | None]:
    """Draw order, domains and steps; return the items in that order and the one to show."""
    left, middle, right = st.columns([3, 3, 4], vertical_alignment="bottom")
    with left:
        order = pick("Sorted", SORTED, key="sorted")
    domains = middle.multiselect(
        "Domains",
        items.domains(opened),
        key="domain",
        bind="query-params",
        placeholder="Every domain",
    )
    found = sampled_items(opened, order, domains)  # type: ignore[arg-type]
    now = st.query_params.get("item") or next(iter(found), None)
    if now is not None:
        st.query_params["item"] = now
        with right, st.container(horizontal=True, vertical_alignment="center"):
            step(found, now)
    return found, now


def show(item_id: str) -> None:
    """Draw one item's samples."""
    shown = load(opened, item_id)
    with st.container(border=True, height=72):
        st.text(shown.item.query)
    if not shown.given:
        empty_state(
            "stacks",
            "This item has no samples",
            "It was imported, not generated here: there is one order of it, in Review.",
        )
        link("review", "Open in Review", "rate_review", item=item_id, verdict="Any")
        ask_again(opened, shown.item)
        return
    left, right = st.columns([4, 1], vertical_alignment="center")
    left.markdown(f":small[{facts(shown)}]")
    with right, st.container(horizontal=True, horizontal_alignment="right"):
        link("review", "Review", "rate_review", item=item_id, verdict="Any")
        link("consistency", "Consistency", "query_stats")
    left, right = st.columns([2, 3], gap="medium")
    with left, st.container(border=True):
        orders(shown)
    with right:
        passage_table(shown)
    ask_again(opened, shown.item)
    chains(shown)
    if any(each.numbers != tuple(sorted(each.numbers)) for each in shown.given):
        st.caption(
            "Passages have their numbers in initial order everywhere: what a chain wrote of the "
            "order that it was shown is renumbered."
        )


heading(
    "Samples",
    "Several chains and orders of one item: where they differ, the teacher is not sure.",
)
found, now = choose()
if now is None:
    empty_state(
        "stacks",
        "No item has several samples",
        "Let a teacher answer more than once: Generate with samples above 1, and orders above 1 to "
        "see whether it follows the order that it is shown.",
    )
    link("generate", "Generate", "edit_note")
else:
    show(now)
