"""How much people agree, in words and tables: each number with its interval and its n."""

from collections.abc import Callable, Sequence

import streamlit as st

from app.widgets.text import brief, many, plain, visible
from curation.reliability import Estimate
from curation.reviewer_agreement import Kind, Row

WITH: dict[Kind, str] = {"person": "Each other", "teacher": "Teachers", "checkpoint": "Checkpoints"}


def told(estimate: Estimate | None) -> str:
    """Return `0.62 (0.41 to 0.80) · 34 items`, or why there is no number, as Markdown."""
    if estimate is None:
        return "–"
    if estimate.value is None:
        return f":gray[undefined: {estimate.why}]"
    if estimate.low is None or estimate.high is None:
        return f"**{estimate.value:.2f}** · {many(estimate.n, 'item')}, no interval"
    return (
        f"**{estimate.value:.2f}** ({estimate.low:.2f} to {estimate.high:.2f})"
        f" · {many(estimate.n, 'item')}"
    )


def estimate_table(rows: Sequence[Row], head: str, name: Callable[[Row], str], *, k: int) -> None:
    """Draw a line for each row, with every measure that one of them has.

    Args:
        head: What the first column is called; `name` gives its cells.
        k: How many from the top the overlap is of.
    """
    columns: dict[str, Sequence[Estimate | None]] = {
        "Verdicts, α": [row.verdicts for row in rows],
        "Grades, α": [row.grades for row in rows],
        "Orders, τ": [row.tau for row in rows],
        f"First {k} shared": [row.overlap for row in rows],
    }
    columns = {title: cells for title, cells in columns.items() if any(cells)}
    lines = [f"| {head} | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    lines += [
        f"| {plain(brief(name(row), 60))} | {' | '.join(map(told, cells))} |"
        for row, *cells in zip(rows, *columns.values(), strict=True)
    ]
    st.markdown("\n".join(lines))


def author(key: str) -> str:
    """Return what an author (`kind:name`) is called: a model with its kind behind its name."""
    kind, _, name = key.partition(":")
    shown = visible(brief(name, 40))
    return shown if kind == "person" else f"{shown} ({kind})"
