"""Retrieval measures by ir-measures, with trec_eval's values, always per query."""

from collections.abc import Iterable, Mapping, Sequence

import ir_measures
from ir_measures.providers import FallbackProvider, Provider

from curation.errors import CurationError

# trec_eval first, then what it lacks (RR@k, Judged, Compat, …). The default pipeline would go on to
# gdeval, a perl script that fails on ids with spaces.
_PROVIDER: Provider = FallbackProvider(  # type: ignore[no-untyped-call]
    [
        ir_measures.pytrec_eval,
        ir_measures.msmarco,
        ir_measures.judged,
        ir_measures.compat,
        ir_measures.accuracy,
    ]
)
_LARGEST = 1_000_000


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
    names: dict[str, list[str]] = {}  # AP and MAP are one measure
    for name, measure in parsed.items():
        names.setdefault(str(measure), []).append(name)
    evaluated = _PROVIDER.iter_calc(
        list(parsed.values()),
        {qid: dict(judged) for qid, judged in qrels.items()},
        {qid: dict(scores) for qid, scores in run.items()},
    )
    for metric in evaluated:
        if metric.query_id in values:
            for name in names[str(metric.measure)]:
                values[metric.query_id][name] = float(metric.value)
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
            measure = ir_measures.parse_measure(name)
            sane = all(_sane(*each) for each in measure.params.items())
            known = sane and _PROVIDER.supports(measure)
        except (NameError, ValueError, SyntaxError, TypeError, AssertionError):
            known = False
        if known:
            found[name] = measure
        else:
            unknown.append(name)
    if unknown:
        raise CurationError(
            f"Unknown measures: {', '.join(unknown)}. Examples: nDCG@10, R@10, AP, RR@10, P@5."
        )
    return found


def _sane(name: str, value: object) -> bool:
    """Return whether a measure's parameter is one that trec_eval's code survives.

    It aborts the whole process at a cutoff of 0, for one.
    """
    if isinstance(value, bool | str):
        return name not in ("cutoff", "rel")
    if isinstance(value, dict):  # the gain of each relevance
        return all(isinstance(gain, int) and 0 <= gain <= _LARGEST for gain in value.values())
    if isinstance(value, int):
        return 1 <= value <= _LARGEST
    return isinstance(value, float) and 0 <= value <= _LARGEST
