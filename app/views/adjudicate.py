"""Adjudicate: where people do not agree on an item, a reviewer has the last word."""

from collections import Counter
from functools import partial
from typing import Any

import polars as pl
import streamlit as st

from app import fixing, session
from app.adjudicating import MERGE, PROBLEM, choose, decide, edit, go, start_merge, undo
from app.drafts import EDITED_ELSEWHERE, Draft
from app.store import store, user
from app.widgets.fix_buttons import key_button, reason_buttons
from app.widgets.page import NOTICE, empty_state, link, notice, show_error
from app.widgets.pick import pick
from app.widgets.reader import reader
from app.widgets.text import brief, key_of, many, plain, points, visible, when
from app.widgets.versions import (
    VERDICTS,
    beginnings,
    chain_panes,
    marked_steps,
    merge_panes,
    order_panes,
    title,
    version_card,
)
from curation import adjudication
from curation.adjudication import CAUSES, Case, Version
from curation.agreement import DEFAULT_CUT
from db import items
from db.errors import NotFoundError

CHROME = 476  # pixels of the window above and below the orders
SIDE_BY_SIDE = 4  # versions that have room beside each other; beside a merge, two fewer
CAUSE_KEYS = {"ambiguous": "I", "guideline_gap": "G", "slip": "Y"}
OTHERWISE = {
    MERGE: ("Merge", "F"),
    "reject": ("Reject", "X"),
    "cannot_judge": ("Can't judge", "Q"),
}

opened = store()
me = user()
drafts = session.desk().drafts


def way(found: list[str], now: str | None) -> str | None:
    """Draw the way to the items before and after; return the one after."""
    at = found.index(now) if now in found else -1
    after = found[at + 1] if at + 1 < len(found) else None
    before = found[at - 1] if at > 0 else None
    for label, shortcut, to in (("Previous", "Left", before), ("Next", "Right", after)):
        st.button(
            label,
            key=f"case-{label.lower()}",
            shortcut=shortcut,
            disabled=to is None,
            on_click=go,
            args=(to,),
        )
    st.markdown(
        f":gray[**{at + 1:,}** of {len(found):,}]" if at >= 0 else f":gray[{len(found):,} wait]",
        width="content",
    )
    return after


def facts(case: Case, apart: list[str]) -> str:
    """Return one line about the item."""
    item = case.shown.item
    line = f":blue-badge[{plain(brief(item.domain))}] {plain(brief(item.qid))}"
    line += f" · {many(len(case.versions), 'person', 'people')}"
    line += f" · the teacher's nDCG@10 **{points(case.shown.teacher.ndcg)}**"
    return line + "".join(f" :orange-badge[{each} apart]" for each in apart)


def verdict_of_case(case: Case) -> None:
    """Say how an item was decided, and whose the versions were."""
    last = case.decided
    if last is None:
        return
    taken = next(
        (each.letter for each in case.versions if each.judgment.event_id == last["taken"]), None
    )
    how = f"took {taken}" if taken else "decided otherwise" if last["taken"] is None else "decided"
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(
            f"**{plain(last['reviewer'])}** {how}: {VERDICTS[last['verdict']][0].lower()},"
            f" {CAUSES[last['cause']].lower()} :gray[· {when(last['judged_at'])}]"
            + (" · somebody judged the item since" if case.open else ""),
            width="stretch",
        )
        if last["reviewer"] == me:
            st.button(
                "Undo",
                key=f"undo-{key_of(last['event_id'])}",
                shortcut="U",
                on_click=undo,
                args=(opened, last["event_id"], me),
            )
    if last["note"]:
        st.text(visible(brief(last["note"], 2000)))


def what_row(case: Case, draft: Draft, option: str) -> None:
    """Draw what can be decided, each with its key."""
    item_id = case.shown.item.item_id
    chosen = next((each for each in case.versions if each.letter == option), None)
    merging = option == MERGE
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        st.markdown("**Decide**", width="content")
        for at, version in enumerate(case.versions, start=1):
            # In a merge the digits are grades, in a rejection reasons.
            key_button(
                f"take-{version.letter}",
                f"As {version.letter}",
                str(at) if at < 10 and not merging and option != "reject" else None,
                item_id,
                type="primary" if option == version.letter else "secondary",
                on_click=choose,
                args=("take", version.letter),
            )
        for name, (label, shortcut) in OTHERWISE.items():
            begins = name == MERGE and not merging
            key_button(
                name,
                label,
                shortcut,
                item_id,
                type="primary" if option == name else "secondary",
                on_click=start_merge if begins else choose,
                args=(case, chosen or _first_ordered(case)) if begins else ("take", name),
                help="Begins as the version that is chosen, else as the first with an order."
                if name == MERGE
                else None,
            )
        if merging:
            begin_button(case, draft)
        st.space("stretch")
        st.markdown(":gray[Names are shown once it is decided]", width="content")
    if option == "reject":
        # Buttons, not pills: Ctrl+Enter, which records the decision, would press a focused pill.
        with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
            st.markdown("**Reasons**", width="content")
            reason_buttons(item_id, draft.reasons, draft.turn, idle="secondary")


