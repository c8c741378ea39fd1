"""What one does in a fix beside moving passages: begin as another order, rewrite the chain."""

from app import session
from app.drafts import Draft, numbers_of, start_from
from curation.orders import AuthoredOrder
from curation.review import ReviewItem


def begun_as(orders: list[AuthoredOrder], draft: Draft) -> AuthoredOrder | None:
    """Return the order that a fix began as; None for the initial one."""
    return next((each for each in orders if each.ranking.ranking_id == draft.started_from), None)


def is_moved(shown: ReviewItem, orders: list[AuthoredOrder], draft: Draft) -> bool:
    """Return whether the order was edited since it began, so that a new beginning would lose it."""
    numbers, begun = numbers_of(shown), begun_as(orders, draft)
    first = [numbers[docid] for docid in (begun.ranking.docids if begun else numbers)]
    return draft.order != first or bool(draft.ranked or draft.tied)


def begin_as_next(shown: ReviewItem, orders: list[AuthoredOrder]) -> None:
    """Let the fix begin as the next author's order, after the last one as the initial order."""
    state = session.desk()
    with state.lock:
        draft = state.draft(shown.item.item_id)
        if shown.item.item_id == state.current:
            begin_next(draft, shown, orders)


def begin_next(draft: Draft, shown: ReviewItem, orders: list[AuthoredOrder]) -> None:
    """Let a draft begin as the order after the one it began as, unless it was edited since."""
    if is_moved(shown, orders, draft):
        return
    begun = begun_as(orders, draft)
    at = orders.index(begun) + 1 if begun is not None else 0
    start_from(draft, shown, orders[at].ranking if at < len(orders) else None)


def write(shown: ReviewItem) -> None:
    """Open the chain for rewriting, or close it again; one that is as it was counts as unedited."""
    state = session.desk()
    with state.lock:
        draft = state.draft(shown.item.item_id)
        draft.writing = not draft.writing
        if draft.chain == shown.teacher.chain:
            draft.chain = None


def drop_writing(item_id: str) -> None:
    """Go back to the teacher's chain."""
    state = session.desk()
    with state.lock:
        draft = state.draft(item_id)
        draft.chain, draft.writing = None, False
