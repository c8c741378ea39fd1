"""Teachers as a table, in words, and against each other."""

from typing import Any

import polars as pl
import streamlit as st

from app.widgets.text import interval, many, p_value, plain, points
from curation.chain_checks import CHECKS
from curation.teachers import Estimate, Pair, Teacher

PER = 1_000  # items that prices are told for
_LOW, _HIGH = " from", " to"


def table(found: list[Teacher]) -> pl.DataFrame:
    """Return a row for each teacher, each value with the ends of its 95 % interval."""
    rows: list[dict[str, Any]] = [
        {
            "model": each.author_name,
            "prompt": each.prompt or "imported",
            "prompts of labels": ", ".join(each.label_prompts) or None,
            "role": "judge" if each.judge else "teacher",
            "items": each.items,
            "responses": each.answers,
            "tokens": each.completion_tokens,
            **_columns("nDCG@10", each.ndcg, 100),
            **_columns("kept %", each.kept, 100),
            **_columns("$ / 1,000 items", each.cost_item, PER),
            **_columns("$ / 1,000 kept", each.cost_kept, PER),
            **_columns("malformed %", each.malformed, 100),
            **_columns("malformed labels %", each.malformed_labels, 100),
            **_columns("failing chains %", each.flagged, 100),
            **_columns("samples τ", each.tau, 1),
            **_columns("first 10 shared %", each.overlap, 100),
            **_columns("follows", each.follows, 1),
            **_columns("consensus nDCG@10", each.consensus_ndcg, 100),
        }
        for each in found
    ]
    return pl.DataFrame(rows, infer_schema_length=None)


def _columns(name: str, estimate: Estimate | None, times: float) -> dict[str, float | None]:
    if estimate is None:
        return {name: None, f"{name}{_LOW}": None, f"{name}{_HIGH}": None}
    low, high = estimate.ci
    return {
        name: times * estimate.value,
        f"{name}{_LOW}": times * low,
        f"{name}{_HIGH}": times * high,
    }


def overview(found: list[Teacher]) -> None:
    """Draw the table, without the intervals that its download has."""
    rows = table(found)
    shown = rows.select(name for name in rows.columns if not name.endswith((_LOW, _HIGH)))
    shown = shown.select(each.name for each in shown if not each.is_null().all())
    number = st.column_config.NumberColumn
    st.dataframe(
        shown,
        hide_index=True,
        alt="Teachers by model and prompt",
        column_config={
            name: number(format={"tokens": "%.0f", "follows": "%+.2f"}.get(name, "%.2f"))
            for name in shown.columns[shown.columns.index("responses") + 1 :]
        },
    )
    st.download_button(
        "Table with intervals",
        rows.write_csv(),
        "teachers.csv",
        "text/csv",
        icon=":material/download:",
    )


def prices(found: list[Teacher]) -> pl.DataFrame:
    """Return quality and price of the teachers whose price is known, for the chart."""
    return pl.DataFrame(
        [
            {
                "name": each.name,
                "ndcg": 100 * each.ndcg.value,
                "ndcg_low": 100 * each.ndcg.ci[0],
                "ndcg_high": 100 * each.ndcg.ci[1],
                "price": PER * each.cost_item.value,
                "price_low": PER * each.cost_item.ci[0],
                "price_high": PER * each.cost_item.ci[1],
            }
            for each in found
            if each.cost_item is not None
        ]
    )


def pairs(found: list[Pair]) -> None:
    """Draw every two teachers that labelled the same queries."""
    st.dataframe(
        [
            {
                "first": pair.first,
                "second": pair.second,
                "difference": 100 * pair.comparison.difference,
                "interval": interval(pair.comparison.ci),
                "p": p_value(pair.p_corrected),
                "outcome": " / ".join(
                    str(n)
                    for n in (pair.comparison.wins, pair.comparison.ties, pair.comparison.losses)
                ),
                "queries": pair.comparison.n,
            }
            for pair in found
        ],
        hide_index=True,
        alt="Pairs of teachers over the queries that both labelled",
        column_config={
            "first": "First",
            "second": "Second",
            "difference": st.column_config.NumberColumn("nDCG@10 × 100", format="%+.2f"),
            "interval": "95 % interval",
            "p": "p (Holm)",
            "outcome": "Win / tie / loss",
            "queries": "Queries",
        },
    )


def in_words(each: Teacher) -> None:
    """Draw what is known of one teacher, every value with its 95 % interval."""
    role = " :violet-badge[judge]" if each.judge else ""
    st.markdown(
        f"**{plain(each.author_name)}** :gray[{plain(each.prompt or 'imported')}]{role} · "
        f"{many(each.items, 'item')}, {many(each.answers, 'response')}"
    )
    failing = {CHECKS[name].lower(): n for name, n in each.checks.items() if name in CHECKS}
    said = [
        f"Self-consistency **{points(each.ndcg.value)}** ({interval(each.ndcg.ci)})",
        f"Kept at the cut {_share(each.kept)}",
        f"Malformed orders {_share(each.malformed)}{_counts(each.kinds)}",
        f"Chains that fail a check {_share(each.flagged)}{_counts(failing)}",
    ]
    if each.malformed_labels is not None:
        said.insert(3, f"Malformed labels {_share(each.malformed_labels)}")
    if each.tau is not None and each.overlap is not None:
        said.append(
            f"Samples agree at τ {_number(each.tau)}, first 10 shared {_share(each.overlap)}"
        )
    if each.follows is not None:
        said.append(f"Places that one place shown lower costs {_number(each.follows, '+.2f')}")
    if each.cost_item is not None:
        kept = f", kept items {_number(each.cost_kept, times=PER)}" if each.cost_kept else ""
        said.append(f"US dollars for {PER:,} items {_number(each.cost_item, times=PER)}{kept}")
    st.markdown("\n".join(f"- {line}" for line in said))


def _share(estimate: Estimate) -> str:
    return _number(estimate, ".1%")


def _number(estimate: Estimate, form: str = ".2f", *, times: float = 1) -> str:
    low, high = estimate.ci
    value = f"{times * estimate.value:{form}}"
    return f"**{value}** ({times * low:{form}} – {times * high:{form}})"


def _counts(counts: dict[str, int]) -> str:
    most = sorted(counts.items(), key=lambda pair: -pair[1])
    return ": " + ", ".join(f"{plain(name)} {n:,}" for name, n in most) if most else ""
