"""Sources from tables: queries with their answers in one file, the passages to search in another.

Each is JSONL, parquet (JSONL gzipped or not), CSV with a header, or TSV without one (`id<TAB>text`,
as MS MARCO has it). Columns are found by their usual names or mapped; LeetCode- and MATH-style
problem files are such tables. Qrels, where they are given, are human labels.
"""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Literal, get_args

import polars as pl

from curation.benchmark_files import Row, read_lines, read_queries, read_rows
from curation.errors import FormatError
from curation.source_drafts import Draft
from curation.source_folder import PASSAGES_SCHEMA, SourceError, SourceQuery
from curation.trec import read_qrels

Field = Literal["qid", "text", "answer", "domain", "docid", "title", "passage"]
QUERY_FIELDS: tuple[Field, ...] = ("qid", "text", "answer", "domain")
PASSAGE_FIELDS: tuple[Field, ...] = ("docid", "title", "passage")
COLUMNS: dict[Field, tuple[str, ...]] = {
    "qid": ("qid", "_id", "query_id", "id"),
    "text": ("text", "query", "question", "problem", "content"),
    # LeetCode's solutions stand in a column for each programming language.
    "answer": ("answer", "solution", "gold_answer", "python", "java", "c++", "javascript"),
    "domain": ("domain", "subject", "type"),
    "docid": ("_id", "docid", "id"),
    "title": ("title",),
    "passage": ("text", "contents", "content", "passage"),
}
"""Names under which each field is looked for, in this order."""

_LONGEST = 1 << 27  # characters of a field; Python's own limit is 131,072
_PROBLEMS = ("problem", "content")  # MATH's and LeetCode's name for the query
Mapped = Mapping[Field, str]
"""The column that a field is in; "" where there is none."""


def read_table(
    queries: Path,
    passages: Path,
    domain: str,
    *,
    qrels: Path | None = None,
    columns: Mapped | None = None,
) -> Draft:
    """Read a source's files whole.

    Args:
        domain: Of queries that bring none.
        qrels: Human labels, TREC; queries without a positive one are left out.
        columns: Where a field is, other than under its usual names.

    Raises:
        FormatError: A file is malformed; it names file, line and field.
        SourceError: There is a positive label for none of the queries.
    """
    columns = columns or {}
    read = list(read_source_queries(queries, domain, columns))
    kept = read
    if qrels is not None:
        labels = _positives(qrels)
        kept = [
            SourceQuery(each.qid, each.domain, each.text, each.answer, relevant=labels[each.qid])
            for each in read
            if labels.get(each.qid)
        ]
        if not kept:
            raise SourceError(f"{qrels} has a positive label for no query of {queries}.")
    pool = pl.DataFrame(
        list(read_source_passages(passages, columns)), schema=PASSAGES_SCHEMA, orient="row"
    )
    kept, absent = _within(kept, set(pool["docid"]))
    if qrels is not None and not kept:
        raise SourceError(f"No passage that {qrels} calls relevant is in {passages}.")
    unlabelled = len(read) - len(kept)
    unanswered = sum(not each.answer for each in kept) if qrels is None else 0
    notes = {
        "labels of passages that are not there": absent,
        "queries without an answer": unanswered,
    }
    return Draft(
        kind=_kind(queries, columns, labelled=qrels is not None),
        queries=kept,
        passages=pool,
        read={"queries": len(read), "passages": len(pool)},
        dropped={"no positive label": unlabelled} if unlabelled else {},
        notes={note: count for note, count in notes.items() if count},
    )


def _within(queries: list[SourceQuery], known: set[str]) -> tuple[list[SourceQuery], int]:
    """Keep labels of passages that are there, and queries that keep one; count the others.

    A part of a collection, or a query list of a larger one, is a source too.
    """
    kept, absent = [], 0
    for query in queries:
        there = tuple(docid for docid in query.relevant if docid in known)
        absent += len(query.relevant) - len(there)
        if there or not query.relevant:
            kept.append(replace(query, relevant=there))
    return kept, absent


