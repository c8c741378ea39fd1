"""The API as another program meets it: a real server, real requests."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from curation import adjudication, api_tokens, review, webhooks
from db import batches, items, jobs
from db.api_tokens import revoke_token
from db.records import ItemFilter
from db.store import Store
from db.workspace import VARIABLE, Workspace
from tests.receiver import Receiver, receiver
from trainer.joblog import write_event

ROOT = Path(__file__).parents[2]
SECRET = "TEST_WEBHOOK_SECRET"


@dataclass
class Served:
    """A running app, and what it serves."""

    port: int
    workspace: Workspace
    log: Path
    token: str
    revoked: str
    item_id: str
    snapshot_id: str
    evaluation_id: str
    receiver: Receiver

    def get(
        self, path: str, token: str | None = None, method: str = "GET"
    ) -> tuple[int, dict[str, str], Any]:
        """Return status, headers and decoded body of `/api` + path; an empty token sends none."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        held = self.token if token is None else token
        connection.request(
            method, f"/api{path}", headers={"Authorization": f"Bearer {held}"} if held else {}
        )
        answer = connection.getresponse()
        body = answer.read()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        connection.close()
        return answer.status, headers, json.loads(body) if body else None

    def rows(self, path: str) -> list[dict[str, Any]]:
        status, _, body = self.get(path)
        assert status == 200, body
        found: list[dict[str, Any]] = body["rows"]
        return found


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def adjudicate_one(store: Store) -> None:
    """Let two people differ on an open item, and a third take the rejection."""
    (item_id,) = items.next_item_ids(store, ItemFilter(verdict="open"), limit=1)
    said: dict[str, Any] = {"store": store, "item_id": item_id}
    over = [
        review.decide(**said, reviewer="ben", verdict="approve"),
        review.decide(**said, reviewer="cleo", verdict="reject", reasons=["bad_query"]),
    ]
    adjudication.take(store, item_id, over[1], over=over, cause="slip", decided_by="ada")


@pytest.fixture(scope="module")
def served(filled: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The app over a filled workspace, as a user starts it; its webhook's first answer is 503."""
    place = Workspace(tmp_path_factory.mktemp("api") / "workspace")
    shutil.copytree(filled, place.root)
    with receiver(503) as there:
        with Store.open(place) as store:
            revoked = api_tokens.add(store, "old", made_by="ada")
            revoke_token(store, "old", revoked_by="ada")
            adjudicate_one(store)
            webhooks.add(
                store, there.url, events=["job.ended"], secret_variable=SECRET, made_by="ada"
            )
            known = Served(
                port=free_port(),
                workspace=place,
                log=place.root / "app.log",
                token=api_tokens.add(store, "tests", made_by="ada"),
                revoked=revoked,
                item_id=items.next_item_ids(store, ItemFilter(verdict="approve"))[0],
                snapshot_id=batches.list_snapshots(store)["snapshot_id"][0],
                evaluation_id=jobs.get_job(store, "sft on held-out")["job_id"],
                receiver=there,
            )
        with known.log.open("wb") as output:
            app = subprocess.Popen(
                [
                    *(sys.executable, "-m", "streamlit", "run", "app/main.py"),
                    *("--server.port", str(known.port)),
                ],
                cwd=ROOT,
                env=os.environ
                | {VARIABLE: str(place.root), "PYTHONPATH": str(ROOT), SECRET: "s3cret"},
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + 60
        while True:
            try:
                if known.get("/v1/health", token="")[0] == 200:
                    break
            except ConnectionError:
                assert app.poll() is None, known.log.read_text(encoding="utf-8")
            assert time.monotonic() < deadline, known.log.read_text(encoding="utf-8")
            time.sleep(0.1)
        yield known
        app.terminate()
        app.wait(timeout=30)
        # Whatever was asked of it, it had no fault, and it gave the workspace back whole.
        assert "Traceback" not in known.log.read_text(encoding="utf-8")
        Store.open(place).close()


def test_health_needs_no_token_and_says_nothing_of_the_data(served: Served) -> None:
    status, _, body = served.get("/v1/health", token="")
    assert status == 200
    assert body == {"status": "ok", "version": body["version"], "workspace_open": True}


def test_without_a_token_in_force_it_says_how_to_make_one(served: Served) -> None:
    for token in ("", "wrong", served.revoked):
        status, headers, body = served.get("/v1/items", token=token)
        assert status == 401
        assert headers["content-type"] == "application/problem+json"
        assert headers["www-authenticate"].startswith("Bearer")
        assert "rankdesk api token add" in body["detail"]


def test_items_are_paged_and_filtered(served: Served) -> None:
    _, _, body = served.get("/v1/items?limit=4&offset=2&order=imported")
    assert (len(body["rows"]), body["total"], body["limit"], body["offset"]) == (4, 25, 4, 2)
    assert len(served.rows("/v1/items?verdict=approve")) == 9
    two = served.rows("/v1/items?domains=biology&domains=physics&min_ndcg=0.5")
    assert {row["domain"] for row in two} == {"biology", "physics"}
    assert all(row["ndcg"] >= 0.5 for row in two)


def test_an_item_comes_with_its_rankings_and_judgments(served: Served) -> None:
    status, _, body = served.get(f"/v1/items/{served.item_id}")
    assert status == 200
    assert len(body["item"]["candidates"]) == 8
    assert body["rankings"][0]["author"] == "teacher"
    assert "passage" in body["rankings"][0]["chain"].lower()
    assert [each["verdict"] for each in body["judgments"]] == ["approve"]


def test_the_log_of_judgments_is_read_to_its_end(served: Served) -> None:
    seen: list[dict[str, Any]] = []
    after = 0
    while True:
        _, _, body = served.get(f"/v1/judgments?limit=4&after={after}")
        if not body["rows"]:
            break
        seen += body["rows"]
        after = body["next_after"]
    assert [row["seq"] for row in seen] == sorted(row["seq"] for row in seen)
    assert len(seen) == 13
    assert [row["cause"] for row in seen] == [None] * 12 + ["slip"]
    last = quote(seen[-1]["judged_at"])
    assert served.rows(f"/v1/judgments?since={last}")[-1] == seen[-1]
    assert served.rows("/v1/judgments?since=2999-01-01T00:00:00%2B02:00") == []


def test_what_came_of_the_judgments(served: Served) -> None:
    names = {row["name"]: row for row in served.rows("/v1/batches")}
    assert names["first round"]["snapshot_id"] == served.snapshot_id
    assert names["everything open"]["snapshot_id"] is None
    manifest = served.get(f"/v1/snapshots/{served.snapshot_id}")[2]
    assert manifest["n_items"] == len(manifest["items"]) == names["first round"]["n_items"]
    assert {row["name"]: row["state"]["state"] for row in served.rows("/v1/jobs")} == {
        "demo-sft-1": "done",
        "demo-grpo-1": "done",
        "sft on held-out": "done",
    }
    lineages = {row["name"]: row["lineage"] for row in served.rows("/v1/checkpoints")}
    assert lineages["demo-sft-1"]["snapshot_id"] == served.snapshot_id
    (benchmark,) = served.rows("/v1/benchmarks")
    rows = served.rows(f"/v1/evaluations?benchmark={benchmark['name']}")
    assert [row["name"] for row in rows] == ["first-stage", "sft on held-out"]
    assert rows[1]["measures"]["nDCG@10"] == {"mean": pytest.approx(0.839, abs=1e-3), "n": 12}
    detail = served.get(f"/v1/evaluations/{served.evaluation_id}")[2]
    assert detail["per_query"]["q0"]["nDCG@10"] == 0.3562


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/v1/items?limit=0", "limit"),
        ("/v1/items?limit=1&limit=2", "limit"),
        ("/v1/items?verdict=maybe", "verdict"),
        ("/v1/items?domain=biology", "domain"),  # no filter of that name
        ("/v1/judgments?since=yesterday", "since"),
        ("/v1/judgments?since=2026-01-01T00:00:00", "since"),
        ("/v1/judgments?since=0001-01-01T00:00:00%2B14:00", "since"),
        ("/v1/batches?offset=99999999999999999999", "offset"),
        ("/v1/items/a%0Ab", "id"),
    ],
)
def test_a_bad_parameter_is_named(served: Served, path: str, field: str) -> None:
    status, headers, body = served.get(path)
    assert (status, headers["content-type"]) == (422, "application/problem+json")
    assert [each["field"] for each in body["errors"]] == [field]


