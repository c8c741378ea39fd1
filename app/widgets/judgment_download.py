"""Judgments in force, for download: as qrels or as parquet."""

from pathlib import Path
from tempfile import TemporaryDirectory

import streamlit as st

from app.widgets.filters import VERDICTS
from app.widgets.page import mendable
from app.widgets.text import many
from curation.judgment_exports import FORMATS, Chosen, Format, export
from db import items, judgments
from db.store import Store

LABELS: dict[Format, str] = {"qrels": "TREC qrels", "parquet": "Parquet"}
MIME: dict[Format, str] = {"qrels": "text/plain", "parquet": "application/vnd.apache.parquet"}
JUDGED = ("approve", "fix", "reject", "cannot_judge")


def judgment_download(store: Store) -> None:
    """Draw the choice of judgments, and a button for each format."""
    left, middle, right = st.columns(3)
    chosen = Chosen(
        domains=left.multiselect(
            "Domains", items.domains(store), key="judged-domain", bind="query-params"
        ),
        verdicts=middle.multiselect(
            "Verdicts",
            JUDGED,
            format_func=VERDICTS.__getitem__,
            key="judged-as",
            bind="query-params",
        ),
        reviewers=right.multiselect(
            "Reviewers", judgments.reviewers(store), key="judged-by", bind="query-params"
        ),
    )
    st.caption(
        "Parquet has a row for every judgment in force. Qrels have the newest judgment of each "
        "item: its grades (0 to 3) where it gave some, else the labels of what it approved or "
        "fixed, as 0 and 1."
    )
    for layout in FORMATS:
        with mendable():
            _download(store, layout, chosen)


def _download(store: Store, layout: Format, chosen: Chosen) -> None:
    with TemporaryDirectory() as folder:
        out = Path(folder) / "judgments"
        report = export(store, layout, out, chosen)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.download_button(
                LABELS[layout],
                out.read_bytes(),
                file_name=f"judgments.{'txt' if layout == 'qrels' else layout}",
                mime=MIME[layout],
                key=f"judgments-{layout}",
                icon=":material/download:",
                on_click="ignore",
            )
            left_out = (
                f" · {many(report.left_out, 'pair')} left out: TREC's form cannot hold the ids"
                if report.left_out
                else ""
            )
            st.caption(f"{many(report.lines, 'line')}{left_out}")
