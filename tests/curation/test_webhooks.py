"""Webhooks: what is told, how it is signed, and what becomes of it when nobody answers."""

import json
import re
import runpy
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from curation import webhooks
from curation.webhooks import WebhookError
from db import webhooks as outbox
from db.errors import NotFoundError
from db.ids import now
from db.store import Store
from db.workspace import Workspace
from tests.receiver import receiver

VARIABLE = "TEST_WEBHOOK_SECRET"
DOC = Path(__file__).parents[2] / "docs" / "api.md"


@pytest.fixture
def verify(tmp_path: Path) -> Callable[..., bool]:
    """A receiver's check, as docs/api.md has it."""
    (code,) = re.findall(r"```python\n(.*?)```", DOC.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "documented.py").write_text(code, encoding="utf-8")
    found: Callable[..., bool] = runpy.run_path(str(tmp_path / "documented.py"))["verify"]
    return found


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "s3cret")


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "PAUSES", (0, 0))


def subscribe(store: Store, url: str, *events: str, variable: str = VARIABLE) -> str:
    return webhooks.add(store, url, events=events, secret_variable=variable, made_by="ada")


def tell(store: Store, event: outbox.Event = "batch.approved", **data: object) -> None:
    with store.transaction() as cursor:
        outbox.tell(cursor, event, data)


def deliver_due(store: Store) -> int:
    return webhooks.deliver_due(store)[0]


def states(store: Store) -> list[str]:
    return outbox.list_deliveries(store)["state"].to_list()


def test_a_message_is_signed_as_documented(store: Store, verify: Callable[..., bool]) -> None:
    with receiver() as there:
        subscribe(store, f"{there.url}/hook?from=rankdesk")
        tell(store, batch_id="b1", note="Ünïcode")
        assert deliver_due(store) == 1
        message = there.next()
    content = json.loads(message.body)
    assert message.path == "/hook?from=rankdesk"
    assert content["event"] == "batch.approved"
    assert content["data"] == {"batch_id": "b1", "note": "Ünïcode"}
    assert content["id"] == message.headers["webhook-id"]
    assert verify("s3cret", message.headers, message.body)
    assert not verify("other", message.headers, message.body)
    assert not verify("s3cret", message.headers, message.body + b" ")
    replayed = message.headers | {"webhook-timestamp": str(int(now().timestamp()) - 400)}
    assert not verify("s3cret", replayed, message.body)
    assert states(store) == ["ok"]
    assert deliver_due(store) == 0


