"""Training items: what a snapshot holds and every trainer reads, one JSON object a line.

An item is complete by itself: query, candidates, labels, one order and its chain. Nothing here
touches the database, so that a job's process can read its snapshot.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from curation.errors import FormatError
from curation.permutation import STATUSES, Status
from curation.strict_json import JsonError, decode, describe
from db.ids import content_id
from db.records import CHAIN_AUTHORS, ChainAuthor, Passage

Author = Literal["teacher", "human"]
Candidate: TypeAlias = Passage


@dataclass(frozen=True, slots=True)
class TrainingItem:
    """One query with its candidates, labels and the order to train on.

    Attributes:
        item_id: The item's id in the workspace. Labels that a reviewer corrected do not change it.
        domain: The source's domain key.
        candidates: In initial order; docids are distinct.
        relevant_docids: The pointwise labels, a non-empty subset of the candidates' docids.
        ranking: Every candidate's docid, best first.
        chain: The reasoning text; may be empty.
        author_name: The model or reviewer that made the order.
        status: How the response that held the order was parsed; `ok` for a reviewer's.
        original_relevant_docids: The teacher's labels, where a reviewer corrected them: the item's
            id is of these. None where they are `relevant_docids`.
        chain_author: `human` where a person wrote or edited the chain, `hinted` where the teacher
            wrote it to a reviewer's hint. It is written to a file only then, so that an item whose
            chain is as it came hashes as it always did.
    """

    item_id: str
    domain: str
    qid: str
    query: str
    candidates: tuple[Candidate, ...]
    relevant_docids: tuple[str, ...]
    ranking: tuple[str, ...]
    chain: str
    author: Author
    author_name: str
    status: Status = "ok"
    original_relevant_docids: tuple[str, ...] | None = None
    chain_author: ChainAuthor = "teacher"

    @property
    def docids(self) -> tuple[str, ...]:
        """The candidates' docids in initial order."""
        return tuple(candidate.docid for candidate in self.candidates)

    @property
    def permutation(self) -> tuple[int, ...]:
        """The ranking as 1-based positions in `candidates`, best first."""
        place = {docid: number for number, docid in enumerate(self.docids, start=1)}
        return tuple(place[docid] for docid in self.ranking)

    @property
    def texts(self) -> tuple[str, ...]:
        """What a model reads of each candidate, in initial order."""
        return tuple(full_text(candidate) for candidate in self.candidates)


def full_text(passage: Passage) -> str:
    """Return what a model reads of a passage: its title, if any, and its text."""
    return f"{passage.title} {passage.text}" if passage.title else passage.text


def passage_id(passage: Passage) -> str:
    """Return the content id of a passage: 32 hex digits."""
    return content_id([passage.docid, passage.title, passage.text])


def item_id(
    domain: str,
    qid: str,
    query: str,
    passage_ids: Iterable[str],
    relevant_docids: Iterable[str],
) -> str:
    """Return the content id of an item: 32 hex digits.

    The candidates enter by their own content ids, so that a passage which many items share is
    hashed once.
    """
    return content_id([domain, qid, query, list(passage_ids), list(relevant_docids)])


def ranking_id(item: str, author: str, author_name: str, docids: Iterable[str], chain: str) -> str:
    """Return the content id of a ranking of the item with id `item`: 32 hex digits."""
    return content_id([item, author, author_name, list(docids), chain])


def write_items(path: Path, items: Iterable[TrainingItem]) -> int:
    """Write one JSON object a line, in the order given, and return how many."""
    count = 0
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for item in items:
            file.write(to_json(item) + "\n")
            count += 1
    return count


def read_items(path: Path) -> Iterator[TrainingItem]:
    """Yield the items of a file that `write_items` wrote.

    Raises:
        FormatError: At the first line that is no item; it names file, line and field.
    """
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                yield _parse(line)
            except JsonError as error:
                raise FormatError(f"{error}. {_REMEDY}", file=path, line=number) from error
            except _FieldError as error:
                message = f"{error}. {_REMEDY}"
                raise FormatError(message, file=path, line=number, field=error.field) from error


