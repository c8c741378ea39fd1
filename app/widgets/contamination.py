"""Decontamination's parts: the form of a scan, and one pair with both queries and its decision."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from app.store import user
from app.widgets.page import NOTICE, mendable
from app.widgets.query_diff import benchmark_of
from app.widgets.text import key_of, labelled, many, plain
from curation.decontamination import Cuts
from curation.edits import hold_item, release_item
from curation.word_diff import Span, word_diff
from db.store import Store

STATES = {"quarantined": "Quarantined", "released": "Released", "near": "Near miss"}
SHORT = 900  # characters of a query that is shown without scrolling
_BADGES = {"quarantined": "red", "released": "green", "near": "gray"}


def scan_form(store: Store, rows: list[dict[str, Any]]) -> None:
    """Draw what starts a scan; the pairs are recorded when it is through.

    Args:
        rows: The benchmarks, of `quarantine.summary`.
    """
    names = {row["benchmark_id"]: row["name"] for row in rows}
    stale = [row["benchmark_id"] for row in rows if row["scan_id"] is None or row["new_items"]]
    default = Cuts()
    with st.expander(
        "Compare items with benchmarks", expanded=bool(stale), icon=":material/policy:"
    ):
        with st.form("scan", border=False):
            left, middle, right = st.columns([3, 1, 1])
            wanted = left.multiselect(
                "Benchmarks",
                list(names),
                default=stale or list(names),
                format_func=labelled(names),
                key="scan_benchmarks",
            )
            words = middle.number_input(
                "Cut, words",
                0.05,
                1.0,
                default.words,
                0.05,
                key="scan_words",
                help="Cosine of the queries' runs of five characters.",
            )
            meaning = right.number_input(
                "Cut, meaning",
                0.05,
                1.0,
                default.meaning,
                0.05,
                key="scan_meaning",
                help="Cosine of the queries' embeddings. The encoder reads a query's beginning.",
            )
            passages = st.checkbox(
                "Relevant passages too",
                key="scan_passages",
                help="By words and meaning, those of the items with those of the benchmark. Each "
                "is embedded once, which takes long. Otherwise passages are compared exactly.",
            )
            started = st.form_submit_button("Compare", type="primary", key="scan_start")
        st.caption(
            "Three ways: equal but for case, punctuation and spacing; the same runs of characters; "
            "the same meaning. The cuts that are set were chosen on 200 altered test queries among "
            "others (bench/results/decontamination.md). Embedding takes most of the time. It stops "
            "when you leave this page; each query is embedded once, so the next comparison goes on."
        )
        if started:
            _scan(store, wanted, Cuts(words, meaning), passages=passages)


def _scan(store: Store, wanted: list[str], cuts: Cuts, *, passages: bool) -> None:
    from trainer.decontaminate import scan  # the encoder comes with it

    if not wanted:
        st.error("Choose a benchmark to compare with.", icon=":material/error:")
        return
    bar = st.progress(0.0, "Reading the items …")

    def show(done: float, total: float, note: str) -> None:
        bar.progress(done / total, plain(note))

    with mendable():
        done = scan(store, wanted, cuts, scanned_by=user(), on_progress=show, passages=passages)
        st.session_state[NOTICE] = f"Compared with {many(len(done), 'benchmark')}."
        st.rerun()


def one_pair(store: Store, benchmark_id: str, pair: dict[str, Any]) -> None:
    """Draw both queries beside each other, words that differ marked, and the decision below."""
    test = benchmark_of(store, benchmark_id).queries.get(pair["qid"], "")
    ours, theirs = word_diff(pair["query"], test)
    left, right = st.columns(2, gap="medium")
    long = max(len(pair["query"]), len(test)) > SHORT
    _text(left, f"Training query :gray[· {plain(pair['domain'])}]", ours, long)
    _text(right, f"Test query :gray[· {plain(pair['qid'])}]", theirs, long)
    state = pair["state"]
    said = f" by {plain(pair['decided_by'])}" if pair["decided_by"] else ""
    why = f": {plain(pair['reason'])}" if pair["reason"] else ""
    shared = f" :gray[· {many(pair['shared'], 'candidate')} shared]" if pair["shared"] else ""
    if pair["alike"]:
        shared += f" :gray[· {many(pair['alike'], 'relevant passage')} alike]"
    st.markdown(f":{_BADGES[state]}-badge[{STATES[state]}]{said}{why}{shared}")
    key = key_of("decide", benchmark_id, pair["item_id"], pair["qid"], state)
    with st.form(key, border=False):
        field, button = st.columns([4, 1], vertical_alignment="bottom")
        holds = state == "quarantined"
        reason = field.text_input(
            "Why this is not the test query" if holds else "Why it is, if you like",
            key=f"{key}-why",
        )
        decided = button.form_submit_button(
            "Release" if holds else "Quarantine",
            icon=":material/lock_open:" if holds else ":material/lock:",
            key=f"{key}-button",
            width="stretch",
        )
    if decided:
        with mendable():
            decide = release_item if holds else hold_item
            decide(
                store,
                pair["item_id"],
                benchmark_id,
                pair["qid"],
                reason=reason or "",
                decided_by=user(),
            )
            st.session_state[NOTICE] = "Released." if holds else "Quarantined."
            st.rerun()


def _text(place: Any, title: str, spans: Sequence[Span], long: bool) -> None:
    """Draw a text as it is, changed words on a ground of their own; no markup in it counts."""
    shown = "".join(
        f":orange-background[{plain(span.text.rstrip())}] " if span.changed else plain(span.text)
        for span in spans
    )
    with place.container(border=True):
        st.markdown(f"**{title}**")
        with st.container(height=300 if long else "content", border=False):
            st.markdown(shown)
