"""The price table, edited in place."""

from typing import Any

import streamlit as st

from app.store import user
from app.widgets.page import mendable
from app.widgets.text import key_of
from curation.edits import set_prices
from curation.errors import CurationError
from curation.prices import Price, read_prices
from db.store import Store


def price_editor(store: Store, models: set[str]) -> None:
    """Draw the table of prices, with a line for each model that is shown and has none.

    Args:
        models: Names of the models at hand.
    """
    with st.popover("Prices", icon=":material/payments:"), mendable():
        known = read_prices(store.workspace.prices)
        lines: list[dict[str, Any]] = [
            known[model].model_dump() | {"model": model}
            if model in known
            else {"model": model, "prompt": None, "completion": None, "batch": None}
            for model in sorted(models | known.keys())
        ]
        dollars = st.column_config.NumberColumn
        with st.form("price-form", border=False):  # typed line by line, without a rerun for each
            edited = st.data_editor(
                lines or [{"model": None, "prompt": None, "completion": None, "batch": None}],
                num_rows="dynamic",
                hide_index=True,
                # Edits are kept by place: over other lines they would be of other models.
                key=key_of("prices", *lines),
                column_order=("model", "prompt", "completion", "batch"),
                column_config={
                    "model": st.column_config.TextColumn("Model"),
                    "prompt": dollars("Prompt, $ / M tokens", min_value=0.0, format="%.4f"),
                    "completion": dollars("Generated, $ / M tokens", min_value=0.0, format="%.4f"),
                    "batch": dollars(
                        "Share by batches",
                        min_value=0.01,
                        max_value=1.0,
                        format="%.2f",
                        help="What the batch API costs, as a share of these prices",
                    ),
                },
            )
            st.caption(
                "US dollars per million tokens, kept in the workspace's `prices.yaml`. A line "
                "without prices is left out."
            )
            saved = st.form_submit_button("Save prices", type="primary")
        if saved:
            set_prices(store, _table(edited), set_by=user())
            st.rerun()


def _table(lines: list[dict[str, Any]]) -> dict[str, Price]:
    found: dict[str, Price] = {}
    for line in lines:
        model = (line["model"] or "").strip()
        if line["prompt"] is None and line["completion"] is None:
            continue
        if not model or line["prompt"] is None or line["completion"] is None:
            raise CurationError(
                f"The line of {model or 'no model'} is half filled: give the model and both prices "
                "(0 for what is free), or neither price."
            )
        if model in found:
            raise CurationError(f"{model} stands in two lines: keep one.")
        found[model] = Price(
            prompt=line["prompt"], completion=line["completion"], batch=line["batch"]
        )
    return found
