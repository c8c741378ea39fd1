"""The filter over items: a popover whose every field is in the URL."""

from typing import Any

import streamlit as st

from curation.chain_checks import CHECKS
from curation.consistency import DEFAULT_CUT
from db import assignments, items, judgments, tags
from db.records import ItemFilter
from db.store import Store

VERDICTS = {
    "open": "Not judged",
    "judged": "Judged",
    "returned": "Sent back by an evaluation",
    "any": "Any",
    "approve": "Approved",
    "reject": "Rejected",
    "fix": "Fixed",
    "cannot_judge": "Can't judge",
}
ORDERS = {
    "near_cut": "Near the cut first",
    "lowest": "Least consistent first",
    "highest": "Most consistent first",
    "least_agreed": "Samples agree least first",
    "other_teacher": "Another teacher agrees least first",
    "imported": "As imported",
    "newest": "Newest first",
    "judged": "Latest verdict first",
}
FIELDS = (
    *("verdict", "domain", "order", "ndcg", "tau", "text", "check", "tag", "by", "assigned"),
    *("flagged", "cut"),
)
"""Keys of the filter's widgets, and so their names in the URL."""
_UNTOUCHED: dict[str, Any] = {
    "domain": [],
    "order": "near_cut",
    "ndcg": (0.0, 1.0),
    "tau": (-1.0, 1.0),
    "text": "",
    **dict.fromkeys(("check", "tag", "by", "assigned")),
    "flagged": False,
    "cut": DEFAULT_CUT,
}


Choices = tuple[list[str], list[str], list[str], list[str]]


def choices(store: Store) -> Choices:
    """Return domains, reviewers, tags and assignees as they are, or were ten seconds ago."""
    return _choices(store, str(store.workspace.root))


@st.cache_data(ttl="10s", show_spinner=False)
def _choices(_store: Store, root: str) -> Choices:
    return (
        items.domains(_store),
        judgments.reviewers(_store),
        tags.all_tags(_store),
        assignments.assignees(_store),
    )


def item_filter(
    domains: list[str],
    reviewers: list[str],
    tags: list[str],
    assignees: list[str],
    *,
    verdict_at_first: str = "open",
) -> ItemFilter:
    """Draw the filter and return it.

    As long as nobody opened it or came with one in the address, its fields are not drawn: they are
    a fifth of what Review draws, at each verdict.

    Args:
        assignees: Who has items assigned.
        verdict_at_first: Key of `VERDICTS`.
    """
    untouched = _UNTOUCHED | {"verdict": verdict_at_first}
    held = [name for name in FIELDS if name in st.session_state]
    on = sum(st.session_state[name] != untouched[name] for name in held) + sum(
        name in st.query_params for name in FIELDS if name not in held
    )
    popover = st.popover(
        "Filter",  # a label that changes closes it
        icon=":material/filter_list:",
        width="content",
        key="filter",
        on_change="rerun",
    )
    if on:
        st.badge(f"{on} on", color="blue")
    if not (popover.open or held or on):
        return ItemFilter(verdict=_known(verdict_at_first, VERDICTS))
    with popover:
        verdict = st.selectbox(
            "Verdict",
            list(VERDICTS),
            index=list(VERDICTS).index(verdict_at_first),
            format_func=VERDICTS.__getitem__,
            key="verdict",
            bind="query-params",
        )
        chosen = st.multiselect("Domains", domains, key="domain", bind="query-params")
        order = st.selectbox(
            "Order", list(ORDERS), format_func=ORDERS.__getitem__, key="order", bind="query-params"
        )
        low, high = st.slider(
            "Self-consistency, nDCG@10",
            0.0,
            1.0,
            (0.0, 1.0),
            0.05,
            key="ndcg",
            bind="query-params",
        )
        least, most = st.slider(
            "Agreement of samples, Kendall τ",
            -1.0,
            1.0,
            (-1.0, 1.0),
            0.1,
            key="tau",
            bind="query-params",
            help="Moved from its ends, it leaves out items with one sample.",
        )
        text = st.text_input("The query contains", key="text", bind="query-params", type="search")
        check = st.selectbox(
            "The chain fails",
            list(CHECKS),
            index=None,
            format_func=CHECKS.__getitem__,
            placeholder="Any check or none",
            key="check",
            bind="query-params",
        )
        tag = st.selectbox(
            "Tagged",
            tags,
            index=None,
            placeholder="With any tag or none",
            key="tag",
            bind="query-params",
        )
        reviewer = st.selectbox(
            "Judged by",
            reviewers,
            index=None,
            placeholder="Anyone",
            key="by",
            bind="query-params",
        )
        assigned = st.selectbox(
            "Assigned to",
            assignees,
            index=None,
            placeholder="Anyone or nobody",
            key="assigned",
            bind="query-params",
        )
        flagged = st.checkbox("With an open flag", key="flagged", bind="query-params")
        cut = st.number_input("Cut", 0.0, 1.0, DEFAULT_CUT, 0.05, key="cut", bind="query-params")
        st.button(
            "Reset",
            key="filter-reset",
            icon=":material/filter_list_off:",
            disabled=not on,
            on_click=st.session_state.update,
            args=(untouched,),
        )
    return ItemFilter(
        domains=tuple(chosen),
        verdict=_known(verdict, VERDICTS),
        reviewer=reviewer,
        min_ndcg=low,
        max_ndcg=high,
        text=text or "",
        check=check if check in CHECKS else "",
        tag=tag or "",
        assigned=assigned or "",
        flagged=flagged,
        min_tau=least,
        max_tau=most,
        order=_known(order, ORDERS),
        cut=cut,
    )


def _known(value: str | None, options: dict[str, str]) -> Any:
    """Return a value that came from the browser, or the default for one that is no option."""
    return value if value in options else next(iter(options))


def told(chosen: ItemFilter) -> str:
    """Return what a filter asks for, in words; its values are foreign text."""
    parts = [
        (chosen.verdict != "any", VERDICTS[chosen.verdict].lower()),
        (chosen.reviewer is not None, f"judged by {chosen.reviewer}"),
        (bool(chosen.domains), f"of {', '.join(chosen.domains)}"),
        (
            (chosen.min_ndcg, chosen.max_ndcg) != (0, 1),
            f"nDCG@10 {chosen.min_ndcg:.2f} to {chosen.max_ndcg:.2f}",
        ),
        (
            (chosen.min_tau, chosen.max_tau) != (-1, 1),
            f"samples' τ {chosen.min_tau:.1f} to {chosen.max_tau:.1f}",
        ),
        (bool(chosen.text), f"the query contains “{chosen.text}”"),
        (bool(chosen.check), f"chain check “{dict(CHECKS).get(chosen.check, chosen.check)}”"),  # type: ignore[call-overload]
        (bool(chosen.tag), f"tagged {chosen.tag}"),
        (bool(chosen.assigned), f"assigned to {chosen.assigned}"),
        (chosen.flagged, "with an open flag"),
    ]
    return ", ".join(text for asked, text in parts if asked) or "all items"
