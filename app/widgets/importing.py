"""Importing a folder from the app: in a thread, so that leaving the page stops nothing."""

import threading
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import streamlit as st

from app.store import user
from app.widgets.page import mendable
from app.widgets.pick import pick
from app.widgets.text import key_of, many, plain
from curation.intake import ImportReport, import_reasonrank
from db import imports
from db.errors import RankDeskError
from db.store import Store
from db.workspace import typed_path


@dataclass
class ImportRun:
    """An import that runs or has ended; written by its thread, read by the pages."""

    folder: str
    by: str
    done: int = 0  # bytes
    total: int = 0
    rows: int = 0
    report: ImportReport | None = None
    error: str = ""

    @property
    def running(self) -> bool:
        """Whether the thread is still at it."""
        return self.report is None and not self.error


@st.cache_resource
def _runs(root: str) -> list[ImportRun]:
    """Return this server's imports into one workspace, shared by every session."""
    return []


def _work(store: Store, run: ImportRun) -> None:
    def progress(done: int, total: int, rows: int) -> None:
        run.done, run.total, run.rows = done, total, rows

    try:
        run.report = import_reasonrank(
            store, typed_path(run.folder), imported_by=run.by, on_progress=progress
        )
    except RankDeskError as error:
        run.error = str(error)
    except BaseException as error:
        run.error = f"The import broke off: {error}. What was read before is kept; import again."
        raise


def import_form(store: Store) -> None:
    """Draw the form and the import that runs or ran last."""
    runs = _runs(str(store.workspace.root))
    row = st.form("import", border=False).container(horizontal=True, vertical_alignment="bottom")
    with row:
        folder = st.text_input(
            "Folder on the server, in ReasonRank's layout",
            placeholder="/data/reasonrank",
            help="It holds `training_data_all.jsonl`, `id_query/` and `id_doc/`. Importing again "
            "adds only what is new.",
        )
        asked = st.form_submit_button("Import", type="primary", icon=":material/upload_file:")
    if asked and (folder or "").strip():
        if runs and runs[-1].running:
            st.warning("An import is running; start the next one when it is done.")
        else:
            runs.append(ImportRun((folder or "").strip(), user()))
            threading.Thread(target=_work, args=(store, runs[-1]), name="import").start()
    if runs:
        if runs[-1].running:
            _live(runs[-1])
        else:
            _outcome(runs[-1])


@st.fragment(run_every=0.5)
def _live(run: ImportRun) -> None:
    if not run.running:
        st.rerun()
    share = run.done / run.total if run.total else 0.0
    st.progress(share, text=f"{plain(Path(run.folder).name)}: {many(run.rows, 'row')} read")


def _outcome(run: ImportRun) -> None:
    if run.error:
        st.error(plain(run.error), icon=":material/error:")
    elif run.report is not None:
        report = run.report
        long = (
            f" {many(report.long_lists, 'item')} hold more passages than one window of 20."
            if report.long_lists
            else ""
        )
        st.success(
            f"{many(report.imported, 'item')} imported, {report.unchanged:,} were there already, "
            f"{many(report.rejected, 'row')} refused.{long}",
            icon=":material/check:",
        )


def import_history(store: Store) -> None:
    """Draw what was imported, and the rows that each import refused."""
    found = imports.list_imports(store)
    if found.is_empty():
        st.caption("Nothing was imported yet.")
        return
    st.dataframe(
        found.select("name", "imported", "unchanged", "rejected", "finished_at"),
        hide_index=True,
        alt="Imports",
        column_config={
            "name": "Source",
            "imported": "Imported",
            "unchanged": "Already there",
            "rejected": "Rows refused",
            "finished_at": st.column_config.DatetimeColumn("Finished", format="YYYY-MM-DD HH:mm"),
        },
    )
    refused = {
        row["import_id"]: f"{many(row['rejected'], 'row')} from {row['name']}, "
        f"{row['finished_at']:%Y-%m-%d %H:%M}"
        for row in found.filter(pl.col("rejected") > 0).iter_rows(named=True)
    }
    if refused:
        with st.expander("Refused rows", icon=":material/report:"), mendable():
            _rejects(store, pick("Import", refused, key="import"))


def _rejects(store: Store, import_id: str) -> None:
    rejects = imports.rejects_of(store, import_id)
    causes = rejects.group_by("cause").agg(faults=pl.len()).sort("faults", descending=True)
    left, right = st.columns([1, 3])
    left.dataframe(causes, hide_index=True, alt="Faults by cause")
    right.dataframe(
        rejects.head(200), hide_index=True, height=220, alt="The first 200 refused rows"
    )
    st.download_button(
        f"All {many(rejects.height, 'fault')} as CSV",
        rejects.write_csv,
        file_name="rejects.csv",
        mime="text/csv",
        icon=":material/download:",
        key=f"rejects-{key_of(import_id)}",
        on_click="ignore",
    )
