"""Readers of a benchmark's queries and passages as others publish them, plain or gzipped.

Queries: TSV (`qid<TAB>text`), JSONL or parquet with an id, a text and perhaps a `domain`, or TREC
topics (`<top>` with `<num>` and `<title>`). Passages: JSONL or parquet as BEIR (`_id, title,
text`), Pyserini (`id, contents`), BRIGHT (`id, content`) or plainly (`docid, text`) writes it.
"""

import gzip
import re
import zlib
from codecs import BOM_UTF8
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from curation.errors import FormatError
from curation.strict_json import JsonError, decode, describe
from db.records import Passage

_TOPIC = re.compile(r"<top>(.*?)</top>", re.DOTALL | re.IGNORECASE)
_NUM = re.compile(r"<num>\s*(?:Number:)?\s*(\S+?)\s*(?=<|\s)", re.IGNORECASE)
# Up to the next tag, which a lone `<` within the title is not.
_TITLE = re.compile(r"<title>\s*(?:Topic:)?(.*?)(?=</?\w+>|\Z)", re.DOTALL | re.IGNORECASE)
_GZIP_MAGIC = b"\x1f\x8b"
_PARQUET_MAGIC = b"PAR1"
_HIGHEST = 1_000_000  # trec_eval gives wrong values from 2^31 - 1 on
_PARQUET_ROWS = 10_000  # that are Python objects at once
_QUERY_IDS = ("_id", "qid", "query_id", "id")
_QUERY_TEXTS = ("text", "query")
_PASSAGE_IDS = ("_id", "docid", "id")
_PASSAGE_TEXTS = ("text", "contents", "content")


@dataclass(frozen=True, slots=True)
class Row:
    """An object of a JSONL or parquet file, read field by field with errors that name the place.

    Attributes:
        number: 1-based line of a JSONL file, row of a parquet file.
    """

    path: Path
    number: int
    values: dict[str, Any]

    def id(self, *names: str) -> str:
        """Return the id under the first of these names that is there; it may be a number."""
        name, value = self._first(names)
        return self._as_id(name, value)

    def text(self, *names: str) -> str:
        """Return the string under the first of these names that is there."""
        name, value = self._first(names)
        if not isinstance(value, str):
            raise self.fault(f"{describe(value)} is not a string", name)
        return value

    def ids(self, name: str) -> list[str]:
        """Return the list of ids under this name."""
        _, value = self._first((name,))
        if not isinstance(value, list):
            raise self.fault(f"{describe(value)} is not a list of ids", name)
        return [self._as_id(name, each) for each in value]

    def relevance(self, name: str) -> int:
        """Return the relevance under this name, which some publish as 1.0."""
        _, value = self._first((name,))
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or value % 1 or abs(value) > _HIGHEST:
            raise self.fault(
                f"{describe(value)} is not a whole number of at most {_HIGHEST:,}", name
            )
        return int(value)

    def fault(self, message: str, field: str) -> FormatError:
        """Return an error that names this row and the field."""
        return FormatError(message, file=self.path, line=self.number, field=field)

    def _first(self, names: tuple[str, ...]) -> tuple[str, Any]:
        for name in names:
            if name in self.values:
                return name, self.values[name]
        raise self.fault(f"none of {', '.join(names)} is there", names[0])

    def _as_id(self, name: str, value: object) -> str:
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if not isinstance(value, str) or not value:
            raise self.fault(f"{describe(value)} is not an id", name)
        return value


def read_queries(path: Path) -> dict[str, str]:
    """Return the query text of each qid, in file order.

    Raises:
        FormatError: If the file cannot be read, or at the first line at fault.
    """
    start = next((line.lstrip() for _, line in read_lines(path)), b"")
    if start[:5].lower() == b"<top>":
        return _topics(path)
    queries: dict[str, str] = {}
    if start.startswith((b"{", _PARQUET_MAGIC)):
        pairs = (
            (row.number, row.id(*_QUERY_IDS), row.text(*_QUERY_TEXTS)) for row in read_rows(path)
        )
    else:
        pairs = ((number, *_tab_separated(path, number, line)) for number, line in read_lines(path))
    for number, qid, text in pairs:
        if qid in queries:
            raise FormatError(f"{qid!r:.80} stands twice", file=path, line=number, field="qid")
        queries[qid] = text
    if not queries:
        raise FormatError("there are no queries in it", file=path)
    return queries


