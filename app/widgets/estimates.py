"""How much people agree, in words and tables: each number with its interval and its n."""

from collections.abc import Callable, Sequence

import polars as pl
import streamlit as st

from app.widgets.text import brief, many, visible
from curation.reliability import Estimate
from curation.reviewer_agreement import Kind, Row

WITH: dict[Kind, str] = {"person": "Each other", "teacher": "Teachers", "checkpoint": "Checkpoints"}


def told(estimate: Estimate | None) -> str:
    """Return `0.62 (0.41 to 0.80) · 34 items`, or why there is no number; – where none is asked."""
    if estimate is None:
        return "–"
    if estimate.value is None:
        return f"undefined: {estimate.why}"
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.2f} · {many(estimate.n, 'item')}, no interval"
    return (
        f"{estimate.value:.2f} ({estimate.low:.2f} to {estimate.high:.2f})"
        f" · {many(estimate.n, 'item')}"
    )


def estimate_table(
    rows: Sequence[Row], head: str, name: Callable[[Row], str], *, k: int, alt: str
) -> None:
    """Draw a line for each row, with every measure.

    Args:
        head: What the first column is called; `name` gives its cells.
        k: How many from the top the overlap is of.
    """
    people = any(row.verdicts is not None for row in rows)
    text = st.column_config.TextColumn
    columns = {
        head: [visible(brief(name(row), 60)) for row in rows],
        **(
            {
                "Verdicts, α": [told(row.verdicts) for row in rows],
                "Grades, α": [told(row.grades) for row in rows],
            }
            if people
            else {}
        ),
        "Orders, τ": [told(row.tau) for row in rows],
        f"First {k} shared": [told(row.overlap) for row in rows],
    }
    st.dataframe(
        pl.DataFrame(columns),
        hide_index=True,
        alt=alt,
        height=min(38 + 35 * len(rows), 420),
        column_config={each: text(each, width="medium") for each in list(columns)[1:]},
    )


def author(key: str) -> str:
    """Return what an author (`kind:name`) is called: a model with its kind behind its name."""
    kind, _, name = key.partition(":")
    shown = visible(brief(name, 40))
    return shown if kind == "person" else f"{shown} ({kind})"
