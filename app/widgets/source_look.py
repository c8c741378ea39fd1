"""A look into one source: queries with what they name, and clusters of duplicates."""

from pathlib import Path
from typing import Any

import polars as pl
import streamlit as st

from app.widgets.source_adding import report_table
from app.widgets.text import many, plain
from curation.source_folder import passages_of, queries_of, read_duplicates

_PAGE = 10  # clusters on one page
_SIDE = 3  # members beside each other
_SHOWN = 300  # characters of a text in a table
_HEIGHT = 180


def source_queries(folder: Path) -> None:
    """Draw the queries as a table, and the chosen one with its answer and passages."""
    text = st.text_input(
        "Words of the query", key="source-search", placeholder="all queries", max_chars=200
    )
    found = queries_of(folder, contains=(text or "").strip())
    if found.is_empty():
        st.caption("No query holds these words.")
        return
    chosen = st.dataframe(
        found.select(
            "qid",
            "domain",
            pl.col("text").str.slice(0, _SHOWN),
            pl.col("linked").list.len(),
            pl.col("relevant").list.len(),
        ),
        hide_index=True,
        height=min(250, 37 + 35 * found.height),
        alt="Queries",
        on_select="rerun",
        selection_mode="single-row",
        key="source-query",
        column_config={
            "qid": st.column_config.TextColumn("Query id", width="small"),
            "domain": st.column_config.TextColumn("Domain", width="small"),
            "text": st.column_config.TextColumn("Query", width="large"),
            "linked": st.column_config.NumberColumn("Linked", width="small"),
            "relevant": st.column_config.NumberColumn("Labelled", width="small"),
        },
    )
    rows = chosen["selection"]["rows"]
    place = rows[0] if rows and rows[0] < found.height else 0
    _query(folder, found.row(place, named=True))


def _query(folder: Path, query: dict[str, Any]) -> None:
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown(f"**Query** :gray[{plain(query['qid'])}]")
        with st.container(border=True, height=_HEIGHT):
            st.text(query["text"])
        st.markdown("**Answer** :gray[a teacher sees it for labels, never for the order]")
        with st.container(border=True, height=_HEIGHT):
            st.text(query["answer"] or "There is none.")
    with right:
        named = [*query["relevant"], *query["linked"], *query["candidates"]]
        kind = "labelled relevant" if query["relevant"] else "that its answer leads to"
        st.markdown(f"**{many(len(set(named)), 'passage')}** :gray[{kind}]")
        with st.container(border=True, height=2 * _HEIGHT + 56):
            if not named:
                st.caption("None: candidates are found by BM25 and the sentence encoder.")
            for passage in passages_of(folder, named[:50]).iter_rows(named=True):
                title = f" {plain(passage['title'])}" if passage["title"] else ""
                st.markdown(f":gray[{plain(passage['docid'])}]{title}")
                st.text(passage["text"])


def source_clusters(folder: Path) -> None:
    """Draw the clusters of duplicates, largest first, members side by side."""
    clusters = read_duplicates(folder)
    if clusters.is_empty():
        st.caption(
            "No duplicate was taken out. `--duplicates near` or `semantic` looks for more than "
            "equal words."
        )
        return
    gone = clusters.filter(pl.col("kind") != "kept")
    counts = gone.group_by("what", "kind").len().sort("what", "kind")
    cells = st.columns(max(counts.height, 4), gap="small")
    for cell, (what, kind, n) in zip(cells, counts.iter_rows(), strict=False):
        cell.metric(f"{what.capitalize()}, {_KINDS[kind]}", f"{n:,}")
    sizes = (
        clusters.group_by("what", "cluster")
        .agg(size=pl.len(), least=pl.col("similarity").min())
        .sort(["size", "least", "what", "cluster"], descending=[True, False, False, False])
    )
    pages = -(-sizes.height // _PAGE)
    page = 1
    if pages > 1:
        page = st.number_input(f"Page, of {pages}", 1, pages, key="cluster-page", width=140)
    shown = sizes.slice((page - 1) * _PAGE, _PAGE)
    for number, (what, cluster, size, least) in enumerate(shown.iter_rows()):
        members = clusters.filter((pl.col("what") == what) & (pl.col("cluster") == cluster))
        title = f"{size} {what} · least similarity {least:.2f} · {plain(str(cluster)[:80])}"
        with st.expander(title, expanded=number == 0):
            _members(members)


_KINDS = {"exact": "same words", "near": "nearly the same", "semantic": "same meaning"}


def _members(members: pl.DataFrame) -> None:
    """Draw a cluster: the one that stays first."""
    rows = list(members.head(3 * _SIDE).iter_rows(named=True))
    for start in range(0, len(rows), _SIDE):
        for cell, member in zip(
            st.columns(_SIDE, gap="small"), rows[start : start + _SIDE], strict=False
        ):
            kind = member["kind"]
            note = "stays" if kind == "kept" else f"{_KINDS[kind]}, {member['similarity']:.2f}"
            with cell.container(border=True, height=_HEIGHT):
                st.markdown(f"**{plain(str(member['id'])[:80])}** :gray[{note}]")
                st.text(member["text"])
    if members.height > len(rows):
        st.caption(f"{members.height - len(rows):,} more are not shown.")


def source_report(source: dict[str, Any]) -> None:
    """Draw what became of what was read, and how it was cleaned."""
    report = source["report"]
    if not report:
        st.caption("It was made here, not read from files: nothing was dropped.")
        return
    report_table(report)
    st.caption(f"Kept: {plain('; '.join(_told(report['cleaning'])))}.")


def _told(cleaning: dict[str, Any]) -> list[str]:
    """Return how a source was cleaned, in words."""
    told = []
    if cleaning["length"]:
        unit = f"tokens of {cleaning['tokenizer']}" if cleaning["tokenizer"] else "words"
        told.append(f"passages of at most {cleaning['length']} {unit}")
        told += [f"overlapping by {cleaning['overlap']}"] if cleaning["overlap"] else []
    for of in ("query", "passage"):
        least, most = cleaning[f"{of}_words"]
        told += [f"at least {least} words in a {of}"] if least else []
        told += [f"at most {most} words in a {of}"] if most else []
    if cleaning["languages"]:
        told.append(f"texts in {', '.join(cleaning['languages'])}")
    if cleaning["sample"]:
        told.append(f"{many(cleaning['sample'], 'query', 'queries')} by chance")
    limits = {
        "none": "duplicates were kept",
        "exact": "exact duplicates taken out",
        "near": f"duplicates taken out that are exact, or near from {cleaning['near']}",
        "semantic": f"duplicates taken out that are exact, near from {cleaning['near']}, or alike "
        f"in meaning from {cleaning['semantic']}",
    }
    return [*told, limits[cleaning["duplicates"]]]
