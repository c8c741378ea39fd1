"""The comparison table of a benchmark, computed once for each state of the workspace."""

from typing import Any

import streamlit as st

from db import benchmarks, evaluations
from db.store import Store
from trainer import scoreboard


def score_table(store: Store, benchmark_id: str, measure: str = "nDCG@10") -> list[dict[str, Any]]:
    """Return `scoreboard.table`; its resampling takes a quarter of a second a row."""
    ids = tuple(row["evaluation_id"] for row in evaluations.list_evaluations(store, benchmark_id))
    pinned = benchmarks.pinned_baseline(store, benchmark_id)
    return _table(store, str(store.workspace.root), benchmark_id, measure, ids, pinned)


@st.cache_data(max_entries=200, show_spinner="Comparing …")
def _table(
    _store: Store,
    root: str,
    benchmark_id: str,
    measure: str,
    ids: tuple[str, ...],
    pinned: str | None,
) -> list[dict[str, Any]]:
    return scoreboard.table(_store, benchmark_id, measure)
