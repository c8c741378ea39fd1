"""Sources from tables: queries with their answers in one file, the passages to search in another.

Queries: JSONL, parquet (plain or gzipped JSONL) or CSV with a header, whose columns are found by
name or mapped; LeetCode- and MATH-style problem files are such tables. MS MARCO's TSV works too,
with its qrels as labels. Passages: as benchmarks have them, or TSV (`docid<TAB>text`).
"""

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

import polars as pl

from curation.benchmark_files import Row, read_lines, read_passages, read_queries, read_rows
from curation.errors import FormatError
from curation.source_folder import SourceError, SourceManifest, SourceQuery, write_source
from curation.trec import read_qrels
from db.records import Passage

Field = Literal["qid", "text", "answer", "domain"]
COLUMNS: dict[Field, tuple[str, ...]] = {
    "qid": ("qid", "_id", "query_id", "id"),
    "text": ("text", "query", "question", "problem", "content"),
    "answer": ("answer", "solution", "gold_answer"),
    "domain": ("domain", "subject", "type"),
}
"""Names under which each field is looked for, in this order."""


def add_table_source(
    root: Path,
    name: str,
    *,
    queries: Path,
    passages: Path,
    domain: str,
    qrels: Path | None = None,
    columns: Mapping[Field, str] | None = None,
) -> SourceManifest:
    """Read a source's files whole, check them against each other, and keep them in `root`.

    Args:
        domain: Of queries that bring none.
        qrels: Human labels, TREC; queries without a positive one are left out.
        columns: Which column a field is in, where its name is not one of `COLUMNS`.

    Raises:
        FormatError: A file is malformed; it names file, line and field.
        SourceError: The files do not fit together.
    """
    labels = {} if qrels is None else _positives(qrels)
    read = list(read_source_queries(queries, domain, columns or {}))
    if qrels is not None:
        read = [
            SourceQuery(each.qid, each.domain, each.text, each.answer, relevant=labels[each.qid])
            for each in read
            if labels.get(each.qid)
        ]
        if not read:
            raise SourceError(f"{qrels} has a positive label for no query of {queries}.")
    pool = _passages(passages)
    frame = pl.DataFrame(
        [(each.docid, each.title, each.text) for each in pool.values()],
        schema={"docid": pl.String, "title": pl.String, "text": pl.String},
        orient="row",
    )
    return write_source(root, name, "table", read, frame)


def read_source_queries(
    path: Path, domain: str, columns: Mapping[Field, str]
) -> Iterator[SourceQuery]:
    """Yield a table's queries; one without an id is called by its place.

    Raises:
        FormatError: At the first row at fault.
    """
    if _is_tab_separated(path):
        for qid, text in read_queries(path).items():
            yield SourceQuery(qid, domain, text)
        return
    rows = _csv_rows(path) if path.name.lower().endswith(".csv") else read_rows(path)
    for row in rows:
        names = {field: _names(row, field, columns) for field in COLUMNS}
        text = row.text(*names["text"])
        if not text.strip():
            raise row.fault("a query without words", names["text"][0])
        yield SourceQuery(
            qid=row.id(*names["qid"]) if _there(row, names["qid"]) else str(row.number),
            domain=row.text(*names["domain"]) if _there(row, names["domain"]) else domain,
            text=text,
            answer=row.text(*names["answer"]) if _there(row, names["answer"]) else "",
        )


def _names(row: Row, field: Field, columns: Mapping[Field, str]) -> tuple[str, ...]:
    chosen = columns.get(field)
    if chosen is None:
        return COLUMNS[field]
    if chosen not in row.values:
        there = ", ".join(map(str, row.values))
        raise row.fault(f"there is no column {chosen}; there are {there}", field)
    return (chosen,)


def _there(row: Row, names: tuple[str, ...]) -> bool:
    return any(row.values.get(name) is not None for name in names)


def _is_tab_separated(path: Path) -> bool:
    first = next((line for _, line in read_lines(path)), b"")
    return b"\t" in first and not first.lstrip().startswith((b"{", b"PAR1"))


def _csv_rows(path: Path) -> Iterator[Row]:
    """Yield the rows of a CSV file; the number is of the line on which a row ends."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            for values in reader:
                if None in values or None in values.values():
                    count = len(reader.fieldnames or ())
                    raise FormatError(
                        f"it has not the header's {count} columns", file=path, line=reader.line_num
                    )
                yield Row(path, reader.line_num, dict(values))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FormatError(f"it cannot be read as CSV: {error}", file=path) from error


def _passages(path: Path) -> dict[str, Passage]:
    if _is_tab_separated(path):
        return {docid: Passage(docid, text) for docid, text in read_queries(path).items()}
    return read_passages(path)


def _positives(path: Path) -> dict[str, tuple[str, ...]]:
    return {
        qid: tuple(docid for docid, relevance in judged.items() if relevance > 0)
        for qid, judged in read_qrels(path).items()
    }
