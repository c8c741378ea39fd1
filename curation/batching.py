"""Batches: choose reviewed items by filters, approve them, and so freeze them to a snapshot."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from curation.errors import CurationError
from curation.exports import ExportReport, export_snapshot
from curation.people import require, two_person
from curation.snapshots import Changed, Manifest, Quarantined, freeze
from curation.training_items import Candidate, TrainingItem
from db import batches, quarantine
from db.actions import append_action
from db.store import Store

VERDICTS = ("approve", "fix", "open")


class BatchError(CurationError):
    """A batch cannot be made or approved as asked; nothing was changed."""


class TwoPersonError(BatchError):
    """Whoever would approve a batch judged some of it alone."""


class QuarantineError(BatchError):
    """A batch holds quarantined items, and nothing was said about them."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which items go into a batch.

    Attributes:
        domains: Any of these; none means every domain.
        verdicts: Verdicts in force; `open` lets items through that nobody judged.
        cut: Self-consistency of the teacher's ranking, nDCG@10, at least this; items that a
            reviewer fixed pass whatever the teacher scored.
        reviewers: Whose verdicts count; none means anyone's.
        judged_since: Only verdicts from this time on (UTC). Items without a verdict, where they are
            let through, pass this and the reviewers.
        only_ok: Leave out teacher rankings whose response had to be repaired, unless a reviewer
            fixed them.
        quarantined: Let quarantined items in; approving them takes a reason.
    """

    domains: tuple[str, ...] = ()
    verdicts: tuple[str, ...] = ("approve", "fix")
    cut: float = 0.4
    reviewers: tuple[str, ...] = ()
    judged_since: datetime | None = None
    only_ok: bool = True
    quarantined: bool = False

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


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Items that one filter alone keeps out of a batch.

    Attributes:
        quarantined: Because they ask a benchmark's test query.
        repaired: Because the teacher's response had to be repaired.
        approved: Of the repaired ones, those that a reviewer approved.
    """

    quarantined: int
    repaired: int
    approved: int


def preview(store: Store, selection: Selection) -> pl.DataFrame:
    """Return what the selection lets through: item_id, domain, ndcg, verdict, reviewer and ids."""
    return batches.select_items(store, selection.as_row())


def left_out(store: Store, selection: Selection, found: pl.DataFrame) -> LeftOut:
    """Count what passes every other filter of the selection that let `found` through."""
    repaired = approved = quarantined = 0
    if selection.only_ok:
        wider = preview(store, replace(selection, only_ok=False))
        missing = wider.join(found, on="item_id", how="anti")
        repaired = len(missing)
        approved = missing.filter(pl.col("verdict") == "approve").height
    if not selection.quarantined:
        quarantined = len(preview(store, replace(selection, quarantined=True))) - len(found)
    return LeftOut(quarantined, repaired, approved)


def create(store: Store, name: str, selection: Selection, *, created_by: str) -> str:
    """Make a batch of what the selection lets through now, and return its id.

    Raises:
        RefusedError: If `created_by` is no reviewer.
        BatchError: If it has no name, or would be empty.
        StoreError: If another batch has the name.
    """
    created_by = require(store, created_by, "reviewer")
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


def standing(store: Store, wanted: str) -> tuple[pl.DataFrame, Changed]:
    """Return what of a batch still passes its filters, and how that differs from what was chosen.

    An item that was approved or fixed since stays, with its corrections; one that was rejected, or
    whose approval was taken back, does not. Quarantined items stay: `approve` asks about them.

    Returns:
        Columns of `preview`, with the order and labels in force now; and the differences.

    Raises:
        NotFoundError: If there is no such batch.
    """
    batch = batches.get_batch(store, wanted)
    chosen = batches.batch_items(store, batch["batch_id"])
    selection = Selection().as_row() | batch["selection"] | {"quarantined": True}
    selection["verdicts"] = [*batch["selection"]["verdicts"], "approve", "fix"]
    now = batches.select_items(store, selection).join(chosen, on="item_id", how="semi")
    before, after = (
        {row["item_id"]: row for row in frame.select(chosen.columns).iter_rows(named=True)}
        for frame in (chosen, now)
    )
    return now, Changed(
        left_out=sorted(before.keys() - after.keys()),
        refreshed=sorted(each for each, row in after.items() if row != before[each]),
    )


def quarantined(store: Store, wanted: str) -> list[dict[str, Any]]:
    """Return item_id and benchmarks (names) of what approving a batch would have to decide about.

    Raises:
        NotFoundError: If there is no such batch.
    """
    now, _ = standing(store, wanted)
    passing = set(now["item_id"])
    batch_id = batches.get_batch(store, wanted)["batch_id"]
    found = quarantine.quarantined_in(store, batch_id)
    return [row for row in found if row["item_id"] in passing]


