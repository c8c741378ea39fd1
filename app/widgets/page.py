"""What every page shares: its heading, its empty state, and errors a user can mend."""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from app.store import REVIEWER, may
from app.widgets.text import plain
from db.errors import RankDeskError

NOTICE = "notice"
"""Session key of a line to show on the next page that is drawn."""

PAGE_ROLES: dict[str, tuple[str, ...]] = {
    "sources": ("reviewer", "trainer"),
    "generate": ("trainer",),
    "queue_desk": ("reviewer", "trainer"),
    "review": ("annotator", "reviewer"),
    "table": ("annotator", "reviewer"),
    "disagreements": ("reviewer", "trainer"),
    "adjudicate": ("reviewer",),
    "decontamination": ("reviewer", "trainer"),
    "campaigns": ("annotator", "reviewer", "admin"),
    "batches": ("reviewer", "trainer"),
    "new_job": ("trainer",),
    "playground": ("trainer",),
    "people": ("admin",),
    "audit": ("admin",),
    "integrations": ("admin",),
}
"""Which roles see a page, by its file name in `views/`: any of these. Other pages are for all."""


def heading(title: str, caption: str = "") -> None:
    """Draw the page's title with one line on what it is for (both are ours, not data)."""
    st.title(title, anchor=False)
    notice()
    if caption:
        st.caption(caption)


def notice() -> None:
    """Show the line that the page before left, once."""
    if line := st.session_state.pop(NOTICE, ""):
        st.toast(plain(line), icon=":material/check:")


def show_error(error: RankDeskError) -> None:
    """Show what is wrong and how to mend it."""
    st.error(plain(error), icon=":material/error:")


@contextmanager
def mendable() -> Iterator[None]:
    """Show an error of the user's kind in place, and let the rest of the page be drawn."""
    try:
        yield
    except RankDeskError as error:
        show_error(error)


def empty_state(icon: str, title: str, text: str) -> None:
    """Say that there is nothing yet and what to do next; the caller adds the button or link."""
    with st.container(border=True, horizontal_alignment="center"):
        st.space("small")
        st.markdown(f"### :material/{icon}: {title}", text_alignment="center")
        st.markdown(f":gray[{text}]", text_alignment="center")
        st.space("small")


def link(page: str, label: str, icon: str, **query_params: str) -> None:
    """Draw a link to another page, by its file name in `views/`; none to what one may not see."""
    if not may(*PAGE_ROLES.get(page, ())):
        return
    st.page_link(
        f"views/{page}.py",
        label=label,
        icon=f":material/{icon}:",
        query_params=_named(query_params) if query_params else None,
    )


def go_to(page: str, **query_params: str) -> None:
    """Go to another page, by its file name in `views/`; say why not where one may not see it."""
    roles = PAGE_ROLES.get(page, ())
    if not may(*roles):
        st.warning(f"That page is for the role {' or '.join(roles)}.", icon=":material/lock:")
        return
    st.switch_page(f"views/{page}.py", query_params=_named(query_params))


def _named(query_params: dict[str, str]) -> dict[str, str]:
    """Return parameters of an address with the name in it, so that a reload is by the same person.

    Where parameters are given, those of the address before are not taken along.
    """
    name = st.query_params.get(REVIEWER)
    return {REVIEWER: name, **query_params} if name else query_params
