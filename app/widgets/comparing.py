"""The orders of one item beside each other, and two of their chains word by word."""

import streamlit as st

from app.widgets.bump import bump
from app.widgets.reader import Pane, blank_pane, chain_pane, diff_pane, reader
from app.widgets.text import brief, plain, visible
from curation.chains import renumbered
from curation.orders import AuthoredOrder
from curation.review import ReviewItem
from curation.word_diff import word_diff

LONGEST = 100_000  # characters up to which two chains are compared: the work grows with the square
HEIGHT = 374  # pixels of the chart: those of the reader in a window 800 high


def compare_orders(shown: ReviewItem, orders: list[AuthoredOrder], *, chrome: int) -> None:
    """Draw every author's order as lines from one to the next, and two chains with what differs.

    Args:
        chrome: Pixels of the window that belong to everything else on the page.
    """
    left, right = st.columns([2, 3], gap="small")
    with left.container(border=True, height=HEIGHT):
        initial = [candidate.docid for candidate in shown.item.candidates]
        room = max(6, 60 // (len(orders) + 1))  # letters that fit above a line's end
        names = [_short(order.name, room) for order in orders]
        texts = {
            candidate.docid: visible(brief(candidate.text, 120))
            for candidate in shown.item.candidates
        }
        st.altair_chart(
            bump(
                [initial, *(order.ranking.docids for order in orders)],
                ["initial", *names],
                texts,
                shown.item.relevant_docids,
            ),
            alt="Every author's order, a line for each passage",
        )
    with right:
        _chains(shown, [order for order in orders if order.ranking.chain.strip()], chrome)


def _chains(shown: ReviewItem, orders: list[AuthoredOrder], chrome: int) -> None:
    """Draw two of the chains, the one under review on the left."""
    if len(orders) < 2:
        panes: list[Pane] = [
            chain_pane(_title(order), _chain(order), len(shown.item.candidates)) for order in orders
        ]
        panes.append(blank_pane("Other chains", "No other author of this item gave a chain."))
        _draw(shown, panes, "one", chrome + 8)
        return
    with st.container(horizontal=True):
        a = _pick("left", "B", orders, 0)
        b = _pick("right", "N", orders, 1)
    n = len(shown.item.candidates)
    chains = [_chain(order) for order in (a, b)]
    if max(map(len, chains)) > LONGEST:
        panes = [
            chain_pane(_title(order), chain, n, note="too long to mark what differs")
            for order, chain in zip((a, b), chains, strict=True)
        ]
    else:
        panes = [
            diff_pane(_title(order), spans, n)
            for order, spans in zip((a, b), word_diff(*chains), strict=True)
        ]
    _draw(shown, panes, f"{a.ranking.ranking_id} {b.ranking.ranking_id}", chrome + 54)


def _pick(side: str, shortcut: str, orders: list[AuthoredOrder], default: int) -> AuthoredOrder:
    """Draw a button that goes to the next author; whose turn it is stands in the URL."""
    wanted = st.query_params.get(side, "")
    at = int(wanted) % len(orders) if wanted.isdecimal() else default
    st.button(
        f"{side.capitalize()}: {plain(brief(orders[at].name, 24))}",
        key=f"compare-{side}",
        shortcut=shortcut,
        help="The chain of the next author.",
        on_click=st.query_params.__setitem__,
        args=(side, str((at + 1) % len(orders))),
    )
    return orders[at]


def _draw(shown: ReviewItem, panes: list[Pane], what: str, chrome: int) -> None:
    reader(panes, token=f"{shown.item.item_id} {what}", key="comparing", chrome=chrome)


def _short(name: str, most: int) -> str:
    """Return a name as it fits above a chart: its beginning, and the number of its sample."""
    head, _, sample = name.partition(", sample ")
    tail = f" {sample}" if sample else ""
    return visible(head if len(head + tail) <= most else head[: most - len(tail) - 1] + "…") + tail


def _title(order: AuthoredOrder) -> str:
    return visible(brief(order.name, 40))


def _chain(order: AuthoredOrder) -> str:
    """Return an author's chain with passages by their numbers of the initial order."""
    return renumbered(order.ranking.chain, order.numbers)
