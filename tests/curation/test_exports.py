import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curation import batching, review
from curation.batching import Selection
from curation.exports import FORMATS, ExportError, export_snapshot
from curation.intake import import_reasonrank
from curation.permutation import STATUSES
from curation.reasonrank import ReasonRankFolder, SourceRow
from curation.snapshots import SnapshotChangedError, freeze
from curation.training_items import Candidate, TrainingItem, item_id, passage_id
from db import items as stored_items
from db import judgments
from db.records import ItemFilter
from db.store import Store
from db.workspace import Workspace
from tests.samples import add_samples

ANSWER = "<think>\n[2] explains it.\n</think>\n<answer>\n[2] > [1]\n</answer>"


def make(
    qid: str = "q1",
    query: str = "Why é?",
    candidates: tuple[Candidate, ...] = (Candidate("a/1", "one [3]"), Candidate("b", "two", "T")),
    domain: str = "biology",
) -> TrainingItem:
    docids = [candidate.docid for candidate in candidates]
    return TrainingItem(
        item_id=item_id(domain, qid, query, map(passage_id, candidates), docids[:1]),
        domain=domain,
        qid=qid,
        query=query,
        candidates=candidates,
        relevant_docids=tuple(docids[:1]),
        ranking=tuple(reversed(docids)),
        chain="[2] explains it.",
        author="teacher",
        author_name="teacher",
    )


def frozen(root: Path, items: Iterable[TrainingItem]) -> Path:
    manifest = freeze(
        root,
        items,
        ranking_ids={},
        batch_id="b",
        name="n",
        selection={},
        cut=0.4,
        approved_by="Ada",
    )
    return root / manifest.snapshot_id


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    return frozen(tmp_path / "snapshots", [make(), make(qid="q2")])


def test_trl_has_messages_and_the_answer_as_completion(snapshot: Path, tmp_path: Path) -> None:
    report = export_snapshot(snapshot, "trl", tmp_path / "out")
    assert (report.n_items, report.files) == (2, [tmp_path / "out" / "train.jsonl"])
    first, second = [json.loads(line) for line in report.files[0].read_text().splitlines()]
    assert set(first) == {"prompt", "completion", "chain_author"}
    assert first["completion"] == [{"role": "assistant", "content": ANSWER}]
    assert [message["role"] for message in first["prompt"]] == ["system", "user"]
    assert "Why é?" in first["prompt"][1]["content"]
    assert "one (3)" in first["prompt"][1]["content"]
    assert "T two" in first["prompt"][1]["content"]
    assert second == first


def test_llamafactory_finds_its_file_and_columns(snapshot: Path, tmp_path: Path) -> None:
    export_snapshot(snapshot, "llamafactory", tmp_path / "out")
    [info] = json.loads((tmp_path / "out" / "dataset_info.json").read_text()).values()
    rows = json.loads((tmp_path / "out" / info["file_name"]).read_text())
    columns = info["columns"]
    assert columns == {"prompt": "instruction", "response": "output", "system": "system"}
    assert len(rows) == 2
    assert rows[0][columns["response"]] == ANSWER
    assert "Why é?" in rows[0][columns["prompt"]]
    assert rows[0][columns["system"]]


def test_verl_has_what_reasonranks_reward_reads(snapshot: Path, tmp_path: Path) -> None:
    [path] = export_snapshot(snapshot, "verl", tmp_path / "out").files
    rows = pl.read_parquet(path).to_dicts()
    lists = {"initial_list": ["a/1", "b"], "final_list": ["b", "a/1"], "relevant_docids": ["a/1"]}
    row = rows[0]
    assert row["data_source"] == "ranking"
    assert row["reward_model"] == {"ground_truth": "[2] > [1]", "style": "rule"}
    assert row["extra_info"] == {**lists, "index": 0}
    assert {name: row[name] for name in lists} == lists
    assert (row["label"], row["dataset"], row["qid"]) == ("[2] > [1]", "biology", "q1")
    assert [message["role"] for message in row["prompt"]] == ["system", "user"]
    assert [each["extra_info"]["index"] for each in rows] == [0, 1]


def test_verl_keeps_every_row_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("curation.exports._ROW_GROUP", 2)
    snapshot = frozen(tmp_path, [make(qid=str(number)) for number in range(5)])
    [path] = export_snapshot(snapshot, "verl", tmp_path / "out").files
    assert pl.read_parquet(path)["qid"].to_list() == list("01234")


