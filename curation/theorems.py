"""Theorems with their proofs: the query is a theorem, the passages are what proofs refer to.

One JSON object a line, a theorem or a definition: `id`, `title` (may be missing), a statement
(`statement`, `text` or `contents`), and for a theorem its `proof` and the ids it refers to
(`references` or `ref_ids`). NaturalProofs' lists of `proofs`, each with `contents` and `ref_ids`
(github.com/wellecks/naturalproofs), are read too; of several proofs the first counts.
"""

from collections import Counter
from pathlib import Path

import polars as pl

from curation.benchmark_files import Row, read_rows
from curation.errors import FormatError
from curation.source_drafts import Draft
from curation.source_folder import PASSAGES_SCHEMA, SourceError, SourceQuery
from curation.strict_json import describe

_STATEMENTS = ("statement", "text", "contents")
_PROOFS = ("proof", "proofs")
_REFERENCES = ("references", "ref_ids")


def read_theorems(path: Path, domain: str) -> Draft:
    """Read theorems; every statement is a passage, every theorem with a proof a query as well.

    The theorem itself is no reference of its own. References that the file lacks are counted.

    Raises:
        FormatError: At the first line at fault.
        SourceError: If no theorem has a proof.
    """
    passages: dict[str, tuple[str, str | None, str]] = {}
    found: list[tuple[str, str, str, list[str]]] = []
    for row in read_rows(path):
        docid = row.id("id")
        if docid in passages:
            raise row.fault(f"{docid!r:.80} stands twice", "id")
        title = None if row.values.get("title") is None else row.text("title")
        statement = _words(row, *_STATEMENTS)
        if not statement:
            raise row.fault("a statement without words", _STATEMENTS[0])
        passages[docid] = (docid, title or None, statement)
        proof, references = _proof(row)
        if proof:
            found.append((docid, statement, proof, references))
    if not passages:
        raise FormatError("there are no theorems in it", file=path)
    if not found:
        raise SourceError(
            f"{path} has no theorem with a proof: give each theorem a `proof`, the answer that a "
            "teacher is shown."
        )
    notes: Counter[str] = Counter()
    queries = []
    for docid, statement, proof, references in found:
        there = [each for each in dict.fromkeys(references) if each != docid and each in passages]
        notes["references that are not there"] += len(set(references) - set(passages))
        notes["theorems without a reference that is there"] += not there
        queries.append(SourceQuery(docid, domain, statement, proof, linked=tuple(there)))
    return Draft(
        kind="theorems",
        queries=queries,
        passages=pl.DataFrame(list(passages.values()), schema=PASSAGES_SCHEMA, orient="row"),
        read={"statements": len(passages), "theorems with a proof": len(found)},
        notes={what: n for what, n in notes.items() if n},
    )


def _proof(row: Row) -> tuple[str, list[str]]:
    """Return a row's first proof and the ids it refers to; "" where it has none."""
    name = next((name for name in _PROOFS if row.values.get(name)), None)
    if name is None:
        return "", []
    value = row.values[name]
    if isinstance(value, list) and isinstance(value[0], dict):
        row = Row(row.path, row.number, value[0])
        return _words(row, *_STATEMENTS), _references(row)
    return _words(row, name), _references(row)


def _references(row: Row) -> list[str]:
    name = next((name for name in _REFERENCES if row.values.get(name) is not None), None)
    return row.ids(name) if name else []


def _words(row: Row, *names: str) -> str:
    """Return the text under the first of these names; it may be a list of lines."""
    name = next((name for name in names if name in row.values), names[0])
    value = row.values.get(name)
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        return "\n".join(value).strip()
    if not isinstance(value, str):
        raise row.fault(f"{describe(value)} is neither a text nor a list of lines", name)
    return value.strip()