def approve(
    store: Store, wanted: str, *, approved_by: str, leave_out: bool = False, reason: str = ""
) -> Manifest:
    """Freeze a batch, named by its id or name, and record who approved it.

    Frozen is what still passes the batch's filters, as corrected by now (`standing`). What was
    left out, corrected or kept in quarantine is recorded in the manifest, unless a snapshot of the
    same items is there already: it keeps its own.

    Args:
        leave_out: Freeze it without the items that are quarantined now.
        reason: Or why they are frozen with the others.

    Raises:
        RefusedError: If `approved_by` is no reviewer.
        NotFoundError: If there is no such batch.
        TwoPersonError: If the two-person rule is on and they judged some of it alone.
        QuarantineError: If it holds quarantined items, and neither of the two is given.
        BatchError: If it is approved already, or nothing would be left of it.
    """
    approved_by = require(store, approved_by, "reviewer")
    batch = batches.get_batch(store, wanted)
    batch_id = batch["batch_id"]
    if batch["snapshot_id"]:
        raise BatchError(
            f"Batch {batch['name']} was approved by {batch['approved_by']}; "
            f"its snapshot is {batch['snapshot_id']}."
        )
    if not approved_by.strip():
        raise BatchError("An approval needs a name: who approves the batch?")
    if two_person(store) and (alone := batches.judged_alone(store, batch_id, approved_by)):
        raise TwoPersonError(
            f"{alone:,} of the {batch['n_items']:,} items of batch {batch['name']} were judged by "
            f"{approved_by} alone, and the two-person rule is on: another reviewer approves it, or "
            "somebody else judges them too before the batch is made again."
        )
    chosen, changed = standing(store, batch_id)
    if chosen.is_empty():
        raise BatchError(
            f"No item of batch {batch['name']} passes its filters any more: nothing would be left "
            "of it. Make a new batch."
        )
    about = _about_quarantined(store, batch, chosen, leave_out=leave_out, reason=reason.strip())
    if about:
        chosen = chosen.filter(~pl.col("item_id").is_in(about.left_out))
    manifest = freeze(
        store.workspace.snapshots,
        _training_items(batches.batch_rows(store, chosen)),
        ranking_ids=dict(chosen.select("item_id", "ranking_id").iter_rows()),
        batch_id=batch_id,
        name=batch["name"],
        selection=batch["selection"],
        cut=batch["cut"],
        approved_by=approved_by,
        quarantined=about,
        changed=changed if changed.left_out or changed.refreshed else None,
    )
    batches.record_snapshot(
        store,
        batch_id=batch_id,
        snapshot_id=manifest.snapshot_id,
        n_items=manifest.n_items,
        approved_by=approved_by,
        left_out=[*changed.left_out, *(about.left_out if about else ())],
        kept=about.kept if about else (),
        reason=about.reason if about else "",
    )
    return manifest


def export(
    store: Store, snapshot_id: str, layout: str, out: Path, *, exported_by: str
) -> ExportReport:
    """Write a snapshot in a format that other trainers read, and record who took it away.

    Args:
        layout: One of `curation.exports.FORMATS`.
        out: A folder that is not there yet.

    Raises:
        RefusedError: If `exported_by` is neither reviewer nor trainer.
        ExportError: If it cannot be written as asked.
    """
    exported_by = require(store, exported_by, "reviewer", "trainer")
    report = export_snapshot(store.workspace.snapshots / snapshot_id, layout, out)
    append_action(store, "export", snapshot_id, after=f"{layout} in {out}", done_by=exported_by)
    return report


def _about_quarantined(
    store: Store, batch: Mapping[str, Any], chosen: pl.DataFrame, *, leave_out: bool, reason: str
) -> Quarantined | None:
    """Return what is done about a batch's quarantined items; None where it has none."""
    if leave_out and reason:
        raise BatchError(
            "Quarantined items are left out, or kept for a reason: say the one or the other."
        )
    found = quarantined(store, batch["batch_id"])
    if not found:
        return None
    ids = [row["item_id"] for row in found]
    if not leave_out and not reason:
        names = ", ".join(sorted({name for row in found for name in row["benchmarks"]}))
        raise QuarantineError(
            f"{len(ids)} of the {len(chosen)} items of batch {batch['name']} are quarantined: "
            f"they ask what {names} tests. Leave them out (`rankdesk batch approve --leave-out`), "
            "or say why they are to be trained on (`--keep-because REASON`)."
        )
    if leave_out and len(ids) == len(chosen):
        raise BatchError(
            f"Every item of batch {batch['name']} is quarantined: nothing would be left of it."
        )
    return Quarantined(
        left_out=ids if leave_out else [], kept=[] if leave_out else ids, reason=reason
    )


def _training_items(rows: Iterable[dict[str, Any]]) -> Iterator[TrainingItem]:
    for row in rows:
        relevant, original = row["relevant_docids"], row["original_relevant_docids"]
        yield TrainingItem(
            item_id=str(row["item_id"]),
            domain=str(row["domain"]),
            qid=str(row["qid"]),
            query=str(row["query"]),
            candidates=tuple(Candidate(**candidate) for candidate in row["candidates"]),
            relevant_docids=tuple(relevant),
            ranking=tuple(row["ranking"]),
            chain=str(row["chain"]),
            author="human" if row["author"] == "human" else "teacher",
            author_name=str(row["author_name"]),
            status=row["status"],
            original_relevant_docids=None if set(original) == set(relevant) else tuple(original),
            chain_author=row["chain_author"],
        )