def to_json(item: TrainingItem) -> str:
    """Return the item as one line of JSON, without line end: equal items give equal text.

    What most items have not is left out, so that snapshots from before there was such a field keep
    their ids.
    """
    seldom: dict[str, object] = {}
    if item.status != "ok":
        seldom["status"] = item.status
    if item.original_relevant_docids is not None:
        seldom["original_relevant_docids"] = item.original_relevant_docids
    return json.dumps(
        {
            "item_id": item.item_id,
            "domain": item.domain,
            "qid": item.qid,
            "query": item.query,
            "candidates": [
                {"docid": each.docid, "title": each.title, "text": each.text}
                for each in item.candidates
            ],
            "relevant_docids": item.relevant_docids,
            "ranking": item.ranking,
            "chain": item.chain,
            "author": item.author,
            "author_name": item.author_name,
            **seldom,
            **({} if item.chain_author == "teacher" else {"chain_author": item.chain_author}),
        },
        ensure_ascii=False,
        separators=(",", ":"),
    )


_REMEDY = "Restore the file, or freeze its batch again"


class _FieldError(ValueError):
    """A field of the line is missing or wrong."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def _parse(line: bytes) -> TrainingItem:
    row = decode(line)
    if not isinstance(row, dict):
        raise _FieldError("", f"the line holds {describe(row)}, not an object")
    rows = row.get("candidates")
    if not isinstance(rows, list) or not rows or not all(isinstance(each, dict) for each in rows):
        raise _FieldError("candidates", f"{describe(rows)} is not a list of objects")
    candidates = tuple(
        Candidate(_text(each, "docid"), _text(each, "text"), _title(each)) for each in rows
    )
    docids = {each.docid for each in candidates}
    if len(docids) != len(candidates):
        raise _FieldError("candidates", "a docid stands twice")
    relevant, ranking = _labels(row, "relevant_docids", docids), _texts(row, "ranking")
    status, original = row.get("status", "ok"), None
    if status not in STATUSES:
        raise _FieldError("status", f"{describe(status)} is not one of {', '.join(STATUSES)}")
    if "original_relevant_docids" in row:
        original = _labels(row, "original_relevant_docids", docids)
    if len(ranking) != len(docids) or docids != set(ranking):
        raise _FieldError("ranking", "does not hold each candidate's docid exactly once")
    return TrainingItem(
        item_id=_text(row, "item_id"),
        domain=_text(row, "domain"),
        qid=_text(row, "qid"),
        query=_text(row, "query"),
        candidates=candidates,
        relevant_docids=relevant,
        ranking=ranking,
        chain=_text(row, "chain"),
        author=_author(row, "author"),
        author_name=_text(row, "author_name"),
        status=status,
        original_relevant_docids=original,
        chain_author=_chain_author(row) if "chain_author" in row else "teacher",
    )


def _labels(row: dict[str, Any], field: str, docids: set[str]) -> tuple[str, ...]:
    labels = _texts(row, field)
    if not labels or len(set(labels)) != len(labels) or not docids.issuperset(labels):
        raise _FieldError(field, "not a non-empty choice of the candidates' docids")
    return labels


def _text(row: dict[str, Any], field: str) -> str:
    value = row.get(field)
    if not isinstance(value, str):
        raise _FieldError(field, f"{describe(value)} is not a string")
    return value


def _author(row: dict[str, Any], field: str) -> Author:
    value = row.get(field)
    if value not in ("teacher", "human"):
        raise _FieldError(field, f"{describe(value)} is neither 'teacher' nor 'human'")
    return "human" if value == "human" else "teacher"


def _chain_author(row: dict[str, Any]) -> ChainAuthor:
    value = row["chain_author"]
    if value not in CHAIN_AUTHORS:
        raise _FieldError(
            "chain_author", f"{describe(value)} is not one of {', '.join(CHAIN_AUTHORS)}"
        )
    return CHAIN_AUTHORS[CHAIN_AUTHORS.index(value)]


def _title(row: dict[str, Any]) -> str | None:
    return None if row.get("title") is None else _text(row, "title")


def _texts(row: dict[str, Any], field: str) -> tuple[str, ...]:
    values = row.get(field)
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise _FieldError(field, f"{describe(values)} is not a list of strings")
    return tuple(values)
