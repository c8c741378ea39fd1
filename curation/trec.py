"""TREC qrels and runs: the field's own plain-text forms, gzipped or not.

Qrels may also be BEIR's (`query-id<TAB>corpus-id<TAB>score` under a header), and a run may be a
request or result file of RankLLM's.

Docids may hold spaces (some BRIGHT collections): a line's first and last fields are fixed, and
whatever stands between them is the id.
"""

import gzip
import math
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from curation import rankllm
from curation.errors import FormatError

Qrels = dict[str, dict[str, int]]
Run = dict[str, dict[str, float]]

_BEIR_HEADER = ["query-id", "corpus-id", "score"]
_HIGHEST = 1_000_000  # relevance; trec_eval's code gives wrong values from 2^31 - 1 on


def read_qrels(path: Path) -> Qrels:
    """Return relevance by qid and docid.

    Raises:
        FormatError: At the first line that is no `qid 0 docid relevance`, or judges a pair twice.
    """
    qrels: Qrels = {}
    beir = False
    for number, line in _lines(path):
        if number == 1 and line.split("\t") == _BEIR_HEADER:
            beir = True
            continue
        fields = _tabbed(line) if beir else _fields(line, after=1)
        if fields is None:
            raise FormatError(
                f"expected `qid 0 docid relevance`, got {line!r:.80}", file=path, line=number
            )
        qid, docid, relevance = fields
        try:
            value = int(relevance)
        except ValueError:
            value = _HIGHEST + 1
        if abs(value) > _HIGHEST:
            raise FormatError(
                f"must be a whole number of at most {_HIGHEST:,}, got {relevance!r:.40}",
                file=path,
                line=number,
                field="relevance",
            )
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


def read_run(path: Path, *, may_be_empty: bool = False) -> Run:
    """Return scores by qid and docid, in the file's order.

    Args:
        may_be_empty: Take a file without a line as the run of a ranker that found nothing.

    Raises:
        FormatError: At the first line that is no `qid Q0 docid rank score tag`, or repeats a docid.
    """
    run: Run = {}
    for number, line in _lines(path):
        fields = _fields(line, after=3)
        score = _score(fields[3]) if fields else math.nan
        # An id may begin with a bracket too: only what is no TREC line is looked at as JSON.
        if not run and not math.isfinite(score) and line.startswith(("[", "{")):
            return rankllm.read_candidates(path, _read(path))
        if fields is None:
            raise FormatError(
                f"expected `qid Q0 docid rank score tag`, got {line!r:.80}", file=path, line=number
            )
        qid, docid, _, text, _ = fields
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
    if not run and not may_be_empty:
        raise FormatError("there is no ranking in it; expected a TREC run", file=path)
    return run


def run_tag(path: Path) -> str | None:
    """Return the tag of a run's first line, which names its system; None of a RankLLM file.

    Raises:
        FormatError: It cannot be read.
    """
    for _, line in _lines(path):
        fields = _fields(line, after=3)
        return fields[4] if fields and math.isfinite(_score(fields[3])) else None
    return None


def is_writable(qid: str, docid: str) -> bool:
    """Return whether a line with these ids reads back as they are.

    A qid holds no white space; a docid holds none at its ends, and no line break.
    """
    return qid.split() == [qid] and bool(docid) and docid == docid.strip() and "\n" not in docid


def write_qrels(path: Path, qrels: Mapping[str, Mapping[str, int]]) -> None:
    """Write qrels whose ids are writable (`is_writable`), in the order given."""
    text = "".join(
        f"{qid} 0 {docid} {relevance}\n"
        for qid, judged in qrels.items()
        for docid, relevance in judged.items()
    )
    path.write_bytes(text.encode("utf-8"))


def best_first(scores: Mapping[str, float]) -> list[str]:
    """Return docids by falling score, equal scores in the run's own order.

    So RankLLM and ReasonRank's authors show a run to a ranker. What is measured breaks ties as
    trec_eval does; see `curation.scoring`.
    """
    return sorted(scores, key=lambda docid: -scores[docid])


def write_run(path: Path, run: Mapping[str, Sequence[str]], tag: str) -> None:
    """Write rankings, best first, with scores that fall by rank so that no two tie.

    Args:
        path: Gzipped if its name ends in .gz; the same rankings give the same bytes.
        tag: The run's name; white space in it becomes `_`.
    """
    data = run_text(run, tag).encode("utf-8")
    path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)


def run_text(run: Mapping[str, Sequence[str]], tag: str) -> str:
    """Return rankings as a TREC run; see `write_run`."""
    name = re.sub(r"\s+", "_", tag) or "rankdesk"
    return "".join(
        f"{qid} Q0 {docid} {rank} {1 / rank:.9g} {name}\n"
        for qid, docids in run.items()
        for rank, docid in enumerate(docids, start=1)
    )


def _score(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _read(path: Path) -> bytes:
    data = path.read_bytes()
    return gzip.decompress(data) if path.suffix == ".gz" else data


def _tabbed(line: str) -> list[str] | None:
    """Return qid, docid and relevance of a BEIR line, or None where it is none."""
    fields = line.split("\t")
    return fields if len(fields) == 3 and all(fields) else None


def _fields(line: str, *, after: int) -> list[str] | None:
    """Return qid, docid and the `after` fields behind it, or None where fields are too few."""
    front = line.split(None, 2)
    back = front[2].rsplit(None, after) if len(front) == 3 else []
    return [front[0], *back] if len(back) == after + 1 else None


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
    except (OSError, EOFError, zlib.error) as error:
        raise FormatError(f"it cannot be read: {error}", file=path) from error
