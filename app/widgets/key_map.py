"""The keys of the review page, in a dialog of their own."""

import streamlit as st

from app import session

KEYS = {
    "A": "approve",
    "X, then 1 to 5": "reject for that reason; for several, press digits before X",
    "F": "fix: change order, labels, grades or chain",
    "Ctrl+Enter, Esc": "in a fix: save, cancel",
    "Alt+↑ Alt+↓, T": "in a fix: move the passage, to the top",
    "M, 0 to 3": "in a fix: mark it relevant, grade it",
    "P, W, L": "in a fix: rank down to it only, swap, tie",
    "O": "in a fix: start from the next author's order",
    "Z, V": "in a fix: rewrite the chain, restore it",
    "N, B, then + = −": "focus the next or previous step of the chain, mark it",
    "/": "search the chain",
    "D": "compare all orders and chains",
    "G": "the guidelines beside the item",
    "I": "comments and the flag beside the item",
    "Q, S, L": "cannot judge, skip, decline",
    "U": "undo; again, the verdict before",
    "← →": "back, next",
    "J, K": "focus the next or previous passage",
    "E, 0": "in blind mode: reveal with your marks, or none is relevant",
    "H": "these keys",
}


def shows_keys() -> bool:
    """Return whether the dialog is open: keys work behind it, so what they press is disabled."""
    return session.desk().shows_keys


def key_map() -> None:
    """Draw the button that shows every key, and the dialog while it is asked for."""
    st.button(
        "Keys",
        key="show-keys",
        shortcut="H",
        icon=":material/keyboard:",
        type="tertiary",
        disabled=shows_keys(),
        on_click=_open,
    )
    if shows_keys():
        _dialog()


def _open() -> None:
    session.desk().shows_keys = True


def _close() -> None:
    session.desk().shows_keys = False


@st.dialog("Keys", on_dismiss=_close)
def _dialog() -> None:
    for keys, does in KEYS.items():
        left, right = st.columns([2, 3])
        left.markdown(f"**{keys}**")
        right.markdown(does)
    st.button("Close", key="hide-keys", on_click=_close)
