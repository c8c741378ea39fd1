"""Several systems on one benchmark: every pair tested, and tables for a paper.

p-values are corrected over all pairs by Holm, so that the best of many is not taken for better by
chance. What is not separable is called so.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

from curation.errors import CurationError
from curation.significance import Comparison, compare, holm, interval

LEVEL = 0.05
PAIR_COLUMNS = (
    *("pair", "difference", "95 % interval", "p", "p (Holm)", "win / tie / loss"),
    *("effect size", "detectable"),
)
_MARKS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class Pair:
    """Two systems, the first minus the second.

    Attributes:
        p_corrected: Holm's, over all pairs of the table.
    """

    first: str
    second: str
    comparison: Comparison
    p_corrected: float

    @property
    def separable(self) -> bool:
        """Whether the corrected test tells them apart at 0.05."""
        return self.p_corrected < LEVEL


@dataclass(frozen=True, slots=True)
class Comparisons:
    """Systems over the queries that all of them have.

    Attributes:
        means: By system, 0..1 for most measures.
        intervals: 95 % bootstrap intervals of the means.
        judged: Of the systems that it is known of, judged@10: the share of the first ten passages
            that anyone judged.
    """

    measure: str
    n: int
    means: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    pairs: tuple[Pair, ...]
    judged: Mapping[str, float] = field(default_factory=dict)

    @property
    def worse(self) -> dict[str, list[str]]:
        """Return for each system those that it is separably better than."""
        found: dict[str, list[str]] = {name: [] for name in self.means}
        for pair in self.pairs:
            if pair.separable:
                better, other = pair.first, pair.second
                if pair.comparison.difference < 0:
                    better, other = other, better
                found[better].append(other)
        return found


def compare_all(measure: str, values: Mapping[str, Mapping[str, float]]) -> Comparisons:
    """Test every pair of systems.

    Args:
        values: By system, the measure by qid.

    Raises:
        CurationError: There are fewer than two systems or more than 26, or they share no query.
    """
    if not 2 <= len(values) <= len(_MARKS):
        raise CurationError(f"Compare 2 to {len(_MARKS)} evaluations, not {len(values)}.")
    shared = sorted(set.intersection(*(set(each) for each in values.values())))
    if not shared:
        raise CurationError(
            f"{', '.join(values)} share no query with {measure}: compare evaluations of one "
            "benchmark, by a measure that all of them have."
        )
    columns = {name: [each[qid] for qid in shared] for name, each in values.items()}
    names = list(combinations(columns, 2))
    found = [compare(columns[a], columns[b]) for a, b in names]
    corrected = holm([each.p for each in found])
    return Comparisons(
        measure=measure,
        n=len(shared),
        means={name: sum(column) / len(column) for name, column in columns.items()},
        intervals={name: interval(column) for name, column in columns.items()},
        pairs=tuple(
            Pair(a, b, each, p) for (a, b), each, p in zip(names, found, corrected, strict=True)
        ),
    )


def as_json(found: Comparisons) -> dict[str, Any]:
    """Return plain values: systems, and pairs with their tests."""
    return {
        "measure": found.measure,
        "n": found.n,
        "systems": [
            {
                "name": name,
                "mean": mean,
                "ci95": list(found.intervals[name]),
                "judged@10": found.judged.get(name),
            }
            for name, mean in found.means.items()
        ],
        "pairs": [
            {
                "first": pair.first,
                "second": pair.second,
                "difference": pair.comparison.difference,
                "ci95": list(pair.comparison.ci),
                "p": pair.comparison.p,
                "p_holm": pair.p_corrected,
                "separable": pair.separable,
                "wins": pair.comparison.wins,
                "ties": pair.comparison.ties,
                "losses": pair.comparison.losses,
                "effect": pair.comparison.effect,
                "detectable": pair.comparison.detectable,
            }
            for pair in found.pairs
        ],
    }


def as_markdown(found: Comparisons) -> str:
    """Return a table with significance marks: a letter for each system that a row beats."""
    rows = [
        f"| | system | {found.measure} × 100 | 95 % interval | judged@10 |",
        "|---|---|--:|---|--:|",
    ]
    for mark, name, mean, bounds in mean_rows(found):
        share = f"{found.judged[name]:.0%}" if name in found.judged else "–"
        rows.append(f"| {mark} | {_cell(name)} | {mean} | {bounds} | {share} |")
    head = [_cell(each) for each in PAIR_COLUMNS]
    rows += [
        "",
        note(found),
        "",
        f"| {' | '.join(head)} |",
        "|---" + "|--:" * (len(head) - 1) + "|",
    ]
    rows += [f"| {' | '.join(_cell(each) for each in row)} |" for row in pair_rows(found)]
    return "\n".join(rows)


def as_latex(found: Comparisons) -> str:
    r"""Return the same as a LaTeX tabular (for `\usepackage{booktabs}`)."""
    rows = [
        r"\begin{tabular}{llrl}",
        r"\toprule",
        rf" & system & {_tex(found.measure)} $\times$ 100 & 95\,\% interval \\",
        r"\midrule",
    ]
    for mark, name, mean, bounds in mean_rows(found, raised=r"$^{{{}}}$"):
        rows.append(rf"{mark} & {_tex(name)} & {mean} & {bounds} \\")
    rows += [r"\bottomrule", r"\end{tabular}", f"% {note(found)}"]
    head = " & ".join(_tex(each) for each in PAIR_COLUMNS)
    rows += [rf"\begin{{tabular}}{{l{'r' * (len(PAIR_COLUMNS) - 1)}}}", r"\toprule", rf"{head} \\"]
    rows += [r"\midrule", *(" & ".join(map(_tex, row)) + r" \\" for row in pair_rows(found))]
    return "\n".join([*rows, r"\bottomrule", r"\end{tabular}"])


def mean_rows(found: Comparisons, raised: str = " {}") -> list[tuple[str, str, str, str]]:
    """Return each system's letter, name, mean with the letters that it beats, and interval."""
    names = list(found.means)
    marks = dict(zip(names, _MARKS, strict=False))
    rows = []
    for name in names:
        beaten = "".join(sorted(marks[other] for other in found.worse[name]))
        mean = f"{100 * found.means[name]:.2f}" + (raised.format(beaten) if beaten else "")
        low, high = found.intervals[name]
        rows.append((marks[name], name, mean, f"{100 * low:.2f} to {100 * high:.2f}"))
    return rows


