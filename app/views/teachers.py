"""Teachers: which model, with which prompt, gives better labels for the money."""

from itertools import cycle

import streamlit as st

from app.store import store
from app.widgets.page import empty_state, heading, link
from app.widgets.teacher_charts import quality_over_price
from app.widgets.teacher_views import PER, in_words, overview, pairs, prices
from curation.consistency import DEFAULT_CUT
from curation.teachers import Pair, Teacher, comparisons, summaries
from db import generation, items
from trainer import ingest

opened = store()
ingest.sync(opened)


@st.cache_data(max_entries=20, show_spinner="Measuring the teachers …")
def measured(root: str, size: tuple[int, int], cut: float) -> list[Teacher]:
    """Return the teachers, measured once for a workspace of that size: rows are only added."""
    return summaries(store(), cut)


@st.cache_data(max_entries=20, show_spinner="Comparing the teachers …")
def compared(root: str, size: tuple[int, int]) -> list[Pair]:
    """Return every two teachers that labelled the same queries."""
    return comparisons(store())


heading(
    "Teachers",
    "By model and version of the prompt: how far its orders fit its own labels, what goes wrong in "
    "them, and what an item costs.",
)
cut = st.slider(
    "Cut, nDCG@10", 0.0, 1.0, DEFAULT_CUT, 0.05, key="cut", bind="query-params", width=420
)
root = str(opened.workspace.root)
size = (items.counts(opened)["rankings"], generation.read_in_all(opened))
found = measured(root, size, cut)
if not found:
    empty_state(
        "school", "No teacher yet", "Label a source by a teacher, or import a teacher's rankings."
    )
    link("generate", "Generate", "edit_note")
else:
    overview(found)
    with st.container(border=True):
        st.markdown("**Quality against price**")
        drawn = prices(found)
        if drawn.is_empty():
            st.caption("No price is known: give the models prices on Generate, before they answer.")
        else:
            st.altair_chart(
                quality_over_price(drawn, f"US dollars for {PER:,} items"),
                alt="Self-consistency over the price of an item, by teacher",
            )
    st.subheader("On the same queries", anchor=False)
    if both := compared(root, size):
        pairs(both)
        st.caption(
            "The first minus the second, paired by query. Each is held against the labels of its "
            "own items, a judge against those of the teacher whose lists it ranked."
        )
    else:
        st.caption("No two teachers labelled the same queries.")
    st.subheader("One by one", anchor=False)
    for column, each in zip(cycle(st.columns(2, gap="small")), found, strict=False):
        with column, st.container(border=True):
            in_words(each)
    st.caption(
        "In brackets: 95 % intervals; of means by bootstrap over items, of shares Wilson's. Prices "
        "hold all that an item took: labels, hard negatives, every sample, and queries that were "
        "set aside."
    )
    link("consistency", "What the samples say", "query_stats", signal="samples")
