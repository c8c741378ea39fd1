"""Sources: queries and passages that a teacher has not labelled yet, kept as parquet.

`<source_id>/` holds `queries.parquet` (qid, domain, text, answer, linked, relevant, candidates),
`passages.parquet` (docid, title, text) and `manifest.json`; `duplicates.parquet` where some were
taken out. The id is a hash of queries and passages. What may be asked with the gold answer and what
without is decided by types: see `curation.synthesis`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import polars as pl
from pydantic import BaseModel, ConfigDict, ValidationError

from curation.errors import CurationError
from curation.folders import draft_folder, publish, sha256_of
from db.records import Passage

MANIFEST, QUERIES, PASSAGES = "manifest.json", "queries.parquet", "passages.parquet"
DUPLICATES = "duplicates.parquet"
_QUERIES: dict[str, Any] = {
    "qid": pl.String,
    "domain": pl.String,
    "text": pl.String,
    "answer": pl.String,
    "linked": pl.List(pl.String),
    "relevant": pl.List(pl.String),
    "candidates": pl.List(pl.String),
}
PASSAGES_SCHEMA = {"docid": pl.String, "title": pl.String, "text": pl.String}
DUPLICATES_SCHEMA: dict[str, Any] = {
    "what": pl.String,  # queries or passages
    "cluster": pl.String,  # the id of the one that stays
    "id": pl.String,
    "kind": pl.String,  # kept, exact, near or semantic
    "similarity": pl.Float64,
    "text": pl.String,
}
"""Clusters of texts that are alike: one row for each that stays and each that went for it."""


class SourceError(CurationError):
    """A source cannot be added or read as asked."""


@dataclass(frozen=True, slots=True)
class SourceQuery:
    """One query, and what its source says about it.

    Attributes:
        domain: The domain key, such as `biology`.
        answer: The gold answer or solution; "" where there is none.
        linked: Docids of passages from the pages that the answer links to.
        relevant: Human labels, docids; empty where a teacher is to give them.
        candidates: A list that is given, in initial order; empty where it is to be mined.
    """

    qid: str
    domain: str
    text: str
    answer: str = ""
    linked: tuple[str, ...] = ()
    relevant: tuple[str, ...] = ()
    candidates: tuple[str, ...] = ()


class SourceManifest(BaseModel):
    """What a source is.

    Attributes:
        source_id: First 16 hex digits of the SHA-256 of its content.
        kind: The form it came in: stackexchange, problems, theorems, msmarco, beir, table, demo.
        files: SHA-256 of each file, by name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source_id: str
    name: str
    kind: str
    n_queries: int
    n_passages: int
    domains: dict[str, int]
    files: dict[str, str]


@dataclass(frozen=True, slots=True)
class Source:
    """A source, read. Its passages stay a frame (docid, title, text): there may be millions."""

    manifest: SourceManifest
    queries: tuple[SourceQuery, ...]
    passages: pl.DataFrame

    def every_passage(self) -> dict[str, Passage]:
        """Return all passages by docid."""
        return {row["docid"]: Passage(**row) for row in self.passages.iter_rows(named=True)}


def write_source(
    root: Path,
    name: str,
    kind: str,
    queries: Iterable[SourceQuery],
    passages: pl.DataFrame,
    duplicates: pl.DataFrame | None = None,
) -> SourceManifest:
    """Check a source and keep it as a new folder of `root`.

    Args:
        passages: Columns docid, title, text.
        duplicates: What was taken out before (see `DUPLICATES_SCHEMA`).

    Returns:
        The manifest; where `root` holds the same content already, the one that lies there.

    Raises:
        SourceError: If it is empty, ids stand twice, or a query names a passage that is not there.
    """
    frame = pl.DataFrame([asdict(query) for query in queries], schema=_QUERIES)
    passages = passages.select(
        pl.col(column).cast(kind_) for column, kind_ in PASSAGES_SCHEMA.items()
    )
    _check(name, frame, passages)
    digest = sha256()
    for table in (frame, passages):
        for row in table.iter_rows():
            digest.update(repr(row).encode())
    source_id = digest.hexdigest()[:16]
    target = root / source_id
    if target.exists():
        return read_manifest(target)
    with draft_folder(root) as draft:
        frame.write_parquet(draft / QUERIES)
        passages.write_parquet(draft / PASSAGES)
        if duplicates is not None and not duplicates.is_empty():
            duplicates.write_parquet(draft / DUPLICATES)
        counts = frame.group_by("domain").len().sort("domain")
        manifest = SourceManifest(
            source_id=source_id,
            name=name,
            kind=kind,
            n_queries=len(frame),
            n_passages=len(passages),
            domains=dict(counts.iter_rows()),
            files={path.name: sha256_of(path) for path in sorted(draft.iterdir())},
        )
        (draft / MANIFEST).write_text(manifest.model_dump_json(indent=1), encoding="utf-8")
        publish(draft, target)
    return manifest


