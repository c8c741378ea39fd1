"""Disagreements: who agrees with whom, on which items not, by domain and over time."""

from typing import Any

import polars as pl
import streamlit as st

from app.store import store
from app.widgets.disagreement_charts import CELL, POINT, heatmap, scatter, weeks
from app.widgets.estimates import WITH, author, estimate_table
from app.widgets.item_benchmarks import way_to_orders
from app.widgets.page import empty_state, go_to, heading, link
from app.widgets.pick import pick
from app.widgets.text import many, visible
from curation.reviewer_agreement import (
    TOP,
    Kind,
    Measure,
    Said,
    by_item,
    grouped,
    matrix,
    overall,
    said,
)
from db import items

LISTED = 200  # items in a table
DRAWN = 2000  # items in a chart
VIEWS = {"authors": "Authors", "items": "Items", "domain": "By domain", "week": "Over time"}
TOPS = {str(k): f"First {k}" for k in (1, 3, 5, 10)}

opened = store()


def go_by(chart: str, name: str, **columns: str) -> None:
    """Take what was clicked in a chart into the address.

    Args:
        chart: Key of the chart; `name` of its selection.
        columns: From a parameter of the address to the column that gives it.
    """
    chosen = st.session_state[chart].selection.get(name) or []
    if chosen:
        for parameter, column in columns.items():
            st.query_params[parameter] = str(chosen[0][column])
    else:
        for parameter in columns:
            st.query_params.pop(parameter, None)


def authors(found: Said) -> None:
    """Draw the matrix, and the items of the two authors that are chosen."""
    measures: dict[str, str] = {
        "tau": "Orders, τ",
        "overlap": f"First {found.k} shared",
        "equal": "Equal verdicts",
    }
    measure: Measure = pick("Measure", measures, key="compared", segments=True)  # type: ignore[assignment]
    cells = matrix(found, measure)
    if cells.is_empty():
        st.caption("Only one author has said anything of each of these items.")
        return
    everyone = sorted({*cells["a"], *cells["b"]})
    ordered = [key for kind in WITH for key in everyone if key.partition(":")[0] == kind]
    # The least agreed of people, or of whoever there is, unless others are asked for.
    by_kind = cells.with_columns(model=~pl.col("b").str.starts_with("person:"))
    first = by_kind.sort("model", "value", "a", "b", nulls_last=True).row(0, named=True)
    with st.container(border=True):
        st.altair_chart(
            heatmap(cells, ordered, measures[measure], signed=measure == "tau"),
            alt="Agreement of every two authors; the same pairs can be chosen below",
            key="matrix",
            on_select=lambda: go_by("matrix", CELL, a="a", b="b"),
        )
    st.caption(
        "A square's first number is the mean over the items that both gave an order of, or a "
        "verdict on; n counts them. An approval stands for the teacher's order. – where nothing is "
        "shared. Click a square, or choose two authors, for their items."
    )
    if not any(key.startswith("checkpoint:") for key in ordered):
        st.caption("No checkpoint is among them: none has ordered items that people decided on.")
        way_to_orders(opened, "Let one order items")
    left, right = st.columns(2)
    names = {key: author(key) for key in ordered}
    with left:
        a = pick("One author", names, key="a", default=first["a"])
    others = {key: name for key, name in names.items() if key != a}
    with right:
        b = pick("The other", others, key="b", default=first["b"])
    shared = found.pairs.filter(pl.col("a").is_in([a, b]), pl.col("b").is_in([a, b]))
    listed(shared.sort(measure, "item_id", nulls_last=True), "pair")


def listed(rows: pl.DataFrame, key: str) -> None:
    """Draw items with a way to each, the least agreed first."""
    if rows.is_empty():
        st.caption("No item has both.")
        return
    shown = rows.head(LISTED)
    queries = items.titles(opened, shown["item_id"].to_list())
    number = st.column_config.NumberColumn
    keys = {page: f"{key}-{page}" for page in ("review", "adjudicate")}
    columns: dict[str, Any] = {
        "review": ["Review"] * shown.height,
        "adjudicate": ["Adjudicate"] * shown.height,
        "domain": [visible(each) for each in shown["domain"]],
        "query": [visible(queries.get(each, ""))[:200] for each in shown["item_id"]],
    }
    if "a_verdict" in shown.columns:  # of two authors
        columns["verdicts"] = [
            " · ".join(each.replace("_", " ") for each in pair if each)
            for pair in shown.select("a_verdict", "b_verdict").iter_rows()
        ]
    else:
        columns["equal"] = shown["equal"]
    columns |= {name: shown[name] for name in ("tau", "overlap", "labels", "ndcg")}
    table = pl.DataFrame(columns)
    st.dataframe(
        table.select(each for each in table.columns if table[each].null_count() < table.height),
        hide_index=True,
        height=min(38 + 35 * shown.height, 380),
        alt="Items, the least agreed first",
        column_config={
            "review": st.column_config.ButtonColumn("", width=80, key=keys["review"]),
            "adjudicate": st.column_config.ButtonColumn("", width=100, key=keys["adjudicate"]),
            "domain": "Domain",
            "query": st.column_config.TextColumn("Query", width="medium"),
            "verdicts": "Verdicts",
            "tau": number("Orders, τ", format="%.2f"),
            "overlap": number("First shared", format="%.2f"),
            "labels": number("Labels, Jaccard", format="%.2f"),
            "ndcg": number("nDCG@10", format="%.2f"),
            "equal": number("Equal verdicts", format="percent"),
        },
    )
    if rows.height > LISTED:
        st.caption(f"The first {LISTED} of {many(rows.height, 'item')}.")
    for page, button in keys.items():
        click: Any = st.session_state.get(button)
        if click is not None and 0 <= click["row"] < shown.height:
            query = {"item": shown["item_id"][click["row"]]}
            go_to(page, **(query | ({"verdict": "Any"} if page == "review" else {})))


