"""RankLLM's request and result files: queries with their candidates, one object for each.

`{"query": {"qid", "text"}, "candidates": [{"docid", "score", "doc": {…}}]}`, as a JSON list or one
object a line (RankLLM, `rank_llm/data.py`).
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from curation.errors import FormatError
from curation.strict_json import JsonError, decode, describe
from db.records import Passage

Run = dict[str, dict[str, float]]


def read_candidates(path: Path, data: bytes) -> Run:
    """Return scores by qid and docid, in the file's order.

    Candidates without a score, as some tools write results, count by their place.

    Raises:
        FormatError: At the first entry at fault; it names the entry and the field.
    """
    run: Run = {}
    for number, entry in enumerate(_entries(path, data), start=1):
        qid = _id(path, number, "query.qid", _member(path, number, entry, "query").get("qid"))
        if qid in run:
            raise FormatError(f"entry {number}: {qid!r:.80} stands twice", file=path, field="qid")
        candidates = entry.get("candidates")
        if not isinstance(candidates, list) or not candidates:
            raise FormatError(
                f"entry {number}: {describe(candidates)} is no list of candidates",
                file=path,
                field="candidates",
            )
        scores: dict[str, float] = {}
        for place, candidate in enumerate(candidates):
            if not isinstance(candidate, dict):
                raise FormatError(
                    f"entry {number}: {describe(candidate)} is no candidate",
                    file=path,
                    field="candidates",
                )
            docid = _id(path, number, "candidates.docid", candidate.get("docid"))
            score = candidate.get("score", -float(place))
            if isinstance(score, bool) or not isinstance(score, int | float):
                score = math.nan
            if not math.isfinite(score):
                raise FormatError(
                    f"entry {number}: the score of {docid!r:.80} must be a finite number",
                    file=path,
                    field="candidates.score",
                )
            if docid in scores:
                raise FormatError(
                    f"entry {number}: {docid!r:.80} is ranked twice", file=path, field="docid"
                )
            scores[docid] = float(score)
        run[qid] = scores
    if not run:
        raise FormatError("there is no entry in it", file=path)
    return run


def write_results(
    path: Path,
    orders: Mapping[str, Sequence[str]],
    queries: Mapping[str, str],
    passages: Mapping[str, Passage],
) -> None:
    """Write rankings as RankLLM's results: best first, with scores that fall by rank."""
    entries = [
        {
            "query": {"text": queries[qid], "qid": qid},
            "candidates": [
                {"docid": docid, "score": 1 / rank, "doc": _document(passages[docid])}
                for rank, docid in enumerate(docids, start=1)
            ],
        }
        for qid, docids in orders.items()
    ]
    path.write_text(json.dumps(entries, ensure_ascii=False, indent=1), encoding="utf-8")


def _document(passage: Passage) -> dict[str, str]:
    return ({"title": passage.title} if passage.title else {}) | {"text": passage.text}


def _entries(path: Path, data: bytes) -> Iterator[dict[str, Any]]:
    """Yield the objects of a list, or of lines."""
    try:
        if data.lstrip()[:1] == b"[":
            values = decode(data)
        else:
            values = [decode(line) for line in data.splitlines() if line.strip()]
    except JsonError as error:
        raise FormatError(str(error), file=path) from error
    for number, value in enumerate(values, start=1):
        if not isinstance(value, dict):
            raise FormatError(f"entry {number}: {describe(value)} is not an object", file=path)
        yield value


def _member(path: Path, number: int, entry: dict[str, Any], name: str) -> dict[str, Any]:
    value = entry.get(name)
    if not isinstance(value, dict):
        raise FormatError(
            f"entry {number}: {describe(value)} is not an object; expected a RankLLM request",
            file=path,
            field=name,
        )
    return value


def _id(path: Path, number: int, field: str, value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str) or not value:
        raise FormatError(f"entry {number}: {describe(value)} is not an id", file=path, field=field)
    return value