def test_importing_an_export_gives_the_same_items_back(
    snapshot: Path, tmp_path: Path, store: Store
) -> None:
    export_snapshot(snapshot, "reasonrank", tmp_path / "out")
    report = import_reasonrank(store, tmp_path / "out", imported_by="ada")
    assert (report.imported, report.rejected) == (2, 0)
    found = stored_items.next_item_ids(store, ItemFilter(), limit=9)
    assert sorted(found) == sorted([make().item_id, make(qid="q2").item_id])


def test_corrected_labels_and_repaired_rankings_survive_the_way_out_and_in(
    tmp_path: Path, store: Store
) -> None:
    add_samples(store, i1="missing", i2="truncated")
    order = list("dcba")
    fix = {"reviewer": "ada", "verdict": "fix", "order": order}
    review.decide(store, item_id="i3", relevant=["d"], **fix)
    review.decide(store, item_id="i4", **fix)

    def freeze_all(at: Store, name: str) -> str:
        chosen = Selection(verdicts=("fix", "open"), cut=0.0, only_ok=False)
        batching.create(at, name, chosen, created_by="ada")
        return batching.approve(at, name, approved_by="ada").snapshot_id

    # The samples' ids are no hashes of their content, as an import's are: one way out makes them.
    start = freeze_all(store, "start")
    export_snapshot(store.workspace.snapshots / start, "reasonrank", tmp_path / "start")
    with Store.create(Workspace(tmp_path / "first")) as first:
        import_reasonrank(first, tmp_path / "start", imported_by="ada")
        statuses = stored_items.consistency_values(first)["status"]
        assert sorted(statuses) == ["missing", "ok", "ok", "ok", "truncated"]
        snapshot = freeze_all(first, "first")
        export_snapshot(first.workspace.snapshots / snapshot, "reasonrank", tmp_path / "out")
        before = (stored_items.counts(first), judgments.history(first).height)
        again = import_reasonrank(first, tmp_path / "out", imported_by="ada")
        assert (again.imported, again.unchanged) == (0, 5)
        assert (stored_items.counts(first), judgments.history(first).height) == before
    with Store.create(Workspace(tmp_path / "second")) as second:
        import_reasonrank(second, tmp_path / "out", imported_by="ada")
        assert freeze_all(second, "second") == snapshot
        [event] = judgments.history(second).to_dicts()
        assert (event["verdict"], event["reviewer"]) == ("fix", "ada")
        assert event["relevant_docids"] == ["d"]


def test_an_export_of_what_was_reviewed_here_changes_nothing_here(
    tmp_path: Path, store: Store, snapshot: Path
) -> None:
    export_snapshot(snapshot, "reasonrank", tmp_path / "source")
    import_reasonrank(store, tmp_path / "source", imported_by="ada")
    first, second = stored_items.next_item_ids(store, ItemFilter(), limit=9)
    fix = {"reviewer": "ada", "verdict": "fix"}
    review.decide(store, item_id=first, order=["a/1", "b"], **fix)
    review.decide(store, item_id=second, relevant=["b"], **fix)
    batching.create(store, "fixed", Selection(cut=0.0), created_by="ada")
    frozen_id = batching.approve(store, "fixed", approved_by="ada").snapshot_id
    export_snapshot(store.workspace.snapshots / frozen_id, "reasonrank", tmp_path / "out")
    before = (stored_items.counts(store), judgments.history(store).height)
    report = import_reasonrank(store, tmp_path / "out", imported_by="ada")
    assert (report.imported, report.unchanged) == (0, 2)
    assert (stored_items.counts(store), judgments.history(store).height) == before


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


@st.composite
def batches(draw: st.DrawFn) -> list[TrainingItem]:
    """Items whose ids have one text each within a domain, as the layout demands."""
    docs = draw(st.dictionaries(TEXT, st.tuples(TEXT, st.none() | TEXT), min_size=1, max_size=5))
    queries = draw(st.dictionaries(TEXT, TEXT, min_size=1, max_size=4))
    items = []
    for qid, query in queries.items():
        docids = draw(st.lists(st.sampled_from(sorted(docs)), min_size=1, unique=True))
        candidates = tuple(Candidate(docid, *docs[docid]) for docid in docids)
        domain = draw(st.sampled_from(["biology", "math-qa", "stack overflow", "Größe.1"]))
        relevant = tuple(draw(st.lists(st.sampled_from(docids), min_size=1, unique=True)))
        items.append(
            replace(
                make(qid, query, candidates, domain),
                item_id=item_id(domain, qid, query, map(passage_id, candidates), relevant),
                relevant_docids=relevant,
                ranking=tuple(draw(st.permutations(docids))),
                chain=draw(TEXT),
                author=draw(st.sampled_from(["teacher", "human"])),
                author_name=draw(TEXT.filter(bool)),
                status=draw(st.sampled_from(STATUSES)),
                chain_author=draw(st.sampled_from(["teacher", "human"])),
            )
        )
    return items


