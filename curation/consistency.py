"""Self-consistency: does the teacher's order agree with the teacher's own labels?"""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from curation.measures import average_overlap, first_relevant_rank, ndcg_at, recall_at

DEFAULT_CUT = 0.4
"""nDCG@10 below which the recipe drops an item (arXiv 2508.07050, section 4.1.5)."""


@dataclass(frozen=True, slots=True)
class Consistency:
    """One ranking against the pointwise labels of the same teacher.

    Attributes:
        ndcg: nDCG@10, 0..1.
        recall: Recall@10, 0..1.
        overlap: Average overlap with the pointwise order: relevant first, each part in initial
            order.
        first_relevant: 1-based rank of the first relevant passage; None without one.
    """

    ndcg: float
    recall: float
    overlap: float
    first_relevant: int | None


def self_consistency(
    ranking: Sequence[str], relevant_docids: Sequence[str], initial_list: Sequence[str]
) -> Consistency:
    """Measure a complete ranking of `initial_list` against the labels."""
    labels = set(relevant_docids)
    pointwise = sorted(initial_list, key=lambda docid: docid not in labels)
    return Consistency(
        ndcg=ndcg_at(ranking, labels),
        recall=recall_at(ranking, labels),
        overlap=average_overlap(ranking, pointwise),
        first_relevant=first_relevant_rank(ranking, labels),
    )


def kept_curve(values: pl.DataFrame, cuts: Sequence[float]) -> pl.DataFrame:
    """Count what each cut keeps (nDCG at or above it) and drops.

    Args:
        values: One row an item, with domain and ndcg.

    Returns:
        Columns domain, cut, kept, dropped; one row for each domain and cut, sorted.
    """
    return (
        values.select("domain", "ndcg")
        .join(pl.DataFrame({"cut": list(cuts)}, schema={"cut": pl.Float64}), how="cross")
        .group_by("domain", "cut")
        .agg(
            kept=(pl.col("ndcg") >= pl.col("cut")).sum().cast(pl.Int64),
            dropped=(pl.col("ndcg") < pl.col("cut")).sum().cast(pl.Int64),
        )
        .sort("domain", "cut")
    )
