"""First-stage retrieval by words: BM25 over a benchmark's passages."""

from collections.abc import Mapping

# As Anserini and Pyserini set them.
K1, B = 0.9, 0.4


def bm25(
    queries: Mapping[str, str], passages: Mapping[str, str], depth: int
) -> dict[str, dict[str, float]]:
    """Return the `depth` best passages of each query, best first, with their scores.

    Lucene's form of BM25 (bm25s, arXiv 2407.03618), English stop words, no stemming.

    Args:
        queries: Texts by qid.
        passages: Texts by docid, at least one.
    """
    import bm25s

    docids = list(passages)
    index = bm25s.BM25(method="lucene", k1=K1, b=B)
    index.index(
        bm25s.tokenize(list(passages.values()), stopwords="en", show_progress=False),
        show_progress=False,
    )
    found, scores = index.retrieve(
        bm25s.tokenize(list(queries.values()), stopwords="en", show_progress=False),
        corpus=docids,
        k=min(depth, len(docids)),
        show_progress=False,
    )
    return {
        qid: {str(docid): float(score) for docid, score in zip(row, values, strict=True)}
        for qid, row, values in zip(queries, found, scores, strict=True)
    }
