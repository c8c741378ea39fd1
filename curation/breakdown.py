"""Where a system wins or loses: its queries in groups that may matter."""

from collections.abc import Mapping, Sequence
from statistics import quantiles

import polars as pl

from curation.measures import first_relevant_rank

Groups = dict[str, str]  # from qid to the group's name
_NONE = "none in the list"


def by_query_length(queries: Mapping[str, str]) -> Groups:
    """Group queries into thirds by their number of words."""
    lengths = {qid: len(text.split()) for qid, text in queries.items()}
    if len(set(lengths.values())) < 3:
        return {qid: f"{length} words" for qid, length in lengths.items()}
    low, high = quantiles(lengths.values(), n=3)
    return {
        qid: f"1: up to {low:.0f} words"
        if length <= low
        else f"2: up to {high:.0f} words"
        if length <= high
        else f"3: over {high:.0f} words"
        for qid, length in lengths.items()
    }


def by_list_length(candidates: Mapping[str, Sequence[str]]) -> Groups:
    """Group queries by how many candidates they have."""
    sizes = sorted({len(docids) for docids in candidates.values()})
    width = len(str(max(sizes, default=0)))
    return {qid: f"{len(docids):>{width}} candidates" for qid, docids in candidates.items()}


def by_first_relevant(
    candidates: Mapping[str, Sequence[str]], qrels: Mapping[str, Mapping[str, int]]
) -> Groups:
    """Group queries by where the first stage has its first relevant passage.

    A ranker that only wins where this is early follows the order it was shown.
    """
    groups = {}
    for qid, docids in candidates.items():
        relevant = {docid for docid, grade in qrels.get(qid, {}).items() if grade > 0}
        rank = first_relevant_rank(list(docids), relevant)
        groups[qid] = _NONE if rank is None else _decade(rank)
    return groups


def _decade(rank: int) -> str:
    for number, (low, high) in enumerate(((1, 1), (2, 5), (6, 10), (11, 20)), start=1):
        if rank <= high:
            return f"{number}: at {low}" if low == high else f"{number}: {low} to {high}"
    return "5: below 20"


def by_repairs(shares: Mapping[str, float]) -> Groups:
    """Group queries by whether any of their answers had to be repaired."""
    return {qid: "repaired" if share > 0 else "all answers clean" for qid, share in shares.items()}


def means(values: pl.DataFrame, groups: Groups) -> pl.DataFrame:
    """Return each system's mean in each group.

    Args:
        values: Columns name, qid, value.

    Returns:
        Columns group, name, value, n; groups in their names' order.
    """
    return (
        values.filter(pl.col("qid").is_in(list(groups)))
        .with_columns(group=pl.col("qid").replace_strict(groups, default=None))
        .group_by("group", "name", maintain_order=True)
        .agg(value=pl.col("value").mean(), n=pl.len())
        .sort("group", maintain_order=True)
    )
