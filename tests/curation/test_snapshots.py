import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from curation.snapshots import (
    Manifest,
    SnapshotChangedError,
    SnapshotError,
    freeze,
    read_manifest,
    verify,
)
from curation.training_items import Candidate, TrainingItem, read_items


def item(number: int, domain: str = "biology", chain: str = "") -> TrainingItem:
    return TrainingItem(
        item_id=f"i{number}",
        domain=domain,
        qid=f"q{number}",
        query="why é?",
        candidates=(Candidate("a", "one"), Candidate("b", "two")),
        relevant_docids=("a",),
        ranking=("b", "a"),
        chain=chain,
        author="teacher",
        author_name="teacher",
    )


def frozen(root: Path, items: Iterable[TrainingItem], name: str = "first") -> Manifest:
    return freeze(
        root,
        items,
        ranking_ids={"i1": "r1"},
        batch_id="b1",
        name=name,
        selection={"domains": ["biology"], "cut": 0.4},
        cut=0.4,
        approved_by="Ada",
    )


def test_items_lie_sorted_and_the_manifest_tells_of_them(tmp_path: Path) -> None:
    items = [item(2), item(1), item(3, domain="art")]
    manifest = frozen(tmp_path, items)
    folder = tmp_path / manifest.snapshot_id
    assert [each.item_id for each in read_items(folder / "items.jsonl")] == ["i3", "i1", "i2"]
    assert manifest.n_items == 3
    assert manifest.domains == {"art": 1, "biology": 2}
    assert [(each.item_id, each.ranking_id) for each in manifest.items] == [
        ("i3", ""),
        ("i1", "r1"),
        ("i2", ""),
    ]
    assert (manifest.approved_by, manifest.cut, len(manifest.snapshot_id)) == ("Ada", 0.4, 16)
    assert read_manifest(folder) == verify(folder) == manifest


def test_the_same_content_is_the_same_snapshot_in_any_order(tmp_path: Path) -> None:
    first = frozen(tmp_path, [item(1), item(2)])
    again = frozen(tmp_path, [item(2), item(1)], name="second")
    assert again == first
    assert [path.name for path in tmp_path.iterdir()] == [first.snapshot_id]


def test_other_content_is_another_snapshot(tmp_path: Path) -> None:
    ids = {frozen(tmp_path, [item(1, chain=chain)]).snapshot_id for chain in ("", "[1]")}
    assert len(ids) == 2


@pytest.mark.parametrize("items", [[], [item(1), item(1)]], ids=["none", "twice"])
def test_no_item_or_one_twice_is_refused_and_leaves_nothing(
    tmp_path: Path, items: list[TrainingItem]
) -> None:
    with pytest.raises(SnapshotError):
        frozen(tmp_path, items)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_midway_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(UnicodeEncodeError):
        frozen(tmp_path, [item(1), item(2, chain="\ud800")])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["items.jsonl", "manifest.json"])
@pytest.mark.parametrize("change", ["one letter", "cut", "gone"])
def test_a_changed_file_is_named(tmp_path: Path, name: str, change: str) -> None:
    folder = tmp_path / frozen(tmp_path, [item(1)]).snapshot_id
    path = folder / name
    content = path.read_bytes()
    if change == "one letter":
        path.write_bytes(content.replace(b"biology", b"biologz", 1))
    elif change == "cut":
        path.write_bytes(content[:-5])
    else:
        path.unlink()
    expected = (
        SnapshotError if (name, change) == ("manifest.json", "gone") else SnapshotChangedError
    )
    with pytest.raises(expected, match=name):
        verify(folder)


def test_another_approver_in_the_manifest_shows(tmp_path: Path) -> None:
    folder = tmp_path / frozen(tmp_path, [item(1)]).snapshot_id
    content = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(content | {"approved_by": "Eve"}))
    with pytest.raises(SnapshotChangedError, match="checksum"):
        read_manifest(folder)


def test_freezing_again_over_a_changed_folder_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / frozen(tmp_path, [item(1)]).snapshot_id
    (folder / "items.jsonl").write_text("{}\n")
    with pytest.raises(SnapshotChangedError, match=r"items\.jsonl"):
        frozen(tmp_path, [item(1)])


def test_a_folder_without_snapshot_says_so(tmp_path: Path) -> None:
    with pytest.raises(SnapshotError, match="no snapshot"):
        verify(tmp_path / "nowhere")
