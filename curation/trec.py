"""TREC qrels and runs: the field's own plain-text forms, gzipped or not.

Docids may hold spaces (some BRIGHT collections): a line's first and last fields are fixed, and
whatever stands between them is the id.
"""

import gzip
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from curation.errors import FormatError

Qrels = dict[str, dict[str, int]]
Run = dict[str, dict[str, float]]

_QRELS_LINE = re.compile(r"(\S+)\s+(\S+)\s+(\S.*?)\s+(\S+)")
_RUN_LINE = re.compile(r"(\S+)\s+(\S+)\s+(\S.*?)\s+(\S+)\s+(\S+)\s+(\S+)")


def read_qrels(path: Path) -> Qrels:
    """Return relevance by qid and docid.

    Raises:
        FormatError: At the first line that is no `qid 0 docid relevance`, or judges a pair twice.
    """
    qrels: Qrels = {}
    for number, line in _lines(path):
        match = _QRELS_LINE.fullmatch(line)
        if match is None:
            raise FormatError(
                f"expected `qid 0 docid relevance`, got {line!r:.80}", file=path, line=number
            )
        qid, _, docid, relevance = match.groups()
        try:
            value = int(relevance)
        except ValueError as error:
            raise FormatError(
                f"must be a whole number, got {relevance!r}",
                file=path,
                line=number,
                field="relevance",
            ) from error
        judged = qrels.setdefault(qid, {})
        if docid in judged:
            raise FormatError(
                f"{docid!r} is judged twice for query {qid}; keep one line",
                file=path,
                line=number,
                field="docid",
            )
        judged[docid] = value
    if not qrels:
        raise FormatError("there is no judgment in it; expected TREC qrels", file=path)
    return qrels


def read_run(path: Path) -> Run:
    """Return scores by qid and docid, in the file's order.

    Raises:
        FormatError: At the first line that is no `qid Q0 docid rank score tag`, or repeats a docid.
    """
    run: Run = {}
    for number, line in _lines(path):
        match = _RUN_LINE.fullmatch(line)
        if match is None:
            raise FormatError(
                f"expected `qid Q0 docid rank score tag`, got {line!r:.80}", file=path, line=number
            )
        qid, _, docid, _, text, _ = match.groups()
        try:
            score = float(text)
        except ValueError:
            score = math.nan
        if not math.isfinite(score):
            raise FormatError(
                f"must be a finite number, got {text!r}", file=path, line=number, field="score"
            )
        scores = run.setdefault(qid, {})
        if docid in scores:
            raise FormatError(
                f"{docid!r} is ranked twice for query {qid}; keep one line",
                file=path,
                line=number,
                field="docid",
            )
        scores[docid] = score
    if not run:
        raise FormatError("there is no ranking in it; expected a TREC run", file=path)
    return run


def write_run(path: Path, run: Mapping[str, Sequence[str]], tag: str) -> None:
    """Write rankings, best first, with scores that fall by rank so that no two tie.

    Args:
        tag: The run's name; white space in it becomes `_`.
    """
    name = re.sub(r"\s+", "_", tag) or "rankdesk"
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for qid, docids in run.items():
            for rank, docid in enumerate(docids, start=1):
                file.write(f"{qid} Q0 {docid} {rank} {1 / rank:.9g} {name}\n")


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield (1-based number, stripped line) of every line that is not blank."""
    opener = gzip.open if path.suffix == ".gz" else open
    number = 0
    try:
        with opener(path, "rb") as file:
            for number, line in enumerate(file, start=1):
                text = line.decode("utf-8").strip()
                if text:
                    yield number, text
    except UnicodeDecodeError as error:
        raise FormatError("this line is not UTF-8", file=path, line=number) from error
    except (OSError, EOFError) as error:
        raise FormatError(f"it cannot be read: {error}", file=path) from error
