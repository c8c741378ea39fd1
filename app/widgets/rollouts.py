"""The rollouts of a GRPO job: what the model wrote, step by step, group by group."""

from pathlib import Path
from statistics import fmean
from typing import Any

import polars as pl
import streamlit as st

from app.widgets.reader import chain_pane, reader
from app.widgets.text import many, plain
from db.store import Store

_SORTS = {"worst": "Worst first", "best": "Best first", "group": "By group"}


def rollout_browser(store: Store, job: dict[str, Any]) -> None:
    """Draw the rollouts of one step, and the one that is chosen in full."""
    files = sorted((store.workspace.jobs / job["job_id"] / "rollouts").glob("step-*.parquet"))
    if not files:
        st.caption("No rollouts yet.")
        return
    by_step: dict[int, list[Path]] = {}
    for path in files:
        by_step.setdefault(int(path.stem.split("-")[1]), []).append(path)
    steps = list(by_step)
    left, middle, right = st.columns([3, 2, 2], vertical_alignment="bottom")
    step = steps[-1]
    if len(steps) > 1:
        step = left.select_slider("Step", steps, value=steps[-1], key="rollout_step")
    sort = middle.selectbox("Order", list(_SORTS), format_func=_SORTS.__getitem__)
    text = right.text_input("The answer contains", type="search", key="rollout_text") or ""
    frame = pl.concat([pl.read_parquet(path) for path in by_step[step]])
    spread = frame.group_by("item_id").agg(pl.col("reward").std().fill_null(0).alias("spread"))
    flat = spread.filter(pl.col("spread") < 1e-9).height
    st.caption(
        f"{many(frame.height, 'rollout')} in {many(spread.height, 'group')}; mean reward "
        f"{fmean(frame['reward'].to_list()):.3f}; {many(flat, 'group')} without spread, where "
        "there is nothing to learn"
    )
    shown = frame.join(spread, on="item_id").filter(
        pl.col("completion").str.contains(text, literal=True)
    )
    if sort != "group":
        shown = shown.sort("reward", descending=sort == "best")
    _table(shown, f"rollouts-{step}-{sort}")


def _table(shown: pl.DataFrame, key: str) -> None:
    number = st.column_config.NumberColumn
    chosen = st.dataframe(
        shown.select(
            "qid",
            "reward",
            "advantage",
            "format",
            "ndcg",
            "recall",
            "overlap",
            "status",
            "tokens",
            "spread",
        ),
        hide_index=True,
        height=260,
        alt="Rollouts",
        on_select="rerun",
        selection_mode="single-row",
        key=key,
        column_config={
            "qid": "Query",
            "reward": number("Reward", format="%.3f"),
            "advantage": number("Advantage", format="%+.2f"),
            "format": "Format",
            "ndcg": number("nDCG@10", format="%.3f"),
            "recall": number("Recall@10", format="%.3f"),
            "overlap": number("Overlap", format="%.3f"),
            "status": "Parse status",
            "tokens": "Tokens",
            "spread": number("Spread of its group", format="%.3f"),
        },
    )
    rows = [row for row in chosen.selection.rows if row < shown.height]
    if not rows:
        st.caption("Choose a row to read the rollout.")
        return
    row = shown.row(rows[0], named=True)
    order = " > ".join(f"[{number}]" for number in row["permutation"])
    st.caption(f"{plain(row['domain'])} · {plain(row['qid'])} · read as {plain(order)}")
    reader(
        [chain_pane("Response, as it was written", row["completion"], len(row["permutation"]))],
        token=f"{key}-{rows[0]}",
        key="rollout-reader",
        chrome=480,
    )
