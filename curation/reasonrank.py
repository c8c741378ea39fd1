"""Reader of the layout in which ReasonRank's training data is published.

One folder: `training_data_all.jsonl` with a row for each item (`dataset, qid, initial_list,
final_list, reasoning, relevant_docids`), `id_query/<dataset>.json` ({qid: query}) and
`id_doc/<dataset>.json` ({docid: text}). RankDesk's own exports add columns (`author`,
`author_name`, `chain_author`, `status`, and where a reviewer corrected the labels
`original_relevant_docids`, the teacher's) and, for passages with titles, `id_title/<dataset>.json`;
files without them read the same. Other columns and files are ignored.

Rows are read one by one; a data set's texts are read when its first row comes. A row goes out
sound or not at all: each of its fields that is wrong becomes one `Reject`, with the first fault
found in that field.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from curation.errors import CurationError
from curation.permutation import STATUSES
from curation.strict_json import JsonError, decode, describe, is_text
from db.records import CHAIN_AUTHORS, Passage, Reject

ROWS = "training_data_all.jsonl"
QUERIES = "id_query"
DOCS = "id_doc"
TITLES = "id_title"

TEACHER = "teacher"
"""The author of a row without `author_name`: the layout does not say which model it was."""

Cause = Literal[
    "not_json",
    "wrong_encoding",
    "wrong_type",
    "wrong_value",
    "missing_field",
    "unknown_dataset",
    "unreadable_texts",
    "unknown_qid",
    "unknown_docid",
    "empty_list",
    "empty_positives",
    "repeated_id",
    "not_a_permutation",
    "not_a_candidate",
]
CAUSES: tuple[str, ...] = get_args(Cause)

_AUTHORS = ("teacher", "human")


class LayoutError(CurationError):
    """The folder is not in ReasonRank's published layout; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class SourceRow:
    """One sound row, its ids resolved.

    Attributes:
        line: 1-based line in the rows file.
        candidates: `initial_list` with texts, in its order.
        ranking: `final_list`, a permutation of the candidates' docids.
        chain: `reasoning`.
        status: How the teacher's response was parsed; `ok` where the row does not say.
        original_relevant_docids: The teacher's labels, where `relevant_docids` are a reviewer's
            corrections of them.
        chain_author: `human` where a person wrote or edited the chain, `hinted` where the teacher
            wrote it to a reviewer's hint.
    """

    line: int
    domain: str
    qid: str
    query: str
    candidates: tuple[Passage, ...]
    relevant_docids: tuple[str, ...]
    ranking: tuple[str, ...]
    chain: str
    author: str = "teacher"
    author_name: str = TEACHER
    status: str = "ok"
    original_relevant_docids: tuple[str, ...] | None = None
    chain_author: str = "teacher"


