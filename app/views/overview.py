"""Overview: what is here, how far the loop is, what to do next, and importing."""

import polars as pl
import streamlit as st

from app.store import may, store
from app.widgets.importing import import_form, import_history
from app.widgets.loop import draw_loop, steps
from app.widgets.page import heading, link
from app.widgets.scores import score_table
from app.widgets.text import interval, p_value, plain, points
from db import benchmarks, items, judgments
from trainer import ingest

opened = store()
ingest.sync(opened)


def reviewed() -> None:
    """Draw how the verdicts are spread."""
    progress = judgments.progress(opened)
    if progress.is_empty():
        st.caption("No verdict yet. One key each: A approves, X rejects, F fixes, S skips.")
        link("review", "Start reviewing", "rate_review")
        return
    total = int(progress["n"].sum())
    for verdict, n in progress.sort("n", descending=True).iter_rows():
        st.progress(n / total, text=f"{verdict.replace('_', ' ').capitalize()} · {n:,}")


def measured() -> None:
    """Draw the newest benchmark's models against its baseline."""
    found = benchmarks.list_tests(opened)
    if not found:
        st.caption("Add a benchmark to see what training buys.")
        link("benchmarks", "Add a benchmark", "quiz")
        return
    newest = found[-1]
    rows = score_table(opened, newest["benchmark_id"])
    st.caption(f"nDCG@10 × 100 on {plain(newest['name'])}, {newest['n_queries']} queries")
    st.dataframe(
        pl.DataFrame(
            {
                "model": [row["name"] for row in rows],
                "value": [points(row["value"]) for row in rows],
                "ci": [interval(row["ci95"]) for row in rows],
                "gain": [points(row["difference"], signed=True) for row in rows],
                "p": [p_value(row["p_holm"]) for row in rows],
            }
        ),
        hide_index=True,
        alt="Evaluations on the newest benchmark",
        column_config={
            "model": "Model",
            "value": "nDCG@10",
            "ci": "95 % interval",
            "gain": "Against baseline",
            "p": "p (Holm)",
        },
    )


heading("RankDesk", "From a teacher's noisy rankings to a trained reranker and its measured gain.")
draw_loop(steps(opened))
if items.counts(opened)["items"]:
    left, right = st.columns(2)
    with left.container(border=True, height="stretch"):
        st.markdown("**Verdicts**")
        reviewed()
    with right.container(border=True, height="stretch"):
        st.markdown("**What it bought**")
        measured()
with st.container(border=True):
    st.markdown("**Import**")
    if may("reviewer", "trainer"):
        import_form(opened)
    import_history(opened)
