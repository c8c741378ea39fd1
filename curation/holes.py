"""Holes: ranked passages that nobody judged, which every measure counts as irrelevant.

A better ranker may find relevant passages that the pool of judged ones lacks, and score lower for
it; many holes in the top ranks say that the qrels are too incomplete to compare by.
"""

from collections.abc import Mapping

from curation.errors import CurationError

_Qrels = Mapping[str, Mapping[str, int]]
_Run = Mapping[str, Mapping[str, float]]


def holes(qrels: _Qrels, run: _Run, k: int = 10) -> dict[str, list[str]]:
    """Return the unjudged docids among the first k of each judged query, best first.

    Passages are ordered by score, equal scores by docid descending, as trec_eval does (ir-measures'
    `Judged` breaks ties the other way). Queries that the run has nothing for are left out.

    Raises:
        CurationError: If k is less than 1.
    """
    return {
        qid: [docid for docid in top if docid not in qrels[qid]]
        for qid, top in _tops(qrels, run, k).items()
    }


def judged_at(qrels: _Qrels, run: _Run, k: int = 10) -> dict[str, float]:
    """Return the judged share, 0..1, of the first k (or fewer) of each query, as `holes` has them.

    Raises:
        CurationError: If k is less than 1.
    """
    return {
        qid: sum(docid in qrels[qid] for docid in top) / len(top)
        for qid, top in _tops(qrels, run, k).items()
    }


def _tops(qrels: _Qrels, run: _Run, k: int) -> dict[str, list[str]]:
    if k < 1:
        raise CurationError(f"The depth must be at least 1, got {k}. Measures look at 10 mostly.")
    return {
        qid: [docid for _, docid in sorted(((s, d) for d, s in run[qid].items()), reverse=True)[:k]]
        for qid in qrels
        if run.get(qid)
    }
