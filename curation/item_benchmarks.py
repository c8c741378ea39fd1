"""The workspace's items as a benchmark: so that checkpoints order them, as they do any other.

What is measured there is how a checkpoint agrees with the teacher's labels, on items that it may
have been trained on. What it is for are the orders: a checkpoint's order and chain stand beside the
teacher's and people's on Review and Compare, in the agreement of authors, and in the queue, where
teacher and checkpoint disagree.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from curation.benchmark_folders import Published
from curation.benchmarks import BenchmarkError, BenchmarkManifest, keep
from curation.chain_checks import failed_checks
from curation.permutation import parse_response
from curation.rankings import scored
from curation.samples import NO_ORDER
from db import items
from db.item_writes import add_rankings
from db.records import ItemFilter, Passage, Ranking
from db.store import Store

INITIAL = "initial order"  # stands for what made the first-stage run


def make(store: Store, root: Path, name: str, chosen: ItemFilter) -> BenchmarkManifest:
    """Keep the items that a filter lets through as a benchmark in `root`.

    Queries are named by item id and passages by passage id, since two sources may call different
    passages by one docid. The labels are the teacher's.

    Raises:
        BenchmarkError: If there is no such item, or the name is blank.
    """
    found, passages = items.whole_items(store, chosen)
    if found.is_empty():
        raise BenchmarkError("No item is chosen, so there is nothing to order: change the filter.")
    rows = found.to_dicts()
    content = Published(
        queries={row["item_id"]: row["query"] for row in rows},
        passages={
            row["passage_id"]: Passage(row["passage_id"], row["text"], row["title"])
            for row in passages.iter_rows(named=True)
        },
        qrels={
            row["item_id"]: {
                passage_id: 1
                for passage_id, docid in zip(row["passage_ids"], row["docids"], strict=True)
                if docid in row["relevant_docids"]
            }
            for row in rows
        },
        run={
            row["item_id"]: {
                passage_id: 1 / rank for rank, passage_id in enumerate(row["passage_ids"], start=1)
            }
            for row in rows
        },
        domains={row["item_id"]: row["domain"] for row in rows},
    )
    return keep(root, name, content, INITIAL)


def keep_orders(
    store: Store,
    author_name: str,
    orders: Mapping[str, Sequence[str]],
    calls: Iterable[Mapping[str, Any]],
) -> int:
    """Keep a checkpoint's orders of items as rankings, and return how many are new.

    The chain is kept where one call ordered the whole list as the item has it: only then do the
    numbers in it name the item's passages. Left out are orders of other passages than the item's,
    and those to which an answer is missing.

    Args:
        orders: Passage ids by item id, best first, of a benchmark that `make` made.
        calls: As evaluations keep them.
    """
    found, passages = items.whole_items(store, ItemFilter(found=tuple(orders)))
    texts = dict(passages.select("passage_id", "text").iter_rows())
    asked: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for call in calls:
        asked[call["qid"]].append(call)
    return add_rankings(
        store,
        [
            _ranking(row, author_name, orders[row["item_id"]], asked[row["item_id"]], texts)
            for row in found.iter_rows(named=True)
            # An evaluation whose first stage searched anew has other passages in it, and where
            # nothing was answered, the order is the one that was shown.
            if sorted(orders[row["item_id"]]) == sorted(row["passage_ids"])
            and not any(call["status"] in NO_ORDER for call in asked[row["item_id"]])
        ],
    )


def _ranking(
    row: Mapping[str, Any],
    author_name: str,
    order: Sequence[str],
    asked: Sequence[Mapping[str, Any]],
    texts: Mapping[str, str],
) -> Ranking:
    docid_of = dict(zip(row["passage_ids"], row["docids"], strict=True))
    answer: dict[str, Any] = {"chain": "", "status": "ok"}
    if len(asked) == 1 and [*asked[0]["docids"]] == row["passage_ids"]:
        (call,) = asked
        chain = parse_response(call["response"], len(docid_of)).chain
        shown = [row["query"], *(texts[passage_id] for passage_id in call["docids"])]
        answer = {
            "chain": chain,
            "status": call["status"],
            "response": call["response"],
            "prompt_tokens": call["prompt_tokens"],
            "completion_tokens": call["completion_tokens"],
            "failed_checks": tuple(
                failed_checks(chain, call["permutation"], call["status"], shown)
            ),
        }
    return scored(
        row["item_id"],
        "checkpoint",
        author_name,
        [docid_of[passage_id] for passage_id in order],
        initial=row["docids"],
        relevant=row["relevant_docids"],
        **answer,
    )