def read_manifest(folder: Path) -> SourceManifest:
    """Read what a source is.

    Raises:
        SourceError: If the folder holds no source.
    """
    try:
        return SourceManifest.model_validate_json((folder / MANIFEST).read_bytes())
    except (OSError, ValidationError) as error:
        raise SourceError(f"{folder} holds no source: {error}. Add it again.") from error


def read_source(folder: Path) -> Source:
    """Read a source that `write_source` kept.

    Raises:
        SourceError: If the folder holds no source.
    """
    manifest = read_manifest(folder)
    lists = ("linked", "relevant", "candidates")
    queries = tuple(
        SourceQuery(**{**row, **{key: tuple(row[key]) for key in lists}})
        for row in pl.read_parquet(folder / QUERIES).iter_rows(named=True)
    )
    return Source(manifest, queries, pl.read_parquet(folder / PASSAGES))


def queries_of(folder: Path, *, contains: str = "", most: int = 1000) -> pl.DataFrame:
    """Return the first queries of a source whose text contains these words, in any case."""
    found = pl.scan_parquet(folder / QUERIES)
    if contains:
        text = pl.col("text").str.to_lowercase()
        found = found.filter(text.str.contains(contains.lower(), literal=True))
    return found.head(most).collect()


def count_unanswered(folder: Path) -> tuple[int, int]:
    """Return how many queries have neither an answer nor labels, and how many there are."""
    bare = (pl.col("answer") == "") & (pl.col("relevant").list.len() == 0)
    queries = pl.scan_parquet(folder / QUERIES)
    counts = queries.select(bare.sum().alias("bare"), pl.len().alias("all")).collect()
    return int(counts["bare"][0]), int(counts["all"][0])


def passages_of(folder: Path, docids: Sequence[str]) -> pl.DataFrame:
    """Return these passages of a source, in this order, each once."""
    wanted = pl.LazyFrame({"docid": list(dict.fromkeys(docids))}, schema={"docid": pl.String})
    pool = pl.scan_parquet(folder / PASSAGES)
    return wanted.join(pool, on="docid", how="left", maintain_order="left").collect()


def read_duplicates(folder: Path) -> pl.DataFrame:
    """Return the clusters of a source's duplicates, as `DUPLICATES_SCHEMA` says."""
    if not (folder / DUPLICATES).exists():
        return pl.DataFrame(schema=DUPLICATES_SCHEMA)
    return pl.read_parquet(folder / DUPLICATES)


def _check(name: str, queries: pl.DataFrame, passages: pl.DataFrame) -> None:
    if not name.strip():
        raise SourceError("A source needs a name.")
    for what, frame, key in (("query", queries, "qid"), ("passage", passages, "docid")):
        if frame.is_empty():
            raise SourceError(f"The source {name} has no {what}: nothing was added.")
        if (twice := frame.filter(pl.col(key).is_duplicated())).height:
            raise SourceError(
                f"The source {name} has the {key} {twice[key][0]!r:.80} twice: make each distinct."
            )
        empty = frame.filter(pl.col(key).fill_null("").str.strip_chars() == "")
        if empty.height:
            raise SourceError(f"The source {name} has a {what} without {key}.")
    for column in ("linked", "relevant", "candidates"):
        named = queries.select("qid", pl.col(column).alias("docid")).explode("docid").drop_nulls()
        unknown = named.join(passages, on="docid", how="anti")
        if unknown.height:
            qid, docid = unknown.row(0)
            raise SourceError(
                f"The source {name}: query {qid!r:.80} names {docid!r:.80} under {column}, and no "
                f"passage has that docid ({unknown.height} such cases)."
            )
