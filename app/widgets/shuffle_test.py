"""The shuffle test: does an evaluation's ranker follow the order that it is shown?"""

from typing import Any

import altair as alt
import polars as pl
import streamlit as st

from app.store import user
from app.widgets.page import NOTICE, link
from app.widgets.text import many, plain, points
from curation.order_bias import OrderTest
from curation.repeats import setting
from db import evaluations
from db.store import Store
from trainer import desk, order_test


def shuffle_test(store: Store, rows: list[dict[str, Any]], measure: str) -> None:
    """Draw the test of one of these evaluations: what starts it, and what it says.

    Raises:
        RankDeskError: The evaluation cannot be run again.
    """
    rankers = {
        row["evaluation_id"]: row
        for row in rows
        if row["settings"] and setting(row, "shuffle") is None
    }
    if not rankers:
        st.caption("None of the chosen evaluations ranks from the first stage's order.")
        return
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    wanted = left.selectbox(
        "Does it follow the order that it is shown?",
        list(rankers),
        index=len(rankers) - 1,
        format_func=lambda each: f"{rankers[each]['name']} · {rankers[each]['strategy']}",
        key="shuffle-of",
    )
    tested = rankers[wanted or next(iter(rankers))]
    there = order_test.siblings(store, tested)
    running = order_test.running(store, tested)
    missing = [seed for seed in order_test.SEEDS if seed not in there and seed not in running]
    if right.button(
        "Shuffle test",
        icon=":material/shuffle:",
        key="shuffle",
        disabled=not missing,
        width="stretch",
        help="Runs it again, the same in all but the order of each query's candidates, with "
        f"{many(len(order_test.SEEDS), 'seed')}.",
    ):
        prepared = order_test.prepare(store, tested)
        for job in prepared:
            desk.start(store, job, created_by=user())
        st.session_state[NOTICE] = f"{many(len(prepared), 'evaluation')} started."
        st.rerun()
    if running:
        st.caption(f"{many(len(running), 'shuffle')} still to come.")
        link("jobs", "Watch them", "monitoring")
    ids = tuple(row["evaluation_id"] for row in (tested, *there.values()))
    found = _found(str(store.workspace.root), ids, measure, store, tested)
    if found is None:
        if not running:
            st.caption("It was not run on shuffled candidates yet.")
        return
    st.markdown(f"**{plain(found.sentence)}**")
    with st.container(horizontal=True):
        st.metric("First stage's order", points(found.given), border=True)
        sd = "" if found.shuffled.sd is None else f" ± {points(found.shuffled.sd)}"
        st.metric("Shuffled", points(found.shuffled.mean) + sd, border=True)
        st.metric("Kendall τ between its orders", f"{found.tau:.2f}", border=True)
        st.metric("Shared of the first 10", f"{found.overlap:.0%}", border=True)
    _chart(store, tested, list(there.values()), found)
    if found.shuffled.sd is not None:
        said = f"± is the standard deviation over {found.shuffled.n} shuffles."
    else:
        said = "From one shuffle only: run the others to see how far they spread."
    st.caption(
        f"{measure} × 100 over {many(found.comparison.n, 'query', 'queries')}; by query, from the "
        "first stage's order against the mean of the shuffled ones, paired permutation test, not "
        f"corrected for other tests. {said}"
    )


@st.cache_data(max_entries=50, show_spinner="Comparing orders …")
def _found(
    root: str, ids: tuple[str, ...], measure: str, _store: Store, _tested: dict[str, Any]
) -> OrderTest | None:
    """Return the result, made once for these evaluations, which never change."""
    return order_test.result(_store, _tested, measure)


def _chart(
    store: Store, tested: dict[str, Any], others: list[dict[str, Any]], found: OrderTest
) -> None:
    ids = [row["evaluation_id"] for row in (tested, *others)]
    means = dict(
        evaluations.per_query(store, ids, found.measure)
        .group_by("evaluation_id")
        .agg(100 * pl.col("value").mean())
        .iter_rows()
    )
    frame = pl.DataFrame(
        {
            "order": ["first stage", *(f"shuffled {setting(row, 'shuffle')}" for row in others)],
            "value": [means[each] for each in ids],
        }
    )
    st.altair_chart(
        alt.Chart(frame)
        .mark_point(filled=True, size=90, opacity=1)
        .encode(
            x=alt.X(
                "value:Q",
                title=f"{found.measure} × 100",
                scale=alt.Scale(zero=False, padding=20),
                axis=alt.Axis(tickCount=8),
            ),
            y=alt.Y("order:N", sort=None, title=None),
            color=alt.condition(
                "datum.order == 'first stage'", alt.value("#c2600a"), alt.value("#3f63c9")
            ),
            tooltip=["order", alt.Tooltip("value", format=".2f")],
        )
        .properties(height=alt.Step(26)),
        alt="The measure from each order",
    )
