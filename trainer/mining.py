"""Candidates of a source's queries: BM25 and dense retrieval, fused by reciprocal rank."""

from collections.abc import Callable, Sequence

from curation.duplicates import normal
from curation.fusion import RRF_K
from curation.retrieval import bm25
from curation.source_folder import Source, SourceQuery
from curation.training_items import full_text

Progress = Callable[[int, int], None]


def mine(
    source: Source,
    depth: int,
    *,
    dense: bool,
    queries: Sequence[SourceQuery] | None = None,
    on_progress: Progress | None = None,
) -> dict[str, list[str]]:
    """Return up to `depth` docids for each query that brings no candidates of its own, best first.

    Both retrievers give `depth` passages; the fused list keeps the `depth` with the largest sums of
    1 / (60 + rank). With human labels BM25 alone is used, as the recipe does for MS MARCO. No
    passage that says just what the query says is its candidate: theorems are passages too.

    Args:
        dense: Use the sentence encoder too (see `trainer.similar`).
        queries: Those of the source that are asked for; all of them by default.
        on_progress: Told how many passages are encoded, and of how many.
    """
    queries = source.queries if queries is None else queries
    wanted = {query.qid: query.text for query in queries if not query.candidates}
    if not wanted:
        return {}
    pool = source.every_passage()
    texts = {docid: full_text(passage) for docid, passage in pool.items()}
    found = {qid: list(hits) for qid, hits in bm25(wanted, texts, depth).items()}
    labelled = {query.qid for query in queries if query.relevant}
    meant = {qid: text for qid, text in wanted.items() if qid not in labelled}
    if dense and meant:
        from trainer.similar import nearest

        for qid, hits in nearest(meant, texts, min(depth, len(texts)), on_progress).items():
            found[qid] = _fused(found[qid], [docid for docid, _ in hits], depth)
    for qid, docids in found.items():
        asked = normal(wanted[qid])
        found[qid] = [docid for docid in docids if normal(pool[docid].text) != asked]
    return found


def _fused(first: list[str], second: list[str], depth: int) -> list[str]:
    """Fuse two lists of which neither need hold all of the other."""
    sums: dict[str, float] = {}
    for order in (first, second):
        for rank, docid in enumerate(order, start=1):
            sums[docid] = sums.get(docid, 0.0) + 1 / (RRF_K + rank)
    return sorted(sums, key=lambda docid: -sums[docid])[:depth]
