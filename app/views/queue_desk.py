"""Queue: what is looked at first and why, by how many people, and how careful they are."""

import polars as pl
import streamlit as st

from app.store import store, user
from app.widgets.gold import gold_desk
from app.widgets.page import NOTICE, empty_state, heading, link, mendable
from app.widgets.policy_form import policy_form
from app.widgets.text import many, when
from curation import queue_keeping, queueing
from curation.queue_policy import Policy
from db import items, queue_log, queue_values

SHOWN = 20  # items of the preview
TABS = {"policy": "Policy", "gold": "Gold items", "history": "History"}

opened = store()


def standing() -> None:
    """Draw how far the queue is."""
    counts = queueing.counts(opened)
    with st.container(horizontal=True):
        st.metric("Waiting", f"{counts.waiting:,}", help="Items that need a decision.")
        st.metric("In hand", f"{counts.in_hand:,}", help="On somebody's screen now, or just were.")
        st.metric("Done", f"{counts.done:,}", help="Decided by as many people as should.")
        st.metric("Gold", f"{counts.gold:,}", help="Items with a known answer.")


def preview(policy: Policy) -> None:
    """Draw what a policy would put first, and how many items each reason concerns."""
    found = queueing.preview(opened, policy, limit=SHOWN)
    left, right = st.columns([3, 2])
    with left:
        st.markdown("**First items**")
        queries = items.titles(opened, found.first["item_id"].to_list())
        chosen = st.dataframe(
            found.first.select(
                pl.col("item_id").replace_strict(queries, return_dtype=pl.String).alias("query"),
                "reason",
                "score",
                "needed",
            ),
            hide_index=True,
            height=420,
            alt="First items under this policy",
            on_select="rerun",
            selection_mode="single-row",
            key="first_items",
            column_config={
                "query": st.column_config.TextColumn("Query", width="large"),
                "reason": "Reason",
                "score": st.column_config.NumberColumn("Score", format="%.2f"),
                "needed": st.column_config.NumberColumn("Reviewers"),
            },
        )
        rows = [row for row in chosen.selection.rows if row < found.first.height]
        if rows:
            link("review", "Open it", "rate_review", item=found.first["item_id"][rows[0]])
        else:
            st.caption("Choose a row to open the item.")
    with right:
        st.markdown("**Reasons among waiting items**")
        st.dataframe(
            found.reasons,
            hide_index=True,
            height=420,
            alt="Waiting items by reason",
            column_config={
                "reason": "Reason",
                "weight": st.column_config.NumberColumn("Weight", format="%.2f"),
                "items": st.column_config.NumberColumn("Items", help="With a value above 0."),
                "leading": st.column_config.NumberColumn("Badge", help="Where it adds most."),
            },
        )


def save(policy: Policy) -> None:
    """Put the edited policy in force."""
    with mendable():
        note = str(st.session_state.get("policy_note", "") or "")
        queueing.save_policy(opened, policy, note=note, saved_by=user())
        st.session_state[NOTICE] = "The policy is in force"


def saving(policy: Policy, in_force: Policy) -> None:
    """Draw the button that puts the policy in force."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.text_input("Note", key="policy_note", placeholder="Why it changes (optional)")
        st.button(
            "Put in force",
            type="primary",
            icon=":material/check:",
            disabled=policy == in_force,
            on_click=save,
            args=(policy,),
            help="The policies before it are kept.",
        )


def clusters() -> None:
    """Say whether items are grouped by meaning, and offer to group them."""
    have, n_items = queue_values.cluster_count(opened), items.counts(opened)["items"]
    with st.container(horizontal=True, vertical_alignment="center"):
        pressed = st.button(
            "Group by meaning",
            icon=":material/scatter_plot:",
            help="Embeds every query that was not embedded before, then groups all of them.",
        )
        st.caption(
            f"{many(have['items'], 'item')} of {n_items:,} in {many(have['clusters'], 'group')}: "
            "the reason *Diverse sample* takes those in the middle of each first."
            if have["items"]
            else "Not grouped yet: the reason *Diverse sample* is 0 for every item."
        )
    if pressed:
        from trainer.clusters import cluster_items  # the encoder comes with it

        with mendable(), st.status("Embedding the queries …") as status:
            bar = st.progress(0.0)

            def on_progress(done: int, total: int) -> None:
                bar.progress(done / total)

            n = cluster_items(opened, on_progress)
            status.update(label=f"Grouped into {n:,}", state="complete")
            st.session_state[NOTICE] = f"Grouped into {n:,}"
            st.rerun()


def history() -> None:
    """Draw the policies that were in force, the latest first, with what each changed."""
    saved = queue_log.policies(opened)
    if not saved:
        st.caption("The built-in policy is in force; none was saved yet.")
        return
    before = [*(row["settings"] for row in saved[1:]), Policy().settings()]
    st.dataframe(
        pl.DataFrame(
            {
                "saved": [when(row["saved_at"]) for row in saved],
                "by": [row["saved_by"] for row in saved],
                "note": [row["note"] for row in saved],
                "changed": [
                    changes(old, row["settings"]) for row, old in zip(saved, before, strict=True)
                ],
            }
        ),
        hide_index=True,
        alt="Policies, the latest first",
        column_config={
            "saved": "In force from",
            "by": "By",
            "note": "Note",
            "changed": st.column_config.TextColumn("What it changed", width="large"),
        },
    )


def changes(old: dict[str, object], new: dict[str, object]) -> str:
    """Return what differs between two policies, as `name: old → new`."""

    def flat(settings: dict[str, object]) -> dict[str, object]:
        weights = settings["weights"]
        assert isinstance(weights, dict)
        return {**settings, **weights, "weights": None}

    one, other = flat(old), flat(new)
    return ", ".join(
        f"{name.replace('_', ' ')}: {one.get(name, 0)} → {value}"
        for name, value in other.items()
        if one.get(name, 0) != value
    )


def main() -> None:
    """Draw the page."""
    heading("Queue", "What reviewers are given first, and why. Each item says so on Review.")
    if not items.counts(opened)["items"]:
        empty_state("inbox", "Nothing to put in order yet", "Import a teacher's rankings first.")
        link("overview", "Import on the overview", "upload_file")
        return
    standing()
    link("review", "Review the next item", "rate_review")
    tab = st.segmented_control(
        "Part",
        list(TABS),
        default="policy",
        required=True,
        format_func=TABS.__getitem__,
        key="part",
        bind="query-params",
        label_visibility="collapsed",
    )
    if tab == "gold":
        gold_desk(opened, user())
    elif tab == "history":
        history()
    else:
        in_force = queue_keeping.current_policy(opened)
        with mendable():
            policy = policy_form(in_force)
            saving(policy, in_force)
            preview(policy)
        clusters()


main()