def read_domains(path: Path) -> dict[str, str]:
    """Return the domain of each query that JSONL or parquet gives one, under `domain`.

    Raises:
        FormatError: If the file cannot be read, or at the first line at fault.
    """
    start = next((line.lstrip() for _, line in read_lines(path)), b"")
    if not start.startswith((b"{", _PARQUET_MAGIC)):
        return {}
    return {
        row.id(*_QUERY_IDS): row.text("domain")
        for row in read_rows(path)
        if row.values.get("domain") is not None
    }


def read_passages(path: Path) -> dict[str, Passage]:
    """Return the passage of each docid, in file order.

    Raises:
        FormatError: If the file cannot be read, or at the first line at fault.
    """
    passages: dict[str, Passage] = {}
    for row in read_rows(path):
        docid = row.id(*_PASSAGE_IDS)
        if docid in passages:
            raise row.fault(f"{docid!r:.80} stands twice", "docid")
        title = None if row.values.get("title") is None else row.text("title")
        # BEIR writes "" for no title.
        passages[docid] = Passage(docid, row.text(*_PASSAGE_TEXTS), title or None)
    if not passages:
        raise FormatError("there are no passages in it", file=path)
    return passages


def read_rows(path: Path) -> Iterator[Row]:
    """Yield the objects of a JSONL file (gzipped or not) or of a parquet file.

    Raises:
        FormatError: If the file cannot be read, or at the first line that is no object.
    """
    if _starts_with(path, _PARQUET_MAGIC):
        yield from _parquet_rows(path)
        return
    for number, line in read_lines(path):
        try:
            values = decode(line)
        except JsonError as error:
            raise FormatError(str(error), file=path, line=number) from error
        if not isinstance(values, dict):
            raise FormatError(f"{describe(values)} is not an object", file=path, line=number)
        yield Row(path, number, values)


def read_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield (1-based number, line) of each line that is not blank, gunzipped where it has to be.

    Raises:
        FormatError: If the file is missing, unreadable, or gzip that is cut or broken.
    """
    number = 0
    opened = gzip.open if _starts_with(path, _GZIP_MAGIC) else Path.open
    try:
        with opened(path, "rb") as file:
            for number, line in enumerate(file, start=1):
                content = line.removeprefix(BOM_UTF8) if number == 1 else line
                if content.strip():
                    yield number, content
    except OSError as error:
        raise _unreadable(path, error) from error
    except (EOFError, zlib.error) as error:
        raise FormatError(f"the gzip data is broken: {error}", file=path, line=number) from error


def _topics(path: Path) -> dict[str, str]:
    """Read TREC topics: `<num> Number: 301`, and `<title>` up to the next tag."""
    text = "".join(_decoded(path, number, line) for number, line in read_lines(path))
    queries: dict[str, str] = {}
    for place, topic in enumerate(_TOPIC.findall(text), start=1):
        number, title = _NUM.search(topic), _TITLE.search(topic)
        if number is None or title is None or not title[1].strip():
            raise FormatError(f"topic {place} lacks a <num> or a <title>", file=path)
        qid = number[1]
        if qid in queries:
            raise FormatError(f"topic {place}: {qid!r:.80} stands twice", file=path, field="qid")
        queries[qid] = " ".join(title[1].split())
    if not queries:
        raise FormatError("there is no whole <top> … </top> in it", file=path)
    return queries


def _tab_separated(path: Path, number: int, line: bytes) -> tuple[str, str]:
    qid, tab, text = _decoded(path, number, line).rstrip("\r\n").partition("\t")
    if not tab or not qid:
        raise FormatError("it is not `qid<TAB>text`, nor JSON", file=path, line=number)
    return qid, text


def _decoded(path: Path, number: int, line: bytes) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:
        message = f"byte {error.start + 1} is not UTF-8"
        raise FormatError(message, file=path, line=number) from error


def _parquet_rows(path: Path) -> Iterator[Row]:
    number = 0
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(_PARQUET_ROWS):
                for values in batch.to_pylist():
                    number += 1
                    yield Row(path, number, values)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise FormatError(f"the parquet data is broken: {error}", file=path) from error


def _starts_with(path: Path, magic: bytes) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(magic)) == magic
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> FormatError:
    return FormatError(f"it cannot be read: {error.strerror or error}", file=path)
