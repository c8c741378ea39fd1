"""A fix: the passages to be ordered, labelled and graded, the chain to be rewritten."""

import streamlit as st

from app.drafts import Draft
from app.widgets.ranking import cards_of
from app.widgets.reader import Pane, cards_pane, chain_pane, text_pane
from app.widgets.text import points
from curation.consistency import self_consistency
from curation.review import ReviewItem


def fix_panes(shown: ReviewItem, draft: Draft) -> list[Pane]:
    """Return the chain and the passages of an item that is being fixed."""
    chain = shown.teacher.chain if draft.chain is None else draft.chain
    name = "Chain" if draft.chain is None else "Chain, edited by you"
    if draft.chain in shown.hinted_chains:
        name = "Chain that a hint gave"
    if draft.writing:
        left = text_pane(name, chain, note="cut or write · Esc leaves the text", share=2)
    else:
        left = chain_pane(
            name,
            chain,
            len(shown.item.candidates),
            note="N B step, + = − mark it" if draft.chain is None else "",
            share=2,
            marks=draft.steps if draft.chain is None else None,
        )
    cards = cards_of(
        shown,
        draft.order,
        draft.relevant,
        chain=chain,
        grades=draft.grades,
        tied=draft.tied,
    )
    return [
        left,
        cards_pane(
            "Your order",
            cards,
            note="J K · Alt ↑↓ move · T top · P pin · W swap · L level · 0–3 grade · M label",
            mode="edit",
            share=3,
            ranked=draft.ranked,
        ),
    ]


def live_measures(shown: ReviewItem, draft: Draft) -> None:
    """Draw what the order scores against the labels, both as they are edited."""
    docids = [candidate.docid for candidate in shown.item.candidates]
    order = [docids[number - 1] for number in draft.order]
    relevant = [docids[number - 1] for number in draft.relevant]
    scores = self_consistency(order, relevant, docids)
    gain = scores.ndcg - shown.teacher.ndcg
    sign = "=" if abs(gain) < 5e-5 else "▲" if gain > 0 else "▼"
    line = (
        f"nDCG@10 **{points(scores.ndcg)}** {sign} {points(gain, signed=True)}"
        f" · Recall@10 **{points(scores.recall)}** · overlap **{points(scores.overlap)}**"
        f" · first relevant **{scores.first_relevant or '–'}**"
    )
    if draft.grades:
        line += f" · {len(draft.grades)} graded"
    if draft.ranked:
        line += f" · top {draft.ranked}"
    st.markdown(line, width="content", help="Your order against your labels, as they stand now.")
