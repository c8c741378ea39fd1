"""Table: every item, by pages; search and filter them, and decide on many at once."""

from dataclasses import replace
from functools import partial
from math import ceil

import polars as pl
import streamlit as st

from app.indexing import indexing
from app.store import store
from app.widgets.bulk_actions import action_dialog, action_row
from app.widgets.filters import VERDICTS, item_filter
from app.widgets.page import empty_state, go_to, heading, link, show_error
from app.widgets.saved_views import views_menu
from app.widgets.text import key_of, many, plain
from db import assignments, batches, items, judgments, tags
from db.errors import NotFoundError
from db.records import ItemFilter
from db.search import KINDS

ROWS = 50
WAIT_S = 1.0  # for texts that came in since the last search
KIND_NAMES = {"query": "Queries", "passage": "Passages", "chain": "Chains"}
SHOWN = 240  # characters of a query that a row holds

opened = store()
index = indexing(opened)


def search_row() -> tuple[ItemFilter, str]:
    """Draw search, filter and views; return the filter, and what was searched for."""
    domains, people = items.domains(opened), judgments.reviewers(opened)
    known = tags.all_tags(opened)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        text = (
            st.text_input(
                "Search",
                key="q",
                bind="query-params",
                type="search",
                placeholder='Search: words, energ*, "these words"',
                label_visibility="collapsed",
                width=330,
            )
            or ""
        )
        kinds = st.pills(
            "In",
            list(KINDS),
            selection_mode="multi",
            format_func=KIND_NAMES.__getitem__,
            key="in",
            bind="query-params",
            label_visibility="collapsed",
            help="Where to look; none chosen means everywhere.",
        )
        owners = assignments.assignees(opened)
        chosen = item_filter(domains, people, known, owners, verdict_at_first="any")
        options = {"domain": domains, "by": people, "tag": known, "assigned": owners}
        views_menu(opened, ("q", "in"), options)
    if text.strip():
        chosen = replace(chosen, found=index.index.find(text, kinds or KINDS))
    return replace(chosen, batch=st.query_params.get("batch", "")), text.strip()


def show_all() -> None:
    """Leave the batch that the address names."""
    st.query_params.pop("batch", None)


def batch_note(batch_id: str) -> None:
    """Say that only the items of a batch are shown, and offer all."""
    try:
        name = f"batch **{plain(batches.get_batch(opened, batch_id)['name'])}**"
    except NotFoundError:
        name = f"batch {plain(batch_id)}, which is not there"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"Only items of {name}", width="content")
        st.button("Show all", type="tertiary", on_click=show_all)


@st.fragment(run_every=2)
def indexing_note() -> None:
    """Say that texts are still being indexed, until they are."""
    if index.catch_up(0.0):
        st.rerun()
    if index.error is not None:
        show_error(index.error)
    left = many(index.index.missing(), "text")
    st.info(f"{left} still to be indexed: search does not know them.", icon=":material/hourglass:")


def page_of(chosen: ItemFilter, text: str, total: int) -> int:
    """Draw the pages and return the one to show, from 1; another filter starts at the first."""
    pages = max(1, ceil(total / ROWS))
    asked = (replace(chosen, found=None), text, st.query_params.get("in"))
    if st.session_state.get("table-asked", asked) != asked:
        st.session_state["page"] = 1
    st.session_state["table-asked"] = asked
    if st.session_state.get("page", 1) > pages:
        st.session_state["page"] = pages
    with st.container(horizontal=True, vertical_alignment="center"):
        page = st.pagination(pages, key="page", bind="query-params")
        first = (page - 1) * ROWS
        st.markdown(
            f":gray[{first + 1:,} to {min(total, first + ROWS):,} of **{total:,}**]",
            width="content",
        )
    return page


def table(chosen: ItemFilter, page: int, slot: st.delta_generator.DeltaGenerator) -> list[str]:
    """Draw one page of items; return the ids of those that are chosen."""
    listed = items.list_items(opened, chosen, limit=ROWS, offset=(page - 1) * ROWS)
    ids = listed["item_id"].to_list()
    tagged = tags.tags_of(opened, ids)
    owners = assignments.assigned(opened, ids)
    rows = listed.select(
        pl.lit("Open").alias("open"),
        "domain",
        pl.col("query").str.slice(0, SHOWN).str.replace_all(r"\s+", " "),
        pl.col("ndcg") * 100,
        pl.col("verdict").replace_strict(VERDICTS, default=""),
        "reviewer",
        pl.Series("tags", [tagged.get(each, []) for each in ids], dtype=pl.List(pl.String)),
        pl.Series("assigned", [owners.get(each, "") for each in ids], dtype=pl.String),
        "judged_at",
        "status",
        "author_name",
        "n_candidates",
        "n_relevant",
        "first_relevant",
        "qid",
    )
    clicked = "table-open"
    number = st.column_config.NumberColumn
    event = slot.dataframe(
        rows,
        hide_index=True,
        height=440,
        placeholder="",
        alt="Items",
        on_select="rerun",
        selection_mode="multi-row",
        key=key_of("table", *ids),
        column_config={
            "open": st.column_config.ButtonColumn("", width=70, key=clicked),
            "domain": "Domain",
            "query": st.column_config.TextColumn("Query", width=380),
            "ndcg": number("nDCG@10", format="%.2f"),
            "verdict": st.column_config.TextColumn("Verdict", width=95),
            "reviewer": "By",
            "tags": st.column_config.ListColumn("Tags", width=120),
            "assigned": "Assigned to",
            "judged_at": st.column_config.DatetimeColumn(
                "Judged", format="YYYY-MM-DD HH:mm", width=130
            ),
            "status": "Response",
            "author_name": "Teacher",
            "n_candidates": number("Passages"),
            "n_relevant": number("Relevant"),
            "first_relevant": number("First relevant at"),
            "qid": "qid",
        },
    )
    click = st.session_state.get(clicked)
    if click is not None and 0 <= click["row"] < len(ids):
        # The filter is bound to the URL, and so goes along by itself.
        go_to("review", item=ids[click["row"]])
    return [ids[row] for row in event.selection.rows if row < len(ids)]


def actions(chosen: ItemFilter, total: int, picked: list[str]) -> None:
    """Draw what is acted on, and the actions."""
    scopes = {"rows": f"{many(len(picked), 'chosen row')}", "all": f"All {total:,} that match"}
    with st.bottom, st.container(horizontal=True, vertical_alignment="center", gap="small"):
        scope = st.segmented_control(
            "Act on",
            list(scopes),
            default="rows",
            required=True,
            format_func=scopes.__getitem__,
            key="scope",
            label_visibility="collapsed",
        )
        if scope == "rows":
            action_row(opened, lambda: picked, enabled=bool(picked))
        else:
            every = partial(items.next_item_ids, opened, chosen, limit=total)
            action_row(opened, every, enabled=total > 0)
    action_dialog(opened)


heading("Table")
if not items.domains(opened):
    empty_state("table_rows", "No item yet", "Import a teacher's rankings first.")
    link("overview", "Import on the overview", "upload_file")
    st.stop()
ready = index.catch_up(WAIT_S)
chosen, text = search_row()
if not ready:
    indexing_note()
if chosen.batch:
    batch_note(chosen.batch)
total = items.count_items(opened, chosen)
picked: list[str] = []
if total:
    slot = st.empty()
    picked = table(chosen, page_of(chosen, text, total), slot)
else:
    empty_state("search_off", "Nothing matches", "Search for fewer words, or widen the filter.")
actions(chosen, total, picked)
