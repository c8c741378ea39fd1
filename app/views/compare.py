"""Compare: up to five evaluations, every pair tested, what they cost and where they differ."""

from typing import Any

import polars as pl
import streamlit as st

from app.report import comparison_report
from app.store import store
from app.widgets.compare_charts import (
    COSTS,
    cost_rows,
    grouped_bars,
    matrix,
    on_front,
    pair_cells,
    pareto,
    scatter,
)
from app.widgets.page import empty_state, heading, link, mendable
from app.widgets.pick import pick
from app.widgets.prices import price_editor
from app.widgets.query_diff import benchmark_of
from app.widgets.shuffle_test import shuffle_test
from app.widgets.text import key_of, many
from curation import breakdown, comparing
from curation.comparing import Comparisons
from curation.repeats import repeats, setting, spread
from db import benchmarks, evaluations
from trainer import costs, ingest, scoreboard

MOST = 5

PRICE = "US dollars per 1,000 queries"

opened = store()
ingest.sync(opened)


@st.cache_data(max_entries=100, show_spinner="Testing every pair …")
def compared(root: str, chosen: tuple[str, ...], measure: str) -> Comparisons:
    """Return the tests, made once for a choice; evaluations never change."""
    return scoreboard.compare_evaluations(store(), chosen, measure)


def choose() -> tuple[str, list[str], str]:
    """Draw the choice; return the benchmark, the evaluations and the measure."""
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    found = benchmarks.list_benchmarks(opened)
    with left:
        benchmark_id = pick(
            "Benchmark",
            {row["benchmark_id"]: row["name"] for row in found},
            key="benchmark",
            default=found[-1]["benchmark_id"],
        )
    names = evaluations.measure_names(opened, benchmark_id)
    measure = right.selectbox("Measure", names, key="measure", bind="query-params") or names[0]
    rows = evaluations.list_evaluations(opened, benchmark_id)
    labels = {row["evaluation_id"]: f"{row['name']} · {row['strategy']}" for row in rows}
    linked = [each for each in st.query_params.get("of", "").split(",") if each in labels]
    chosen = st.multiselect(
        "Evaluations",
        list(labels),
        default=linked or [row["evaluation_id"] for row in rows][:3],
        format_func=labels.__getitem__,
        max_selections=MOST,
        key=key_of("compare", benchmark_id),  # the link decides once, then the reader does
    )
    st.query_params["of"] = ",".join(chosen)
    return benchmark_id, chosen, measure


def tests(found: Comparisons) -> None:
    """Draw means, and the difference of every pair."""
    st.altair_chart(
        matrix(pair_cells(found), list(found.means)),
        alt="Differences of every pair, row minus column",
    )
    st.caption(
        f"Row minus column, in points, over {many(found.n, 'query', 'queries')}. Grey pairs are "
        f"not separable: p ≥ {comparing.LEVEL} by a paired permutation test, Holm-corrected over "
        f"{many(len(found.pairs), 'pair')}."
    )
    st.dataframe(
        pl.DataFrame(
            [
                {
                    "pair": f"{pair.first} − {pair.second}",
                    "difference": 100 * pair.comparison.difference,
                    "low": 100 * pair.comparison.ci[0],
                    "high": 100 * pair.comparison.ci[1],
                    "p": pair.comparison.p,
                    "holm": pair.p_corrected,
                    "wtl": f"{pair.comparison.wins} / {pair.comparison.ties} / "
                    f"{pair.comparison.losses}",
                    "effect": pair.comparison.effect,
                    "detectable": None
                    if pair.comparison.detectable is None
                    else 100 * pair.comparison.detectable,
                }
                for pair in found.pairs
            ],
            infer_schema_length=None,
        ),
        hide_index=True,
        alt="Every pair with its tests",
        column_config={
            "pair": "Pair",
            "difference": st.column_config.NumberColumn("Difference", format="%+.2f"),
            "low": st.column_config.NumberColumn("95 % from", format="%.2f"),
            "high": st.column_config.NumberColumn("to", format="%.2f"),
            "p": st.column_config.NumberColumn("p", format="%.4f"),
            "holm": st.column_config.NumberColumn("p (Holm)", format="%.4f"),
            "wtl": "Win / tie / loss",
            "effect": st.column_config.NumberColumn("Effect size", format="%.2f"),
            "detectable": st.column_config.NumberColumn(
                "Detectable",
                format="%.2f",
                help="The smallest true difference that these queries would show 4 times in 5.",
            ),
        },
    )


