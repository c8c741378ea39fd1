"""A campaign on the screen: its card, the whole of it, and the form that begins or changes it."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import altair as alt
import polars as pl
import streamlit as st

from app.store import may
from app.widgets.charts import HEIGHT
from app.widgets.filters import item_filter, told
from app.widgets.page import NOTICE, link, mendable
from app.widgets.text import key_of, many, plain, when
from curation import campaigns, queueing
from curation.bulk import assignable
from curation.campaigns import MOST, Progress
from db import assignments, guidelines, items, tags
from db.campaigns import Campaign
from db.people import any_accounts
from db.store import Store

SOON = timedelta(days=7)  # what is proposed as the time that a campaign takes


def _due(campaign: Campaign, found: Progress, today: date) -> str:
    """Return the day that a campaign is due, and how that stands, in words."""
    if campaign.due_on is None:
        return ":gray-badge[no due day]"
    days = (campaign.due_on - today).days
    line = f"due {campaign.due_on:%Y-%m-%d}"
    if not found.left:
        return f":green-badge[:material/check: {line}, goal reached]"
    if days < 0:
        return f":red-badge[:material/event_busy: {line}, {many(-days, 'day')} ago]"
    left = "today" if not days else f"in {many(days, 'day')}"
    return f":blue-badge[:material/event: {line}, {left}]"


def _pace(campaign: Campaign, found: Progress) -> str:
    """Return the pace and when the goal is reached at it; said to be unknown where it is."""
    if not found.left:
        return "The goal is reached."
    if found.a_day is None:
        return "Pace: none within 7 days. End: unknown."
    pace = f"{found.a_day:,.0f}" if found.a_day >= 10 else f"{found.a_day:.1f}"
    if found.ready_at is None:
        return f"Pace: {pace} items a day. At this pace it takes more than ten years."
    line = f"Pace: {pace} items a day. At this pace done {when(found.ready_at)}"
    if campaign.due_on is None:
        return f"{line}."
    late = (found.ready_at.astimezone(UTC).date() - campaign.due_on).days
    return f"{line}, " + (f"▼ {many(late, 'day')} late." if late > 0 else "▲ in time.")


def campaign_card(store: Store, campaign: Campaign, reviewer: str) -> None:
    """Draw a campaign with how far it is, and what starts it."""
    found = campaigns.progress(store, campaign)
    with st.container(border=True, gap="xsmall", key=key_of("card", campaign.campaign_id)):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(
                f"**{plain(campaign.name)}** {_due(campaign, found, datetime.now(UTC).date())}",
                width="stretch",
            )
            start(campaign, reviewer)
            st.button(
                "Details",
                key=key_of("details", campaign.campaign_id),
                icon=":material/monitoring:",
                type="tertiary",
                on_click=show,
                args=(campaign.campaign_id,),
            )
        bar(campaign, found)


def show(campaign_id: str) -> None:
    """Show one campaign whole, or all for an empty id; the address says which."""
    # A link to the page one is on would not change the address.
    if campaign_id:
        st.query_params["campaign"] = campaign_id
    else:
        st.query_params.pop("campaign", None)


def bar(campaign: Campaign, found: Progress) -> None:
    """Draw how far a campaign is."""
    share = min(1.0, found.decided / campaign.goal)
    st.progress(share, text=f"**{found.decided:,}** of {campaign.goal:,} decided ({share:.0%})")
    st.caption(_pace(campaign, found))
    if campaign.open and found.short:
        st.caption(
            f":orange[:material/warning: {many(found.waiting, 'item')} wait, "
            f"{found.short:,} fewer than the goal still needs.]"
        )


def start(campaign: Campaign, reviewer: str) -> None:
    """Draw the link that starts reviewing, for those who take part."""
    if not campaign.open:
        st.badge("Closed", color="gray")
    elif campaign.is_for(reviewer):
        link("review", "Start reviewing", "rate_review", campaign=campaign.campaign_id)
    else:
        st.badge("For others", color="gray")


def campaign_detail(store: Store, campaign: Campaign, reviewer: str) -> None:
    """Draw a campaign whole: how far, by day, what it is, and what changes it."""
    found = campaigns.progress(store, campaign)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            f"### {plain(campaign.name)} {_due(campaign, found, datetime.now(UTC).date())}",
            width="stretch",
        )
        start(campaign, reviewer)
    bar(campaign, found)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        st.markdown("**Decided by day (UTC)**")
        if found.by_day.is_empty():
            st.caption("Nothing yet.")
        else:
            st.altair_chart(by_day(found.by_day), alt="Items decided on each day")
    with right:
        version = guidelines.stamp(store, campaign.guideline) or "nothing published yet"
        st.markdown(
            f"**Items** {plain(told(campaign.chosen))}  \n"
            f"**Waiting now** {found.waiting:,}  \n"
            f"**Guidelines** {plain(campaign.guideline)} :gray[({plain(version)})]  \n"
            f"**For** {plain(', '.join(campaign.members) or 'everybody')}  \n"
            f"**Begun** {when(campaign.created_at)}"
        )
        link("guidelines", "Guidelines", "menu_book", name=campaign.guideline)
    if not may("reviewer", "admin"):
        return
    if campaign.open:
        with st.expander("Change it", icon=":material/edit:"):
            entered = campaign_form(store, campaign)
            if entered is not None:
                with mendable():
                    campaigns.change(store, campaign.campaign_id, **entered, changed_by=reviewer)
                    st.session_state[NOTICE] = "Changed; what it was before is in the audit"
                    st.rerun()
    st.button(
        "Close the campaign" if campaign.open else "Open it again",
        icon=":material/flag:" if campaign.open else ":material/undo:",
        key="set-open",
        on_click=_set_open,
        args=(store, campaign, reviewer),
        help="It then gives out no item. Verdicts stay, and it can be opened again."
        if campaign.open
        else None,
    )


def _set_open(store: Store, campaign: Campaign, reviewer: str) -> None:
    with mendable():
        campaigns.set_open(store, campaign.campaign_id, not campaign.open, changed_by=reviewer)


def by_day(days: pl.DataFrame) -> alt.Chart:
    """Return bars of the items decided on each day, days without any included.

    Args:
        days: Columns day, items; at least one row.
    """
    whole = days.select(pl.date_range(pl.col("day").min(), pl.col("day").max()).alias("day"))
    rows = whole.join(days, on="day", how="left").with_columns(
        pl.col("items").fill_null(0), pl.col("day").dt.to_string("%Y-%m-%d")
    )
    chart: alt.Chart = (
        alt.Chart(rows)
        .mark_bar(color="#3f63c9", size=max(4, min(40, 400 // rows.height)))
        .encode(
            x=alt.X("day:O", title=None, axis=alt.Axis(labelAngle=0, labelOverlap=True)),
            y=alt.Y("items:Q", title="Items", axis=alt.Axis(tickMinStep=1)),
            tooltip=["day", "items"],
        )
        .properties(height=HEIGHT)
    )
    return chart


def campaign_form(store: Store, campaign: Campaign | None) -> dict[str, Any] | None:
    """Draw the form that begins a campaign, or changes one, whose items stay.

    Returns:
        What was entered, as `curation.campaigns` takes it, once it is asked for.
    """
    chosen = None
    if campaign is None:
        with st.container(horizontal=True, vertical_alignment="center"):
            chosen = item_filter(
                items.domains(store), [], tags.all_tags(store), assignments.assignees(store)
            )
            with mendable():
                waiting = queueing.waiting(store, campaigns.drawn_from(chosen))
                st.markdown(
                    f"{plain(told(chosen))} :gray[· {many(waiting, 'item')} wait]",
                    width="stretch",
                )
    lines = guidelines.names(store)
    if guidelines.GENERAL not in lines:
        lines.insert(0, guidelines.GENERAL)
    people = assignable(store)
    with st.form("campaign", border=False, enter_to_submit=False):
        left, middle, right = st.columns([3, 1, 1])
        name = left.text_input(
            "Name",
            campaign.name if campaign else "",
            max_chars=campaigns.LONGEST_NAME,
            placeholder="500 leetcode items near the cut by Friday",
            key="campaign-name",
        )
        goal = middle.number_input(
            "Items to decide", 1, MOST, campaign.goal if campaign else 100, key="campaign-goal"
        )
        due_on = right.date_input(
            "Due, that day included (UTC)",
            campaign.due_on if campaign else datetime.now(UTC).date() + SOON,
            key="campaign-due",
        )
        left, right = st.columns([1, 2])
        line = left.selectbox(
            "Guidelines",
            lines,
            lines.index(campaign.guideline) if campaign and campaign.guideline in lines else 0,
            format_func=plain,
            key="campaign-guideline",
        )
        members = right.multiselect(
            "For",
            sorted({*people, *(campaign.members if campaign else ())}),
            default=list(campaign.members) if campaign else [],
            format_func=plain,
            accept_new_options=not any_accounts(store),
            placeholder="Everybody",
            key="campaign-members",
        )
        asked = st.form_submit_button(
            "Change it" if campaign else "Begin", type="primary", key="campaign-now"
        )
    if not asked:
        return None
    entered = {
        "name": name or "",
        "goal": int(goal),
        "due_on": due_on,
        "guideline": line or guidelines.GENERAL,
        "members": members,
    }
    return entered if chosen is None else {**entered, "chosen": chosen}
