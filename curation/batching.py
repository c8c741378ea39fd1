"""Batches: choose reviewed items by filters, approve them, and so freeze them to a snapshot."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime

import polars as pl

from curation.errors import CurationError
from curation.snapshots import Manifest, freeze
from curation.training_items import Candidate, TrainingItem
from db import batches
from db.store import Store

VERDICTS = ("approve", "fix", "open")


class BatchError(CurationError):
    """A batch cannot be made or approved as asked; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which items go into a batch.

    Attributes:
        domains: Any of these; none means every domain.
        verdicts: Verdicts in force; `open` lets items through that nobody judged.
        cut: Self-consistency of the teacher's ranking, nDCG@10, at least this; items that a
            reviewer fixed pass whatever the teacher scored.
        reviewers: Whose verdicts count; none means anyone's.
        judged_since: Only verdicts from this time on (UTC).
        only_ok: Leave out teacher rankings whose response had to be repaired.
    """

    domains: tuple[str, ...] = ()
    verdicts: tuple[str, ...] = ("approve", "fix")
    cut: float = 0.4
    reviewers: tuple[str, ...] = ()
    judged_since: datetime | None = None
    only_ok: bool = True

    def __post_init__(self) -> None:
        if not 0 <= self.cut <= 1:
            raise BatchError(f"The cut is an nDCG@10 between 0 and 1, got {self.cut}.")
        if unknown := set(self.verdicts) - set(VERDICTS):
            raise BatchError(
                f"A batch takes verdicts {', '.join(VERDICTS)}, got {', '.join(sorted(unknown))}."
            )

    def as_row(self) -> dict[str, object]:
        """Return the selection as plain lists and values."""
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(self).items()
        }


def preview(store: Store, selection: Selection) -> pl.DataFrame:
    """Return what the selection lets through: item_id, domain, ndcg, verdict, reviewer and ids."""
    return batches.select_items(store, selection.as_row())


def create(store: Store, name: str, selection: Selection, *, created_by: str) -> str:
    """Make a batch of what the selection lets through now, and return its id.

    Raises:
        BatchError: If it has no name, or would be empty.
    """
    if not name.strip():
        raise BatchError("A batch needs a name.")
    chosen = preview(store, selection)
    if chosen.is_empty():
        raise BatchError(
            "No item passes these filters. Review some items first, lower the cut, or let items "
            "without a verdict through (verdict open)."
        )
    return batches.create_batch(
        store, name=name.strip(), selection=selection.as_row(), chosen=chosen, created_by=created_by
    )


def approve(store: Store, wanted: str, *, approved_by: str) -> Manifest:
    """Freeze a batch, named by its id or name, and record who approved it.

    Raises:
        NotFoundError: If there is no such batch.
        BatchError: If it is approved already.
    """
    batch = batches.get_batch(store, wanted)
    batch_id = batch["batch_id"]
    if batch["snapshot_id"]:
        raise BatchError(
            f"Batch {batch['name']} was approved by {batch['approved_by']}; "
            f"its snapshot is {batch['snapshot_id']}."
        )
    if not approved_by.strip():
        raise BatchError("An approval needs a name: who approves the batch?")
    manifest = freeze(
        store.workspace.snapshots,
        _training_items(batches.batch_rows(store, batch_id)),
        ranking_ids=batches.ranking_ids(store, batch_id),
        batch_id=batch_id,
        name=batch["name"],
        selection=batch["selection"],
        cut=batch["cut"],
        approved_by=approved_by,
    )
    batches.record_snapshot(
        store,
        batch_id=batch_id,
        snapshot_id=manifest.snapshot_id,
        n_items=manifest.n_items,
        approved_by=approved_by,
    )
    return manifest


def _training_items(rows: Iterable[dict[str, object]]) -> Iterator[TrainingItem]:
    for row in rows:
        candidates = row["candidates"]
        relevant, ranking = row["relevant_docids"], row["ranking"]
        assert isinstance(candidates, list)
        assert isinstance(relevant, list)
        assert isinstance(ranking, list)
        yield TrainingItem(
            item_id=str(row["item_id"]),
            domain=str(row["domain"]),
            qid=str(row["qid"]),
            query=str(row["query"]),
            candidates=tuple(Candidate(**candidate) for candidate in candidates),
            relevant_docids=tuple(relevant),
            ranking=tuple(ranking),
            chain=str(row["chain"]),
            author="human" if row["author"] == "human" else "teacher",
            author_name=str(row["author_name"]),
        )
