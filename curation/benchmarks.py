"""Benchmarks: queries, passages, labels and a first-stage run, checked once and kept as parquet.

`<benchmark_id>/` holds `queries.parquet` (qid, text), `passages.parquet` (docid, title, text),
`qrels.parquet` (qid, docid, relevance), `run.parquet` (qid, docid, rank, score) and
`manifest.json`; where there are any, also `excluded.parquet` (qid, docid), the passages that must
not be ranked for a query, and `domains.parquet` (qid, domain). The id is a hash of the content,
whatever form the files came in.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Literal

import polars as pl
from pydantic import BaseModel, ConfigDict, ValidationError

from curation.benchmark_files import read_domains, read_lines, read_passages, read_queries
from curation.benchmark_folders import DEFAULT_SPLIT, Published, read_folder
from curation.errors import CurationError, FormatError
from curation.folders import draft_folder, publish, sha256_of
from curation.trec import best_first, read_qrels, read_run, run_tag
from db.records import Passage

MANIFEST = "manifest.json"
_SHOWN = 10  # ids of a kind that an error names
_SCHEMAS: dict[str, dict[str, type[pl.DataType]]] = {
    "queries": {"qid": pl.String, "text": pl.String},
    "passages": {"docid": pl.String, "title": pl.String, "text": pl.String},
    "qrels": {"qid": pl.String, "docid": pl.String, "relevance": pl.Int64},
    "run": {"qid": pl.String, "docid": pl.String, "rank": pl.Int64, "score": pl.Float64},
    "excluded": {"qid": pl.String, "docid": pl.String},
    "domains": {"qid": pl.String, "domain": pl.String},
}
_OPTIONAL = ("excluded", "domains")  # no file where they are empty


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
        retriever: What made the first-stage run, by the tag of its first line; None where the run
            has no tags.
        max_passage_tokens: Where published results on it cut passages, if that is known.
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
    retriever: str | None = None
    max_passage_tokens: int | None = None
    files: dict[str, str]


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A benchmark, read.

    Attributes:
        qrels: Relevance by qid and docid.
        first_stage: Docids by qid, best first, as a ranker is shown them: by score, equal scores
            in the order of the run's file.
        scores: The first stage's scores by qid and docid.
        excluded: Docids that must not be ranked, by qid.
        domains: Of the queries that have one.
    """

    manifest: BenchmarkManifest
    queries: dict[str, str]
    qrels: dict[str, dict[str, int]]
    first_stage: dict[str, list[str]]
    scores: dict[str, dict[str, float]]
    excluded: dict[str, set[str]]
    domains: dict[str, str]
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
    content = Published(
        queries=read_queries(queries),
        passages=read_passages(passages),
        qrels=read_qrels(qrels),
        run=read_run(run),
        domains=read_domains(queries),
        files={"queries": queries, "passages": passages, "qrels": qrels},
    )
    _require_known("docid", qrels, content.qrels, content)
    return _add(root, name, content, run)


def add_folder(
    root: Path, name: str, folder: Path, *, run: Path, split: str = DEFAULT_SPLIT
) -> BenchmarkManifest:
    """Keep a published BEIR, BRIGHT or R2MED folder as a new benchmark of `root`.

    Args:
        run: The first stage: a TREC run or a RankLLM request file.
        split: BEIR's split or BRIGHT's task (`curation.benchmark_folders`).

    Returns:
        The manifest; where `root` holds the same content already, the one that lies there.

    Raises:
        FormatError: If a file is missing or malformed, or names ids that another does not have.
        BenchmarkError: If the name is blank.
    """
    return _add(root, name, read_folder(folder, run=run, split=split), run)


def _add(root: Path, name: str, content: Published, run: Path) -> BenchmarkManifest:
    """Check the parts against each other and keep them as a new folder of `root`."""
    _require_known("qid", content.files["qrels"], content.qrels, content)
    _require_known("qid", run, content.run, content)
    _require_known("docid", run, content.run, content)
    return keep(root, name, content, run_tag(run))


def keep(root: Path, name: str, content: Published, retriever: str | None) -> BenchmarkManifest:
    """Keep content whose parts fit together as a new folder of `root`.

    Args:
        retriever: What made the first-stage run, where that is known.

    Returns:
        The manifest; where `root` holds the same content already, the one that lies there.

    Raises:
        BenchmarkError: If the name is blank.
    """
    if not name.strip():
        raise BenchmarkError("A benchmark needs a name.")
    frames = _frames(content, content.run)
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
            n_queries=len(content.queries),
            n_passages=len(content.passages),
            n_judged=len(content.qrels),
            n_qrels=frames["qrels"].height,
            n_ranked=len(content.run),
            n_run=frames["run"].height,
            retriever=retriever,
            max_passage_tokens=content.max_passage_tokens,
            files={path.name: sha256_of(path) for path in sorted(draft.iterdir())},
        )
        text = manifest.model_dump_json(indent=1, exclude_none=True)
        (draft / MANIFEST).write_text(text + "\n", encoding="utf-8")
        publish(draft, target)
    return manifest


