"""Decontamination: training items that ask a benchmark's test query, found and kept out."""

from typing import Any

import polars as pl
import streamlit as st

from app.store import store
from app.widgets.charts import score_histogram
from app.widgets.contamination import STATES, one_pair, scan_form
from app.widgets.page import empty_state, heading, link
from app.widgets.pick import pick
from app.widgets.text import key_of, many, plain
from db import items, quarantine

WAYS = {"words": "Same words", "meaning": "Same meaning"}

opened = store()


def standing(rows: list[dict[str, Any]]) -> None:
    """Say which benchmarks, or which items, were not compared yet."""
    never = [plain(row["name"]) for row in rows if row["scan_id"] is None]
    if never:
        st.warning(f"Not compared yet: {', '.join(never)}.", icon=":material/policy:")
    for row in rows:
        if row["scan_id"] and row["new_items"]:
            st.warning(
                f"{many(row['new_items'], 'item')} came in after the last comparison with "
                f"{plain(row['name'])}.",
                icon=":material/policy:",
            )


def summary_table(rows: list[dict[str, Any]]) -> None:
    """Draw what the latest scan of each benchmark found."""
    number = st.column_config.NumberColumn
    st.dataframe(
        pl.DataFrame(rows, infer_schema_length=None).select(
            "name",
            "quarantined",
            "released",
            "exact",
            "words",
            "meaning",
            "n_items",
            "n_queries",
            "shared_passages",
            "sharing",
            "alike_passages",
            "scanned_at",
        ),
        hide_index=True,
        alt="Comparisons by benchmark",
        column_config={
            "name": st.column_config.TextColumn("Benchmark", pinned=True),
            "quarantined": number("Quarantined", help="Items now."),
            "released": number("Released", help="Items with a pair that a person released."),
            "exact": number("Exact", help="Pairs equal after normalisation."),
            "words": number("Same words", help="Pairs at or above the cut."),
            "meaning": number("Same meaning", help="Pairs at or above the cut."),
            "n_items": "Items",
            "n_queries": "Test queries",
            "shared_passages": number(
                "Passages shared", help="Of the benchmark, those that are candidates of an item."
            ),
            "sharing": number("Items sharing", help="With a passage of the benchmark."),
            "alike_passages": number(
                "Relevant alike",
                help="Relevant passages of items that are like a relevant one of the benchmark, by "
                "words or meaning. Empty where that was not compared.",
            ),
            "scanned_at": st.column_config.DatetimeColumn("Compared", format="YYYY-MM-DD HH:mm"),
        },
    )
    st.caption(
        "Queries decide what is quarantined. Passages are counted only: training on the pages that "
        "a benchmark searches is expected where both come from one corpus, as with BRIGHT."
    )


def scores(row: dict[str, Any]) -> None:
    """Draw how near the items are to their nearest test query, with the cut."""
    way = pick("Way", WAYS, key="way", segments=True)
    cut = row[f"{way}_cut"]
    st.altair_chart(
        score_histogram(row["histograms"][way], cut), alt="Items by their nearest test query"
    )
    st.caption(
        f"{many(row['n_items'], 'item')} by the score of their nearest test query, cut "
        f"{cut:.2f}; the counts are on a log scale."
    )


def pair_table(found: pl.DataFrame) -> str | None:
    """Draw the pairs, those in the chosen states; return the key of the one that is chosen."""
    states = st.pills(
        "Show",
        list(STATES),
        selection_mode="multi",
        format_func=STATES.__getitem__,
        key="state",
        bind="query-params",
        label_visibility="collapsed",
    )
    shown = found.filter(pl.col("state").is_in(states)) if states else found
    keys, wanted = shown["key"].to_list(), st.query_params.get("pair")
    number = st.column_config.NumberColumn
    event = st.dataframe(
        shown.select(
            pl.col("state").replace_strict(STATES),
            pl.when(pl.col("exact").is_null())
            .then(pl.lit(""))
            .otherwise(pl.lit("✓"))
            .alias("exact"),
            *("words", "meaning", "domain", "query", "shared"),
        ),
        hide_index=True,
        height=300,
        alt="Pairs",
        on_select="rerun",
        selection_mode="single-row",
        selection_default={"selection": {"rows": [keys.index(wanted)], "columns": []}}
        if wanted in keys
        else None,
        key=key_of("pairs", *states, len(keys)),
        column_config={
            "state": "State",
            "exact": st.column_config.TextColumn("Exact", alignment="center"),
            "words": number("Words", format="%.3f"),
            "meaning": number("Meaning", format="%.3f"),
            "domain": "Domain",
            "query": st.column_config.TextColumn("Training query", width="medium"),
            "shared": number("Passages", help="Of its candidates, those the benchmark holds."),
        },
    )
    chosen = [row for row in event.selection.rows if row < len(keys)]
    key = str(keys[chosen[0]]) if chosen else wanted
    if key:
        st.query_params["pair"] = key
    return key


heading(
    "Decontamination",
    "A model that was trained on a test query scores well on it for the wrong reason. Here every "
    "item is compared with the benchmarks, and what asks a test query stays out of batches.",
)
if not items.counts(opened)["items"]:
    empty_state("policy", "Nothing to compare yet", "Import a teacher's rankings first.")
    link("overview", "Import on the overview", "upload_file")
    st.stop()
rows = quarantine.summary(opened)
if not rows:
    empty_state(
        "policy",
        "No benchmark to compare with",
        "Add one first: what it asks must stay out of training.",
    )
    link("benchmarks", "Add a benchmark", "quiz")
    st.stop()

standing(rows)
scan_form(opened, rows)
compared = [row for row in rows if row["scan_id"]]
if not compared:
    empty_state(
        "policy", "Nothing was compared yet", "Compare the items with the benchmarks above."
    )
    st.stop()
summary_table(compared)
benchmark_id = pick(
    "Benchmark", {row["benchmark_id"]: row["name"] for row in compared}, key="benchmark"
)
row = next(row for row in compared if row["benchmark_id"] == benchmark_id)
found = quarantine.list_pairs(opened, benchmark_id)
left, right = st.columns([2, 3], gap="medium")
with left.container(border=True):
    scores(row)
with right:
    if found.is_empty():
        empty_state("task_alt", "No pair", "No item comes near a test query of this benchmark.")
        st.stop()
    found = found.with_columns(
        key=pl.Series([key_of(*each) for each in found.select("item_id", "qid").iter_rows()])
    )
    chosen = pair_table(found)
pairs = found.filter(pl.col("key") == (chosen or "")).to_dicts()
if pairs:
    one_pair(opened, benchmark_id, pairs[0])
else:
    st.caption("Choose a pair to read both queries, and to release or quarantine it.")
