"""The playground's form: a query with its passages, pasted or from a benchmark."""

from dataclasses import dataclass

import streamlit as st

from app.widgets.pick import pick
from app.widgets.query_diff import benchmark_of
from app.widgets.text import key_of
from curation.errors import CurationError
from curation.pasted import read_pasted
from curation.retrieval import bm25
from curation.training_items import full_text
from db import benchmarks
from db.records import Passage
from db.store import Store
from trainer.playground import MOST

OWN = ""  # stands for a query that is in no benchmark
SEARCHES = {"run": "Its first stage", "bm25": "BM25", "dense": "Dense"}
QUERY = "Why does salt on the path make the hedge beside it wilt?"
PASSAGES = """\
A low price attracts the customers who cost the most to serve: adverse selection.
Water moves through a membrane towards the saltier side, which is called osmosis.
Salt lowers the freezing point of water, so ice melts on a salted path.
A disturbance is answered by a change that undoes it: homeostasis."""


@dataclass(frozen=True, slots=True)
class Window:
    """What a model is to rank.

    Attributes:
        passages: In the order shown.
        labels: Relevance by docid, of a benchmark's query; None where nobody judged.
    """

    query: str
    passages: tuple[Passage, ...]
    labels: dict[str, int] | None = None


def window_form(store: Store) -> Window:
    """Draw the form; return the window.

    Raises:
        CurationError: What was pasted is no window.
    """
    found = benchmarks.list_benchmarks(store)
    sources = ["Pasted", "From a benchmark"] if found else ["Pasted"]
    if "playground_source" not in st.session_state:
        linked = found and "query" in st.query_params
        st.session_state["playground_source"] = sources[1 if linked else 0]
    source = st.segmented_control("Passages", sources, required=True, key="playground_source")
    if source == "Pasted":
        return _pasted()
    return _from_benchmark(store, {row["benchmark_id"]: row["name"] for row in found})


def _pasted() -> Window:
    query = st.text_area("Query", QUERY, key="playground_query", height=80)
    text = st.text_area(
        "Passages",
        PASSAGES,
        key="playground_passages",
        height=220,
        help=f"2 to {MOST}: one on each line, or with blank lines between them, or JSON Lines with "
        "`text` and, where wanted, `docid` and `title`.",
    )
    return Window(_asked(query), tuple(read_pasted(text or "", most=MOST)))


def _from_benchmark(store: Store, names: dict[str, str]) -> Window:
    benchmark_id = pick("Benchmark", names, key="benchmark", default=list(names)[-1])
    benchmark = benchmark_of(store, benchmark_id)
    qid = pick(
        "Query",
        {OWN: "A query of your own"} | {qid: f"{qid}: {t}" for qid, t in benchmark.queries.items()},
        key="query",
        default=next(iter(benchmark.queries)),
    )
    own = qid == OWN
    query = _asked(st.text_area("Your query", QUERY, height=80)) if own else ""
    if not own:
        query = benchmark.queries[qid]
        with st.container(border=True, height=90):
            st.text(query)
    left, right = st.columns([2, 1], vertical_alignment="bottom")
    ways = [way for way in SEARCHES if way != "run" or not own]
    way = left.segmented_control(
        "Found by",
        ways,
        default=ways[0],
        required=True,
        format_func=SEARCHES.__getitem__,
        key=key_of("playground_search", own),
    )
    k = int(right.number_input("How many", 2, MOST, 10, key="playground_k"))
    if way == "run":
        docids = benchmark.first_stage.get(qid, [])[:k]
    else:
        docids = _searched(str(store.workspace.root), benchmark_id, query, str(way), k, store)
    if len(docids) < 2:
        raise CurationError(
            f"{len(docids)} passages were found for this query; a window takes at least 2. Choose "
            "another way to find them."
        )
    labels = None if own else benchmark.qrels.get(qid, {})
    return Window(query, tuple(benchmark.passages(docids)), labels)


@st.cache_data(max_entries=200, show_spinner="Searching the passages …")
def _searched(
    root: str, benchmark_id: str, query: str, way: str, k: int, _store: Store
) -> list[str]:
    passages = benchmark_of(_store, benchmark_id).every_passage()
    texts = {docid: full_text(passage) for docid, passage in passages.items()}
    if way == "bm25":
        return list(bm25({"q": query}, texts, k)["q"])
    from trainer.similar import nearest

    return [docid for docid, _ in nearest({"q": query}, texts, k)["q"]]


def _asked(query: str | None) -> str:
    if not (query or "").strip():
        raise CurationError("There is no query: write one.")
    return str(query).strip()
