"""Audit: who did what, when, from which value to which; or the whole history of one item."""

import io
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import polars as pl
import streamlit as st

from app.store import store, user
from app.widgets.page import empty_state, heading, link, show_error
from app.widgets.text import many, plain, when
from curation import auditing
from db import items
from db.audit import KINDS, AuditFilter
from db.errors import NotFoundError

ROWS = 50  # a page
COLUMNS: dict[str, Any] = {
    "happened_at": st.column_config.DatetimeColumn("When (UTC)", format="YYYY-MM-DD HH:mm:ss"),
    "actor": "Who",
    "what": "What",
    "subject": "On",
    "before": "Before",
    "after": "After",
    "note": "Note",
    "item_id": st.column_config.TextColumn("Item", width="small"),
}

opened = store()
me = user()


def chosen_rows() -> AuditFilter:
    """Draw the filters and return what they let through."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        actors = st.multiselect(
            "Who", auditing.actors(opened, asked_by=me), key="who", bind="query-params"
        )
        kinds = st.multiselect(
            "What", list(KINDS), format_func=KINDS.__getitem__, key="what", bind="query-params"
        )
        item = st.text_input("Item", key="item", bind="query-params", placeholder="its id")
        since = st.date_input("From (UTC)", value=None, key="since", bind="query-params")
        until = st.date_input("To, with it", value=None, key="until", bind="query-params")
    return AuditFilter(
        actors=tuple(actors),
        kinds=tuple(kinds),
        item=(item or "").strip() or None,
        since=_midnight(since),
        until=None if until is None else _midnight(until + timedelta(days=1)),
    )


def _midnight(day: date | None) -> datetime | None:
    return None if day is None else datetime.combine(day, time(), UTC)


def table(chosen: AuditFilter) -> None:
    """Draw a page of the rows, read for this page alone."""
    total = auditing.count(opened, chosen, asked_by=me)
    if not total:
        empty_state("history", "Nothing under this filter", "Widen it, or clear the item.")
        return
    pages = -(-total // ROWS)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f":gray[{many(total, 'event')}]", width="stretch")
        downloads(chosen)
    place = st.pagination(pages, key="page", bind="query-params") if pages > 1 else 1
    found = auditing.entries(
        opened, chosen, asked_by=me, limit=ROWS, offset=(min(place, pages) - 1) * ROWS
    )
    st.dataframe(
        found.with_columns(
            pl.col("kind").replace_strict(KINDS).alias("what"), pl.col("item_id").fill_null("")
        ),
        hide_index=True,
        alt="Events, the newest first",
        column_order=list(COLUMNS),
        column_config=COLUMNS,
        height="content",
    )


def downloads(chosen: AuditFilter) -> None:
    """Draw what takes everything under the filter away; it is read at the click."""

    def everything() -> pl.DataFrame:
        return auditing.entries(opened, chosen, asked_by=me)

    def parquet() -> bytes:
        buffer = io.BytesIO()
        everything().write_parquet(buffer)
        return buffer.getvalue()

    for label, make, ending, mime in (
        ("CSV", lambda: everything().write_csv(), "csv", "text/csv"),
        ("Parquet", parquet, "parquet", "application/vnd.apache.parquet"),
    ):
        st.download_button(
            label,
            make,
            file_name=f"audit.{ending}",
            mime=mime,
            icon=":material/download:",
            key=f"audit-{ending}",
            on_click="ignore",
        )


def timeline(chosen: AuditFilter, item_id: str) -> None:
    """Draw everything that touched an item, the oldest first."""
    try:
        item = items.get_item(opened, item_id)
    except NotFoundError as error:
        show_error(error)
        return
    with st.container(border=True):
        st.markdown(f":blue-badge[{plain(item.domain)}] {plain(item.qid)}")
        st.text(item.query[:600])
    with st.container(horizontal=True, vertical_alignment="center"):
        link("review", "Open in Review", "rate_review", item=item_id, verdict="Any")
        downloads(chosen)
    found = auditing.entries(opened, chosen, asked_by=me)
    if found.is_empty():
        st.caption("Nothing happened to it under this filter.")
    for row in found.reverse().iter_rows(named=True):
        with st.container(border=True, gap="xsmall"):
            change = " → ".join(f"**{plain(row[key])}**" for key in ("before", "after") if row[key])
            st.markdown(
                f":gray[{when(row['happened_at'])}] · {KINDS[row['kind']]} "
                f"{change} :gray[by] {plain(row['actor'] or 'nobody named')}"
            )
            if row["kind"] not in ("verdict", "undo", "reveal"):
                st.caption(plain(row["subject"]))
            if row["note"]:
                st.text(row["note"][:2000])


heading("Audit", "Everything that was done in this workspace. Nothing of it can be changed here.")
chosen = chosen_rows()
if chosen.item:
    timeline(chosen, chosen.item)
else:
    table(chosen)
