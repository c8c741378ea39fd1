"""Review: one item at a time, one key a verdict."""

from functools import partial

import streamlit as st

from app import session
from app.store import store, user
from app.widgets.filters import item_filter
from app.widgets.page import empty_state, link, show_error
from app.widgets.ranking import latest_fix, review_panes
from app.widgets.reader import reader
from app.widgets.sending import why_back
from app.widgets.text import key_of, many, plain, points
from curation.agreement import DEFAULT_CUT
from curation.chain_checks import CHECKS
from curation.review import REASONS, ReviewItem
from db import items, judgments
from db.errors import NotFoundError

CHROME = 426  # pixels above and below the reader, which takes the rest of the window
VIEWS = {"initial": "Initial", "teacher": "Teacher's", "label": "By label", "fix": "Corrected"}

opened = store()
reviewer = user()
state = session.desk()


def top_row() -> bool:
    """Draw progress, filters and mode; return whether the reviewer reads blind."""
    counts = items.counts(opened)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown("#### Review", width="content")
        chosen = item_filter(items.domains(opened), judgments.reviewers(opened))
        mode = st.segmented_control(
            "Mode",
            ["open", "blind"],
            default="open",
            required=True,
            format_func={"open": "Open", "blind": "Blind first"}.__getitem__,
            key="mode",
            bind="query-params",
            label_visibility="collapsed",
            help="Blind first: mark what is relevant before the teacher's answer is shown.",
        )
        st.space("stretch")
        left = items.count_items(opened, chosen)
        st.markdown(
            f":gray[**{counts['judged']:,}** of {counts['items']:,} judged · "
            f"**{left:,}** under this filter]",
            width="content",
        )
    state.find_current(opened, chosen, st.query_params.get("item"))
    return mode == "blind"


def facts(shown: ReviewItem, *, hidden: bool) -> str:
    """Return one line about the item; nothing of the teacher's answer while it is hidden."""
    item, teacher = shown.item, shown.teacher
    line = f":blue-badge[{plain(item.domain)}] {plain(item.qid)}"
    if hidden:
        return f"{line} · {len(item.candidates)} passages"
    line += (
        f" · {plain(teacher.author_name)} · self-consistency nDCG@10 **{points(teacher.ndcg)}**"
        f" · first relevant at {teacher.first_relevant}"
    )
    if teacher.status != "ok":
        line += f" :orange-badge[response repaired: {plain(teacher.status)}]"
    for check in teacher.failed_checks:
        line += f" :orange-badge[chain: {CHECKS[check][0].lower()}{CHECKS[check][1:]}]"  # type: ignore[index]
    if shown.agreement is not None and shown.agreement.tau is not None:
        color = "green" if shown.agreement.tau >= DEFAULT_CUT else "orange"
        line += (
            f" :{color}-badge[τ {shown.agreement.tau:.2f} among"
            f" {many(shown.agreement.samples, 'sample')}]"
        )
    if shown.marks is not None:
        agreed = sum(
            (candidate.docid in shown.marks) == (candidate.docid in item.relevant_docids)
            for candidate in item.candidates
        )
        line += f" :blue-badge[your marks: {agreed} of {len(item.candidates)} as the teacher's]"
    for judgment in shown.judgments:
        reasons = ", ".join(REASONS.get(reason, reason) for reason in judgment.reasons)
        text = plain(f"{judgment.reviewer}: {judgment.verdict.replace('_', ' ')} {reasons}")
        line += f" :violet-badge[{text}]"
    return line


def note_key(item_id: str) -> str:
    """Return the key of an item's note field."""
    return f"note-{key_of(item_id)}"


def note(item_id: str) -> str:
    """Return what is in the item's note field."""
    return str(st.session_state.get(note_key(item_id), "") or "")


