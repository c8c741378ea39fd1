"""One query of two evaluations: both orders side by side, as cards and as a bump chart."""

from pathlib import Path

import streamlit as st

from app.widgets.bump import TOP, bump
from app.widgets.reader import Card, Tag, cards_pane, moved, reader
from app.widgets.text import many
from curation.benchmarks import Benchmark, read_benchmark
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


def bump_view(store: Store, benchmark_id: str, baseline: str, evaluation: str, qid: str) -> None:
    """Draw both final orders as lines from one to the other."""
    orders = [evaluations.ranking_of(store, wanted, qid) for wanted in (baseline, evaluation)]
    names = [evaluations.get_evaluation(store, wanted)["name"] for wanted in (baseline, evaluation)]
    benchmark = benchmark_of(store, benchmark_id)
    labels = benchmark.qrels.get(qid, {})
    every = dict.fromkeys(docid for order in orders for docid in order)
    if not every:
        st.caption("Neither of the two has results for this query.")
        return
    texts = {passage.docid: passage.text[:120] for passage in benchmark.passages(every)}
    relevant = {docid for docid, grade in labels.items() if grade > 0}
    st.altair_chart(
        bump(orders, names, texts, relevant), alt="Both orders, a line for each passage"
    )
    unseen = len(relevant - every.keys())
    st.caption(
        f"The first {TOP} of either order, and every relevant passage."
        + (f" {many(unseen, 'relevant passage')} stand in neither." if unseen else "")
    )
