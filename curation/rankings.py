"""Rankings made here: with their content id, and their measures against the item's labels."""

from collections.abc import Sequence
from typing import Any

from curation.consistency import self_consistency
from curation.training_items import ranking_id
from db.records import Author, Ranking


def scored(
    item_id: str,
    author: Author,
    author_name: str,
    order: Sequence[str],
    *,
    initial: Sequence[str],
    relevant: Sequence[str],
    chain: str,
    **more: Any,
) -> Ranking:
    """Return a ranking of an item.

    Args:
        order: Docids, best first.
        initial: The same in the item's order.
        relevant: The labels that it is measured against.
        more: Further fields of `Ranking`.
    """
    scores = self_consistency(order, relevant, initial)
    return Ranking(
        ranking_id=ranking_id(item_id, author, author_name, order, chain),
        item_id=item_id,
        author=author,
        author_name=author_name,
        docids=tuple(order),
        ndcg=scores.ndcg,
        recall=scores.recall,
        overlap=scores.overlap,
        first_relevant=scores.first_relevant or 0,
        chain=chain,
        **more,
    )