def on_verdict(item_id: str, verdict: str) -> None:
    """Take a verdict for the item that the button was drawn for."""
    if verdict == "reject":
        session.reject(opened, item_id, reviewer, note(item_id))
    elif verdict in ("approve", "fix", "cannot_judge"):
        session.decide(opened, item_id, reviewer, verdict, note(item_id))  # type: ignore[arg-type]


def on_reason(item_id: str, reason: str) -> None:
    """Add or drop a reason of the item that the button was drawn for."""
    session.choose_reason(opened, item_id, reviewer, reason, note(item_id))


def key_button(name: str, label: str, shortcut: str, item_id: str, **options: object) -> None:
    """Draw a button that belongs to one item: its key changes with the item."""
    st.button(label, key=f"{name}-{key_of(item_id)}", shortcut=shortcut, **options)  # type: ignore[arg-type]


def verdict_row(shown: ReviewItem, *, hidden: bool) -> None:
    """Draw the buttons that end or go on with an item."""
    item_id = shown.item.item_id
    draft = state.draft(item_id)
    if hidden:
        reveal = partial(session.reveal, opened, shown, reviewer)
        key_button(
            "reveal",
            f"Reveal with {many(len(draft.marks), 'mark')}",
            "E",
            item_id,
            type="primary",
            icon=":material/visibility:",
            on_click=reveal,
            disabled=not draft.marks,
        )
        key_button(
            "none", "None is relevant", "0", item_id, on_click=reveal, disabled=bool(draft.marks)
        )
    elif draft.fixing:
        save = partial(on_verdict, item_id, "fix")
        key_button("fix", "Save fix", "Ctrl+Enter", item_id, type="primary", on_click=save)
        key_button("cancel", "Cancel", "Escape", item_id, on_click=session.cancel, args=(item_id,))
        return
    else:
        for verdict, label, shortcut, icon in (
            ("approve", "Approve", "A", "check"),
            ("reject", "Reject", "X", "close"),
        ):
            key_button(
                verdict,
                label,
                shortcut,
                item_id,
                type="primary" if verdict == "approve" else "secondary",
                icon=f":material/{icon}:",
                on_click=on_verdict,
                args=(item_id, verdict),
            )
        key_button(
            "start-fix",
            "Fix",
            "F",
            item_id,
            icon=":material/edit:",
            on_click=session.start_fix,
            args=(shown,),
        )
    key_button(
        "cannot_judge",
        "Can't judge",
        "Q",
        item_id,
        on_click=on_verdict,
        args=(item_id, "cannot_judge"),
    )
    key_button("skip", "Skip", "S", item_id, on_click=session.forward, args=(opened, item_id))


def reason_row(shown: ReviewItem) -> None:
    """Draw the reasons of a rejection, each with its digit, and the note."""
    item_id = shown.item.item_id
    draft = state.draft(item_id)
    if draft.fixing:
        st.markdown(
            ":gray[**J K** focus · **Alt+↑ ↓** move · **T** to the top · **M** mark "
            "relevant. Or the buttons on each passage.]"
        )
        return
    ask = ":red[**Why?**]" if draft.rejecting else ":gray[Reasons]"
    st.markdown(ask, width="content")
    for digit, (reason, label) in enumerate(REASONS.items(), start=1):
        key_button(
            f"reason-{reason}",
            label,
            str(digit),
            item_id,
            type="primary" if reason in draft.reasons else "tertiary",
            on_click=on_reason,
            args=(item_id, reason),
        )
    st.text_input(
        "Note",
        key=note_key(item_id),
        placeholder="Note (optional)",
        label_visibility="collapsed",
        width="stretch",
    )


def navigation_row(item_id: str) -> None:
    """Draw undo and the way back and forth."""
    st.space("stretch")
    recent = judgments.recent_judgments(opened, reviewer, limit=10)
    st.button(
        "Undo",
        key="undo",
        shortcut="U",
        icon=":material/undo:",
        disabled=not recent,
        help=f"Takes back your latest verdict; {many(len(recent), 'verdict')} can be taken back.",
        on_click=session.undo,
        args=(opened, reviewer),
    )
    st.button(
        "Back",
        key="back",
        shortcut="Left",
        disabled=state.place <= 0 and state.current is not None,
        on_click=session.back,
    )
    key_button("next", "Next", "Right", item_id, on_click=session.forward, args=(opened, item_id))


