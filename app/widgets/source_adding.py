"""Adding a source from the app: read and cleaned in a thread, looked at, then kept."""

import threading
from dataclasses import dataclass
from typing import Any

import polars as pl
import streamlit as st

from app.store import user
from app.widgets.page import NOTICE, mendable
from app.widgets.source_cleaning import cleaning_form
from app.widgets.source_files import FORMS, Reader, source_files
from app.widgets.text import many, plain
from curation.source_drafts import Cleaned, Cleaning
from db.errors import RankDeskError
from db.store import Store
from trainer import sourcing

_RUN = "source-check"  # session key of the last check
_SAMPLE = 5  # queries shown of what would be kept
_SHOWN = 300  # characters of a text in a table


@dataclass
class CheckRun:
    """A check that runs or has ended; written by its thread, read by the page."""

    name: str
    step: str = "reading"
    done: int = 0
    total: int = 0
    cleaned: Cleaned | None = None
    error: str = ""

    @property
    def running(self) -> bool:
        """Whether the thread is still at it."""
        return self.cleaned is None and not self.error

    def tell(self, step: str, done: int, total: int) -> None:
        """Note how far a step is."""
        self.step, self.done, self.total = step, done, total


def _work(run: CheckRun, reader: Reader, cleaning: Cleaning) -> None:
    try:
        draft = reader(lambda done, total: run.tell("reading", done, total))
        run.cleaned = sourcing.clean_draft(draft, cleaning, on_progress=run.tell)
    except RankDeskError as error:
        run.error = str(error)
    except BaseException as error:
        run.error = f"The check broke off: {error}. Nothing was kept."
        raise


def add_source(store: Store) -> None:
    """Draw the form, the check that runs or ran last, and what it would keep."""
    with st.container(border=True):
        st.markdown("**Add a source** :gray[it is checked first; then you decide]")
        form = str(
            st.segmented_control(
                "Form",
                list(FORMS),
                default="table",
                required=True,
                format_func=FORMS.__getitem__,
                key="source-form",
                label_visibility="collapsed",
            )
        )
        left, right = st.columns(2, gap="medium")
        name = (left.text_input("Name", key="source-name", max_chars=80) or "").strip()
        domain = right.text_input(
            "Domain",
            key="source-domain",
            placeholder="the source's name",
            max_chars=80,
            help="Of queries that bring none, such as biology",
        )
        reader = source_files(form, (domain or "").strip() or name)
        chosen = None
        with (
            st.expander("Split, filter, remove duplicates", icon=":material/filter_alt:"),
            mendable(),
        ):
            chosen = cleaning_form(form)
        asked = st.button("Check", type="primary", icon=":material/fact_check:", key="source-go")
        if asked and chosen is not None:
            _check(name, reader, chosen)
        run = st.session_state.get(_RUN)
        if run is None:
            return
        if run.running:
            _live(run)
        elif run.error:
            st.error(plain(run.error), icon=":material/error:")
        else:
            _outcome(store, run)


def _check(name: str, reader: Reader | None, cleaning: Cleaning) -> None:
    if not name or reader is None:
        missing = "a name" if not name else "where its files are"
        st.error(f"Give the source {missing}.", icon=":material/error:")
        return
    run = st.session_state[_RUN] = CheckRun(name)
    threading.Thread(target=_work, args=(run, reader, cleaning), name="check", daemon=True).start()


@st.fragment(run_every=0.5)
def _live(run: CheckRun) -> None:
    if not run.running:
        st.rerun()
    share = run.done / run.total if run.total else 0.0
    st.progress(share, text=f"{plain(run.name)}: {run.step}")


def _outcome(store: Store, run: CheckRun) -> None:
    """Draw what would be kept, and the button that keeps it."""
    cleaned = run.cleaned
    assert cleaned is not None
    st.markdown(
        f"**{plain(run.name)}** would hold {many(len(cleaned.queries), 'query', 'queries')} and "
        f"{many(len(cleaned.passages), 'passage')}"
    )
    left, right = st.columns([2, 3], gap="medium")
    with left:
        report_table(cleaned.report.model_dump(mode="json"))
    with right:
        st.dataframe(
            pl.DataFrame(
                [
                    {
                        "query": query.text[:_SHOWN],
                        "answer": query.answer[:_SHOWN],
                        "named": len(query.linked) or len(query.relevant),
                    }
                    for query in cleaned.queries[:_SAMPLE]
                ],
                schema={"query": pl.String, "answer": pl.String, "named": pl.Int64},
            ),
            hide_index=True,
            alt="The first queries",
            column_config={
                "query": st.column_config.TextColumn("Query", width="medium"),
                "answer": st.column_config.TextColumn("Answer", width="medium"),
                "named": st.column_config.NumberColumn(
                    "Passages", help="That it links to, or that are labelled relevant"
                ),
            },
        )
    if st.button("Add it", type="primary", icon=":material/add:", key="source-add"):
        with mendable():
            with st.spinner("Writing …"):
                made, new = sourcing.keep_source(store, run.name, cleaned, added_by=user())
            del st.session_state[_RUN]
            st.session_state[NOTICE] = (
                f"{run.name}: {many(made.n_queries, 'query', 'queries')}"
                if new
                else f"{run.name} is there already, with the same content"
            )
            st.query_params["do"] = "look"
            st.query_params["source"] = made.source_id
            st.rerun()


def report_table(report: dict[str, Any]) -> None:
    """Draw what was read, what went by cause, and what else was noticed."""
    rows = [("read", n, what) for what, n in report["read"].items()]
    for of in ("queries", "passages"):
        rows += [("dropped", n, f"{of}: {cause}") for cause, n in report[of].items()]
    rows += [("noticed", n, what) for what, n in report["notes"].items()]
    st.dataframe(
        pl.DataFrame(rows, schema=["step", "n", "what"], orient="row"),
        hide_index=True,
        height="content",
        alt="What was read and what went",
        column_config={
            "step": st.column_config.TextColumn("", width=80),
            "n": st.column_config.NumberColumn("Number", width=80),
            "what": st.column_config.TextColumn("What", width=300),
        },
    )