def spending(found: Comparisons, labels: dict[str, str]) -> None:
    """Draw what each evaluation cost, and quality over cost."""
    made = [evaluations.get_evaluation(opened, each) for each in labels]
    prices: dict[str, float | None] = {}
    with mendable():
        prices = costs.price_per_query(opened, made)
    priced = bool(prices) and None not in prices.values()
    shown = {"price": PRICE, **COSTS} if priced else COSTS
    rows = cost_rows(evaluations.costs(opened, list(labels)), found, labels)
    table = [
        row | {"each": prices.get(each), "price": _thousand(prices.get(each))}
        for each, row in zip(labels, rows, strict=True)
    ]
    left, right = st.columns([2, 3], gap="medium")
    with left:
        cost = st.selectbox(
            "Cost", list(shown), format_func=shown.__getitem__, key="cost", bind="query-params"
        )
        number = st.column_config.NumberColumn
        st.dataframe(
            pl.DataFrame(table).select("name", "each", "price", *COSTS, "seconds_p95"),
            hide_index=True,
            alt="What each evaluation cost, per query",
            column_config={
                "name": st.column_config.TextColumn("Per query", pinned=True),
                "each": number("$ / query", format="%.6f", help="By the price table"),
                "price": number("$ / 1,000", format="%.2f", help=f"{PRICE}; by the price table"),
                "completion_tokens": number("Generated", format="%.0f"),
                "prompt_tokens": number("Prompt tokens", format="%.0f"),
                "calls": number("Calls", format="%.1f"),
                "rounds": number("Depth", format="%.1f"),
                "seconds_p50": number("s p50", format="%.2f"),
                "seconds_p95": number("s p95", format="%.2f"),
            },
        )
    with right:
        key = cost if cost in shown else next(iter(shown))
        drawn = pl.DataFrame([{**row, "front": on_front(row, table, key)} for row in table])
        st.altair_chart(pareto(drawn, key, shown[key], found.measure), alt="Quality over cost")
    st.caption(
        "Orange: nothing is both better and cheaper. A first stage makes no calls."
        + ("" if priced else " With prices of all models here, dollars are a cost too.")
    )
    models = {name for row in made for name in costs.models_of(opened, row).values()}
    price_editor(opened, models)


def _thousand(price: float | None) -> float | None:
    return None if price is None else 1000 * price


def where(benchmark_id: str, found: Comparisons, values: pl.DataFrame, last: str) -> None:
    """Draw means by groups of queries."""
    benchmark = benchmark_of(opened, benchmark_id)
    ways = {
        "First relevant passage in the first stage": lambda: breakdown.by_first_relevant(
            benchmark.first_stage, benchmark.qrels
        ),
        **({"Domain": lambda: benchmark.domains} if benchmark.domains else {}),
        "Query length": lambda: breakdown.by_query_length(benchmark.queries),
        "Candidates": lambda: breakdown.by_list_length(benchmark.first_stage),
        "Answers of the last one": lambda: breakdown.by_repairs(
            dict(evaluations.repaired_share(opened, last).iter_rows())
        ),
    }
    way = st.segmented_control(
        "Queries by", list(ways), default=next(iter(ways)), required=True, key="breakdown"
    )
    rows = breakdown.means(values, ways[way or next(iter(ways))]())
    if rows.is_empty():
        st.caption("The last evaluation made no calls.")
        return
    st.altair_chart(
        grouped_bars(
            rows.with_columns(value=100 * pl.col("value")), list(found.means), found.measure
        ),
        alt="Means by groups of queries",
    )