def why_row(case: Case, draft: Draft, option: str, after: str | None) -> None:
    """Draw why people do not agree, the note, and the button that records the decision."""
    item_id = case.shown.item.item_id
    cause = st.query_params.get("cause", "")
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        st.markdown("**Because of**", width="content")
        for name, label in CAUSES.items():
            key_button(
                f"cause-{name}",
                label,
                CAUSE_KEYS[name],
                item_id,
                type="primary" if cause == name else "secondary",
                on_click=choose,
                args=("cause", name),
            )
        draft.note = st.text_input(
            "Note",
            value=draft.note,
            key=f"case-note-{key_of(drafts.token(item_id))}",
            placeholder="Note (optional)",
            label_visibility="collapsed",
            width="stretch",
            live="800ms",
        )
        chosen = option in OTHERWISE or option in [each.letter for each in case.versions]
        key_button(
            "decide",
            "Record the decision",
            "Ctrl+Enter",
            item_id,
            type="primary",
            on_click=decide,
            args=(opened, case, option, cause, after, me),
            disabled=not chosen
            or cause not in CAUSES
            or (option == "reject" and not draft.reasons),
            help="Choose what is decided, and why people did not agree.",
        )


def begin_button(case: Case, draft: Draft) -> None:
    """Draw the button that lets the merge begin as the next version, until it is edited."""
    orders = beginnings(case)
    begun = fixing.begun_as(orders, draft)
    key_button(
        "begin",
        f"From {begun.name if begun else 'the initial order'}",
        "O",
        case.shown.item.item_id,
        on_click=fixing.begin_next,
        args=(draft, case.shown, orders),
        disabled=fixing.is_moved(case.shown, orders, draft),
        help="Begins as the next version's order. Labels and grades stay.",
    )


def _first_ordered(case: Case) -> Version | None:
    return next((each for each in case.versions if each.ranking is not None), None)


def draw(item_id: str, apart: list[str], after: str | None) -> None:
    """Draw one item with all versions, and what can be decided."""
    case = adjudication.load(opened, item_id, asked_by=me)
    if not drafts.is_open(item_id, me):
        drafts.restore(opened, item_id, me)
    draft = drafts.of(item_id)
    named = case.decided is not None and not case.open
    option = st.query_params.get("take", "")
    if option == MERGE and not draft.order:
        option = ""
    left, right = st.columns([1, 1], vertical_alignment="center")
    left.markdown(f":small[{facts(case, apart)}]")
    with right, st.container(horizontal=True, horizontal_alignment="right"):
        room = SIDE_BY_SIDE - 2 if option == MERGE else SIDE_BY_SIDE
        beside = shown_versions(case, room, named)
        view = pick("Show", {"orders": "Orders", "chain": "Chain"}, key="show", segments=True)
        link("review", "Review", "rate_review", item=item_id, verdict="Any")
        link("audit", "History", "history", item=item_id)
    with st.container(border=True, height=76):
        st.text(visible(brief(case.shown.item.query, 20_000)))
    verdict_of_case(case)
    if len(case.versions) < 2:
        empty_state("group", "Fewer than two people judged this item", "Go back to the list.")
        return
    for column, version in zip(st.columns(len(beside)), beside, strict=True):
        with column:
            version_card(case, version, named=named, me=me)
    if view == "chain":
        left, right = st.columns([2, 1], gap="small")
        with left:
            reader(chain_panes(case), token=f"{item_id} chains", key="case", chrome=CHROME)
        with right:
            marked_steps(case)
    elif option == MERGE and not named:
        panes = merge_panes(case, beside, draft, named=named, me=me)
        token = drafts.token(item_id)
        reader(panes, token=token, key="merge", chrome=CHROME, on_edit=partial(edit, case))
    else:
        panes = order_panes(case, beside, named=named, me=me)
        reader(panes, token=f"{item_id} orders", key="case", chrome=CHROME)
    if not named:
        # What can be pressed is below what can be read.
        with st.bottom, st.container(gap="xsmall"):
            what_row(case, draft, option)
            why_row(case, draft, option, after)
        if not drafts.keep(opened, item_id):
            st.session_state[NOTICE] = EDITED_ELSEWHERE
            st.rerun()


