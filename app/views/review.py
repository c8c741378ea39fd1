"""Review: one item at a time, one key a verdict."""

from functools import partial

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app import session
from app.drafts import EDITED_ELSEWHERE, Draft
from app.store import store, user
from app.widgets.beside import beside_it, side_buttons
from app.widgets.claiming import why_here
from app.widgets.comparing import compare_orders
from app.widgets.editor import fix_panes, live_measures
from app.widgets.fix_buttons import fix_buttons, key_button, reason_buttons, writing_buttons
from app.widgets.key_map import key_map, shows_keys
from app.widgets.page import empty_state, link, show_error
from app.widgets.ranking import review_panes
from app.widgets.reader import reader
from app.widgets.scope import how_far, scope
from app.widgets.sending import why_back
from app.widgets.text import brief, key_of, many, plain, points, visible
from curation import queueing
from curation.agreement import DEFAULT_CUT
from curation.chain_checks import CHECKS
from curation.orders import orders_of
from curation.review import REASONS, ReviewItem, fix_of
from db import items, tags
from db.errors import NotFoundError

CHROME = 426  # pixels above and below the reader, which takes the rest of the window
LONGEST_QUERY = 20_000  # characters that are shown of a query
ABOUT_FACTS = (
    "Self-consistency is the teacher's order held against the same teacher's labels. Scroll here "
    "where more is known of the item than two lines hold."
)
COMPARE = "compare"  # in the URL while orders are compared
VIEWS = {"initial": "Initial", "teacher": "Teacher's", "label": "By label", "fix": "Corrected"}

opened = store()
reviewer = user()
state = session.desk()


def top_row() -> tuple[bool, DeltaGenerator]:
    """Draw progress, filters and mode; return whether the reviewer reads blind.

    Beside it, the place for links to what else there is about the item.
    """
    # One line in a window of 1280 pixels: little room between.
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        st.markdown("#### Review", width="content")
        chosen, campaign = scope(opened, reviewer)
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
        aside = st.container(
            horizontal=True, vertical_alignment="center", width="content", gap="xxsmall"
        )
        st.space("stretch")
        key_map()
        how_far(opened, reviewer, chosen, campaign)
    state.find_current(opened, chosen, st.query_params.get("item"), reviewer, campaign)
    return mode == "blind", aside


def facts(shown: ReviewItem, *, hidden: bool) -> str:
    """Return one line about the item; nothing of the teacher's answer while it is hidden."""
    item, teacher = shown.item, shown.teacher
    line = f":blue-badge[{plain(brief(item.domain))}] {plain(brief(item.qid))}"
    if hidden:
        return f"{line} · {len(item.candidates)} passages"
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
    for tag in tags.tags_of(opened, [item.item_id]).get(item.item_id, []):
        line += f" :gray-badge[:material/sell: {plain(tag)}]"
    line += (
        f" · {plain(teacher.author_name)} · self-consistency nDCG@10 **{points(teacher.ndcg)}**"
        f" · first relevant at {teacher.first_relevant}"
    )
    if teacher.status != "ok":
        line += f" :orange-badge[response repaired: {plain(teacher.status)}]"
    for check in teacher.failed_checks:
        line += f" :orange-badge[chain: {CHECKS[check][0].lower()}{CHECKS[check][1:]}]"  # type: ignore[index]
    if shown.tau is not None:
        kept = shown.tau >= DEFAULT_CUT
        line += (
            f" :{'green-badge[▲' if kept else 'orange-badge[▼'} τ {shown.tau:.2f} among"
            f" {many(shown.samples, 'sample')}]"
        )
    return line


def note_key(item_id: str) -> str:
    """Return the key of an item's note field."""
    return f"note-{key_of(state.drafts.token(item_id))}"


def note(item_id: str) -> str:
    """Return the item's note: what is in its field, else what was drafted."""
    return str(st.session_state.get(note_key(item_id), state.draft(item_id).note) or "")


def drafted(item_id: str) -> Draft:
    """Return the item's draft as the reviewer left it, in any tab, and write what changed since.

    Called before anything of the item is drawn: what is on the screen is on disk.
    """
    with state.lock:
        if not state.drafts.is_open(item_id, reviewer):
            left = state.drafts.restore(opened, item_id, reviewer)
            st.session_state[note_key(item_id)] = left.note
        state.draft(item_id).note = note(item_id)
        if not state.drafts.keep(opened, item_id):
            st.session_state[note_key(item_id)] = state.draft(item_id).note
            state.shown_at = 0.0  # a press that is under way was meant for what was there before
            st.toast(EDITED_ELSEWHERE)
        return state.draft(item_id)


def on_verdict(item_id: str, verdict: str) -> None:
    """Take a verdict for the item that the button was drawn for."""
    if verdict == "reject":
        session.reject(opened, item_id, reviewer, note(item_id))
    elif verdict in ("approve", "fix", "cannot_judge"):
        session.decide(opened, item_id, reviewer, verdict, note(item_id))  # type: ignore[arg-type]