def as_item(row: SourceRow) -> TrainingItem:
    passages = map(passage_id, row.candidates)
    return TrainingItem(
        item_id=item_id(row.domain, row.qid, row.query, passages, row.relevant_docids),
        domain=row.domain,
        qid=row.qid,
        query=row.query,
        candidates=row.candidates,
        relevant_docids=row.relevant_docids,
        ranking=row.ranking,
        chain=row.chain,
        author="human" if row.author == "human" else "teacher",
        author_name=row.author_name,
        status=row.status,
        chain_author="human" if row.chain_author == "human" else "teacher",
    )


# The first draw of any text builds Hypothesis' table of Unicode, which takes seconds.
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=50)
@given(batches())
def test_reasonranks_layout_loses_nothing(
    tmp_path_factory: pytest.TempPathFactory, batch: list[TrainingItem]
) -> None:
    folder = tmp_path_factory.mktemp("round")
    snapshot = frozen(folder / "first", batch)
    export_snapshot(snapshot, "reasonrank", folder / "out")
    rows = list(ReasonRankFolder(folder / "out").rows())
    back = [as_item(row) for row in rows if isinstance(row, SourceRow)]
    assert len(back) == len(rows)
    assert frozen(folder / "second", back).name == snapshot.name


@pytest.mark.parametrize(
    ("other", "named"),
    [
        (make(query="Why not?"), "query 'q1' different texts"),
        (make(qid="q2", candidates=(Candidate("b", "else", "T"),)), "passage 'b' different texts"),
        (make(qid="q2", candidates=(Candidate("b", "two"),)), "passage 'b' different titles"),
        (make(domain="../../evil"), "domain '../../evil' cannot name a file"),
        (make(domain=".."), "domain '..' cannot name a file"),
        (make(domain=""), "domain '' cannot name a file"),
    ],
)
def test_what_reasonranks_layout_cannot_say_is_named(
    tmp_path: Path, other: TrainingItem, named: str
) -> None:
    snapshot = frozen(tmp_path / "snapshots", [make(), other])
    with pytest.raises(ExportError, match=named):
        export_snapshot(snapshot, "reasonrank", tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["snapshots"]


def test_one_id_may_mean_two_texts_in_two_domains(tmp_path: Path) -> None:
    other = make(query="Why not?", domain="economics")
    snapshot = frozen(tmp_path / "snapshots", [make(), other])
    report = export_snapshot(snapshot, "reasonrank", tmp_path / "out")
    assert len(report.files) == 7  # the rows, and three tables for each domain


@pytest.mark.parametrize("layout", FORMATS)
def test_nothing_is_written_over(snapshot: Path, tmp_path: Path, layout: str) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("keep")
    with pytest.raises(ExportError, match="holds something already"):
        export_snapshot(snapshot, layout, out)
    assert [path.name for path in out.iterdir()] == ["mine.txt"]


def test_an_empty_folder_and_missing_parents_will_do(snapshot: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for out in (tmp_path / "empty", tmp_path / "new" / "deep"):
        assert export_snapshot(snapshot, "trl", out).files[0].exists()


def test_a_changed_snapshot_is_not_exported(snapshot: Path, tmp_path: Path) -> None:
    with (snapshot / "items.jsonl").open("a") as file:
        file.write("\n")
    with pytest.raises(SnapshotChangedError):
        export_snapshot(snapshot, "trl", tmp_path / "out")


@pytest.mark.parametrize("layout", ["", "csv", "TRL"])
def test_an_unknown_format_is_refused(snapshot: Path, tmp_path: Path, layout: str) -> None:
    with pytest.raises(ExportError, match="Choose trl, llamafactory, verl, reasonrank"):
        export_snapshot(snapshot, layout, tmp_path / "out")


def test_a_place_that_cannot_be_written_is_named(snapshot: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ExportError, match="file/out cannot be written"):
        export_snapshot(snapshot, "trl", tmp_path / "file" / "out")


def test_an_export_is_the_same_each_time(snapshot: Path, tmp_path: Path) -> None:
    contents: list[dict[str, Any]] = []
    for out in (tmp_path / "one", tmp_path / "two"):
        report = export_snapshot(snapshot, "llamafactory", out)
        contents.append({path.name: path.read_bytes() for path in report.files})
    assert contents[0] == contents[1]