def every_item() -> None:
    """Show all items again, instead of the one that was clicked."""
    st.query_params.pop("item", None)


def of_items(found: Said) -> None:
    """Draw the teacher's self-consistency against people's agreement, item by item."""
    of_people = by_item(found.pairs.filter(pl.col("b_kind") == "person"))
    if of_people.is_empty():
        nobody_twice()
        return
    measures = {"tau": "Orders, τ", "labels": "Labels, Jaccard", "equal": "Equal verdicts"}
    measure = pick("Agreement of people", measures, key="of", segments=True)
    drawn = of_people.drop_nulls(measure).sort(measure, "item_id").head(DRAWN)
    queries = items.titles(opened, drawn["item_id"].to_list())
    drawn = drawn.with_columns(
        query=pl.Series(
            [visible(queries.get(each, ""))[:120] for each in drawn["item_id"]], dtype=pl.String
        ),
        domain=pl.Series([visible(each) for each in drawn["domain"]], dtype=pl.String),
    )
    with st.container(border=True):
        st.altair_chart(
            scatter(drawn, measure, measures[measure], signed=measure == "tau"),
            alt="Self-consistency of the teacher against agreement of people, by item",
            key="items",
            on_select=lambda: go_by("items", POINT, item="item_id"),
        )
    left = of_people.height - drawn.height
    st.caption(
        "People's agreement is the mean over every two who judged the item. Low on the right: the "
        "teacher is sure and people are not. Click an item to see it alone."
        + (
            f" {many(left, 'item')} more agreed on, or without such a value: not drawn."
            if left
            else ""
        )
    )
    chosen = st.query_params.get("item")
    alone = of_people.filter(pl.col("item_id") == chosen) if chosen else of_people
    if chosen:
        st.button(
            "All items",
            key="all-items",
            icon=":material/close:",
            on_click=every_item,
        )
    listed(alone.sort(measure, "item_id", nulls_last=True), "items-list")


def groups(found: Said, by: str) -> None:
    """Draw the agreement by domain, or week by week."""
    names = {str(kind): name for kind, name in WITH.items()}
    kind: Kind = pick("People with", names, key="with", segments=True)  # type: ignore[assignment]
    rows = grouped(found, "domain" if by == "domain" else "week", kind)
    if not rows:
        if kind == "person":
            nobody_twice()
        else:
            st.caption(f"No item that somebody judged has an order by {WITH[kind].lower()}.")
        return
    if by == "week":
        lines = {"verdicts": "Verdicts, α", "grades": "Grades, α", "tau": "Orders, τ"}
        with st.container(border=True):
            st.altair_chart(
                weeks(
                    [
                        (row.group, name, getattr(row, each))
                        for row in rows
                        for each, name in lines.items()
                        if getattr(row, each) is not None
                    ]
                ),
                alt="Agreement week by week",
            )

    estimate_table(
        rows,
        "Domain" if by == "domain" else "Week from",
        lambda row: row.group,
        k=found.k,
    )


def nobody_twice() -> None:
    """Say that no item was judged by two people, and how to change that."""
    empty_state(
        "group",
        "No item was judged by two people",
        "Let several people decide a share of the items: the policy's overlap, on Queue.",
    )
    link("queue_desk", "Set the overlap on Queue", "low_priority")


heading(
    "Disagreements",
    "Where people part with each other, with teachers and with checkpoints, and how sure that is.",
)
left, right = st.columns([3, 1], vertical_alignment="bottom")
domains = left.multiselect(
    "Domains",
    items.domains(opened),
    key="domain",
    bind="query-params",
    placeholder="Every domain",
)
with right:
    k = int(pick("Overlap of", TOPS, key="top", default=str(TOP)))
found = said(opened, domains, k=k)
if found.people.is_empty():
    empty_state(
        "rate_review",
        "Nobody has judged anything here yet",
        "Judge some items: an approval, a rejection or a fix is what people are compared by.",
    )
    link("review", "Review items", "rate_review")
else:
    estimate_table(
        overall(found),
        "People with",
        lambda row: WITH[row.kind],
        k=k,
    )
    st.caption(
        "α is Krippendorff's: 1 is agreement, 0 chance; nominal for verdicts, ordinal for grades. "
        "τ is Kendall's. In brackets the 95 % bootstrap interval over items."
    )
    view = pick("View", VIEWS, key="facet", segments=True)
    if view == "authors":
        authors(found)
    elif view == "items":
        of_items(found)
    else:
        groups(found, view)
