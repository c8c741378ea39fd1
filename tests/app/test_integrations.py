"""Tokens, webhooks and judgments by page and by command, and what is told of what happens."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from streamlit.testing.v1 import AppTest
from typer.testing import CliRunner

from app.cli import cli
from curation import api_tokens, batching, trec, webhooks
from curation.webhooks import WebhookError
from db import evaluations
from db import webhooks as outbox
from db.api_tokens import list_tokens
from db.store import Store
from db.workspace import Workspace
from tests.app.sample import add_evaluation
from tests.receiver import receiver

OpenPage = Callable[..., AppTest]
VARIABLE = "TEST_WEBHOOK_SECRET"


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "s3cret")


def errors(app: AppTest) -> list[str]:
    return [found.value for found in [*app.exception, *app.error]]


def press(app: AppTest, label: str) -> AppTest:
    return next(each for each in app.button if each.label == label).click().run()


def test_what_happens_is_told(sample: Workspace) -> None:
    with Store.open(sample) as store:
        webhooks.add(store, "http://x/", events=(), secret_variable=VARIABLE, made_by="ada")
        manifest = batching.approve(store, "everything open", approved_by="grace")
        evaluation = evaluations.list_evaluations(store)[-1]
        made = add_evaluation(store, evaluation["checkpoint_id"], "again")
        rows = store.rows("SELECT event, data FROM webhook_deliveries ORDER BY delivery_id")
        told = {row["event"]: json.loads(row["data"]) for row in rows}
    assert len(rows) == 3
    assert told["batch.approved"]["snapshot_id"] == manifest.snapshot_id
    assert told["batch.approved"]["approved_by"] == "grace"
    assert told["job.ended"]["job_id"] == made
    assert (told["job.ended"]["kind"], told["job.ended"]["outcome"]) == ("evaluate", "done")
    assert told["evaluation.done"]["name"] == "again"
    assert 0 < told["evaluation.done"]["measures"]["nDCG@10"] < 1


def test_a_token_is_made_shown_once_and_revoked(sample: Workspace, open_page: OpenPage) -> None:
    app = open_page("integrations")
    app.text_input(key="token-name").set_value("**ci**")
    press(app, "Make a token")
    assert errors(app) == []
    token = app.code[0].value
    assert token.startswith(api_tokens.PREFIX)
    app.run()
    assert not app.code
    press(app, "Revoke it")
    assert errors(app) == []
    assert "No token yet" in " ".join(each.value for each in app.markdown)
    press(app, "Make a token")
    assert "needs a name" in errors(app)[0]


def test_a_webhook_is_added_tested_and_removed(sample: Workspace, open_page: OpenPage) -> None:
    with receiver(500) as there:
        app = open_page("integrations", view_of="webhooks")
        app.text_input(key="webhook-url").set_value(there.url)
        app.text_input(key="webhook-variable").set_value(VARIABLE)
        press(app, "Add it")
        assert errors(app) == []
        assert "not https" in app.warning[0].value
        press(app, "Test")
        assert "status 500" in errors(app)[0]
        press(app, "Test")
        assert "Delivered" in app.success[0].value
        assert app.dataframe[0].value["state"].to_list() == ["ok", "failed"]
        press(app, "Remove it")
        assert not [each for each in app.button if each.label == "Test"]
    app.text_input(key="webhook-url").set_value("ftp://x")
    press(app, "Add it")
    assert "no address" in errors(app)[0]


def test_judgments_are_offered_for_download(sample: Workspace, open_page: OpenPage) -> None:
    app = open_page("batches", view_of="judgments")
    assert errors(app) == []
    said = [each.value for each in app.caption]
    assert any(text.startswith("10 lines") for text in said)  # nine approved, one rejected
    app = open_page("batches", view_of="judgments", **{"judged-as": "Rejected"})
    assert "say of no passage" in errors(app)[0]


def run(workspace: Workspace, *arguments: object) -> Result:
    return CliRunner().invoke(cli, ["--workspace", str(workspace.root), *map(str, arguments)])


def test_commands_over_tokens_and_webhooks(workspace: Workspace) -> None:
    Store.create(workspace).close()
    token = run(workspace, "api", "token", "add", "ci").stdout.strip()
    with Store.open(workspace) as store:
        assert api_tokens.holder(store, token) == "ci"
    assert "ci " in run(workspace, "api", "token", "list").stdout
    assert run(workspace, "api", "token", "revoke", "ci").stdout == "ci is revoked\n"
    with receiver() as there:
        added = run(workspace, "webhook", "add", there.url, "--secret-variable", VARIABLE)
        assert "not https" in added.stderr
        webhook_id = added.stdout.strip()
        assert there.url in run(workspace, "webhook", "list").stdout
        assert run(workspace, "webhook", "test", webhook_id).stdout == "Delivered, status 200.\n"
        with Store.open(workspace) as store, store.transaction() as cursor:
            outbox.tell(cursor, "job.ended", {})
        assert run(workspace, "webhook", "deliver").stdout == "1 of 1 delivered\n"
    refused = run(workspace, "webhook", "test", webhook_id).exception
    assert isinstance(refused, WebhookError)
    assert str(refused).startswith("Not delivered, no answer")
    assert run(workspace, "webhook", "remove", webhook_id).exit_code == 0
    with Store.open(workspace) as store:
        assert list_tokens(store) == []
        assert outbox.list_webhooks(store) == []


def test_judgments_go_to_a_file(sample: Workspace, tmp_path: Path) -> None:
    out = tmp_path / "judged.txt"
    told = json.loads(
        run(sample, *["judgments", "export", "--format", "qrels", "--json"], out).stdout
    )
    assert told["judgments"] == 10
    assert sum(map(len, trec.read_qrels(out).values())) == told["lines"]
