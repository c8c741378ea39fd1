"""One query of two evaluations: both orders side by side, and every call the model made."""

from pathlib import Path
from typing import Any

import streamlit as st

from app.widgets.reader import Card, Tag, blank_pane, cards_pane, chain_pane, moved, reader
from app.widgets.text import many, plain
from curation.benchmarks import Benchmark, read_benchmark
from curation.permutation import parse_response
from db import evaluations
from db.store import Store

CHROME = 300  # pixels around the reader: it is seen after scrolling past the table


@st.cache_resource(max_entries=4, show_spinner="Reading the benchmark …")
def _read(folder: str) -> Benchmark:
    return read_benchmark(Path(folder))  # named by its content, so it never changes


def benchmark_of(store: Store, benchmark_id: str) -> Benchmark:
    """Return a benchmark, read once for every session."""
    return _read(str(store.workspace.benchmarks / benchmark_id))


def order_diff(store: Store, benchmark_id: str, baseline: str, evaluation: str, qid: str) -> None:
    """Draw both final orders with labels, and how far each passage moved."""
    before = evaluations.ranking_of(store, baseline, qid)
    after = evaluations.ranking_of(store, evaluation, qid)
    benchmark = benchmark_of(store, benchmark_id)
    numbers = {docid: n for n, docid in enumerate(before, start=1)}
    for docid in after:
        numbers.setdefault(docid, len(numbers) + 1)
    names = [evaluations.get_evaluation(store, wanted)["name"] for wanted in (baseline, evaluation)]
    reader(
        [
            cards_pane(names[0], _cards(benchmark, qid, before, numbers, after)),
            cards_pane(names[1], _cards(benchmark, qid, after, numbers, before, moves=True)),
        ],
        token=f"{baseline} {evaluation} {qid}",
        key="order-diff",
        chrome=CHROME,
    )


def _cards(
    benchmark: Benchmark,
    qid: str,
    order: list[str],
    numbers: dict[str, int],
    other: list[str],
    *,
    moves: bool = False,
) -> list[Card]:
    labels = benchmark.qrels.get(qid, {})
    cards = []
    for at, passage in enumerate(benchmark.passages(order), start=1):
        tags: tuple[Tag, ...] = ()
        if passage.docid not in other:
            tags = (Tag("only here"),)
        elif moves:
            tags = (moved(other.index(passage.docid) + 1, at),)
        grade = labels.get(passage.docid, 0)
        if grade > 1:
            tags += (Tag(f"grade {grade}"),)
        cards.append(
            Card(
                numbers[passage.docid], passage.docid, passage.text, passage.title, grade > 0, tags
            )
        )
    return cards


def call_view(store: Store, benchmark_id: str, evaluation: str, qid: str) -> None:
    """Draw one call: the chain beside the window in the order that the model gave it."""
    calls = evaluations.calls_of(store, evaluation, qid)
    if not calls:
        st.caption("This evaluation made no calls for the query: it is a first-stage order.")
        return
    chosen = 0
    if len(calls) > 1:
        chosen = st.segmented_control(
            "Call",
            range(len(calls)),
            default=0,
            required=True,
            format_func=lambda at: f"{at + 1}: {_about(calls[at])}",
            key=f"call-{len(calls)}",
            label_visibility="collapsed",
        )
    call = calls[chosen or 0]
    color = "green" if call["status"] == "ok" else "orange"
    st.markdown(
        f":{color}-badge[{plain(call['status'])}] "
        f":gray[{many(call['prompt_tokens'] or 0, 'prompt token')}, "
        f"{many(call['completion_tokens'] or 0, 'answer token')}, {call['seconds'] or 0:.1f} s]"
    )
    reader(
        _call_panes(benchmark_of(store, benchmark_id), qid, call),
        token=f"{evaluation} {qid} {chosen}",
        key="call-reader",
        chrome=CHROME,
    )


def _about(call: dict[str, Any]) -> str:
    """Say in a few words what a call was about."""
    shown = len(call["docids"])
    if call["start"] is not None:
        return f"places {call['start'] + 1} to {call['start'] + shown}"
    return f"{call['kind']} of {shown}"


def _call_panes(benchmark: Benchmark, qid: str, call: dict[str, object]) -> list[dict[str, object]]:
    docids = list(call["docids"])  # type: ignore[call-overload]
    order = [int(number) for number in call["permutation"]]  # type: ignore[attr-defined]
    response = str(call["response"] or "")
    labels = benchmark.qrels.get(qid, {})
    chain = parse_response(response, len(docids)).chain
    passages = benchmark.passages(docids)
    cards = [
        Card(
            number,
            passages[number - 1].docid,
            passages[number - 1].text,
            passages[number - 1].title,
            labels.get(passages[number - 1].docid, 0) > 0,
            (moved(number, at),),
        )
        for at, number in enumerate(order, start=1)
    ]
    if chain:
        left = chain_pane("Chain", chain, len(docids), note="click a mention", share=2)
    elif response:
        left = chain_pane("Whole response: it has no chain", response, len(docids), share=2)
    else:
        left = blank_pane("Response", "The model answered nothing.", share=2)
    return [left, cards_pane("The window, as the model ordered it", cards, share=3)]
