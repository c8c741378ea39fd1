"""The diff of two snapshots: items added, removed and changed, by whom and why.

What lies between them is what was decided after the one's batch was chosen and before the other's.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from curation.errors import CurationError
from curation.snapshots import ITEMS, Manifest, verify
from curation.strict_json import decode
from db import batches, lineage
from db.errors import NotFoundError
from db.store import Store

Change = Literal["added", "removed", "changed"]
CHANGES: tuple[Change, ...] = ("added", "removed", "changed")

_PARTS = {
    "order": "ranking",
    "labels": "relevant_docids",
    "chain": "chain",
    "author": "author_name",
}


class SnapshotDiffError(CurationError):
    """Two snapshots cannot be compared as asked."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What one person, or a scan in their name, decided about an item.

    Attributes:
        what: A verdict, `took back` with one, `quarantine` or `release`.
        why: Reasons and note; empty where none was given.
        decided_at: UTC.
    """

    who: str
    what: str
    why: str
    decided_at: datetime


@dataclass(frozen=True, slots=True)
class ItemChange:
    """One item that is not in both snapshots, or not the same in both.

    Attributes:
        parts: For a changed one, which of `order`, `labels`, `chain`, `author` differ.
        moved: For a changed one, how many passages stand at another place.
        decisions: What was decided about it between the two, in order.
        note: Without a decision, what else is known.
    """

    item_id: str
    change: Change
    domain: str
    qid: str
    query: str
    parts: tuple[str, ...]
    moved: int
    decisions: tuple[Decision, ...]
    note: str


@dataclass(frozen=True, slots=True)
class SnapshotDiff:
    """From `before` to `after`.

    Attributes:
        unchanged: How many items are the same in both.
        changes: By kind, then domain and qid.
        filters: Fields of the batches' filters that differ, with both values.
        since: When the earlier of the two batches was chosen, `until` the later one; UTC.
    """

    before: Manifest
    after: Manifest
    unchanged: int
    changes: tuple[ItemChange, ...]
    filters: Mapping[str, tuple[Any, Any]]
    since: datetime
    until: datetime

    @property
    def counts(self) -> dict[str, int]:
        """How many items were added, removed, changed, and how many are the same."""
        found = Counter(each.change for each in self.changes)
        return {**{each: found[each] for each in CHANGES}, "unchanged": self.unchanged}


def diff(store: Store, before: str, after: str) -> SnapshotDiff:
    """Compare two snapshots, named by id, batch id or batch name.

    Raises:
        NotFoundError: If there is no such snapshot.
        SnapshotDiffError: If both are the same.
        SnapshotChangedError: If the files of one were changed since it was frozen.
    """
    ids = [batches.find_snapshot(store, wanted)["snapshot_id"] for wanted in (before, after)]
    if ids[0] == ids[1]:
        raise SnapshotDiffError(f"Both are snapshot {ids[0]}: choose two that differ.")
    first, second = (verify(store.workspace.snapshots / each) for each in ids)
    old = {entry.item_id: entry.sha256 for entry in first.items}
    new = {entry.item_id: entry.sha256 for entry in second.items}
    differ = {each for each in old.keys() | new.keys() if old.get(each) != new.get(each)}
    old_rows, new_rows = (_rows(store, each, differ) for each in (first, second))
    since, until = sorted((_chosen_at(store, first), _chosen_at(store, second)))
    decided = _decisions(store, differ, since, until)
    later = lineage.came_after(store, list(differ), since)
    changes = [
        _change(
            old_rows.get(item_id),
            new_rows.get(item_id),
            decided.get(item_id, ()),
            _note(item_id, (first, second), later),
        )
        for item_id in differ
    ]
    selections = first.selection, second.selection
    return SnapshotDiff(
        before=first,
        after=second,
        unchanged=len(old.keys() & new.keys()) - len(differ & old.keys() & new.keys()),
        changes=tuple(
            sorted(changes, key=lambda each: (each.change, each.domain, each.qid, each.item_id))
        ),
        filters={
            name: (selections[0].get(name), selections[1].get(name))
            for name in sorted(selections[0].keys() | selections[1].keys())
            if selections[0].get(name) != selections[1].get(name)
        },
        since=since,
        until=until,
    )


def _rows(store: Store, manifest: Manifest, wanted: set[str]) -> dict[str, dict[str, Any]]:
    """Return the wanted items of a verified snapshot, without their passages."""
    found = {}
    path = store.workspace.snapshots / manifest.snapshot_id / ITEMS
    with path.open("rb") as file:
        for entry, line in zip(manifest.items, file, strict=True):
            if entry.item_id in wanted:
                row = decode(line)
                assert isinstance(row, dict)
                del row["candidates"]
                found[entry.item_id] = row
    return found


def _chosen_at(store: Store, manifest: Manifest) -> datetime:
    """Return when a snapshot's items were chosen; of a batch that is not here, its approval."""
    try:
        chosen_at = batches.get_batch(store, manifest.batch_id)["created_at"]
    except NotFoundError:
        return manifest.approved_at
    assert isinstance(chosen_at, datetime)
    return chosen_at


def _decisions(
    store: Store, item_ids: set[str], since: datetime, until: datetime
) -> dict[str, tuple[Decision, ...]]:
    found: dict[str, tuple[Decision, ...]] = {}
    for row in lineage.decisions_between(store, list(item_ids), since, until):
        reasons = [reason.replace("_", " ") for reason in row["reasons"]]
        made = Decision(
            who=row["who"],
            what=row["what"].replace("_", " "),
            why=": ".join(filter(None, [", ".join(reasons), row["note"]])),
            decided_at=row["decided_at"],
        )
        found[row["item_id"]] = (*found.get(row["item_id"], ()), made)
    return found


def _note(item_id: str, manifests: Sequence[Manifest], later: set[str]) -> str:
    for manifest in manifests:
        if manifest.quarantined and item_id in manifest.quarantined.left_out:
            return f"left out of {manifest.name} at its approval: it was quarantined"
    if item_id in later:
        return "came in after the earlier batch was chosen"
    return "nothing was decided about it in between: the batches were chosen by other filters"


def _change(
    old: dict[str, Any] | None,
    new: dict[str, Any] | None,
    decisions: tuple[Decision, ...],
    note: str,
) -> ItemChange:
    row = new or old
    assert row is not None
    parts: tuple[str, ...] = ()
    moved = 0
    if old and new:
        parts = tuple(part for part, name in _PARTS.items() if old[name] != new[name])
        moved = sum(a != b for a, b in zip(old["ranking"], new["ranking"], strict=True))
    return ItemChange(
        item_id=row["item_id"],
        change="changed" if old and new else "added" if new else "removed",
        domain=row["domain"],
        qid=row["qid"],
        query=row["query"],
        parts=parts,
        moved=moved,
        decisions=decisions,
        note="" if decisions else note,
    )