class ReasonRankFolder:
    """A folder in the published layout, open for one reading.

    Attributes:
        total_bytes: Size of the rows file.
        done_bytes: How much of it has been read.
    """

    def __init__(self, folder: Path) -> None:
        """Check the layout.

        Raises:
            LayoutError: If a part is missing; the message lists every missing part.
        """
        _require_layout(folder)
        self._rows = folder / ROWS
        # Names in rows are looked up among the files that are there, and never become a path.
        self._files = {
            part: {path.stem: path for path in (folder / part).glob("*.json")}
            for part in (QUERIES, DOCS, TITLES)
        }
        self._datasets: dict[str, _Dataset] = {}
        self.total_bytes = self._rows.stat().st_size
        self.done_bytes = 0

    def rows(self) -> Iterator[SourceRow | list[Reject]]:
        """Yield each row that is not blank: as a sound row, or as its faults.

        Raises:
            LayoutError: If the rows file cannot be opened.
        """
        try:
            opened = self._rows.open("rb")
        except OSError as error:
            raise LayoutError(f"{self._rows} cannot be read: {error.strerror}.") from error
        with opened as file:
            for number, line in enumerate(file, start=1):
                self.done_bytes += len(line)
                if not line.isspace():
                    yield self._row(number, line)

    def _row(self, number: int, line: bytes) -> SourceRow | list[Reject]:
        faults = _Faults(number)
        try:
            row = decode(line)
        except JsonError as error:
            faults.add("row", error.cause, f"The row cannot be read: {error}")
            return faults.found
        if not isinstance(row, dict):
            faults.add("row", "wrong_type", f"The row is {describe(row)}, not an object")
            return faults.found
        source = self._checked(number, row, faults)
        return faults.found or source

    def _checked(self, number: int, row: dict[str, Any], faults: "_Faults") -> SourceRow:
        """Return the row's values, sound where `faults` stays empty."""
        dataset = self._dataset(row, faults)
        qid = _text(row, "qid", faults)
        query = ""
        if dataset is not None and qid is not None:
            try:
                query = dataset.queries.text(qid)
            except _TextError as error:
                faults.add("qid", error.cause or "unknown_qid", str(error))
        initial = _ids(row, "initial_list", faults)
        candidates: list[Passage] = []
        if initial == []:
            faults.add("initial_list", "empty_list", "There are no candidates")
        elif initial is not None and dataset is not None:
            try:
                candidates = [dataset.passage(docid) for docid in initial]
            except _TextError as error:
                faults.add("initial_list", error.cause or "unknown_docid", str(error))
        return SourceRow(
            line=number,
            domain=dataset.name if dataset is not None else "",
            qid=qid or "",
            query=query,
            candidates=tuple(candidates),
            relevant_docids=tuple(_positives(row, "relevant_docids", initial, faults)),
            ranking=tuple(_permutation(row, initial, faults)),
            chain=_text(row, "reasoning", faults) or "",
            author=_choice(row, "author", _AUTHORS, faults),
            author_name=_optional(row, "author_name", TEACHER, faults),
            status=_choice(row, "status", STATUSES, faults),
            original_relevant_docids=_original(row, initial, faults),
            chain_author=_choice(row, "chain_author", CHAIN_AUTHORS, faults),
        )

    def _dataset(self, row: dict[str, Any], faults: "_Faults") -> "_Dataset | None":
        name = _text(row, "dataset", faults)
        if name is None:
            return None
        for part in (QUERIES, DOCS):
            if name not in self._files[part]:
                message = f"The data set {name!r:.80} has no file in {part}/"
                faults.add("dataset", "unknown_dataset", message)
                return None
        if name not in self._datasets:
            self._datasets[name] = _Dataset(
                name, *(_Lookup(self._files[part].get(name)) for part in (QUERIES, DOCS, TITLES))
            )
        dataset = self._datasets[name]
        if dataset.fault:
            faults.add("dataset", "unreadable_texts", dataset.fault)
            return None
        return dataset


class _TextError(ValueError):
    """An id has no usable text; `cause` is empty where it is merely unknown."""

    def __init__(self, message: str, cause: Cause | None = None) -> None:
        super().__init__(message)
        self.cause = cause


class _Lookup:
    """One `{id: text}` file, read whole; `fault` says why it could not be."""

    def __init__(self, path: Path | None) -> None:
        self.fault = ""
        self._shown = f"{path.parent.name}/{path.name!r:.80}" if path else ""
        self._texts: dict[str, Any] = {}
        if path is None:
            return
        try:
            texts = decode(path.read_bytes(), lone_surrogates=True)
        except (OSError, JsonError) as error:
            self.fault = f"The file {self._shown} cannot be read: {error}"
            return
        if isinstance(texts, dict):
            self._texts = texts
        else:
            self.fault = f"The file {self._shown} holds {describe(texts)}, not an object"

    def __contains__(self, key: str) -> bool:
        return key in self._texts

    def text(self, key: str) -> str:
        if key not in self._texts:
            raise _TextError(f"The id {key!r:.80} is not in {self._shown}")
        value = self._texts[key]
        if not isinstance(value, str):
            message = f"The id {key!r:.80} has {describe(value)} for a text in {self._shown}"
            raise _TextError(message, "wrong_type")
        if not is_text(value):
            message = f"The text of {key!r:.80} in {self._shown} holds half of a surrogate pair"
            raise _TextError(message, "wrong_encoding")
        return value


class _Dataset:
    """The texts of one data set; passages are shared by the rows that name them."""

    def __init__(self, name: str, queries: _Lookup, docs: _Lookup, titles: _Lookup) -> None:
        self.name = name
        self.queries = queries
        self.fault = queries.fault or docs.fault or titles.fault
        self._docs = docs
        self._titles = titles
        self._passages: dict[str, Passage] = {}

    def passage(self, docid: str) -> Passage:
        passage = self._passages.get(docid)
        if passage is None:
            title = self._titles.text(docid) if docid in self._titles else None
            passage = self._passages[docid] = Passage(docid, self._docs.text(docid), title)
        return passage