def shown_versions(case: Case, room: int, named: bool) -> list[Version]:
    """Return the versions that have room, and let one choose where there are more."""
    if len(case.versions) <= room:
        return case.versions
    letters = {each.letter: each for each in case.versions}
    chosen = st.pills(
        "Versions beside each other",
        list(letters),
        selection_mode="multi",
        default=list(letters)[:room],
        format_func=lambda letter: title(letters[letter], named=named, me=me),
        key=f"beside-{key_of(case.shown.item.item_id)}-{room}",
        label_visibility="collapsed",
    )
    return [letters[letter] for letter in chosen][:room] or case.versions[:room]


def decided_list(now: str | None) -> str | None:
    """Draw what was decided, the newest first; return which of these to show."""
    rows = adjudication.decided(opened, asked_by=me)
    if not rows:
        empty_state(
            "gavel", "Nothing was decided yet", "What you decide under Waiting stands here."
        )
        return None
    causes = Counter(row["cause"] for row in rows)
    st.caption(" · ".join(f"{CAUSES[cause]} {n:,}" for cause, n in causes.most_common()))
    st.dataframe(
        pl.DataFrame(
            {
                "open": ["Open"] * len(rows),
                "when": [row["judged_at"] for row in rows],
                "by": [visible(row["reviewer"]) for row in rows],
                "verdict": [VERDICTS[row["verdict"]][0] for row in rows],
                "cause": [CAUSES[row["cause"]] for row in rows],
                "note": [visible(row["note"])[:200] for row in rows],
                "domain": [visible(row["domain"]) for row in rows],
                "query": [visible(row["query"])[:200] for row in rows],
            }
        ),
        hide_index=True,
        height=min(38 + 35 * len(rows), 260),
        alt="Decisions, the newest first",
        column_config={
            "open": st.column_config.ButtonColumn("", width=70, key="decided-open"),
            "when": st.column_config.DatetimeColumn("When (UTC)", format="YYYY-MM-DD HH:mm"),
            "by": "By",
            "verdict": "Verdict",
            "cause": "Cause",
            "note": "Note",
            "domain": "Domain",
            "query": st.column_config.TextColumn("Query", width="large"),
        },
    )
    click: Any = st.session_state.get("decided-open")
    if click is not None and 0 <= click["row"] < len(rows):
        now = st.query_params["item"] = rows[click["row"]]["item_id"]
    return now if now in [row["item_id"] for row in rows] else None


notice()
top = st.container(horizontal=True, vertical_alignment="center", gap="small")
with top:
    st.markdown("#### Adjudicate", width="content")
    listed = pick("List", {"waiting": "Waiting", "decided": "Decided"}, key="list", segments=True)
    with st.popover("Which items", icon=":material/filter_list:", width="content"):
        domains = st.multiselect(
            "Domains",
            items.domains(opened),
            key="domain",
            bind="query-params",
            placeholder="Every domain",
        )
        cut = st.number_input(
            "Agreement below",
            min_value=-1.0,
            max_value=1.0,
            value=DEFAULT_CUT,
            step=0.1,
            key="cut",
            bind="query-params",
            help="Orders by Kendall τ, labels by Jaccard. Different verdicts are here in any case.",
        )
if problem := st.session_state.pop(PROBLEM, None):
    show_error(problem)
waits = adjudication.waiting(opened, asked_by=me, cut=float(cut), domains=domains)
apart = dict(waits.select("item_id", "apart").iter_rows())
now = st.query_params.get("item")
after = None
if listed == "decided":
    now = decided_list(now)
else:
    now = now or next(iter(apart), None)
    if now is not None and apart:
        st.query_params["item"] = now
        with top:
            after = way(list(apart), now)
if now is not None:
    try:
        draw(now, apart.get(now, []), after)
    except NotFoundError as error:
        show_error(error)
elif listed == "waiting":
    empty_state(
        "gavel",
        "Nothing to adjudicate",
        "No item that two people judged falls below this cut. Raise it, or let several people "
        "decide a share of the items: the policy's overlap, on Queue.",
    )
    link("queue_desk", "Set the overlap on Queue", "low_priority")
    link("disagreements", "Disagreements", "balance")
