"""A generate job while it runs and after: outcomes, spend, failures, and what comes back."""

import json
from pathlib import Path
from typing import Any

import altair as alt
import polars as pl
import streamlit as st

from app.widgets.text import dollars, many, plain
from db import generation
from db.store import Store
from trainer.generate import ITEMS, STATUS

_OUTCOMES = {
    "labelled": "Labelled",
    "waiting": "Waiting for a later stage",
    "no_positives": "Set aside: nothing relevant",
    "malformed": "Set aside: labels unreadable",
    "failed": "Failed",
}
_NEWEST = 8
_TAIL_BYTES = 400_000


def generation_view(store: Store, job: dict[str, Any]) -> None:
    """Draw the numbers of a job and its newest answers."""
    folder = store.workspace.jobs / job["job_id"]
    try:
        status = json.loads((folder / STATUS).read_text(encoding="utf-8"))
    except FileNotFoundError:
        st.caption("It is looking for candidates; nothing has been asked yet.")
        return
    _numbers(status)
    left, right = st.columns(2, gap="medium")
    with left:
        _bars("Queries by outcome", status["outcomes"], _OUTCOMES)
        _bars("Failed requests by kind", status["failures"], {})
    with right:
        _stages(status)
        _bars("Malformed answers by status", status["malformed"], {})
    _domains(status)
    _newest(folder)
    aside = generation.set_aside(store, job["job_id"])
    if not aside.is_empty():
        st.markdown(f"**Set aside** :gray[{many(len(aside), 'query', 'queries')}, with the reason]")
        st.dataframe(aside, hide_index=True, height=220, alt="Queries set aside")


def _numbers(status: dict[str, Any]) -> None:
    cells = st.columns(5, gap="small")
    cells[0].metric("Done", f"{status['done']:,} of {status['queries']:,}")
    cells[1].metric("Queries a second", f"{status['queries_per_s']:,.1f}")
    requests, tokens = status.get("requests_per_s", 0.0), status.get("tokens_per_s", 0.0)
    cells[1].caption(f"{requests:,.1f} requests, {tokens:,.0f} tokens")
    cells[2].metric("Paid requests", f"{sum(status['requests'].values()):,}")
    cells[3].metric("Spent", dollars(status["spent"]))
    projected = status["projected"]
    cells[4].metric("In the end, about", "unknown" if projected is None else dollars(projected))
    if left_out := status.get("left_out"):
        st.caption(f"Asked without {', '.join(left_out)}: an endpoint does not take it.")
    if status["unpriced"]:
        st.caption(f"{many(status['unpriced'], 'answer')} came from a model without a price.")


def _bars(title: str, counts: dict[str, int], names: dict[str, str]) -> None:
    if not counts:
        return
    frame = pl.DataFrame(
        {"kind": [names.get(each, each) for each in counts], "count": list(counts.values())}
    )
    chart = (
        alt.Chart(frame, title=title)
        .mark_bar()
        .encode(
            x=alt.X("count:Q", title=None),
            y=alt.Y("kind:N", sort="-x", title=None, axis=alt.Axis(labelLimit=220)),
            tooltip=["kind", "count"],
        )
        .properties(height=alt.Step(28))
    )
    st.altair_chart(chart, alt=title)


def _stages(status: dict[str, Any]) -> None:
    rows = [
        {
            "stage": stage,
            "paid": status["requests"].get(stage, 0),
            "there already": status["reused"].get(stage, 0),
            "in all, at most": status.get("expected", {}).get(stage),
        }
        for stage in ("select", "negatives", "rank")
    ]
    st.markdown("**Requests by stage**")
    st.dataframe(rows, hide_index=True, alt="Requests by stage")


def _domains(status: dict[str, Any]) -> None:
    rows = [
        {
            "domain": domain,
            "queries": int(each["queries"]),
            "labelled": int(each["labelled"]),
            "US dollars": each["price"],
            "US dollars an item": each["price"] / each["labelled"] if each["labelled"] else None,
        }
        for domain, each in sorted(status["domains"].items())
    ]
    st.markdown("**By domain** :gray[what its answers cost, whoever paid for them]")
    st.dataframe(
        rows,
        hide_index=True,
        alt="By domain",
        column_config={
            name: st.column_config.NumberColumn(format="%.5f")
            for name in ("US dollars", "US dollars an item")
        },
    )


def _newest(folder: Path) -> None:
    """Draw the newest queries that are done, each with its raw answers."""
    made = _tail(folder / ITEMS)[-_NEWEST:]
    if not made:
        return
    st.markdown(f"**What came back** :gray[the newest {len(made)}]")
    for each in reversed(made):
        label = f"{plain(each['qid'])} · {_OUTCOMES[each['outcome']]}"
        with st.expander(label):
            if each["reason"]:
                st.caption(plain(each["reason"]))
            for stage, text in each["responses"].items():
                st.markdown(f":gray[{stage} · {each['statuses'][stage]}]")
                st.code(text, language=None, wrap_lines=True)
            for sample in each["samples"]:
                st.markdown(
                    f":gray[{plain(sample['model'])}, sample {sample['sample'] + 1} · "
                    f"{sample['status']}]"
                )
                st.code(sample["response"], language=None, wrap_lines=True, height=180)


def _tail(path: Path) -> list[dict[str, Any]]:
    """Return the records in the last bytes of a file of JSON lines."""
    if not path.exists():
        return []
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
        lines = file.read().split(b"\n")[:-1]
    found = []
    for line in lines:
        try:
            found.append(json.loads(line))
        except ValueError:  # the first may be cut
            continue
    return found
