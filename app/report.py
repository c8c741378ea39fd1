"""The report of a comparison: gathers what the Compare page shows and draws it into one file.

No streamlit: the command line makes the same report.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import altair as alt
import polars as pl

from app.widgets.charts import differences
from app.widgets.compare_charts import (
    COSTS,
    cost_rows,
    grouped_bars,
    matrix,
    on_front,
    pair_cells,
    pareto,
)
from curation import breakdown, comparing
from curation.benchmarks import Benchmark, read_benchmark
from curation.comparing import Comparisons
from curation.report import Figure, Section, Table, flatten, render
from db import evaluations
from db.store import Store
from trainer import scoreboard

_READING = (
    "Differences in points. Effect size: Cohen's d of the paired differences. Detectable: the "
    "smallest true difference that these queries would show 4 times in 5."
)
COLORS = ["#3730a3", "#0f8a5f", "#c2600a", "#2f8fd0", "#a2348f", "#7a8299"]  # the app's own
WIDTH = 720  # of a plot, in pixels


def comparison_report(store: Store, wanted: Sequence[str], measure: str) -> str:
    """Return the comparison of these evaluations as one self-contained HTML document.

    Args:
        wanted: Names or ids, 2 or more of one benchmark.

    Raises:
        NotFoundError: There is no such evaluation.
        CurationError: They cannot be compared.
    """
    found = scoreboard.compare_evaluations(store, wanted, measure)
    rows = [evaluations.get_evaluation(store, each) for each in wanted]
    labels = dict(zip((row["evaluation_id"] for row in rows), found.means, strict=True))
    benchmark = read_benchmark(store.workspace.benchmarks / rows[0]["benchmark_id"])
    values = evaluations.per_query(store, list(labels), measure).select(
        "qid", "value", name=pl.col("evaluation_id").replace_strict(labels)
    )
    made = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return render(
        f"{measure} on {benchmark.manifest.name}",
        f"{len(found.means)} evaluations over {found.n} queries with labels, "
        f"{benchmark.manifest.n_passages} passages. Made by RankDesk, {made}.",
        [
            _systems(found, rows),
            _tests(found),
            _costs(store, found, labels),
            _by_query(found, values),
            _groups(found, values, benchmark),
            *(_ran_with(label, row) for label, row in zip(found.means, rows, strict=True)),
        ],
    )


def _systems(found: Comparisons, rows: Sequence[dict[str, Any]]) -> Section:
    table = [
        (mark, name, row["strategy"], mean, bounds)
        for (mark, name, mean, bounds), row in zip(comparing.mean_rows(found), rows, strict=True)
    ]
    headings = ["", "Evaluation", "Strategy", f"{found.measure} × 100", "95 % interval"]
    return Section("Means", [Table(headings, table), comparing.note(found)])


def _tests(found: Comparisons) -> Section:
    headings = ["Pair", "Difference", "95 % from", "to", "p", "p (Holm)", "Win / tie / loss"]
    headings += ["Effect size", "Detectable", ""]
    pairs = []
    for pair in found.pairs:
        each = pair.comparison
        pairs.append(
            (
                f"{pair.first} − {pair.second}",
                100 * each.difference,
                *(100 * bound for bound in each.ci),
                f"{each.p:.4f}",
                f"{pair.p_corrected:.4f}",
                f"{each.wins} / {each.ties} / {each.losses}",
                each.effect,
                None if each.detectable is None else 100 * each.detectable,
                "" if pair.separable else "not separable",
            )
        )
    drawn = matrix(pair_cells(found), list(found.means))
    return Section(
        "Significance",
        [
            Figure(_svg(drawn), "Row minus column, in points. Grey pairs are not separable."),
            Table(headings, pairs),
            _READING,
        ],
    )


def _costs(store: Store, found: Comparisons, labels: dict[str, str]) -> Section:
    table = cost_rows(evaluations.costs(store, list(labels)), found, labels)
    figures = []
    for cost in ("completion_tokens", "calls", "seconds_p50"):
        drawn = pl.DataFrame([{**row, "front": on_front(row, table, cost)} for row in table])
        chart = pareto(drawn, cost, COSTS[cost], found.measure)
        caption = f"Quality over {COSTS[cost].lower()}; orange: nothing is better and cheaper."
        figures.append(Figure(_svg(chart), caption))
    names = {
        "completion_tokens": "Generated tokens",
        "prompt_tokens": "Prompt tokens",
        "calls": "Calls",
        "rounds": "Depth",
        "seconds_p50": "Seconds (median)",
        "seconds_p95": "Seconds (95 %)",
    }
    shown = [(row["name"], *(float(row[key]) for key in names)) for row in table]
    return Section("Cost", [Table(["Per query", *names.values()], shown), *figures])


def _by_query(found: Comparisons, values: pl.DataFrame) -> Section:
    wide = values.pivot("name", index="qid", values="value").drop_nulls()
    first, *others = found.means
    figures = []
    for other in others:
        points = [100 * (b - a) for a, b in wide.select(first, other).iter_rows()]
        caption = f"{other} minus {first}, query by query."
        figures.append(Figure(_svg(differences(points)), caption))
    return Section("Differences by query", figures)


def _groups(found: Comparisons, values: pl.DataFrame, benchmark: Benchmark) -> Section:
    ways = {
        "first relevant passage in the first stage": breakdown.by_first_relevant(
            benchmark.first_stage, benchmark.qrels
        ),
        **({"domain": benchmark.domains} if benchmark.domains else {}),
        "query length": breakdown.by_query_length(benchmark.queries),
        "candidates": breakdown.by_list_length(benchmark.first_stage),
    }
    parts: list[str | Table | Figure] = []
    for way, groups in ways.items():
        rows = breakdown.means(values, groups).with_columns(value=100 * pl.col("value"))
        if rows["group"].n_unique() < 2:
            continue
        chart = grouped_bars(rows, list(found.means), found.measure)
        parts.append(Figure(_svg(chart), f"Queries by {way}."))
        wide = rows.pivot("name", index=["group", "n"], values="value")
        names = [name for name in found.means if name in wide.columns]
        headings = [f"{found.measure} × 100", *names, "Queries"]
        parts.append(Table(headings, wide.select("group", *names, "n").rows()))
    return Section("Where", parts)


def _ran_with(label: str, row: dict[str, Any]) -> Section:
    summary = {
        key: row["summary"].get(key)
        for key in (
            *("engine", "libraries", "code_version", "device", "calls", "statuses"),
            *("prompt_tokens", "completion_tokens", "seconds"),
        )
    }
    facts: dict[str, Any] = {
        "evaluation": row["evaluation_id"],
        "checkpoint": row["checkpoint_id"],
        "made": row["created_at"].astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }
    rows = flatten(facts | row["settings"] | summary)
    return Section(f"Settings and versions: {label}", [Table(["", ""], rows)])


def _svg(chart: alt.Chart | alt.LayerChart | alt.FacetChart) -> str:
    """Draw a chart as SVG, offline."""
    import vl_convert

    drawn = chart.properties(width=WIDTH).configure(
        font="system-ui, sans-serif", range=alt.RangeConfig(category=COLORS)
    )
    return str(vl_convert.vegalite_to_svg(drawn.to_json()))
