"""Readers of a benchmark's queries and passages as others publish them, plain or gzipped.

Queries: TSV (`qid<TAB>text`), JSONL with an id and a text, or TREC topics (`<top>` with `<num>` and
`<title>`). Passages: JSONL as BEIR (`_id, title,
text`), Pyserini (`id, contents`) or plainly (`docid, text`) writes it.
"""

import gzip
import re
import zlib
from codecs import BOM_UTF8
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from curation.errors import FormatError
from curation.strict_json import JsonError, decode, describe
from db.records import Passage

_TOPIC = re.compile(r"<top>(.*?)</top>", re.DOTALL | re.IGNORECASE)
_NUM = re.compile(r"<num>\s*(?:Number:)?\s*(\S+?)\s*(?=<|\s)", re.IGNORECASE)
_TITLE = re.compile(r"<title>\s*(?:Topic:)?(.*?)(?=<|\Z)", re.DOTALL | re.IGNORECASE)
_GZIP_MAGIC = b"\x1f\x8b"
_QUERY_IDS = ("_id", "qid", "query_id", "id")
_QUERY_TEXTS = ("text", "query")
_PASSAGE_IDS = ("_id", "docid", "id")
_PASSAGE_TEXTS = ("text", "contents")


def read_queries(path: Path) -> dict[str, str]:
    """Return the query text of each qid, in file order.

    Raises:
        FormatError: If the file cannot be read, or at the first line at fault.
    """
    queries: dict[str, str] = {}
    as_json: bool | None = None
    for number, line in read_lines(path):
        if as_json is None:
            if line.strip().lower().startswith(b"<top>"):
                return _topics(path)
            as_json = line.lstrip().startswith(b"{")
        if as_json:
            row = _object(path, number, line)
            qid, text = _id(path, number, row, _QUERY_IDS), _text(path, number, row, _QUERY_TEXTS)
        else:
            qid, text = _tab_separated(path, number, line)
        if qid in queries:
            raise FormatError(f"{qid!r:.80} stands twice", file=path, line=number, field="qid")
        queries[qid] = text
    if not queries:
        raise FormatError("there are no queries in it", file=path)
    return queries


def _topics(path: Path) -> dict[str, str]:
    """Read TREC topics: `<num> Number: 301`, and `<title>` up to the next tag."""
    text = b"".join(line for _, line in read_lines(path)).decode("utf-8", "replace")
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


def read_passages(path: Path) -> dict[str, Passage]:
    """Return the passage of each docid, in file order.

    Raises:
        FormatError: If the file cannot be read, or at the first line at fault.
    """
    passages: dict[str, Passage] = {}
    for number, line in read_lines(path):
        row = _object(path, number, line)
        docid = _id(path, number, row, _PASSAGE_IDS)
        if docid in passages:
            raise FormatError(f"{docid!r:.80} stands twice", file=path, line=number, field="docid")
        title = row.get("title")
        if title is not None and not isinstance(title, str):
            message = f"{describe(title)} is not a string"
            raise FormatError(message, file=path, line=number, field="title")
        text = _text(path, number, row, _PASSAGE_TEXTS)
        passages[docid] = Passage(docid, text, title or None)  # BEIR writes "" for no title
    if not passages:
        raise FormatError("there are no passages in it", file=path)
    return passages


def read_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield (1-based number, line) of each line that is not blank, gunzipped where it has to be.

    Raises:
        FormatError: If the file is missing, unreadable, or gzip that is cut or broken.
    """
    number = 0
    try:
        with path.open("rb") as probe:
            opened = gzip.open if probe.read(2) == _GZIP_MAGIC else Path.open
        with opened(path, "rb") as file:
            for number, line in enumerate(file, start=1):
                content = line.removeprefix(BOM_UTF8) if number == 1 else line
                if content.strip():
                    yield number, content
    except OSError as error:
        raise FormatError(f"it cannot be read: {error.strerror or error}", file=path) from error
    except (EOFError, zlib.error) as error:
        raise FormatError(f"the gzip data is broken: {error}", file=path, line=number) from error


def _object(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        row = decode(line)
    except JsonError as error:
        raise FormatError(str(error), file=path, line=number) from error
    if not isinstance(row, dict):
        raise FormatError(f"{describe(row)} is not an object", file=path, line=number)
    return row


def _tab_separated(path: Path, number: int, line: bytes) -> tuple[str, str]:
    try:
        qid, tab, text = line.decode("utf-8").rstrip("\r\n").partition("\t")
    except UnicodeDecodeError as error:
        message = f"byte {error.start + 1} is not UTF-8"
        raise FormatError(message, file=path, line=number) from error
    if not tab or not qid:
        raise FormatError("it is not `qid<TAB>text`, nor JSON", file=path, line=number)
    return qid, text


def _id(path: Path, number: int, row: dict[str, Any], names: tuple[str, ...]) -> str:
    name, value = _first(path, number, row, names)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str) or not value:
        message = f"{describe(value)} is not an id"
        raise FormatError(message, file=path, line=number, field=name)
    return value


def _text(path: Path, number: int, row: dict[str, Any], names: tuple[str, ...]) -> str:
    name, value = _first(path, number, row, names)
    if not isinstance(value, str):
        message = f"{describe(value)} is not a string"
        raise FormatError(message, file=path, line=number, field=name)
    return value


def _first(path: Path, number: int, row: dict[str, Any], names: tuple[str, ...]) -> tuple[str, Any]:
    """Return the first of several names that the row has, with its value."""
    for name in names:
        if name in row:
            return name, row[name]
    message = f"none of {', '.join(names)} is there"
    raise FormatError(message, file=path, line=number, field=names[0])