def read_source_queries(path: Path, domain: str, columns: Mapped) -> Iterator[SourceQuery]:
    """Yield a table's queries; one without an id is called by its place.

    Raises:
        FormatError: At the first row at fault.
    """
    if is_tab_separated(path):
        for qid, text in read_queries(path).items():
            yield SourceQuery(qid, domain, text)
        return
    for row in table_rows(path):
        names = {field: _names(row, field, columns) for field in QUERY_FIELDS}
        text = _text(row, names["text"], "text")
        if not text.strip():
            raise row.fault("a query without words", names["text"][0])
        yield SourceQuery(
            qid=row.id(*names["qid"]) if _there(row, names["qid"]) else str(row.number),
            domain=row.text(*names["domain"]) if _there(row, names["domain"]) else domain,
            text=text,
            answer=row.text(*names["answer"]) if _there(row, names["answer"]) else "",
        )


def read_source_passages(path: Path, columns: Mapped) -> Iterator[tuple[str, str | None, str]]:
    """Yield (docid, title, text); a passage without an id is called by its place.

    Raises:
        FormatError: At the first row at fault.
    """
    if is_tab_separated(path):
        yield from ((docid, None, text) for docid, text in read_queries(path).items())
        return
    for row in table_rows(path):
        names = {field: _names(row, field, columns) for field in PASSAGE_FIELDS}
        title = row.text(*names["title"]) if _there(row, names["title"]) else ""
        docid = row.id(*names["docid"]) if _there(row, names["docid"]) else str(row.number)
        yield docid, title or None, _text(row, names["passage"], "passage")


def table_rows(path: Path) -> Iterator[Row]:
    """Yield the rows of a CSV, JSONL or parquet file.

    Raises:
        FormatError: At the first row at fault.
    """
    return _csv_rows(path) if path.name.lower().endswith(".csv") else read_rows(path)


def first_rows(path: Path, n: int) -> list[Row]:
    """Return up to `n` rows, for a look; none of a file without column names.

    Raises:
        FormatError: If one of them is at fault.
    """
    return [] if is_tab_separated(path) else list(islice(table_rows(path), n))


def guessed(field: Field, columns: list[str]) -> str:
    """Return the column that a field is taken from unless it is mapped; "" where there is none."""
    return next((name for name in COLUMNS[field] if name in columns), "")


def parse_columns(written: list[str]) -> dict[Field, str]:
    """Read `FIELD=COLUMN` words; `FIELD=` says that there is none.

    Raises:
        SourceError: If one has no such form.
    """
    mapped: dict[Field, str] = {}
    for each in written:
        name, equals, column = each.partition("=")
        field = next((known for known in get_args(Field) if known == name), None)
        if not equals or field is None:
            raise SourceError(
                f"{each!r:.80} maps no column: write FIELD=COLUMN with one of {', '.join(COLUMNS)}."
            )
        mapped[field] = column
    return mapped


def is_tab_separated(path: Path) -> bool:
    """Return whether a file is TSV: ids and texts, without column names."""
    if path.name.lower().endswith(".csv"):
        return False
    first = next((line for _, line in read_lines(path)), b"")
    return b"\t" in first and not first.lstrip().startswith((b"{", b"PAR1"))


def _kind(queries: Path, columns: Mapped, *, labelled: bool) -> str:
    """Return the form of a table by what it looks like."""
    if is_tab_separated(queries):
        return "msmarco" if labelled else "table"
    for row in first_rows(queries, 1):
        text = columns.get("text") or guessed("text", list(row.values))
        answered = _there(row, _names(row, "answer", columns))
        if text in _PROBLEMS and answered and not labelled:
            return "problems"
    return "table"


def _names(row: Row, field: Field, columns: Mapped) -> tuple[str, ...]:
    chosen = columns.get(field)
    if chosen is None:
        return COLUMNS[field]
    if chosen and chosen not in row.values:
        there = ", ".join(map(str, row.values))
        raise row.fault(f"there is no column {chosen}; there are {there}", field)
    return (chosen,) if chosen else ()


def _text(row: Row, names: tuple[str, ...], field: Field) -> str:
    if not names:
        raise row.fault("it has no column; name one", field)
    return row.text(*names)


def _there(row: Row, names: tuple[str, ...]) -> bool:
    return any(row.values.get(name) is not None for name in names)


def _csv_rows(path: Path) -> Iterator[Row]:
    """Yield the rows of a CSV file; the number is of the line on which a row ends."""
    csv.field_size_limit(_LONGEST)
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


def _positives(path: Path) -> dict[str, tuple[str, ...]]:
    return {
        qid: tuple(docid for docid, relevance in judged.items() if relevance > 0)
        for qid, judged in read_qrels(path).items()
    }