def pair_rows(found: Comparisons) -> list[tuple[str, ...]]:
    """Return every pair's difference and its tests as text, in points, by `PAIR_COLUMNS`."""
    rows: list[tuple[str, ...]] = []
    for pair in found.pairs:
        tested = pair.comparison
        low, high = tested.ci
        rows.append(
            (
                f"{pair.first} − {pair.second}",
                f"{100 * tested.difference:+.2f}" + ("" if pair.separable else " (not separable)"),
                f"{100 * low:+.2f} to {100 * high:+.2f}",
                f"{tested.p:.4f}",
                f"{pair.p_corrected:.4f}",
                f"{tested.wins} / {tested.ties} / {tested.losses}",
                "–" if tested.effect is None else f"{tested.effect:.2f}",
                "–" if tested.detectable is None else f"{100 * tested.detectable:.2f}",
            )
        )
    return rows


def note(found: Comparisons) -> str:
    """Return what the letters mean, and how many pairs are not separable."""
    apart = sum(pair.separable for pair in found.pairs)
    return (
        f"{found.n} queries. A letter behind a mean names a system that it is better than: paired "
        f"permutation test, Holm-corrected over {len(found.pairs)} pairs, p < {LEVEL}. "
        f"Not separable: {len(found.pairs) - apart} of {len(found.pairs)} pairs."
    )


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|")


def _tex(text: str) -> str:
    special = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    special |= {"−": "$-$", **{char: f"\\{char}" for char in "&%$#_{}"}}
    return "".join(special.get(char, char) for char in " ".join(text.split()))