@dataclass(slots=True)
class _Faults:
    line: int
    found: list[Reject] = field(default_factory=list)

    def add(self, name: str, cause: Cause, message: str) -> None:
        where = f"{ROWS}:{self.line}: {name}"
        self.found.append(Reject(self.line, ROWS, name, cause, f"{where}: {message}."))


def _require_layout(folder: Path) -> None:
    if not folder.is_dir():
        raise LayoutError(f"{folder} is not a folder. Name the folder that holds {ROWS}.")
    missing = [] if (folder / ROWS).is_file() else [ROWS]
    missing += [
        f"{part}/<dataset>.json"
        for part in (QUERIES, DOCS)
        if not any((folder / part).glob("*.json"))
    ]
    if missing:
        raise LayoutError(
            f"{folder} is not in ReasonRank's layout: {', '.join(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} missing. It should hold {ROWS}, "
            f"{QUERIES}/<dataset>.json and {DOCS}/<dataset>.json; nothing was imported."
        )


def _present(row: dict[str, Any], name: str, faults: _Faults) -> bool:
    if name not in row:
        faults.add(name, "missing_field", f"The field {name} is missing")
    return name in row


def _text(row: dict[str, Any], name: str, faults: _Faults) -> str | None:
    if not _present(row, name, faults):
        return None
    value = row[name]
    if isinstance(value, str):
        return value
    faults.add(name, "wrong_type", f"The value is {describe(value)}, not a string")
    return None


def _ids(row: dict[str, Any], name: str, faults: _Faults) -> list[str] | None:
    """Return a list of distinct strings, or None after noting the first fault."""
    if not _present(row, name, faults):
        return None
    values = row[name]
    if not isinstance(values, list):
        faults.add(name, "wrong_type", f"The value is {describe(values)}, not a list of strings")
        return None
    seen: set[str] = set()
    for place, value in enumerate(values, start=1):
        if not isinstance(value, str):
            message = f"Entry {place} is {describe(value)}, not a string"
            faults.add(name, "wrong_type", message)
            return None
        if value in seen:
            faults.add(name, "repeated_id", f"The id {value!r:.80} stands twice")
            return None
        seen.add(value)
    return values


def _permutation(row: dict[str, Any], initial: list[str] | None, faults: _Faults) -> Sequence[str]:
    final = _ids(row, "final_list", faults)
    if final is None or not initial:
        return ()
    if odd := set(final) ^ set(initial):
        strange = next((docid for docid in final if docid in odd), None)
        if strange is not None:
            message = f"The id {strange!r:.80} is not in initial_list"
        else:
            lost = next(docid for docid in initial if docid in odd)
            message = f"The id {lost!r:.80} of initial_list is not in it"
        faults.add("final_list", "not_a_permutation", message)
    return final


def _original(
    row: dict[str, Any], initial: list[str] | None, faults: _Faults
) -> tuple[str, ...] | None:
    name = "original_relevant_docids"
    if row.get(name) is None:
        return None
    if row.get("author") != "human":
        faults.add(name, "wrong_value", "Only rows whose author is human have corrected labels")
    return tuple(_positives(row, name, initial, faults))


def _positives(
    row: dict[str, Any], name: str, initial: list[str] | None, faults: _Faults
) -> Sequence[str]:
    relevant = _ids(row, name, faults)
    if relevant is None:
        return ()
    if not relevant:
        faults.add(name, "empty_positives", "No candidate is labelled relevant")
    elif initial:
        candidates = set(initial)
        strange = next((docid for docid in relevant if docid not in candidates), None)
        if strange is not None:
            message = f"The id {strange!r:.80} is not in initial_list"
            faults.add(name, "not_a_candidate", message)
    return relevant


def _optional(row: dict[str, Any], name: str, default: str, faults: _Faults) -> str:
    return default if row.get(name) is None else _text(row, name, faults) or default


def _choice(row: dict[str, Any], name: str, allowed: Sequence[str], faults: _Faults) -> str:
    """Return an optional field's value; the first of `allowed` where it is absent."""
    value = _optional(row, name, allowed[0], faults)
    if value not in allowed:
        message = f"The value is {value!r:.80}, not one of {', '.join(allowed)}"
        faults.add(name, "wrong_value", message)
    return value
