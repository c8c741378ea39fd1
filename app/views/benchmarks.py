"""Benchmarks: what models are measured on, and adding one from its files."""

import polars as pl
import streamlit as st

from app.store import store, user
from app.widgets.item_benchmarks import FORM, items_form
from app.widgets.page import NOTICE, empty_state, heading, link, mendable
from app.widgets.scores import score_table
from app.widgets.text import plain, points
from curation.benchmark_folders import DEFAULT_SPLIT
from curation.benchmarks import read_manifest
from db import benchmarks
from db.workspace import typed_path
from trainer import scoreboard

FILES = {
    "queries": ("Queries", "TSV (`qid`, text), JSONL, parquet or TREC topics", "queries.tsv"),
    "passages": ("Passages", "JSONL as BEIR (`_id`, `title`, `text`) or Pyserini", "corpus.jsonl"),
    "qrels": ("Labels", "TREC qrels; doc ids may hold spaces", "qrels.txt"),
    "run": ("First-stage run", "TREC run or RankLLM requests: what is reranked", "bm25.run"),
}
FOLDER = {
    "folder": ("Folder", "As BEIR, BRIGHT or R2MED publish it", ""),
    "split": ("Split", "BEIR's split, or BRIGHT's task where there are several", "test"),
    "run": FILES["run"],
}
FORMS = {
    "files": "Four files",
    "folder": "A published folder (BEIR, BRIGHT, R2MED)",
    "items": FORM,
}

opened = store()


def add_form() -> None:
    """Draw the form that registers a benchmark from files or a folder on the server."""
    with st.container(border=True):
        st.markdown("**Add a benchmark** :gray[from files on the server, or from items]")
        form = st.segmented_control(
            "Form",
            list(FORMS),
            default="files",
            required=True,
            format_func=FORMS.__getitem__,
            key="benchmark_form",
            bind="query-params",
            label_visibility="collapsed",
        )
        if form == "items":
            items_form(opened)
            return
        fields = FOLDER if form == "folder" else FILES
        name = st.text_input("Name", placeholder="bright-biology", max_chars=80)
        typed = {}
        with st.grid(2, min_column_width=300, gap="small"):
            for key, (label, text, example) in fields.items():
                typed[key] = st.text_input(
                    label,
                    help=text,
                    placeholder=example if key == "split" else f"/data/bright/{example}",
                    key=f"path-{key}",
                )
        if st.button("Check and add", type="primary", icon=":material/add:", key="add"):
            with mendable():
                add(name or "", fields, {key: (text or "").strip() for key, text in typed.items()})


def add(name: str, fields: dict[str, tuple[str, str, str]], typed: dict[str, str]) -> None:
    """Register what was typed."""
    missing = [fields[key][0].lower() for key in fields if key != "split" and not typed[key]]
    if missing:
        st.error(f"Name the {', the '.join(missing)}.", icon=":material/error:")
        return
    files = {key: typed_path(path) for key, path in typed.items() if path and key != "split"}
    with st.spinner("Checking the files against each other …"):
        manifest = scoreboard.add_benchmark(
            opened,
            name,
            added_by=user(),
            run=files["run"],
            folder=files.get("folder"),
            split=typed.get("split") or DEFAULT_SPLIT,
            queries=files.get("queries"),
            passages=files.get("passages"),
            qrels=files.get("qrels"),
        )
    st.session_state[NOTICE] = f"{name.strip()}: {manifest.n_queries} queries"
    st.rerun()


heading(
    "Benchmarks",
    "Queries, passages, labels and the first-stage order that models rerank. Keep them apart from "
    "what you train on.",
)
found = benchmarks.list_benchmarks(opened)
if found:
    first = [score_table(opened, row["benchmark_id"])[0] for row in found]
    cut = [
        read_manifest(opened.workspace.benchmarks / row["benchmark_id"]).max_passage_tokens
        for row in found
    ]
    st.dataframe(
        pl.DataFrame(
            {
                "name": [row["name"] for row in found],
                "queries": [row["n_queries"] for row in found],
                "passages": [row["n_passages"] for row in found],
                "retriever": [row["retriever"] for row in found],
                "first": [points(row["value"]) for row in first],
                "judged": [row["judged"] for row in first],
                "cut": pl.Series(cut, dtype=pl.Int64),
                "added": [row["created_at"] for row in found],
                "id": [row["benchmark_id"] for row in found],
            }
        ),
        hide_index=True,
        alt="Benchmarks",
        column_config={
            "name": "Name",
            "queries": "Queries",
            "passages": "Passages",
            "retriever": st.column_config.TextColumn("First stage", help="By the tag of its run."),
            "first": st.column_config.TextColumn("Its nDCG@10", alignment="right"),
            "judged": st.column_config.NumberColumn(
                "Its judged@10",
                format="percent",
                help="Of a query's first ten passages, how many anyone judged.",
            ),
            "cut": st.column_config.NumberColumn(
                "Passages cut at", help="Tokens, in the results that are published on it."
            ),
            "added": st.column_config.DatetimeColumn("Added", format="YYYY-MM-DD HH:mm"),
            "id": "Content id",
        },
    )
    with st.container(horizontal=True):
        for row in found[-4:]:
            link(
                "evaluations",
                f"Evaluations on {plain(row['name'])}",
                "leaderboard",
                benchmark=row["benchmark_id"],
            )
else:
    empty_state("quiz", "No benchmark yet", "Add one below: the files are checked together.")
add_form()
