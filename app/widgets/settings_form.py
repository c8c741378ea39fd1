"""Settings as text fields, and any further one as `key=value`."""

from collections.abc import Sequence

import streamlit as st
from pydantic import BaseModel


def settings_form(own: BaseModel, common: Sequence[str], key: str, example: str) -> list[str]:
    """Draw the common settings and a field for the others; return what was changed.

    Args:
        own: Holds the values that the fields start with.
        key: Begins the widgets' keys.
        example: Of a line in the field for the others.

    Returns:
        `key=value` for each changed setting, as `--set` takes it.
    """
    changed = []
    with st.grid(len(common), min_column_width=76, gap="small"):
        for name in common:
            value = _written(getattr(own, name))
            st.session_state.setdefault(f"{key}-{name}", value)  # a former job's may stand there
            typed = st.text_input(
                name.replace("per_device_train_", "").replace("_", " "),
                key=f"{key}-{name}",
                help=f"`{name}`",
            )
            if typed is not None and typed.strip() != value:
                changed.append(f"{name}={typed.strip() or 'null'}")
    lines = st.text_area(
        "Other settings",
        key=f"{key}-more",
        height=80,
        placeholder=f"one key=value a line, for example\n{example}",
        help="Any field, as `--set` takes it.",
    )
    return changed + [line.strip() for line in (lines or "").splitlines() if line.strip()]


def _written(value: object) -> str:
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