def order_control(shown: ReviewItem, *, hidden: bool, fixing: bool) -> str:
    """Draw the choice of the passages' order, of the same height where there is none."""
    if hidden or fixing:
        only = "Initial" if hidden else "Yours"
        st.segmented_control(
            "Passages", [only], default=only, disabled=True, label_visibility="collapsed"
        )
        return "initial"
    views = [view for view in VIEWS if view != "fix" or latest_fix(shown)]
    view = st.segmented_control(
        "Passages",
        views,
        default="teacher",
        required=True,
        format_func=VIEWS.__getitem__,
        key="view",
        bind="query-params",
        label_visibility="collapsed",
    )
    return view or "teacher"


def draw(item_id: str, *, blind: bool) -> None:
    """Draw one item with its verdict form."""
    try:
        shown = state.load(opened, item_id, reviewer)
    except NotFoundError as error:
        show_error(error)
        st.button("Next item", on_click=state.leave, args=(item_id,))
        return
    mine = any(judgment.reviewer == reviewer for judgment in shown.judgments)
    hidden = blind and shown.marks is None and not mine
    draft = state.draft(item_id)
    with st.container(border=True, height=104, gap="xsmall"):
        st.text(shown.item.query)
    # Two lines high whatever they say, so that the passages below stay where they are.
    left, right = st.columns([5, 4], vertical_alignment="center", wrap=False)
    with left.container(height=50, border=False):
        st.markdown(f":small[{facts(shown, hidden=hidden)}]")
    with right.container(horizontal=True, horizontal_alignment="right"):
        if shown.samples > 1 and not hidden:
            link("samples", "Samples", "stacks", item=item_id)
        if not hidden:
            link("audit", "History", "history", item=item_id)
        why_back(opened, item_id)
        view = order_control(shown, hidden=hidden, fixing=draft.fixing)
    reader(
        review_panes(shown, view, draft, hidden=hidden),
        token=session.token(shown),
        key="reader",
        chrome=CHROME,
        on_edit=partial(session.edit, shown),
    )
    # The buttons come last: what can be pressed is below what can be read.
    with st.bottom, st.container(gap="xsmall", key="verdicts"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            if not hidden:
                reason_row(shown)
            else:
                st.markdown(
                    ":gray[Mark every passage that helps to answer the query: click, or **J K** "
                    "and **M**. Then reveal the teacher's order, labels and chain.]"
                )
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            verdict_row(shown, hidden=hidden)
            navigation_row(item_id)


def nothing_left() -> None:
    """Say why there is no item, and what to do about it."""
    if not items.counts(opened)["items"]:
        empty_state("inbox", "Nothing to review yet", "Import a teacher's rankings first.")
        link("overview", "Import on the overview", "upload_file")
        return
    empty_state(
        "task_alt",
        "All done under this filter",
        "Every item that passes the filter was judged or skipped. Widen the filter, look at the "
        "skipped ones again, or make a batch of what you approved.",
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        if state.trail:
            st.button("Show skipped items again", on_click=state.start_over)
        st.button("Undo", key="undo", shortcut="U", on_click=session.undo, args=(opened, reviewer))
        link("batches", "Make a batch", "inventory_2")


reads_blind = top_row()
if state.error:
    st.error(plain(state.error), icon=":material/error:")
    state.error = ""
if state.notice:
    st.toast(plain(state.notice))
    state.notice = ""
if state.current is None:
    st.query_params.pop("item", None)
    state.in_url = None
    nothing_left()
else:
    st.query_params["item"] = state.in_url = state.current
    draw(state.current, blind=reads_blind)
    state.on_screen()
    state.read_ahead(opened, reviewer)
