"""Retrieval measures by ir-measures, with trec_eval's values, always per query."""

from collections.abc import Iterable, Mapping, Sequence

import ir_measures

from curation.errors import CurationError


def per_query(
    qrels: Mapping[str, Mapping[str, int]],
    run: Mapping[str, Mapping[str, float]],
    measures: Sequence[str],
) -> dict[str, dict[str, float]]:
    """Return the measures of every query of the qrels, 0 where the run has no results for it.

    Args:
        qrels: Relevance by qid and docid.
        run: Scores by qid and docid; ties are broken as trec_eval does, by docid descending.
        measures: Names that ir-measures knows, such as `nDCG@10`; the results carry them as given.

    Raises:
        CurationError: If names are unknown; it lists them all.
    """
    parsed = parse_measures(measures)
    values = {qid: dict.fromkeys(measures, 0.0) for qid in qrels}
    by_name = {str(measure): name for name, measure in parsed.items()}
    evaluated = ir_measures.iter_calc(
        list(parsed.values()),
        {qid: dict(judged) for qid, judged in qrels.items()},
        {qid: dict(scores) for qid, scores in run.items()},
    )
    for metric in evaluated:
        if metric.query_id in values:
            values[metric.query_id][by_name[str(metric.measure)]] = float(metric.value)
    return values


def mean(values: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Return the macro average of each measure over the queries."""
    names = next(iter(values.values()), {})
    return {name: sum(v[name] for v in values.values()) / len(values) for name in names}


def parse_measures(names: Iterable[str]) -> dict[str, ir_measures.measures.Measure]:
    """Return ir-measures' measure for each name, in order.

    Raises:
        CurationError: If names are unknown; it lists them all.
    """
    found, unknown = {}, []
    for name in names:
        try:
            found[name] = ir_measures.parse_measure(name)
        except (NameError, ValueError, SyntaxError, TypeError, AssertionError):
            unknown.append(name)
    if unknown:
        raise CurationError(
            f"Unknown measures: {', '.join(unknown)}. Examples: nDCG@10, R@10, AP, RR@10, P@5."
        )
    return found
