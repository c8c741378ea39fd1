"""Where a new source's files are, by form: on the server or uploaded, with a look at their rows."""

from collections.abc import Callable
from functools import partial
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import streamlit as st

from app.widgets.page import mendable
from app.widgets.text import plain
from curation.benchmark_files import Row
from curation.source_beir import SPLIT, read_beir_source
from curation.source_drafts import Draft
from curation.source_tables import (
    PASSAGE_FIELDS,
    QUERY_FIELDS,
    Field,
    first_rows,
    guessed,
    read_table,
)
from curation.stackexchange import read_stackexchange
from curation.theorems import read_theorems
from db.workspace import typed_path

Progress = Callable[[int, int], None]
Reader = Callable[[Progress], Draft]
"""Reads a draft, telling how far it is."""

FORMS = {
    "table": "Tables",
    "stackexchange": "StackExchange dump",
    "theorems": "Theorems",
    "beir": "BEIR folder",
}
_LABELS: dict[Field, str] = {
    "qid": "Query id",
    "text": "Query",
    "answer": "Answer",
    "domain": "Domain",
    "docid": "Passage id",
    "title": "Title",
    "passage": "Passage",
}
_TABLES = [".jsonl", ".jsonl.gz", ".parquet", ".csv", ".tsv", ".txt"]
_LOOK = 5  # first rows that are shown
_SHOWN = 300  # characters of a value in them


def source_files(form: str, domain: str) -> Reader | None:
    """Draw the fields of a form; None until what it needs is named."""
    uploads = form != "beir" and (
        st.segmented_control(
            "From",
            ["On the server", "Upload"],
            default="On the server",
            required=True,
            key="source-from",
            label_visibility="collapsed",
        )
        == "Upload"
    )
    match form:
        case "table":
            return _table(domain, uploads=uploads)
        case "stackexchange":
            return _stackexchange(domain, uploads=uploads)
        case "theorems":
            tip = "JSONL with `id`, `title`, `statement`, `proof`, `references`, or NaturalProofs'"
            name, endings = "theorems.jsonl", [".jsonl", ".jsonl.gz"]
            path = _place("Theorems", "theorems", name, endings, uploads=uploads, tip=tip)
            return None if path is None else lambda _: read_theorems(path, domain)
        case _:
            return _beir(domain)


def _table(domain: str, *, uploads: bool) -> Reader | None:
    left, right = st.columns(2, gap="medium")
    mapped: dict[Field, str] = {}
    with left:
        queries = _place("Queries", "queries", "queries.jsonl", _TABLES, uploads=uploads)
        if queries is not None:
            mapped |= _mapping(queries, QUERY_FIELDS)
    with right:
        passages = _place("Passages", "passages", "passages.jsonl", _TABLES, uploads=uploads)
        if passages is not None:
            mapped |= _mapping(passages, PASSAGE_FIELDS)
    qrels = _place(
        "Human labels, if there are any: TREC qrels",
        "qrels",
        "qrels.txt",
        [".txt", ".tsv", ".qrels", ".gz"],
        uploads=uploads,
    )
    if queries is None or passages is None:
        return None
    return lambda _: read_table(queries, passages, domain, qrels=qrels, columns=mapped)


def _stackexchange(domain: str, *, uploads: bool) -> Reader | None:
    left, right = st.columns(2, gap="medium")
    with left:
        posts = _place(
            "Posts", "posts", "Posts.xml or a 7z of it", [".7z", ".xml"], uploads=uploads
        )
    with right:
        pages = _place(
            "Linked pages",
            "pages",
            "a folder or a WARC file",
            [".warc", ".warc.gz"],
            uploads=uploads,
            tip="A WARC file, or a folder whose `pages.jsonl` lists `url` and `file`; without it, "
            "files named by their address, percent-encoded",
        )
    if posts is None or pages is None:
        return None
    return partial(read_stackexchange, posts, pages, domain)


def _beir(domain: str) -> Reader | None:
    left, right = st.columns([3, 1], gap="medium")
    with left:
        folder = _place("Folder", "folder", "fiqa", [], uploads=False)
    split = right.text_input("Split", value=SPLIT, key="source-split")
    return None if folder is None else lambda _: read_beir_source(folder, domain, split or SPLIT)


def _place(
    label: str, key: str, example: str, endings: list[str], *, uploads: bool, tip: str = ""
) -> Path | None:
    """Draw where one file is; None until it is named."""
    if uploads:
        given = st.file_uploader(label, type=endings, key=f"upload-{key}", help=tip or None)
        if given is None:
            return None
        # What a browser calls the file is no path of ours: only its known ending is taken over.
        ending = max((e for e in endings if given.name.lower().endswith(e)), key=len, default="")
        folder = _drawer() / sha256(given.file_id.encode()).hexdigest()[:16]
        path = folder / f"{key}{ending}"
        if not path.exists():
            folder.mkdir(exist_ok=True)
            path.write_bytes(given.getbuffer())
        return path
    typed = st.text_input(
        label,
        placeholder=example if " " in example else f"/data/{example}",
        key=f"source-{key}",
        help=tip or None,
    )
    return typed_path(typed.strip()) if (typed or "").strip() else None


def _drawer() -> Path:
    """Return this session's folder of uploads, which goes with it."""
    held = st.session_state.setdefault("source-uploads", TemporaryDirectory(prefix="rankdesk-"))
    return Path(held.name)


def _mapping(path: Path, fields: tuple[Field, ...]) -> dict[Field, str]:
    """Draw a file's first rows and the choice of a column for each field."""
    mapped: dict[Field, str] = {}
    with mendable():
        rows = first_rows(path, _LOOK)
        if not rows:
            st.caption("Without column names: an id, a tab and a text on each line.")
            return {}
        columns = list(dict.fromkeys(str(name) for row in rows for name in row.values))
        with st.grid(len(fields), min_column_width=85, gap="small"):
            for field in fields:
                options = ["", *columns]
                mapped[field] = st.selectbox(
                    _LABELS[field],
                    options,
                    index=options.index(guessed(field, columns)),
                    format_func=lambda name: name or "none",
                    key=f"map-{field}-{sha256(repr(columns).encode()).hexdigest()[:8]}",
                )
        st.dataframe(
            pl.DataFrame([_shown(row, columns) for row in rows]),
            hide_index=True,
            height="content",
            alt=f"The first rows of {path.name}",
        )
        st.caption(f"The first {len(rows)} rows of {plain(path.name)}")
    return mapped


def _shown(row: Row, columns: list[str]) -> dict[str, str]:
    values = {name: row.values.get(name) for name in columns}
    return {name: "" if value is None else str(value)[:_SHOWN] for name, value in values.items()}