def test_a_whsec_secret_is_base64(
    store: Store, verify: Callable[..., bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "whsec_czNjcmV0")
    with receiver() as there:
        subscribe(store, there.url)
        tell(store)
        deliver_due(store)
        message = there.next()
    assert verify("s3cret", message.headers, message.body)


@pytest.mark.usefixtures("at_once")
def test_what_fails_is_sent_again_with_the_same_id(store: Store) -> None:
    with receiver(500, 302) as there:
        subscribe(store, there.url)
        tell(store)
        while deliver_due(store):
            pass
        first, second, third = there.all()
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == third.body
    (sent,) = outbox.list_deliveries(store).to_dicts()
    assert (sent["state"], sent["attempts"], sent["status"]) == ("ok", 3, 200)


@pytest.mark.usefixtures("at_once")
def test_after_the_last_pause_it_has_failed(store: Store) -> None:
    with receiver(302, 302, 302) as there:
        subscribe(store, there.url)
        tell(store)
        while deliver_due(store):
            pass
        assert [message.path for message in there.all()] == ["/"] * 3  # no redirect is followed
    (sent,) = outbox.list_deliveries(store).to_dicts()
    assert (sent["state"], sent["attempts"], sent["status"]) == ("failed", 3, 302)
    assert "redirects" in sent["detail"]


def test_a_retry_waits_its_turn_and_survives_a_restart(workspace: Workspace) -> None:
    with receiver(503) as there:
        with Store.create(workspace) as store:
            subscribe(store, there.url)
            tell(store)
            deliver_due(store)
            assert deliver_due(store) == 0
            (sent,) = outbox.list_deliveries(store).to_dicts()
            assert sent["next_at"] - sent["attempted_at"] <= timedelta(seconds=1)
        with Store.open(workspace) as store:
            (later,) = outbox.due(store, now() + timedelta(seconds=2))
            assert later["attempts"] == 1
            assert states(store) == ["pending"]


def test_nothing_is_told_of_what_was_undone(store: Store) -> None:
    subscribe(store, "http://127.0.0.1:9")

    def die() -> None:
        with store.transaction() as cursor:
            outbox.tell(cursor, "batch.approved", {})
            raise RuntimeError

    with pytest.raises(RuntimeError):
        die()
    assert states(store) == []


def test_only_who_wants_it_is_told_and_only_from_then_on(store: Store) -> None:
    tell(store, "job.ended")
    jobs = subscribe(store, "http://127.0.0.1:9/jobs", "job.ended")
    subscribe(store, "http://127.0.0.1:9/all")
    tell(store, "job.ended")
    tell(store, "evaluation.done")
    urls = outbox.list_deliveries(store)["url"].to_list()
    assert sorted(urls) == [*["http://127.0.0.1:9/all"] * 2, "http://127.0.0.1:9/jobs"]
    outbox.remove_webhook(store, jobs, removed_by="ada")
    assert sorted(states(store)) == ["dropped", "pending", "pending"]
    with pytest.raises(NotFoundError):
        outbox.remove_webhook(store, jobs, removed_by="ada")


def test_one_that_does_not_answer_holds_up_no_other(store: Store) -> None:
    with receiver() as there:
        subscribe(store, "http://127.0.0.1:9")
        subscribe(store, there.url)
        for n in range(3):
            tell(store, n=n)
        assert webhooks.deliver_due(store) == (4, 3)
        assert [json.loads(each.body)["data"]["n"] for each in there.all()] == [0, 1, 2]
    assert webhooks.deliver_due(store, lambda: True) == (0, 0)


def test_nobody_there_and_no_secret_are_told_apart(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscribe(store, "http://127.0.0.1:9")
    tell(store)
    deliver_due(store)
    assert "refused" in outbox.list_deliveries(store)["detail"][0]
    monkeypatch.delenv(VARIABLE)
    tell(store)
    deliver_due(store)
    assert VARIABLE in outbox.list_deliveries(store)["detail"][0]


def test_a_test_is_sent_once(store: Store) -> None:
    with receiver(500) as there:
        webhook_id = subscribe(store, there.url)
        delivery_id = outbox.post_test(store, webhook_id)
        webhooks.deliver(store, delivery_id)
    sent = outbox.get_delivery(store, delivery_id)
    assert webhooks.outcome(sent) == "Not delivered, status 500: Internal Server Error."
    assert sent["state"] == "failed"


def test_the_secret_stands_nowhere_in_the_workspace(workspace: Workspace) -> None:
    with Store.create(workspace) as store, receiver() as there:
        subscribe(store, there.url)
        tell(store)
        deliver_due(store)
    for path in workspace.root.rglob("*"):
        assert not path.is_file() or b"s3cret" not in path.read_bytes()


@pytest.mark.parametrize(
    "url",
    ["", "ftp://x/", "file:///etc/passwd", "http://", "http://a b/", "http://x/\nHost: y"]
    + ["http://u:p@x/", "http://x:99999/", "http://ü/"],
)
def test_what_is_no_address_is_refused(store: Store, url: str) -> None:
    with pytest.raises(WebhookError):
        subscribe(store, url)


def test_unknown_events_and_open_variables_are_refused(store: Store) -> None:
    with pytest.raises(WebhookError, match=r"batch\.approved"):
        subscribe(store, "https://x/", "batch.made")
    with pytest.raises(WebhookError, match="SECRET"):
        subscribe(store, "https://x/", variable="HOME")


def test_what_is_not_as_it_should_be_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert webhooks.warnings("https://x/", VARIABLE) == []
    monkeypatch.setenv(VARIABLE, "whsec_!")
    plain_http, no_base64 = webhooks.warnings("http://x/", VARIABLE)
    assert "not https" in plain_http
    assert "base64" in no_base64
