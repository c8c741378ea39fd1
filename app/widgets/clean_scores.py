"""What evaluations are worth without the test queries that the model was trained on."""

from typing import Any

import polars as pl
import streamlit as st

from app.widgets.page import link
from app.widgets.text import interval, points
from db.store import Store
from trainer.clean import clean_and_all


def clean_scores(store: Store, benchmark_id: str, rows: list[dict[str, Any]], measure: str) -> None:
    """Draw clean and all numbers beside each other; nothing where no training overlaps."""
    found = clean_and_all(store, benchmark_id, rows, measure)
    if not found:
        return
    st.subheader("Without the test queries that were trained on", anchor=False)
    st.dataframe(
        pl.DataFrame(
            [
                {
                    "name": row["name"],
                    "clean": points(row["clean"]),
                    "clean_ci": interval(row["clean_ci95"]),
                    "n_clean": row["n_clean"],
                    "all": points(row["all"]),
                    "all_ci": interval(row["all_ci95"]),
                    "n_all": row["n_all"],
                    "items": row["items"],
                    "queries": row["queries"],
                }
                for row in found
            ]
        ),
        hide_index=True,
        alt="Clean and all numbers",
        column_config={
            "name": st.column_config.TextColumn("Evaluation", pinned=True),
            "clean": st.column_config.TextColumn(f"{measure}, clean", alignment="right"),
            "clean_ci": "95 % interval, clean",
            "n_clean": "n, clean",
            "all": st.column_config.TextColumn(f"{measure}, all", alignment="right"),
            "all_ci": "95 % interval, all",
            "n_all": "n, all",
            "items": st.column_config.NumberColumn(
                "Training items", help="That ask a test query of this benchmark."
            ),
            "queries": st.column_config.NumberColumn("Test queries", help="That they ask."),
        },
    )
    st.caption(
        "The snapshots behind these checkpoints hold quarantined items. Clean leaves out the test "
        "queries that those ask; the two are means over different queries."
    )
    link("decontamination", "Look at the pairs", "policy", benchmark=benchmark_id)
