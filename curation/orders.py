"""Every order of an item by whoever gave one: what a fix can begin as, and what is compared."""

from collections import Counter
from dataclasses import dataclass

from curation.review import ReviewItem
from db import samples
from db.records import Ranking
from db.store import Store


@dataclass(frozen=True, slots=True)
class AuthoredOrder:
    """One author's order of an item.

    Attributes:
        name: `model`, or `model, sample 2` where it gave several; `model, with a hint` where a
            reviewer gave it one.
        ranking: With `chain`, whose mentions name passages by `numbers`.
        numbers: For each place shown to the author, the passage's number in initial order, 1-based.
    """

    name: str
    ranking: Ranking
    numbers: tuple[int, ...]


def orders_of(store: Store, shown: ReviewItem) -> list[AuthoredOrder]:
    """Return the orders of an item, the one under review first, then as they came in.

    Of people's, those that stand for a judgment in force.
    """
    in_force = {judgment.ranking_id for judgment in shown.judgments}
    rankings = [
        ranking
        for ranking in shown.rankings
        if ranking.author != "human" or ranking == shown.teacher or ranking.ranking_id in in_force
    ]
    origins = samples.shown_orders(store, shown.item.item_id)
    number = {candidate.docid: n for n, candidate in enumerate(shown.item.candidates, start=1)}
    all_by = Counter(ranking.author_name for ranking in rankings if not ranking.hint)
    counted: Counter[str] = Counter()
    found = []
    for ranking in rankings:
        name = ranking.author_name
        counted[name] += not ranking.hint
        if ranking.hint:
            name = f"{name}, with a hint"
        elif all_by[name] > 1:
            name = f"{name}, sample {counted[name]}"
        shown_as = origins.get(ranking.ranking_id, tuple(number))
        found.append(AuthoredOrder(name, ranking, tuple(number[docid] for docid in shown_as)))
    return found
