"""The teacher's prompts as files: look at one, change it, keep it as a version of its own."""

import streamlit as st
import yaml

from app.store import user
from app.widgets.page import mendable
from app.widgets.text import plain
from curation.edits import SHIPPED_PROMPTS, save_prompt
from curation.prompts import load_template, version
from db.store import Store


def prompt_editor(store: Store) -> None:
    """Draw the editor, folded; a saved prompt is chosen by its name in the form's settings."""
    folder = store.workspace.templates
    own = sorted(path.stem for path in folder.glob("*.yaml"))
    with st.expander("Prompts", icon=":material/edit_document:"), mendable():
        chosen = st.selectbox("Prompt", [*SHIPPED_PROMPTS, *own], key="prompt-chosen")
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
            save_prompt(store, (name or "").strip(), text or "", saved_by=user())
            st.success(f"Saved as {plain(name)}.", icon=":material/check:")