def pairwise(values: pl.DataFrame, names: list[str], measure: str) -> None:
    """Draw two of the systems query by query."""
    left, right = st.columns(2)
    x = left.selectbox("Across", names, key="across") or names[0]
    y = right.selectbox("Up", names, index=len(names) - 1, key="up") or names[-1]
    wide = (
        values.filter(pl.col("name") == x)
        .select("qid", x=100 * pl.col("value"))
        .join(values.filter(pl.col("name") == y).select("qid", y=100 * pl.col("value")), on="qid")
    )
    st.altair_chart(scatter(wide, x, y, measure), alt="Two evaluations query by query")


def downloads(found: Comparisons, values: pl.DataFrame, chosen: list[str]) -> None:
    """Draw the buttons that take the comparison away."""
    with st.container(horizontal=True):
        st.download_button(
            "Report, HTML",
            lambda: comparison_report(opened, chosen, found.measure),  # made when it is clicked
            "comparison.html",
            "text/html",
            icon=":material/download:",
            help="One file with all of this page's tables and plots; it opens offline.",
        )
        st.download_button(
            "Per query, CSV",
            values.pivot("name", index="qid", values="value").write_csv(),
            "per-query.csv",
            "text/csv",
            icon=":material/download:",
        )
        st.download_button(
            "Markdown", comparing.as_markdown(found), "comparison.md", icon=":material/download:"
        )
        st.download_button(
            "LaTeX", comparing.as_latex(found), "comparison.tex", icon=":material/download:"
        )


def repeated(rows: list[dict[str, Any]], chosen: list[str], measure: str) -> None:
    """Draw how far evaluations spread that differ in their seed alone, where one is chosen."""
    groups = [
        group for group in repeats(rows) if {row["evaluation_id"] for row in group} & set(chosen)
    ]
    if not groups:
        return
    st.markdown("**Repeated with other seeds**")
    table = []
    for group in groups:
        ids = [row["evaluation_id"] for row in group]
        means = (
            evaluations.per_query(opened, ids, measure)
            .group_by("evaluation_id")
            .agg(pl.col("value").mean())["value"]
        )
        found = spread([100 * mean for mean in means])
        table.append(
            {
                "name": group[0]["name"],
                "strategy": group[0]["strategy"],
                "runs": found.n,
                "mean": found.mean,
                "sd": found.sd,
                "low": found.low,
                "high": found.high,
                "seeds": ", ".join(str(setting(row, "seed")) for row in group),
            }
        )
    number = st.column_config.NumberColumn
    st.dataframe(
        pl.DataFrame(table, infer_schema_length=None),
        hide_index=True,
        alt="Repeated evaluations",
        column_config={
            "name": "First of them",
            "strategy": "Strategy",
            "runs": "Runs",
            "mean": number("Mean", format="%.2f"),
            "sd": number("Standard deviation", format="%.2f"),
            "low": number("Least", format="%.2f"),
            "high": number("Most", format="%.2f"),
            "seeds": "Seeds",
        },
    )
    st.caption("A difference between two systems that is within this spread may be the seed's.")


heading("Compare", "Which way of ranking is better, at what cost, and is it really so?")
if len(evaluations.list_evaluations(opened)) < 2:
    empty_state("compare", "Nothing to compare yet", "Evaluate a model on a benchmark first.")
    link("evaluations", "Evaluations", "leaderboard")
    st.stop()
benchmark_id, chosen, measure = choose()
if len(chosen) < 2:
    st.info("Choose at least two evaluations.", icon=":material/compare:")
    st.stop()
found = compared(str(opened.workspace.root), tuple(chosen), measure)
labels = dict(zip(chosen, found.means, strict=True))
values = evaluations.per_query(opened, chosen, measure).select(
    "qid", "value", name=pl.col("evaluation_id").replace_strict(labels)
)
rows = evaluations.list_evaluations(opened, benchmark_id)
significance, cost, groups, order, queries = st.tabs(
    ["Tests", "Cost", "Where", "Order shown", "Query by query"]
)
with significance:
    tests(found)
    repeated(rows, chosen, measure)
with cost:
    spending(found, labels)
with groups:
    where(benchmark_id, found, values, chosen[-1])
with order, mendable():
    shuffle_test(opened, [row for row in rows if row["evaluation_id"] in chosen], measure)
with queries:
    pairwise(values, list(found.means), measure)
downloads(found, values, chosen)
