"""Guidelines: what reviewers go by, in versions that are kept."""

from typing import Any

import polars as pl
import streamlit as st

from app.store import may, store, user
from app.widgets.page import NOTICE, empty_state, heading, mendable
from app.widgets.text import markdown, plain, visible, when
from curation import guidelines as publishing
from curation.guidelines import LONGEST_NAME, LONGEST_TEXT
from db import guidelines
from db.guidelines import GENERAL

PARTS = {"read": "Read", "edit": "Edit", "changes": "Changes", "versions": "Versions"}
HEIGHT = 430  # pixels of the text and its preview

opened = store()


def chosen_name() -> str:
    """Draw which guidelines, and return their name."""
    known = guidelines.names(opened)
    options = known if GENERAL in known else [GENERAL, *known]
    return (
        st.selectbox(
            "Guidelines",
            options,
            format_func=plain,
            key="name",
            bind="query-params",
            accept_new_options=may("reviewer", "admin"),
            width=330,
            help=f"*{GENERAL}* is for everything; a campaign can name others. Type a new name, at "
            f"most {LONGEST_NAME} characters, to begin some.",
        )
        or GENERAL
    )


def read(versions: list[dict[str, Any]]) -> None:
    """Draw the version in force, or an earlier one that is chosen."""
    numbers = [row["version"] for row in versions]
    if len(versions) > 1:
        chosen = st.selectbox(
            "Version",
            numbers,
            format_func=lambda number: f"v{number}" + (" in force" if number == numbers[0] else ""),
            key="version",
            bind="query-params",
            width=200,
        )
    else:
        chosen = numbers[0]
    shown = next(row for row in versions if row["version"] == chosen)
    st.caption(said(shown))
    with st.container(border=True):
        st.markdown(markdown(str(shown["text"])))


def said(version: dict[str, Any]) -> str:
    """Return who published a version when, and what they said of it."""
    line = (
        f"{plain(version['name'])} v{version['version']} · published by "
        f"{plain(version['published_by'])}, {when(version['published_at'])}"
    )
    return line + (f" · {plain(version['note'])}" if version["note"] else "")


def difference(old: dict[str, Any], new: dict[str, Any]) -> None:
    """Draw what differs between two versions, line by line."""
    lines = publishing.changes(str(old["text"]), str(new["text"]))
    if lines:
        st.code(visible("\n".join(lines)), language="diff", wrap_lines=True)
    else:
        st.caption("The two say the same.")


def edit(name: str, versions: list[dict[str, Any]]) -> None:
    """Draw the text for editing, how it will look, and what changes."""
    latest = versions[0] if versions else {"name": name, "version": 0, "text": ""}
    base_key, text_key = f"guideline-base-{name}", f"guideline-text-{name}"
    base = st.session_state.setdefault(base_key, latest["version"])
    st.session_state.setdefault(text_key, latest["text"])
    if base != latest["version"]:
        st.warning(
            f"{plain(latest['published_by'])} published v{latest['version']} since you began. "
            "Put what changed there into your text, then go on.",
            icon=":material/sync_problem:",
        )
        before = next((row for row in versions if row["version"] == base), {"text": ""})
        difference(before, latest)
        st.button("It is in my text", on_click=rebase, args=(base_key, latest["version"]))
    left, right = st.columns(2)
    text = left.text_area(
        "Markdown",
        key=text_key,
        height=HEIGHT,
        max_chars=LONGEST_TEXT,
        persist_state="session",
        placeholder="# How to judge\n\nWhat counts as relevant, when to fix and when to reject …",
        help="HTML and images are not shown: say it in words, or link to it.",
    )
    with right:
        st.markdown(":small[How it looks]")
        with st.container(border=True, height=HEIGHT - 28):  # without a label
            st.markdown(markdown(text or ""))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        note = st.text_input(
            "What changed", key="guideline-note", placeholder="in a line", width=420
        )
        st.button(
            f"Publish v{base + 1}",
            key="publish",
            type="primary",
            icon=":material/publish:",
            disabled=not (text or "").strip() or text == latest["text"],
            on_click=publish,
            args=(name, text or "", note or "", base, (base_key, text_key)),
            help="In force from now on: verdicts are stamped with it. Versions are kept.",
        )
        st.button(
            "Start over",
            type="tertiary",
            on_click=forget,
            args=((base_key, text_key),),
            disabled=text == latest["text"],
        )
    if versions and text != latest["text"]:
        st.markdown("**What changes**")
        difference(latest, {"text": text or ""})


def rebase(base_key: str, version: int) -> None:
    """Go on from the version in force, with the text as it is."""
    st.session_state[base_key] = version


def forget(keys: tuple[str, ...]) -> None:
    """Drop what was edited."""
    for key in keys:
        st.session_state.pop(key, None)


def publish(name: str, text: str, note: str, base: int, keys: tuple[str, ...]) -> None:
    """Put the edited text in force."""
    with mendable():
        version = publishing.publish(opened, name, text, note=note, after=base, published_by=user())
        forget(keys)
        st.session_state["guideline-note"] = ""
        st.session_state[NOTICE] = f"{name} v{version} is in force"
        st.session_state["part"] = "read"


def changes(versions: list[dict[str, Any]]) -> None:
    """Draw what differs between two versions that are chosen."""
    if len(versions) < 2:
        st.caption("There is one version: nothing has changed yet.")
        return
    by_number = {row["version"]: row for row in versions}
    numbers = list(by_number)
    with st.container(horizontal=True):
        old, new = (
            by_number[
                st.selectbox(
                    label,
                    numbers,
                    at,
                    format_func=lambda n: f"v{n}",
                    key=key,
                    bind="query-params",
                    width=150,
                )
            ]
            for label, at, key in (("From", 1, "old"), ("To", 0, "new"))
        )
    for row in (old, new):
        st.caption(said(row))
    difference(old, new)


def history(versions: list[dict[str, Any]]) -> None:
    """Draw every version, with how many verdicts were made under it."""
    judged = guidelines.judged_under(opened)
    st.dataframe(
        pl.DataFrame(
            {
                "version": [f"v{row['version']}" for row in versions],
                "published": [when(row["published_at"]) for row in versions],
                "by": [row["published_by"] for row in versions],
                "note": [row["note"] for row in versions],
                "verdicts": [judged.get(f"{row['name']} v{row['version']}", 0) for row in versions],
            }
        ),
        hide_index=True,
        alt="Versions, the newest first",
        column_config={
            "version": "Version",
            "published": "Published",
            "by": "By",
            "note": st.column_config.TextColumn("What changed", width="large"),
            "verdicts": st.column_config.NumberColumn("Verdicts", help="Stamped with it."),
        },
    )


def main() -> None:
    """Draw the page."""
    heading("Guidelines", "What reviewers go by. Review shows them beside the item: key G.")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = chosen_name()
        versions = guidelines.versions(opened, name)
        writes = may("reviewer", "admin")
        part = st.segmented_control(
            "Part",
            [part for part in PARTS if part != "edit" or writes],
            default="read",
            required=True,
            format_func=PARTS.__getitem__,
            key="part",
            bind="query-params",
            label_visibility="collapsed",
        )
    if part == "edit" or (not versions and writes):
        if not versions:
            st.caption("Nothing is published under this name yet. Write the first version.")
        edit(name, versions)
    elif not versions:
        empty_state("menu_book", "No guidelines yet", "A reviewer or an admin can write them here.")
    elif part == "changes":
        changes(versions)
    elif part == "versions":
        history(versions)
    else:
        read(versions)


main()
