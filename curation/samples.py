"""The samples of an item: measured when they come in, and read together for a page."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import polars as pl

from curation.agreement import Agreement, Sample, between, measure
from curation.measures import ndcg_at
from db import agreement, items, samples
from db.agreement import AGREEMENT_SCHEMA
from db.records import Item
from db.store import Store

NO_ORDER = ("no_answer", "truncated")
"""Statuses of answers that hold no order (as in the view `sample_orders`): what stands in for one
is the order shown, which says nothing of the teacher."""

BATCH = 1_000
"""Items measured in one transaction."""


def measure_agreement(store: Store) -> int:
    """Measure the items whose samples are not, or have become more; return how many they were.

    Called again, it changes nothing. Samples that gave no order are left out.
    """
    done = 0
    while ids := agreement.unmeasured(store, BATCH):
        rows = agreement.orders_of(store, ids)
        measured = [
            each
            for _, own in groupby(rows, key=lambda row: str(row["item_id"]))
            for each in _measured(own)
        ]
        agreement.put(store, pl.DataFrame(measured, schema=AGREEMENT_SCHEMA))
        done += len(ids)
    return done


def _measured(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what one item's samples say, a row for each teacher (model and prompt)."""
    teachers: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        teachers.setdefault((row["author_name"], row["prompt"]), []).append(row)
    given = {
        teacher: [Sample(row["shown"], row["docids"]) for row in own]
        for teacher, own in teachers.items()
    }
    reviewed = next((given[each] for each, own in teachers.items() if own[0]["under_review"]), None)
    found = []
    for (author_name, prompt), own in given.items():
        first = teachers[author_name, prompt][0]
        said = measure(own, first["candidates"])
        tau = overlap = None
        if reviewed and not first["under_review"]:
            tau, overlap = between(reviewed, own)
        found.append(
            {
                "item_id": first["item_id"],
                "author_name": author_name,
                "prompt": prompt,
                "under_review": first["under_review"],
                "samples": said.samples,
                "tau": said.tau,
                "overlap": said.overlap,
                "consensus": list(said.consensus),
                "ndcg": ndcg_at(said.consensus, set(first["relevant_docids"])),
                "dispersion": list(said.dispersion),
                "spread": said.spread,
                "follows": said.follows,
                "review_tau": tau,
                "review_overlap": overlap,
            }
        )
    return found


@dataclass(frozen=True, slots=True)
class Given:
    """One sample as it came.

    Attributes:
        name: What the page calls it: `sample 2`, or the model's name before it for another teacher.
        numbers: For each place shown, the passage's number in initial order, 1-based: what the
            chain calls [2] is passage `numbers[1]`.
        failed: The chain's failed checks.
    """

    name: str
    author_name: str
    prompt: str
    docids: tuple[str, ...]
    numbers: tuple[int, ...]
    chain: str
    status: str
    ndcg: float
    failed: tuple[str, ...]

    @property
    def ordered(self) -> bool:
        """Whether the answer held an order."""
        return self.status not in NO_ORDER


@dataclass(frozen=True, slots=True)
class ItemSamples:
    """Everything the samples page shows of one item.

    Attributes:
        given: The teacher's under review first, then in the order they were asked for.
        said: What the samples of the teacher under review say about each other; None where none
            of them gave an order.
        others: From each other teacher's model and prompt to τ and overlap with those under review.
    """

    item: Item
    given: tuple[Given, ...]
    said: Agreement | None
    others: dict[str, tuple[float, float]]


def load(store: Store, item_id: str) -> ItemSamples:
    """Return an item with all its samples.

    Raises:
        NotFoundError: There is no such item.
    """
    item = items.get_item(store, item_id)
    number = {passage.docid: at for at, passage in enumerate(item.candidates, start=1)}
    rows = samples.samples_of(store, item_id)
    given = []
    counts: Counter[str] = Counter()
    for row in rows:
        own = all(row[key] == rows[0][key] for key in ("author_name", "prompt"))
        called = "sample" if own else str(row["author_name"])
        counts[called] += 1
        given.append(
            Given(
                name=f"{called} {counts[called]}",
                author_name=row["author_name"],
                prompt=row["prompt"],
                docids=tuple(row["docids"]),
                numbers=tuple(number[docid] for docid in row["shown"]),
                chain=row["chain"],
                status=row["status"],
                ndcg=row["ndcg"],
                failed=tuple(row["failed"]),
            )
        )
    said, others = None, {}
    for row in agreement.agreement_of(store, item_id):
        if row["under_review"]:
            said = agreement_from(row)
        elif row["review_tau"] is not None:
            teacher_name = f"{row['author_name']} · {row['prompt']}"
            others[teacher_name] = (row["review_tau"], row["review_overlap"])
    return ItemSamples(item, tuple(given), said, others)


def agreement_from(row: dict[str, Any]) -> Agreement:
    """Return a row of the workspace as it was measured."""
    return Agreement(
        samples=row["samples"],
        tau=row["tau"],
        overlap=row["overlap"],
        consensus=tuple(row["consensus"]),
        dispersion=tuple(row["dispersion"]),
        follows=row["follows"],
    )
