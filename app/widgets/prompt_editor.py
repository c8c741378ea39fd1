"""The teacher's prompts as files: look at one, change it, keep it as a version of its own."""

import re

import streamlit as st
import yaml
from pydantic import ValidationError

from app.widgets.page import mendable
from app.widgets.text import plain
from curation.errors import CurationError
from curation.prompts import Template, load_template, version
from db.store import Store

SHIPPED = ("teacher-select", "teacher-negatives", "listwise")
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,60}")


def prompt_editor(store: Store) -> None:
    """Draw the editor, folded; a saved prompt is chosen by its name in the form's settings."""
    folder = store.workspace.templates
    own = sorted(path.stem for path in folder.glob("*.yaml"))
    with st.expander("Prompts", icon=":material/edit_document:"), mendable():
        chosen = st.selectbox("Prompt", [*SHIPPED, *own], key="prompt-chosen")
        path = folder / f"{chosen}.yaml"
        template = load_template(path if chosen in own else chosen)
        st.caption(
            f"Version `{version(chosen, template)}`. Saved under a new name it is chosen by "
            "`select_template=NAME`, `negatives_template=NAME` or `rank_template=NAME` among the "
            "other settings, and every ranking says which version it came from."
        )
        text = st.text_area(
            "Template",
            value=yaml.safe_dump(template.model_dump(exclude_defaults=True), sort_keys=False),
            height=360,
            key=f"prompt-text-{chosen}",
        )
        name = st.text_input("Save as", key="prompt-name", placeholder=f"{chosen}-2")
        if st.button("Save", icon=":material/save:", disabled=not name, key="prompt-save"):
            _save(store, (name or "").strip(), text or "")
            st.success(f"Saved as {plain(name)}.", icon=":material/check:")


def _save(store: Store, name: str, text: str) -> None:
    if not _NAME.fullmatch(name) or name in SHIPPED:
        raise CurationError(
            f"{name!r} cannot be a prompt's name: take small letters, digits and hyphens, and none "
            "of the shipped names."
        )
    path = store.workspace.templates / f"{name}.yaml"
    if path.exists():
        raise CurationError(f"There is a prompt {name} already: versions stay as they are.")
    try:
        Template.model_validate(yaml.safe_load(text))
    except (yaml.YAMLError, ValidationError) as error:
        raise CurationError(f"This is no template: {error}") from error
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".new")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)