def read_benchmark(folder: Path) -> Benchmark:
    """Return the benchmark that `add_benchmark` wrote.

    Raises:
        BenchmarkError: If there is none in the folder, or a file was changed; it names the file.
    """
    manifest = _verify(folder)
    frames = {
        part: pl.read_parquet(path)
        if (path := folder / f"{part}.parquet").name in manifest.files
        else pl.DataFrame(schema=schema)
        for part, schema in _SCHEMAS.items()
    }
    labels: dict[str, dict[str, int]] = {}
    for qid, docid, relevance in frames["qrels"].iter_rows():
        labels.setdefault(qid, {})[docid] = relevance
    scores: dict[str, dict[str, float]] = {}
    for qid, docid, _, score in frames["run"].iter_rows():  # stored by rank
        scores.setdefault(qid, {})[docid] = score
    excluded: dict[str, set[str]] = {}
    for qid, docid in frames["excluded"].iter_rows():
        excluded.setdefault(qid, set()).add(docid)
    return Benchmark(
        manifest=manifest,
        queries=dict(frames["queries"].iter_rows()),
        qrels=labels,
        first_stage={qid: list(results) for qid, results in scores.items()},
        scores=scores,
        excluded=excluded,
        domains=dict(frames["domains"].iter_rows()),
        _passages=frames["passages"],
    )


def _frames(
    content: Published, results: Mapping[str, Mapping[str, float]]
) -> dict[str, pl.DataFrame]:
    """Return the tables, rows in an order that the content alone decides."""
    docs, labels = content.passages, content.qrels
    rows: dict[str, list[tuple[object, ...]]] = {
        "queries": sorted(content.queries.items()),
        "passages": [(docid, docs[docid].title, docs[docid].text) for docid in sorted(docs)],
        "qrels": [
            (qid, docid, relevance)
            for qid in sorted(labels)
            for docid, relevance in sorted(labels[qid].items())
        ],
        "run": [
            (qid, docid, rank, results[qid][docid])
            for qid in sorted(results)
            for rank, docid in enumerate(best_first(results[qid]), start=1)
        ],
        "excluded": [
            (qid, docid)
            for qid in sorted(content.excluded.keys() & content.queries.keys())
            for docid in sorted(content.excluded[qid])
        ],
        "domains": sorted(content.domains.items()),
    }
    return {
        part: pl.DataFrame(rows[part], schema=schema, orient="row")
        for part, schema in _SCHEMAS.items()
        if rows[part] or part not in _OPTIONAL
    }


def _content_id(frames: Mapping[str, pl.DataFrame]) -> str:
    digest = sha256()
    for part, frame in frames.items():
        digest.update(f"{part}\n".encode())
        for row in frame.iter_rows():
            digest.update(json.dumps(row, ensure_ascii=False).encode() + b"\n")
    return digest.hexdigest()[:16]


def _require_known(
    field: Literal["qid", "docid"],
    path: Path,
    table: Mapping[str, Mapping[str, float]],
    content: Published,
) -> None:
    """Raise FormatError if qrels or a run name queries or passages that are not there."""
    place, known, other = {
        "qid": (0, content.queries.keys(), content.files["queries"]),
        "docid": (1, content.passages.keys(), content.files["passages"]),
    }[field]
    pairs = [(qid, docid) for qid, docids in table.items() for docid in docids]
    missing = list(dict.fromkeys(pair[place] for pair in pairs if pair[place] not in known))
    if not missing:
        return
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
        if text.split(maxsplit=1)[:1] == [qid] and docid in text:
            return number
    return None


def read_manifest(folder: Path) -> BenchmarkManifest:
    """Return the manifest alone, without a look at the files that it lists.

    Raises:
        BenchmarkError: If there is no benchmark in the folder, or its manifest was changed.
    """
    try:
        return BenchmarkManifest.model_validate_json((folder / MANIFEST).read_bytes())
    except (FileNotFoundError, NotADirectoryError) as error:
        raise BenchmarkError(
            f"There is no benchmark in {folder}: {MANIFEST} is missing. "
            "Add one with `rankdesk benchmark add`."
        ) from error
    except ValidationError as error:
        raise _changed(folder / MANIFEST, f"it has {error.error_count()} faults") from error


def _verify(folder: Path) -> BenchmarkManifest:
    """Return the manifest after checking every file against it."""
    manifest = read_manifest(folder)
    optional = {f"{part}.parquet" for part in _OPTIONAL}
    if set(manifest.files) | optional != {f"{part}.parquet" for part in _SCHEMAS}:
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
