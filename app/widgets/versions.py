"""What several people said of one item, side by side."""

from collections.abc import Sequence

import streamlit as st

from app.drafts import Draft
from app.widgets.editor import fix_panes
from app.widgets.ranking import cards_of
from app.widgets.reader import Pane, blank_pane, cards_pane, chain_pane
from app.widgets.text import brief, many, plain, visible
from curation.adjudication import Case, Version
from curation.orders import AuthoredOrder
from curation.review import REASONS, ReviewItem

MARKS = {1: "✓ right", 0: "○ neutral", -1: "✗ wrong"}
CARD = 92  # pixels; what is longer scrolls
STEPS = 338  # pixels, as high as the chain beside it in a window 800 high
SHORT = 300  # characters of a marked step
VERDICTS = {
    "approve": ("Approve", "green"),
    "fix": ("Fix", "blue"),
    "reject": ("Reject", "red"),
    "cannot_judge": ("Can't judge", "gray"),
}


def title(version: Version, *, named: bool, me: str) -> str:
    """Return what a version is called: its letter, and whose it is where that may be said."""
    if version.author == me:
        return f"{version.letter}, yours"
    return f"{version.letter}, {version.author}" if named else version.letter


def version_card(case: Case, version: Version, *, named: bool, me: str) -> None:
    """Draw what one person said beside the order."""
    word, color = VERDICTS[version.judgment.verdict]
    reasons = ", ".join(REASONS.get(each, each) for each in version.judgment.reasons)
    with st.container(border=True, gap="xsmall", height=CARD):
        st.markdown(
            f"**{plain(brief(title(version, named=named, me=me), 60))}** :{color}-badge[{word}]"
            f" {plain(reasons)} :small[:gray[{_facts(case.shown, version)}]]"
        )
        if version.judgment.note:
            st.text(visible(brief(version.judgment.note, 2000)))


def _facts(shown: ReviewItem, version: Version) -> str:
    said = []
    if version.ranking is not None:
        same = version.ranking.docids == shown.teacher.docids
        said.append("the teacher's order" if same else "an order of their own")
        kept = set(version.labels or ()) == set(shown.item.relevant_docids)
        said.append("the teacher's labels" if kept else f"{len(version.labels or ())} relevant")
        if version.ranking.author == "human" and version.ranking.chain:
            said.append("chain rewritten")
    if version.judgment.grades:
        said.append(f"{len(version.judgment.grades)} graded")
    if version.detail.ranked:
        said.append(f"top {version.detail.ranked} ranked")
    if version.detail.tied:
        said.append(many(len(version.detail.tied), "tie"))
    if version.detail.steps:
        said.append(f"{many(len(version.detail.steps), 'step')} marked")
    return " · ".join(said) or "no order"


def order_panes(case: Case, versions: Sequence[Version], *, named: bool, me: str) -> list[Pane]:
    """Return the order of each version with its labels, grades and ties."""
    return [_order_pane(case, version, named=named, me=me) for version in versions]


def _order_pane(case: Case, version: Version, *, named: bool, me: str) -> Pane:
    name = visible(brief(title(version, named=named, me=me), 30))
    if version.ranking is None:
        word = VERDICTS[version.judgment.verdict][0].lower()
        return blank_pane(name, f"No order: the verdict is {word}.")
    number = {each.docid: n for n, each in enumerate(case.shown.item.candidates, start=1)}
    return cards_pane(
        name,
        cards_of(
            case.shown,
            [number[docid] for docid in version.ranking.docids],
            {number[docid] for docid in version.labels or ()},
            grades={number[docid]: grade for docid, grade in version.judgment.grades.items()},
            tied={number[docid] for docid in version.detail.tied},
        ),
        compact=True,
        ranked=version.detail.ranked or 0,
    )


def merge_panes(
    case: Case, beside: Sequence[Version], draft: Draft, *, named: bool, me: str
) -> list[Pane]:
    """Return the versions that are looked at beside the order that is being made."""
    _, mine = fix_panes(case.shown, draft)
    return [*order_panes(case, beside, named=named, me=me), mine | {"title": "The merge"}]


def chain_panes(case: Case) -> list[Pane]:
    """Return the chain under review, and those that people wrote."""
    shown = case.shown
    n = len(shown.item.candidates)
    panes = [chain_pane("The teacher's chain", shown.teacher.chain, n)]
    panes += [
        chain_pane(f"{version.letter}'s chain", version.ranking.chain, n)
        for version in case.versions
        if version.ranking is not None
        and version.ranking.author == "human"
        and version.ranking.chain
    ]
    return panes


def marked_steps(case: Case) -> None:
    """Draw the steps that each person marked, with their text."""
    chains = {ranking.ranking_id: ranking.chain for ranking in case.shown.rankings}
    with st.container(border=True, gap="xsmall", height=STEPS):
        st.markdown("**Marked steps**")
        if not any(version.detail.steps for version in case.versions):
            st.caption("Nobody marked a step of the chain.")
        for version in case.versions:
            for step in version.detail.steps:
                chain = chains.get(version.detail.chain_id or "", "")
                st.text(
                    f"{version.letter}  {MARKS[step.mark]}:  "
                    + visible(brief(chain[step.start : step.stop].strip(), SHORT))
                )


def beginnings(case: Case) -> list[AuthoredOrder]:
    """Return the orders that a merge can begin as, each once."""
    numbers = tuple(range(1, len(case.shown.item.candidates) + 1))
    return list(
        {
            version.ranking.ranking_id: AuthoredOrder(
                f"version {version.letter}", version.ranking, numbers
            )
            for version in reversed(case.versions)
            if version.ranking is not None
        }.values()
    )[::-1]
