import subprocess
import sys
import threading

import polars as pl
import pytest

from db import migrate
from db.errors import MigrationError, WorkspaceMissingError
from db.ids import content_id, new_id
from db.store import Store, insert_frame
from db.workspace import Workspace


def test_a_second_process_is_refused_with_the_holder_and_the_way_out(store, workspace):
    code = (
        "import sys; from pathlib import Path; from db.store import Store;"
        " from db.workspace import Workspace; Store.open(Workspace(Path(sys.argv[1])))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, str(workspace.root)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode != 0
    assert "WorkspaceBusyError" in result.stderr
    assert "is in use by process" in result.stderr
    assert "end that process" in result.stderr


def test_opening_nothing_says_how_to_make_a_workspace(workspace):
    with pytest.raises(WorkspaceMissingError, match="init --demo"):
        Store.open(workspace)


def test_a_broken_file_is_an_error_a_user_can_read(workspace):
    workspace.create_folders()
    workspace.database.write_bytes(b"this is no database" * 500)
    with pytest.raises(WorkspaceMissingError, match="cannot be opened"):
        Store.open(workspace)


def test_a_workspace_opens_again_with_what_was_written(workspace):
    with Store.create(workspace) as store:
        store.execute("INSERT INTO baseline_pins VALUES ('b', 'e', now(), 'ada')")
    with Store.open(workspace) as store:
        assert store.row("SELECT benchmark_id FROM baseline_pins") == {"benchmark_id": "b"}


def test_a_failed_transaction_leaves_nothing(store):
    def fail_midway():
        with store.transaction() as cursor:
            cursor.execute("INSERT INTO baseline_pins VALUES ('b', 'e', now(), 'ada')")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_midway()
    assert store.row("SELECT * FROM baseline_pins") is None


def test_only_what_was_committed_counts_as_a_change(store):
    before = store.commits
    with pytest.raises(RuntimeError), store.transaction():
        raise RuntimeError
    store.row("SELECT 1")
    assert store.commits == before
    store.execute("INSERT INTO drafts VALUES ('i', 'ann', '{}', now())")
    assert store.commits == before + 1


def test_many_threads_write_and_read_at_once(store):
    errors: list[Exception] = []

    def work(name: int) -> None:
        try:
            for _ in range(30):
                store.execute(
                    "INSERT INTO baseline_pins VALUES (?, 'e', now(), 'ada')", [str(name)]
                )
                assert len(store.frame("SELECT * FROM baseline_pins")) > 0
        except Exception as error:  # noqa: BLE001 - handed to the test's own thread
            errors.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert store.row("SELECT count(*) AS n FROM baseline_pins") == {"n": 180}


def test_a_workspace_of_a_newer_version_is_refused(workspace):
    with Store.create(workspace) as store:
        store.execute("INSERT INTO migrations VALUES (999, 'later.sql', now())")
    with pytest.raises(MigrationError, match="newer version"):
        Store.open(workspace)


def test_frames_go_in_and_come_out(store):
    frame = pl.DataFrame({"benchmark_id": ["x y", "ü/…"], "evaluation_id": ["1", "2"]})
    with store.transaction() as cursor:
        insert_frame(
            cursor,
            "INSERT INTO baseline_pins BY NAME SELECT *, now() AS pinned_at FROM incoming",
            frame,
        )
    found = store.frame("SELECT benchmark_id, evaluation_id FROM baseline_pins ORDER BY 2")
    assert found.equals(frame)


def test_ids_sort_by_the_time_they_were_made():
    made = [new_id() for _ in range(200)]
    assert len(set(made)) == 200
    assert [i[14] for i in made] == ["7"] * 200
    assert made[0][:13] <= made[-1][:13]


def test_content_ids_follow_content_alone():
    assert content_id({"a": 1, "b": [2]}) == content_id({"b": [2], "a": 1})
    assert content_id(["ab", ""]) != content_id(["a", "b"])


def test_the_workspace_is_found_by_argument_then_variable_then_default(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert Workspace.locate().root == tmp_path / "workspace"
    monkeypatch.setenv("RANKDESK_WORKSPACE", str(tmp_path / "env"))
    assert Workspace.locate().root == tmp_path / "env"
    assert Workspace.locate(tmp_path / "arg").root == tmp_path / "arg"


def test_what_an_older_workspace_holds_survives_its_migrations(workspace, monkeypatch):
    scripts = migrate._scripts()
    monkeypatch.setattr(migrate, "_scripts", lambda: scripts[:3])
    with Store.create(workspace) as store:
        store.execute(
            "INSERT INTO returned_items VALUES"
            " ('r', 'i', 'e', 'q', 'lost', 'nDCG@10 80 → 40', 0.9, 'ada', now())"
        )
    monkeypatch.undo()
    with Store.open(workspace) as store:
        row = store.row("SELECT item_id, reason, detail FROM open_returns")
        store.execute(
            "INSERT INTO returned_items VALUES ('s', 'i', 'e', 'q', 'chosen', '', 1, 'ada', now())"
        )
    assert row == {"item_id": "i", "reason": "lost", "detail": "nDCG@10 80 → 40"}
