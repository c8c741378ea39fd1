"""What the items on Review are drawn from: a filter, or the campaign that the address names."""

import streamlit as st

from app import session
from app.widgets.filters import choices, item_filter, told
from app.widgets.page import link
from app.widgets.text import brief, plain
from curation import queueing
from db import campaigns, items
from db.campaigns import Campaign
from db.errors import NotFoundError
from db.records import ItemFilter
from db.store import Store

CAMPAIGN = "campaign"  # in the URL


def scope(store: Store, reviewer: str) -> tuple[ItemFilter, Campaign | None]:
    """Draw the campaign, or else the filter; return which items are shown, and for what."""
    campaign = _campaign(store, reviewer)
    if campaign is not None:
        with st.popover(plain(brief(campaign.name, 20)), width="content"):
            st.caption(f"{plain(campaign.name)}: {plain(told(campaign.chosen))}")
            link("campaigns", "How far it is", "sprint", campaign=campaign.campaign_id)
            st.button("Leave the campaign", on_click=leave, icon=":material/logout:")
        return session.QUEUE, campaign
    return item_filter(*choices(store)), None


def leave() -> None:
    """Go on with everybody's queue."""
    st.query_params.pop(CAMPAIGN, None)


def _campaign(store: Store, reviewer: str) -> Campaign | None:
    """Return the campaign of the address; say why, where items do not come from it."""
    wanted = st.query_params.get(CAMPAIGN)
    if not wanted:
        return None
    try:
        found = campaigns.get_campaign(store, wanted)
    except NotFoundError:
        st.badge("That campaign is not there", color="orange")
        return None
    if found.open and found.is_for(reviewer):
        return found
    why = "is for others" if found.open else "is closed"
    st.badge(f"{plain(found.name)} {why}", icon=":material/sprint:", color="orange")
    return None


def how_far(store: Store, reviewer: str, chosen: ItemFilter, campaign: Campaign | None) -> None:
    """Draw how many items are judged, and how many are left of what is drawn from."""
    n_items, judged = items.how_far(store)
    line = f"**{judged:,}** of {n_items:,} judged · "
    if chosen != session.QUEUE:
        line += f"**{items.count_items(store, chosen):,}** match"
    else:
        within = None if campaign is None else campaign.chosen
        ahead = queueing.gold_ahead(store, reviewer, within)
        left = queueing.left_for(store, reviewer, within) + ahead
        if campaign is not None:
            line = f"**{left:,}** left for you"
        else:
            # A verdict moves both by one, whatever the item is.
            line = f"**{judged - ahead:,}** of {n_items:,} judged · "
            line += f"**{left:,}** left"
    st.markdown(f":small[:gray[{line}]]", width="content")
