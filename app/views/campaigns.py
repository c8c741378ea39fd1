"""Campaigns: a goal that reviewers work on together, how far it is, and when it will be done."""

import streamlit as st

from app.store import may, store, user
from app.widgets.campaign_views import campaign_card, campaign_detail, campaign_form, show
from app.widgets.page import NOTICE, empty_state, heading, link, mendable, show_error
from curation import campaigns
from db import campaigns as log
from db import items
from db.errors import NotFoundError

BEGUN = "campaign_begun"  # session key: one was just made, so its form is closed

opened = store()


def new_campaign() -> None:
    """Draw what begins a campaign."""
    if st.session_state.pop(BEGUN, False):
        st.session_state["new_campaign"] = False
    place = st.expander(
        "New campaign", icon=":material/add:", key="new_campaign", on_change="rerun"
    )
    if not place.open:
        return
    with place:
        entered = campaign_form(opened, None)
        if entered is not None:
            with mendable():
                campaigns.create(opened, **entered, created_by=user())
                st.session_state[NOTICE] = f"{entered['name']} has begun"
                st.session_state[BEGUN] = True
                st.rerun()


def one(campaign_id: str) -> None:
    """Draw one campaign whole."""
    st.button(
        "All campaigns", icon=":material/arrow_back:", type="tertiary", on_click=show, args=("",)
    )
    try:
        found = log.get_campaign(opened, campaign_id)
    except NotFoundError as error:
        show_error(error)
        return
    campaign_detail(opened, found, user())


def main() -> None:
    """Draw the page."""
    heading("Campaigns", "A goal, the items that count for it, and how far it is.")
    if campaign_id := st.query_params.get("campaign"):
        one(campaign_id)
        return
    if not items.counts(opened)["items"]:
        empty_state("inbox", "Nothing to decide yet", "Import a teacher's rankings first.")
        link("overview", "Import on the overview", "upload_file")
        return
    found = log.list_campaigns(opened)
    if may("reviewer", "admin"):
        new_campaign()
    going = [each for each in found if each.open]
    if not going:
        empty_state(
            "sprint",
            "No campaign is open",
            "A campaign says how many items of which kind are to be decided by when. Reviewers "
            "start it here, and the queue gives out its items.",
        )
    for each in going:
        campaign_card(opened, each, user())
    if closed := [each for each in found if not each.open]:
        with st.expander(f"{len(closed)} closed", icon=":material/inventory:"):
            for each in closed:
                campaign_card(opened, each, user())


main()
