"""Several people on the same items: what there is to agree on and to adjudicate."""

from curation import review
from curation.review import load
from db import items
from db.records import Detail, ItemFilter, StepMark
from db.store import Store


def judge_together(store: Store, *, n: int = 6) -> list[str]:
    """Let ben, cleo and dora judge `n` items of a filled workspace; return the items.

    All approve the first two. Of the others ben approves; cleo fixes the order, by turning round
    its first half, and grades; dora fixes it another way, rejects, or cannot judge.
    """
    found = items.list_items(store, ItemFilter(verdict="open"), limit=n)["item_id"].to_list()
    for at, item_id in enumerate(found):
        shown = load(store, item_id, "ben")
        order = list(shown.teacher.docids)
        half = max(2, len(order) // 2)
        relevant = sorted(shown.item.relevant_docids)
        marks = Detail(
            chain_id=shown.teacher.ranking_id, steps=(StepMark(0, 20, 1), StepMark(20, 40, -1))
        )
        review.decide(
            store,
            item_id=item_id,
            reviewer="ben",
            verdict="approve",
            grades={relevant[0]: 3},
            detail=marks,
        )
        if at < 2:
            for reviewer in ("cleo", "dora"):
                review.decide(store, item_id=item_id, reviewer=reviewer, verdict="approve")
            continue
        turned = [*reversed(order[:half]), *order[half:]]
        review.decide(
            store,
            item_id=item_id,
            reviewer="cleo",
            verdict="fix",
            order=turned,
            grades={relevant[0]: 2, relevant[-1]: 3} if len(relevant) > 1 else {relevant[0]: 2},
            note="the first half was upside down",
        )
        if at == 2:
            review.decide(
                store,
                item_id=item_id,
                reviewer="dora",
                verdict="fix",
                order=order[::-1],
                relevant=order[-1:],
            )
        elif at == 3:
            review.decide(
                store, item_id=item_id, reviewer="dora", verdict="reject", reasons=["wrong_order"]
            )
        else:
            review.decide(store, item_id=item_id, reviewer="dora", verdict="cannot_judge")
    return found
