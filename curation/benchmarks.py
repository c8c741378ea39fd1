"""Benchmarks: queries, passages, labels and a first-stage run, checked once and kept as parquet.

`<benchmark_id>/` holds `queries.parquet` (qid, text), `passages.parquet` (docid, title, text),
`qrels.parquet` (qid, docid, relevance), `run.parquet` (qid, docid, rank, score) and
`manifest.json`. The id is a hash of the content, whatever form the files came in.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import polars as pl
from pydantic import BaseModel, ConfigDict, ValidationError

from curation.benchmark_files import read_lines, read_passages, read_queries
from curation.errors import CurationError, FormatError
from curation.folders import draft_folder, publish, sha256_of
from curation.trec import read_qrels, read_run
from db.records import Passage

MANIFEST = "manifest.json"
_SHOWN = 10  # ids of a kind that an error names
_SCHEMAS: dict[str, dict[str, type[pl.DataType]]] = {
    "queries": {"qid": pl.String, "text": pl.String},
    "passages": {"docid": pl.String, "title": pl.String, "text": pl.String},
    "qrels": {"qid": pl.String, "docid": pl.String, "relevance": pl.Int64},
    "run": {"qid": pl.String, "docid": pl.String, "rank": pl.Int64, "score": pl.Float64},
}


class BenchmarkError(CurationError):
    """A benchmark cannot be added or read as asked."""


class BenchmarkManifest(BaseModel):
    """What a benchmark is.

    Attributes:
        benchmark_id: First 16 hex digits of the SHA-256 of its content.
        n_judged: Queries with labels: the ones that evaluations average over.
        n_qrels: Labels, zeros included.
        n_ranked: Queries with first-stage results; the others score 0.
        n_run: First-stage results.
        files: SHA-256 of each file, by name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    benchmark_id: str
    name: str
    n_queries: int
    n_passages: int
    n_judged: int
    n_qrels: int
    n_ranked: int
    n_run: int
    files: dict[str, str]


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A benchmark, read.

    Attributes:
        qrels: Relevance by qid and docid.
        first_stage: Docids by qid, best first: by score, equal scores by docid descending, as
            trec_eval orders them.
        scores: The first stage's scores by qid and docid.
    """

    manifest: BenchmarkManifest
    queries: dict[str, str]
    qrels: dict[str, dict[str, int]]
    first_stage: dict[str, list[str]]
    scores: dict[str, dict[str, float]]
    _passages: pl.DataFrame

    def passages(self, docids: Iterable[str]) -> list[Passage]:
        """Return the passages of these docids, in their order.

        Raises:
            BenchmarkError: If one is not in the benchmark.
        """
        wanted = list(docids)
        found = self._passages.filter(pl.col("docid").is_in(wanted))
        known = {row["docid"]: Passage(**row) for row in found.iter_rows(named=True)}
        for docid in wanted:
            if docid not in known:
                raise BenchmarkError(
                    f"The benchmark {self.manifest.name} has no passage {docid!r:.80}. "
                    "Rerank its own first-stage run."
                )
        return [known[docid] for docid in wanted]

    def every_passage(self) -> dict[str, Passage]:
        """Return all passages by docid."""
        return {row["docid"]: Passage(**row) for row in self._passages.iter_rows(named=True)}


def add_benchmark(
    root: Path, name: str, *, queries: Path, passages: Path, qrels: Path, run: Path
) -> BenchmarkManifest:
    """Check four files against each other and keep them as a new folder of `root`.

    Args:
        queries: TSV or JSONL; passages: JSONL; qrels and run: TREC. Each may be gzipped.

    Returns:
        The manifest; where `root` holds the same content already, the one that lies there.

    Raises:
        FormatError: If a file is malformed, or names ids that another does not have.
        BenchmarkError: If the name is blank.
    """
    if not name.strip():
        raise BenchmarkError("A benchmark needs a name.")
    texts, docs = read_queries(queries), read_passages(passages)
    labels, results = read_qrels(qrels), read_run(run)
    for path, table in ((qrels, labels), (run, results)):
        _require_known(path, table, queries, texts, passages, docs)
    frames = _frames(texts, docs, labels, results)
    benchmark_id = _content_id(frames)
    target = root / benchmark_id
    if target.exists():
        return _verify(target)
    with draft_folder(root) as draft:
        for part, frame in frames.items():
            frame.write_parquet(draft / f"{part}.parquet")
        manifest = BenchmarkManifest(
            benchmark_id=benchmark_id,
            name=name.strip(),
            n_queries=len(texts),
            n_passages=len(docs),
            n_judged=len(labels),
            n_qrels=frames["qrels"].height,
            n_ranked=len(results),
            n_run=frames["run"].height,
            files={path.name: sha256_of(path) for path in sorted(draft.iterdir())},
        )
        (draft / MANIFEST).write_text(manifest.model_dump_json(indent=1) + "\n", encoding="utf-8")
        publish(draft, target)
    return manifest


def read_benchmark(folder: Path) -> Benchmark:
    """Return the benchmark that `add_benchmark` wrote.

    Raises:
        BenchmarkError: If there is none in the folder, or a file was changed; it names the file.
    """
    manifest = _verify(folder)
    frames = {part: pl.read_parquet(folder / f"{part}.parquet") for part in _SCHEMAS}
    labels: dict[str, dict[str, int]] = {}
    for qid, docid, relevance in frames["qrels"].iter_rows():
        labels.setdefault(qid, {})[docid] = relevance
    scores: dict[str, dict[str, float]] = {}
    for qid, docid, _, score in frames["run"].iter_rows():  # stored by rank
        scores.setdefault(qid, {})[docid] = score
    return Benchmark(
        manifest=manifest,
        queries=dict(frames["queries"].iter_rows()),
        qrels=labels,
        first_stage={qid: list(results) for qid, results in scores.items()},
        scores=scores,
        _passages=frames["passages"],
    )


def _frames(
    texts: Mapping[str, str],
    docs: Mapping[str, Passage],
    labels: Mapping[str, Mapping[str, int]],
    results: Mapping[str, Mapping[str, float]],
) -> dict[str, pl.DataFrame]:
    """Return the four tables, rows in an order that the content alone decides."""
    rows: dict[str, list[tuple[object, ...]]] = {
        "queries": sorted(texts.items()),
        "passages": [(docid, docs[docid].title, docs[docid].text) for docid in sorted(docs)],
        "qrels": [
            (qid, docid, relevance)
            for qid in sorted(labels)
            for docid, relevance in sorted(labels[qid].items())
        ],
        "run": [
            (qid, docid, rank, score)
            for qid in sorted(results)
            for rank, (score, docid) in enumerate(
                sorted(((s, d) for d, s in results[qid].items()), reverse=True), start=1
            )
        ],
    }
    return {
        part: pl.DataFrame(rows[part], schema=schema, orient="row")
        for part, schema in _SCHEMAS.items()
    }


def _content_id(frames: Mapping[str, pl.DataFrame]) -> str:
    digest = sha256()
    for part, frame in frames.items():
        digest.update(f"{part}\n".encode())
        for row in frame.iter_rows():
            digest.update(json.dumps(row, ensure_ascii=False).encode() + b"\n")
    return digest.hexdigest()[:16]


def _require_known(
    path: Path,
    table: Mapping[str, Collection[str]],
    queries: Path,
    texts: Collection[str],
    passages: Path,
    docs: Collection[str],
) -> None:
    """Raise FormatError if a TREC file names queries or passages that are not there."""
    pairs = [(qid, docid) for qid, docids in table.items() for docid in docids]
    for field, place, known, other in (("qid", 0, texts, queries), ("docid", 1, docs, passages)):
        missing = list(dict.fromkeys(pair[place] for pair in pairs if pair[place] not in known))
        if not missing:
            continue
        first = next(pair for pair in pairs if pair[place] == missing[0])
        shown = ", ".join(f"{each!r:.80}" for each in missing[:_SHOWN])
        more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
        raise FormatError(
            f"{shown}{more}: not in {other}. Give the files of one benchmark",
            file=path,
            line=_line_of(path, *first),
            field=field,
        )


def _line_of(path: Path, qid: str, docid: str) -> int | None:
    """Return the line that has both ids; only an error asks for it."""
    for number, line in read_lines(path):
        text = line.decode("utf-8", "replace")
        if text.split(maxsplit=1)[0] == qid and docid in text:
            return number
    return None


def _verify(folder: Path) -> BenchmarkManifest:
    """Return the manifest after checking every file against it."""
    try:
        manifest = BenchmarkManifest.model_validate_json((folder / MANIFEST).read_bytes())
    except (FileNotFoundError, NotADirectoryError) as error:
        raise BenchmarkError(
            f"There is no benchmark in {folder}: {MANIFEST} is missing. "
            "Add one with `rankdesk benchmark add`."
        ) from error
    except ValidationError as error:
        raise _changed(folder / MANIFEST, f"it has {error.error_count()} faults") from error
    if set(manifest.files) != {f"{part}.parquet" for part in _SCHEMAS}:
        raise _changed(folder / MANIFEST, "it lists other files")
    for name, expected in manifest.files.items():
        try:
            found = sha256_of(folder / name)
        except FileNotFoundError as error:
            raise _changed(folder / name, "it is missing") from error
        if found != expected:
            raise _changed(folder / name, f"its hash is {found[:16]}…, not {expected[:16]}…")
    return manifest


def _changed(path: Path, fact: str) -> BenchmarkError:
    return BenchmarkError(
        f"{path} was changed since the benchmark was added: {fact}. Restore it, or delete the "
        "folder and add the benchmark again."
    )