def on_reason(item_id: str, reason: str) -> None:
    """Add or drop a reason of the item that the button was drawn for."""
    session.choose_reason(opened, item_id, reviewer, reason, note(item_id))


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
        fix_buttons(opened, shown, draft, on_save=partial(on_verdict, item_id, "fix"))
        return
    else:
        for verdict, label, shortcut in (("approve", "Approve", "A"), ("reject", "Reject", "X")):
            key_button(
                verdict,
                label,
                shortcut,
                item_id,
                type="primary" if verdict == "approve" else "secondary",
                on_click=on_verdict,
                args=(item_id, verdict),
            )
        key_button(
            "start-fix",
            "Fix",
            "F",
            item_id,
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
    if not hidden:
        st.button("Compare", key="compare", shortcut="D", on_click=compare, disabled=shows_keys())
    skip = partial(session.skip, opened, item_id, reviewer)
    key_button("skip", "Skip", "S", item_id, on_click=skip)
    key_button(
        "decline",
        "Decline",
        "L",
        item_id,
        on_click=partial(skip, for_good=True),
        help="It does not come to you again.",
    )


def reason_row(shown: ReviewItem) -> None:
    """Draw the reasons of a rejection, each with its digit, and the note."""
    item_id = shown.item.item_id
    draft = state.draft(item_id)
    if draft.fixing:
        live_measures(shown, draft)
        st.space("stretch")
        writing_buttons(shown, draft)
        return
    ask = ":red[**Why?**]" if draft.rejecting else ":gray[Reasons]"
    st.markdown(ask, width="content")
    reason_buttons(item_id, draft.reasons, partial(on_reason, item_id), idle="tertiary")
    st.text_input(
        "Note",
        key=note_key(item_id),
        placeholder="Note (optional)",
        label_visibility="collapsed",
        width="stretch",
        live="800ms",
    )


def navigation_row(item_id: str) -> None:
    """Draw undo and the way back and forth."""
    st.space("stretch")
    undoable = queueing.undoable(opened, reviewer)
    st.button(
        "Undo",
        key="undo",
        shortcut="U",
        disabled=not undoable or shows_keys(),
        help=f"Takes back your latest verdict; {many(undoable, 'verdict')} can be taken back.",
        on_click=session.undo,
        args=(opened, reviewer),
    )
    st.button(
        "Back",
        key="back",
        shortcut="Left",
        disabled=(state.place <= 0 and state.current is not None) or shows_keys(),
        on_click=session.back,
    )
    key_button("next", "Next", "Right", item_id, on_click=session.forward, args=(opened, item_id))


def compare() -> None:
    """Show the orders of the item beside each other, or the item again; the URL says which."""
    if COMPARE in st.query_params:
        del st.query_params[COMPARE]
    else:
        st.query_params[COMPARE] = "yes"


def order_control(shown: ReviewItem, only: str) -> str:
    """Draw the choice of the passages' order, of the same height where there is `only` one."""
    if only:
        st.segmented_control(
            "Passages", [only], default=only, disabled=True, label_visibility="collapsed"
        )
        return "initial"
    views = [view for view in VIEWS if view != "fix" or fix_of(shown)]
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
    draft = drafted(item_id)
    with beside:
        if not hidden:
            link("samples", "Samples", "stacks", item=item_id)
            link("audit", "History", "history", item=item_id)
        side_buttons(opened, item_id, reviewer, hidden=hidden)
    with st.container(border=True, height=104, gap="xsmall"):
        st.text(visible(brief(shown.item.query, LONGEST_QUERY)))
    # Two lines high whatever they say, so that the passages below stay where they are.
    left, right = st.columns([1, 1], vertical_alignment="center", wrap=False)
    with left.container(height=50, border=False):
        # The help also lets the keyboard in, where there are more than two lines to scroll.
        st.markdown(f":small[{facts(shown, hidden=hidden)}]", help=ABOUT_FACTS)
    with right.container(horizontal=True, horizontal_alignment="right"):
        why_back(opened, item_id)
        why_here(opened, item_id, reviewer, hidden=hidden)
        comparing = COMPARE in st.query_params and not hidden and not draft.fixing
        only = "Initial" if hidden else "Yours" if draft.fixing else "All" if comparing else ""
        view = order_control(shown, only)
    with beside_it(opened, item_id, reviewer, hidden=hidden, fixing=draft.fixing, chrome=CHROME):
        if comparing:
            compare_orders(shown, orders_of(opened, shown), chrome=CHROME)
        else:
            if draft.fixing:
                panes = fix_panes(shown, draft)
            else:
                panes = review_panes(shown, view, draft, hidden=hidden)
            reader(
                panes,
                token=state.drafts.token(item_id),
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
        # One line in a window of 1280 pixels: no icons, and little room between.
        with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
            verdict_row(shown, hidden=hidden)
            navigation_row(item_id)


def nothing_left() -> None:
    """Say why there is no item, and what to do about it."""
    if not items.counts(opened)["items"]:
        empty_state("inbox", "Nothing to review yet", "Import a teacher's rankings first.")
        link("overview", "Import on the overview", "upload_file")
        return
    where = "in the queue" if state.from_queue else "under this filter"
    if state.campaign is not None:
        where = "in this campaign"
    empty_state(
        "task_alt",
        f"All done {where}",
        f"Every item {where} was judged or skipped, or is in somebody's hand. Change the filter, "
        "look at the skipped ones again, or make a batch of what you approved.",
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        if state.trail:
            st.button("Show skipped items again", on_click=state.start_over)
        st.button("Undo", key="undo", shortcut="U", on_click=session.undo, args=(opened, reviewer))
        if state.campaign is not None:
            link("campaigns", "How far it is", "sprint", campaign=state.campaign.campaign_id)
        link("batches", "Make a batch", "inventory_2")


reads_blind, beside = top_row()
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
    state.read_ahead(opened)
