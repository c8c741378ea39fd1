"""Snapshots: the immutable, content-addressed folders that every training job reads.

`<snapshot_id>/items.jsonl` holds the items, `<snapshot_id>/manifest.json` what they are, how they
were chosen and who approved them. The id is the hash of the items alone: the same content has the
same id, whoever approved it.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from curation.code_version import code_version
from curation.errors import CurationError
from curation.folders import draft_folder, publish, sha256_of
from curation.strict_json import JsonError, decode
from curation.training_items import TrainingItem, to_json

ITEMS = "items.jsonl"
MANIFEST = "manifest.json"
CHECKSUM = "checksum"
"""Key of the manifest file that guards the rest of it, so that an edit by hand shows."""


class SnapshotError(CurationError):
    """A snapshot cannot be frozen or read as asked."""


class SnapshotChangedError(SnapshotError):
    """A snapshot's files are not what they were when it was frozen; the message names the file."""


class ManifestItem(BaseModel):
    """One item of a snapshot.

    Attributes:
        ranking_id: The ranking whose order is trained on; empty where it is not in a workspace.
        sha256: Of the item's line, without line end.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    item_id: str
    ranking_id: str
    sha256: str


class Quarantined(BaseModel):
    """What was done about items that were quarantined at the approval.

    Attributes:
        left_out: Ids of items of the batch that the snapshot lacks.
        kept: Ids of items that the snapshot holds all the same.
        reason: Why they were kept.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    left_out: list[str]
    kept: list[str]
    reason: str


class Changed(BaseModel):
    """What was decided about a batch's items between its making and its approval.

    Attributes:
        left_out: Ids of items that no longer pass the batch's filters; the snapshot lacks them.
        refreshed: Ids of items whose order or labels were corrected since; the snapshot holds the
            corrections.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    left_out: list[str]
    refreshed: list[str]


class Manifest(BaseModel):
    """What a snapshot is, how it was chosen and who answers for it.

    Attributes:
        files: SHA-256 of each file, by name.
        domains: Items per domain.
        selection: The filters of the batch.
        cut: Self-consistency that the items had to reach, nDCG@10.
        approved_at: UTC.
        code_version: RankDesk's commit, or release, at the freezing.
        quarantined: None where no item of the batch was.
        changed: None where nothing had.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    snapshot_id: str
    batch_id: str
    name: str
    items: list[ManifestItem]
    files: dict[str, str]
    n_items: int
    domains: dict[str, int]
    selection: dict[str, Any]
    cut: float
    approved_by: str
    approved_at: datetime
    code_version: str
    quarantined: Quarantined | None = None
    changed: Changed | None = None


def freeze(
    root: Path,
    items: Iterable[TrainingItem],
    *,
    ranking_ids: Mapping[str, str],
    batch_id: str,
    name: str,
    selection: Mapping[str, Any],
    cut: float,
    approved_by: str,
    quarantined: Quarantined | None = None,
    changed: Changed | None = None,
) -> Manifest:
    """Write a snapshot into a new folder of `root`, all of it or nothing.

    Args:
        items: In any order; they are stored by domain, qid and item id.
        ranking_ids: For each item id, the id of the ranking whose order is trained on.

    Returns:
        The manifest; where `root` holds the same items already, the one that lies there.

    Raises:
        SnapshotError: If there is no item, or one comes twice.
        SnapshotChangedError: If the folder of the same items was changed since it was frozen.
    """
    chosen = sorted(items, key=lambda item: (item.domain, item.qid, item.item_id))
    _require_distinct(chosen)
    with draft_folder(root) as draft:
        entries = _write_lines(draft / ITEMS, chosen, ranking_ids)
        digest = sha256_of(draft / ITEMS)
        target = root / digest[:16]
        if target.exists():
            return verify(target)
        manifest = Manifest(
            snapshot_id=digest[:16],
            batch_id=batch_id,
            name=name,
            items=entries,
            files={ITEMS: digest},
            n_items=len(entries),
            domains=dict(sorted(Counter(item.domain for item in chosen).items())),
            selection=dict(selection),
            cut=cut,
            approved_by=approved_by,
            approved_at=datetime.now(UTC),
            code_version=code_version(),
            quarantined=quarantined,
            changed=changed,
        )
        content = manifest.model_dump(mode="json")
        text = json.dumps({**content, CHECKSUM: _checksum(content)}, ensure_ascii=False, indent=1)
        (draft / MANIFEST).write_text(text + "\n", encoding="utf-8")
        publish(draft, target)
        return manifest


def read_manifest(folder: Path) -> Manifest:
    """Return a snapshot's manifest without reading its items.

    Raises:
        SnapshotError: If there is no snapshot in the folder.
        SnapshotChangedError: If the manifest is not one.
    """
    path = folder / MANIFEST
    try:
        content = decode(path.read_bytes())
        checksum = content.pop(CHECKSUM, None) if isinstance(content, dict) else None
        manifest = Manifest.model_validate(content)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise SnapshotError(
            f"There is no snapshot in {folder}: {MANIFEST} is missing. Approve a batch to make one."
        ) from error
    except JsonError as error:
        raise _changed(path, str(error)) from error
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "the file"
        raise _changed(path, f"{field}: {first['msg']}") from error
    if checksum != _checksum(content):
        raise _changed(path, "its content does not match its checksum")
    return manifest


def verify(folder: Path) -> Manifest:
    """Return a snapshot's manifest after checking that every file is as it was frozen.

    Raises:
        SnapshotError: If there is no snapshot in the folder.
        SnapshotChangedError: If a file is missing or its content differs; it names the file.
    """
    manifest = read_manifest(folder)
    try:
        digest = sha256_of(folder / ITEMS)
    except FileNotFoundError as error:
        raise _changed(folder / ITEMS, "it is missing") from error
    if digest != manifest.files[ITEMS]:
        raise _changed(folder / ITEMS, f"its hash is {digest[:16]}…, not {manifest.snapshot_id}…")
    return manifest


def _checksum(content: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a manifest's content, its checksum left out."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return sha256(text.encode()).hexdigest()


def _changed(path: Path, fact: str) -> SnapshotChangedError:
    return SnapshotChangedError(
        f"{path} was changed since it was frozen: {fact}. Restore it, or delete the folder and "
        "freeze its batch again."
    )


def _require_distinct(items: list[TrainingItem]) -> None:
    if not items:
        raise SnapshotError("A snapshot needs at least one item. Choose wider filters.")
    counts = Counter(item.item_id for item in items)
    if repeated := next((item_id for item_id, count in counts.items() if count > 1), None):
        raise SnapshotError(f"The item {repeated} comes twice. Choose one ranking for each item.")


def _write_lines(
    path: Path, items: list[TrainingItem], ranking_ids: Mapping[str, str]
) -> list[ManifestItem]:
    entries = []
    with path.open("wb") as file:
        for item in items:
            line = to_json(item).encode()
            file.write(line + b"\n")
            entries.append(
                ManifestItem(
                    item_id=item.item_id,
                    ranking_id=ranking_ids.get(item.item_id, ""),
                    sha256=sha256(line).hexdigest(),
                )
            )
    return entries
