"""The buttons of a fix or a rejection; each belongs to one item."""

from collections.abc import Callable, Collection
from typing import Literal

import streamlit as st

from app import fixing, session
from app.drafts import Draft
from app.widgets.key_map import shows_keys
from app.widgets.text import brief, key_of, plain
from curation.orders import orders_of
from curation.review import REASONS, ReviewItem
from db.store import Store


def key_button(
    name: str, label: str, shortcut: str | None, item_id: str, **options: object
) -> None:
    """Draw a button that belongs to one item: its key changes with the item."""
    options["disabled"] = bool(options.get("disabled")) or shows_keys()
    st.button(label, key=f"{name}-{key_of(item_id)}", shortcut=shortcut, **options)  # type: ignore[arg-type]


def reason_buttons(
    item_id: str,
    chosen: Collection[str],
    on_click: Callable[[str], None],
    *,
    idle: Literal["secondary", "tertiary"],
) -> None:
    """Draw the reasons of a rejection, each with its digit.

    Args:
        on_click: Told which was pressed.
        idle: The look of those that are not chosen.
    """
    for digit, (reason, label) in enumerate(REASONS.items(), start=1):
        key_button(
            f"reason-{reason}",
            label,
            str(digit),
            item_id,
            type="primary" if reason in chosen else idle,
            on_click=on_click,
            args=(reason,),
        )


def fix_buttons(
    store: Store, shown: ReviewItem, draft: Draft, *, on_save: Callable[[], None]
) -> None:
    """Draw the buttons of a fix that are about the whole of it."""
    item_id = shown.item.item_id
    key_button("fix", "Save fix", "Ctrl+Enter", item_id, type="primary", on_click=on_save)
    key_button("cancel", "Cancel", "Escape", item_id, on_click=session.cancel, args=(item_id,))
    orders = orders_of(store, shown)
    begun = fixing.begun_as(orders, draft)
    key_button(
        "begin",
        f"From {plain(brief(begun.name, 24)) if begun else 'the initial order'}",
        "O",
        item_id,
        on_click=fixing.begin_as_next,
        args=(shown, orders),
        disabled=fixing.is_moved(shown, orders, draft),
        help="Begins as the next author's order, of "
        + ", ".join(plain(brief(order.name, 40)) for order in orders)
        + ", and the initial one. Labels and grades stay. Once you moved a passage, cancel first.",
    )


def writing_buttons(shown: ReviewItem, draft: Draft) -> None:
    """Draw the buttons that open the chain of a fix for rewriting, and restore it."""
    item_id = shown.item.item_id
    label = "Done" if draft.writing else "Rewrite chain"
    key_button("write", label, "Z", item_id, on_click=fixing.write, args=(shown,))
    if draft.chain is not None:
        back = fixing.drop_writing
        tip = "Back to the teacher's chain; what you wrote is dropped."
        key_button("unwrite", "Restore", "V", item_id, on_click=back, args=(item_id,), help=tip)
