"""The price table, edited in place."""

from typing import Any

import streamlit as st

from app.widgets.page import mendable
from curation.errors import CurationError
from curation.prices import Price, read_prices, write_prices
from db.store import Store


def price_editor(store: Store, models: set[str]) -> None:
    """Draw the table of prices, with a line for each model that is shown and has none.

    Args:
        models: Names of the models at hand.
    """
    with st.popover("Prices", icon=":material/payments:"), mendable():
        known = read_prices(store.workspace.prices)
        lines: list[dict[str, Any]] = [
            {"model": model, "prompt": price.prompt, "completion": price.completion}
            for model, price in known.items()
        ]
        lines += [
            {"model": model, "prompt": None, "completion": None}
            for model in sorted(models - known.keys())
        ]
        dollars = st.column_config.NumberColumn
        edited = st.data_editor(
            lines or [{"model": None, "prompt": None, "completion": None}],
            num_rows="dynamic",
            hide_index=True,
            key="prices",
            column_config={
                "model": st.column_config.TextColumn("Model"),
                "prompt": dollars("Prompt, $ / M tokens", min_value=0.0, format="%.4f"),
                "completion": dollars("Generated, $ / M tokens", min_value=0.0, format="%.4f"),
            },
        )
        st.caption(
            "US dollars per million tokens, kept in the workspace's `prices.yaml`. A line without "
            "both prices is left out."
        )
        if st.button("Save prices", type="primary", key="save-prices"):
            write_prices(store.workspace.prices, _table(edited))
            st.rerun()


def _table(lines: list[dict[str, Any]]) -> dict[str, Price]:
    whole = [
        line
        for line in lines
        if (line["model"] or "").strip()
        and line["prompt"] is not None
        and line["completion"] is not None
    ]
    models = [line["model"].strip() for line in whole]
    if len(set(models)) < len(models):
        raise CurationError("A model stands in two lines: keep one for each.")
    return {
        model: Price(prompt=line["prompt"], completion=line["completion"])
        for model, line in zip(models, whole, strict=True)
    }