def test_what_is_not_there_and_what_is_not_done(served: Served) -> None:
    for path in ("/v1/items/nobody", "/v1/evaluations?benchmark=none", "/v1/nothing", "/"):
        status, headers, _ = served.get(path)
        assert (status, headers["content-type"]) == (404, "application/problem+json")
    status, headers, _ = served.get("/v1/items", method="POST")
    assert (status, set(headers["allow"].split(", "))) == (405, {"GET", "HEAD"})


def test_many_readers_at_once(served: Served) -> None:
    paths = ["/v1/items", "/v1/judgments", "/v1/jobs", f"/v1/items/{served.item_id}"] * 10
    with ThreadPoolExecutor(8) as readers:
        assert {status for status, *_ in readers.map(served.get, paths)} == {200}


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl here")
def test_the_documented_requests_work(served: Served) -> None:
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    lines = re.findall(r"^\$ (curl .*)$", text, re.MULTILINE)
    assert len(lines) == 5
    for line in lines:
        answer = subprocess.run(
            ["sh", "-c", line.replace("127.0.0.1:8501", f"127.0.0.1:{served.port}")],
            env={**os.environ, "TOKEN": served.token},
            capture_output=True,
            text=True,
            check=True,
        )
        body = json.loads(answer.stdout)
        assert "errors" not in body, line


def test_schemathesis_finds_nothing(served: Served, tmp_path: Path) -> None:
    """What the description allows is answered as it says, and what it does not is refused."""
    ids = {
        "items": served.item_id,
        "snapshots": served.snapshot_id,
        "evaluations": served.evaluation_id,
    }
    config = "".join(
        f'[[operations]]\ninclude-name = "GET /v1/{name}/{{id}}"\n'
        f'parameters = {{ "path.id" = "{known}" }}\n'
        for name, known in ids.items()
    )
    (tmp_path / "schemathesis.toml").write_text(config, encoding="utf-8")
    found = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli"),
            *("--config-file", tmp_path / "schemathesis.toml", "run"),
            f"http://127.0.0.1:{served.port}/api/openapi.json",
            *("--header", f"Authorization: Bearer {served.token}"),
            *("--phases", "fuzzing", "--max-examples", "5", "--workers", "2", "--seed", "1"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stdout + found.stderr
    assert "11 passed" in found.stdout
    assert "404 Not Found" not in found.stdout  # the ids above were asked for


def test_an_ended_job_is_told_without_a_page_open_and_once_more_after_a_503(
    served: Served,
) -> None:
    folder = served.workspace.jobs / served.evaluation_id
    write_event(folder, "ended", outcome="done", message="once more")  # other tests see it done
    first, second = served.receiver.next(), served.receiver.next()
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    told = json.loads(second.body)
    assert told["event"] == "job.ended"
    assert (told["data"]["outcome"], told["data"]["message"]) == ("done", "once more")
