"""RankLLM's request and result files: queries with their candidates, one object for each.

`{"query": {"qid", "text"}, "candidates": [{"docid", "score", "doc": {…}}]}`, as a JSON list or one
object a line (RankLLM, `rank_llm/data.py`).
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from curation.errors import FormatError
from curation.strict_json import JsonError, decode, describe
from db.records import Passage

Run = dict[str, dict[str, float]]


@dataclass(frozen=True, slots=True)
class _Entry:
    """A value of the file, with its place: 1-based, and its line where each has its own."""

    path: Path
    number: int
    line: int | None
    value: object

    def fault(self, message: str, field: str) -> FormatError:
        message = f"entry {self.number}: {message}"
        return FormatError(message, file=self.path, line=self.line, field=field)

    def id(self, field: str, value: object) -> str:
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if not isinstance(value, str) or not value:
            raise self.fault(f"{describe(value)} is not an id; give a text or a number", field)
        return value


def read_candidates(path: Path, data: bytes) -> Run:
    """Return scores by qid and docid, in the file's order.

    Candidates without a score, as some tools write results, count by their place.

    Raises:
        FormatError: At the first entry at fault; it names the entry and the field.
    """
    run: Run = {}
    for entry in _entries(path, data):
        query = entry.value.get("query") if isinstance(entry.value, dict) else None
        if not isinstance(entry.value, dict) or not isinstance(query, dict):
            raise entry.fault(
                'expected a RankLLM request: {"query": {"qid": …, "text": …}, "candidates": […]}',
                "query",
            )
        qid = entry.id("query.qid", query.get("qid"))
        if qid in run:
            raise entry.fault(f"{qid!r:.80} stands twice; keep one entry a query", "query.qid")
        run[qid] = _scores(entry, entry.value.get("candidates"))
    if not run:
        raise FormatError("there is no entry in it; expected RankLLM requests", file=path)
    return run


def write_results(
    path: Path,
    orders: Mapping[str, Sequence[str]],
    queries: Mapping[str, str],
    passages: Mapping[str, Passage],
) -> None:
    """Write rankings as RankLLM's results; see `results_text`."""
    path.write_text(results_text(orders, queries, passages), encoding="utf-8")


def results_text(
    orders: Mapping[str, Sequence[str]],
    queries: Mapping[str, str],
    passages: Mapping[str, Passage],
) -> str:
    """Return rankings as RankLLM's results: best first, with scores that fall by rank."""
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
    return json.dumps(entries, ensure_ascii=False, indent=1)


def _document(passage: Passage) -> dict[str, str]:
    return ({"title": passage.title} if passage.title else {}) | {"text": passage.text}


def _scores(entry: _Entry, candidates: object) -> dict[str, float]:
    if not isinstance(candidates, list) or not candidates:
        raise entry.fault(
            f"{describe(candidates)} is no list of candidates; leave queries without any out",
            "candidates",
        )
    scores: dict[str, float] = {}
    for place, candidate in enumerate(candidates):
        if not isinstance(candidate, dict):
            raise entry.fault(
                f'{describe(candidate)} is no candidate; expected {{"docid": …, "score": …}}',
                "candidates",
            )
        docid = entry.id("candidates.docid", candidate.get("docid"))
        score = candidate.get("score", -float(place))
        if isinstance(score, bool) or not isinstance(score, int | float):
            score = math.nan
        if not math.isfinite(score):
            raise entry.fault(
                f"the score of {docid!r:.80} must be a finite number; leave all scores out to rank "
                "by place",
                "candidates.score",
            )
        if docid in scores:
            raise entry.fault(
                f"{docid!r:.80} is ranked twice; keep one candidate a docid", "candidates.docid"
            )
        scores[docid] = float(score)
    return scores


def _entries(path: Path, data: bytes) -> Iterator[_Entry]:
    """Yield the members of a list, or the values of lines."""
    if data.lstrip()[:1] == b"[":
        try:
            values = decode(data)
        except JsonError as error:
            raise FormatError(str(error), file=path) from error
        for number, value in enumerate(values, start=1):
            yield _Entry(path, number, None, value)
        return
    number = 0
    for line_number, line in enumerate(data.splitlines(), start=1):
        if line.strip():
            number += 1
            try:
                value = decode(line)
            except JsonError as error:
                raise FormatError(str(error), file=path, line=line_number) from error
            yield _Entry(path, number, line_number, value)
