"""Two snapshots beside each other: their items, the decisions between, and their models' scores."""

from typing import Any

import polars as pl
import streamlit as st

from app.widgets.filters import VERDICTS
from app.widgets.page import empty_state, go_to, link, mendable
from app.widgets.pick import pick
from app.widgets.text import interval, many, p_value, plain, points, when
from curation import snapshot_diff, snapshot_scores
from curation.snapshot_diff import CHANGES, ItemChange, SnapshotDiff
from curation.snapshot_scores import PairedScore
from db import batches, evaluations
from db.store import Store

_SHOWN = 240  # characters of a query that a row holds
_SIGNS = {"added": "+ added", "removed": "− removed", "changed": "≠ changed"}


def diff_view(store: Store) -> None:
    """Draw the choice of two snapshots and what differs between them."""
    frozen = batches.list_snapshots(store).unique("snapshot_id", keep="first", maintain_order=True)
    names = {
        row["snapshot_id"]: f"{row['name']} · {many(row['n_items'], 'item')} · {row['snapshot_id']}"
        for row in frozen.iter_rows(named=True)
    }
    if len(names) < 2:
        empty_state(
            "difference",
            "Nothing to compare yet",
            "Two snapshots are needed: approve another batch.",
        )
        link("batches", "Batches", "inventory_2")
        return
    newest = list(names)
    left, right = st.columns(2)
    with left:
        before = pick("Before", names, key="before", default=newest[1])
    with right:
        after = pick("After", names, key="after", default=newest[0])
    with mendable():
        _scores(store, before, after)
        _items(_diff(store, str(store.workspace.root), before, after))


@st.cache_data(max_entries=8, show_spinner="Comparing …")
def _diff(_store: Store, root: str, before: str, after: str) -> SnapshotDiff:
    return snapshot_diff.diff(_store, before, after)


@st.cache_data(max_entries=50, show_spinner="Comparing …")
def _paired(
    _store: Store, root: str, before: str, after: str, measure: str, known: tuple[str, ...]
) -> list[PairedScore]:
    return snapshot_scores.paired_scores(_store, before, after, measure)


def _scores(store: Store, before: str, after: str) -> None:
    rows = evaluations.list_evaluations(store)
    measures: dict[str, None] = {}
    for benchmark_id in {row["benchmark_id"] for row in rows}:
        measures |= dict.fromkeys(evaluations.measure_names(store, benchmark_id))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader("Their models", anchor=False, width="stretch")
        measure = st.selectbox(
            "Measure",
            list(measures) or ["nDCG@10"],
            key="measure",
            bind="query-params",
            label_visibility="collapsed",
            width=160,
        )
    known = tuple(row["evaluation_id"] for row in rows)
    found = _paired(store, str(store.workspace.root), before, after, measure or "nDCG@10", known)
    if not found:
        st.caption(
            "No benchmark was ranked by a model of each, in the same way: train on both, and "
            "evaluate both with one strategy."
        )
        return
    st.dataframe(
        pl.DataFrame([_score_row(each) for each in found], infer_schema_length=None),
        hide_index=True,
        alt="Models of the two snapshots on the benchmarks that both have",
        column_config={
            "benchmark": "Benchmark",
            "kind": "Model",
            "before": st.column_config.NumberColumn("Before", format="%.2f"),
            "after": st.column_config.NumberColumn("After", format="%.2f"),
            "difference": st.column_config.TextColumn("Difference", alignment="right"),
            "ci": "Its 95 % interval",
            "n": "n",
            "p": "p (paired)",
            "holm": "p (Holm)",
            "wtl": "Win / tie / loss",
            "differs": st.column_config.TextColumn(
                "Differs too", help="What else was recorded to differ between the two models."
            ),
            "names": "Evaluations",
        },
    )
    st.caption(
        f"{plain(measure)}, after minus before, paired by query; p by a permutation test, "
        "corrected over these rows by Holm. These are differences between two models: what the "
        "data did to them, two models do not tell."
    )


def _score_row(found: PairedScore) -> dict[str, Any]:
    each = found.comparison
    return {
        "benchmark": found.benchmark,
        "kind": found.kind.upper(),
        "before": 100 * found.means[0],
        "after": 100 * found.means[1],
        "difference": points(each.difference, signed=True),
        "ci": interval(each.ci),
        "n": each.n,
        "p": p_value(each.p),
        "holm": p_value(found.p_holm),
        "wtl": f"{each.wins} / {each.ties} / {each.losses}",
        "differs": ", ".join(found.differs) or "nothing recorded",
        "names": f"{found.before_name} → {found.after_name}",
    }


def _items(found: SnapshotDiff) -> None:
    counts = found.counts
    st.subheader("Their items", anchor=False)
    st.markdown(
        f":green[**+ {counts['added']:,}** added] · :red[**− {counts['removed']:,}** removed] · "
        f":orange[**≠ {counts['changed']:,}** changed] · {counts['unchanged']:,} the same  \n"
        f":gray[decided between {when(found.since)} and {when(found.until)}]"
    )
    for name, (old, new) in found.filters.items():
        st.markdown(f":gray[Chosen by another filter:] {plain(name)} {plain(old)} → {plain(new)}")
    if not found.changes:
        return
    kinds = st.pills(
        "Show",
        list(CHANGES),
        selection_mode="multi",
        format_func=_SIGNS.__getitem__,
        key="change",
        bind="query-params",
        label_visibility="collapsed",
    )
    shown = [each for each in found.changes if not kinds or each.change in kinds]
    clicked = "diff-open"
    if not shown:
        st.caption("None of that kind.")
        return
    st.dataframe(
        pl.DataFrame(
            [_item_row(each) for each in shown],
            schema_overrides={"moved": pl.Int64},
            infer_schema_length=None,
        ),
        hide_index=True,
        height=380,
        placeholder="",
        alt="Items that differ",
        column_config={
            "open": st.column_config.ButtonColumn("", width=70, key=clicked),
            "change": "Change",
            "parts": st.column_config.TextColumn("Of it", help="What differs of a changed item."),
            "moved": st.column_config.NumberColumn(
                "Moved", help="Passages that stand at another place."
            ),
            "decided": st.column_config.TextColumn("Decided in between", width=330),
            "domain": "Domain",
            "query": st.column_config.TextColumn("Query", width=330),
            "qid": "qid",
        },
    )
    click = st.session_state.get(clicked)
    if click is not None and 0 <= click["row"] < len(shown):
        go_to("review", item=shown[click["row"]].item_id, verdict=VERDICTS["any"])


def _item_row(each: ItemChange) -> dict[str, Any]:
    decided = [
        f"{made.who}: {made.what}" + (f" ({made.why})" if made.why else "")
        for made in each.decisions
    ]
    return {
        "open": "Open",
        "change": _SIGNS[each.change],
        "parts": ", ".join(each.parts),
        "moved": each.moved if each.change == "changed" else None,
        "decided": " · ".join(decided) or f"– {each.note}",
        "domain": each.domain,
        "query": " ".join(each.query[:_SHOWN].split()),
        "qid": each.qid,
    }
