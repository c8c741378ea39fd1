import hashlib
import json
import os
import signal
import time
from collections import Counter
from pathlib import Path
from urllib.request import urlopen

import polars as pl
import pytest
import yaml

from curation.demo.teacher import MODEL, SimulatedTeacher
from curation.demo.teacher_server import serve_teacher
from curation.demo.world import World, build_world
from curation.prices import Price
from curation.prompts import load_template, version
from curation.source_folder import SourceQuery, read_source, write_source
from tests.trainer.test_openai_engine import FAULTS, Handler, serving
from trainer import jobs
from trainer.engines.opening import Served
from trainer.generate import ITEMS, MINED, REQUESTS, RESULT, STATUS
from trainer.joblog import read_records
from trainer.jobs import GenerateSpec
from trainer.synthesis_settings import Limits, SynthesisSettings

PRICE = Price(prompt=1.0, completion=2.0)


@pytest.fixture(scope="module")
def world() -> World:
    return build_world(seed=3, n_items=30, n_benchmark=2)


@pytest.fixture(scope="module")
def source(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The world's items with their lists given, so that nothing has to be encoded."""
    passages = [passage for item in world.items for passage in item.candidates]
    frame = pl.DataFrame(
        [(p.docid, p.title, p.text) for p in passages],
        schema={"docid": pl.String, "title": pl.String, "text": pl.String},
        orient="row",
    )
    queries = [
        SourceQuery(
            item.qid,
            item.domain,
            item.query,
            item.answer,
            candidates=tuple(c.docid for c in item.candidates),
        )
        for item in world.items
    ]
    root = tmp_path_factory.mktemp("sources")
    return root / write_source(root, "demo", "demo", queries, frame).source_id


class Script:
    """Answers as the simulated teacher, with faults before; counts what was answered."""

    def __init__(self, world: World, fault_share: float = 0.0) -> None:
        self.teacher = SimulatedTeacher(world, seed=1)
        self.fault_share = fault_share
        self.asked: Counter[str] = Counter()
        self.answered: dict[str, dict[str, int]] = {}
        self.faults: Counter[str] = Counter()
        self.most_open = 0

    def __call__(self, handler: Handler, number: int) -> None:
        body = json.dumps(handler.body, sort_keys=True)
        with handler.server.lock:
            self.asked[body] += 1
            attempt = self.asked[body]
            self.most_open = max(self.most_open, handler.server.open)
        chance = hashlib.sha256(f"{attempt}{body}".encode()).digest()
        if chance[0] < self.fault_share * 256 and attempt <= 3:
            kind = list(FAULTS)[chance[1] % len(FAULTS)]
            self.faults[kind] += 1
            FAULTS[kind](handler)
            return
        reply = self.teacher.complete(handler.body)
        self.answered[body] = reply["usage"]  # type: ignore[assignment]
        handler.send(200, reply)

    @property
    def price(self) -> float:
        """What the distinct requests cost."""
        return sum(
            PRICE.of(u["prompt_tokens"], u["completion_tokens"]) for u in self.answered.values()
        )


def prepared(
    tmp_path: Path,
    source: Path,
    url: str,
    in_flight: int = 8,
    *,
    batch: bool = False,
    timeout_s: float = 1.0,
    **settings,
) -> Path:
    spec = GenerateSpec(
        name="test",
        source=source,
        answers=tmp_path / "answers",
        engine=Served(
            model=MODEL, base_urls=(url,), in_flight=in_flight, timeout_s=timeout_s, batch=batch
        ),
        prices={MODEL: PRICE},
        settings=SynthesisSettings(**{"dense": False, "max_new_tokens": 500} | settings),
    )
    return jobs.prepare_job(tmp_path / "jobs", spec)


def run_to_end(job_dir: Path, deadline_s: float = 120) -> jobs.JobState:
    end = time.monotonic() + deadline_s
    while (now := jobs.state(job_dir)).state in ("queued", "running"):
        assert time.monotonic() < end, f"{now} {(job_dir / 'stderr.log').read_text()}"
        time.sleep(0.05)
    return now


def items(job_dir: Path) -> dict[str, dict]:
    return {record["qid"]: record for record in read_records(job_dir / ITEMS)[0]}


def without_times(made: dict[str, dict]) -> dict[str, dict]:
    return {
        qid: each | {"samples": [sample | {"seconds": 0} for sample in each["samples"]]}
        for qid, each in made.items()
    }


def spent(job_dir: Path) -> float:
    return json.loads((job_dir / STATUS).read_text())["spent"]


def test_faults_and_two_kills_lose_nothing_and_pay_nothing_twice(tmp_path, source, world):
    script = Script(world, fault_share=0.3)
    with serving(script) as server:
        job_dir = prepared(tmp_path, source, server.url, samples=2, orders=2)
        jobs.start(job_dir)
        for share in (0.2, 0.6):
            end = time.monotonic() + 90
            while len(read_records(job_dir / REQUESTS)[0]) < share * 90:
                assert time.monotonic() < end
                time.sleep(0.01)
            pid = jobs.state(job_dir).pid
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            while jobs.state(job_dir).state == "running":
                time.sleep(0.01)
            assert jobs.state(job_dir).state == "interrupted"
            jobs.resume(job_dir)
        assert run_to_end(job_dir).state == "done"
    made = items(job_dir)
    assert made.keys() == {item.qid for item in world.items}
    assert all(m["outcome"] == "labelled" or m["reason"] for m in made.values())
    assert sum(m["outcome"] == "labelled" for m in made.values()) >= 25
    assert len(script.faults) >= 9
    paid, _ = read_records(job_dir / REQUESTS)
    assert len({record["key"] for record in paid}) == len(paid) == len(script.answered)
    assert spent(job_dir) == pytest.approx(script.price, abs=1e-6)


def test_a_stop_lets_what_is_paid_come_in_and_says_what_was_spent(tmp_path, source, world):
    script = Script(world)

    def slow(handler: Handler, number: int) -> None:
        time.sleep(0.6)
        script(handler, number)

    with serving(slow) as server:
        job_dir = prepared(tmp_path, source, server.url, in_flight=16, samples=2, timeout_s=30.0)
        jobs.start(job_dir)
        for share in (10, 40):
            end = time.monotonic() + 60
            while len(server.requests) < share:
                assert time.monotonic() < end
                time.sleep(0.01)
            jobs.request_stop(job_dir, save=False)
            assert run_to_end(job_dir).state == "stopped"
            paid, _ = read_records(job_dir / REQUESTS)
            assert len(script.answered) == len(server.requests) == len(paid)
            assert spent(job_dir) == pytest.approx(script.price, abs=1e-6)
            jobs.resume(job_dir)
        server.script = script
        assert run_to_end(job_dir).state == "done"
    assert max(script.asked.values()) == 1
    assert len(read_records(job_dir / REQUESTS)[0]) == len(script.answered)


def test_a_failed_job_says_what_was_spent(tmp_path, source, world):
    script = Script(world)

    def dies(handler: Handler, number: int) -> None:
        if number < 10:
            script(handler, number)
        else:
            handler.send(401, {"error": {"message": "no such key"}})

    with serving(dies) as server:
        job_dir = prepared(tmp_path, source, server.url)
        jobs.start(job_dir)
        assert run_to_end(job_dir).state == "failed"
    assert spent(job_dir) == pytest.approx(script.price, abs=1e-6)
    assert len(read_records(job_dir / REQUESTS)[0]) == 10


def test_two_jobs_at_once_pay_once_for_the_same(tmp_path, source, world):
    script = Script(world)

    def slow(handler: Handler, number: int) -> None:
        time.sleep(0.05)
        script(handler, number)

    with serving(slow) as server:
        both = [prepared(tmp_path, source, server.url, timeout_s=30.0) for _ in range(2)]
        for job_dir in both:
            jobs.start(job_dir)
        assert [run_to_end(job_dir).state for job_dir in both] == ["done", "done"]
    assert max(script.asked.values()) == 1
    assert sum(map(spent, both)) == pytest.approx(script.price, abs=1e-5)
    assert without_times(items(both[0])) == without_times(items(both[1]))


def test_mining_is_done_once_and_for_the_wanted_queries_alone(tmp_path, world, monkeypatch):
    from trainer import similar
    from trainer.mining import mine

    passages = {p.docid: p for item in world.items[:4] for p in item.candidates}
    frame = pl.DataFrame(
        [(p.docid, p.title, p.text) for p in passages.values()],
        schema={"docid": pl.String, "title": pl.String, "text": pl.String},
        orient="row",
    )
    queries = [SourceQuery(i.qid, i.domain, i.query, i.answer) for i in world.items[:4]]
    made = write_source(tmp_path, "pool", "demo", queries, frame)
    asked: list[set[str]] = []
    nearest = similar.nearest

    def counted(texts, *others):
        asked.append(set(texts))
        return nearest(texts, *others)

    monkeypatch.setattr(similar, "nearest", counted)
    source = read_source(tmp_path / made.source_id)
    found = mine(source, 5, dense=True, queries=source.queries[:3])
    assert asked == [set(found)] == [{query.qid for query in queries[:3]}]
    assert all(len(docids) == 5 for docids in found.values())

    script = Script(world)
    with serving(script) as server:
        job_dir = prepared(tmp_path, tmp_path / made.source_id, server.url, limit=3, until="select")
        (job_dir / MINED).write_text(json.dumps({q.qid: [next(iter(passages))] for q in queries}))
        jobs.start(job_dir)
        assert run_to_end(job_dir).state == "done"
    asked_for = [json.loads(body)["messages"][-1]["content"] for body in script.asked]
    assert len(asked_for) == 3
    assert ["\n[2] " in text for text in asked_for] == [False] * 3


def test_a_repeated_job_pays_nothing_and_makes_the_same(tmp_path, source, world):
    script = Script(world)
    with serving(script) as server:
        first = prepared(tmp_path, source, server.url)
        jobs.start(first)
        assert run_to_end(first).state == "done"
        asked = sum(script.asked.values())
        again = prepared(tmp_path, source, server.url)
        jobs.start(again)
        assert run_to_end(again).state == "done"
    assert sum(script.asked.values()) == asked
    assert items(first) == items(again)
    result = json.loads((again / RESULT).read_text())
    assert (result["spent"], result["requests"]) == (0, {})
    assert sum(result["reused"].values()) == asked


def test_the_gold_answer_is_shown_for_labels_and_never_for_a_chain(tmp_path, source, world):
    script = Script(world)
    with serving(script) as server:
        job_dir = prepared(tmp_path, source, server.url)
        jobs.start(job_dir)
        assert run_to_end(job_dir).state == "done"
    bodies = [json.loads(body)["messages"][-1]["content"] for body in script.asked]
    ranked = [text for text in bodies if "Order all" in text]
    chosen = [text for text in bodies if "Solution:" in text]
    assert len(ranked) + len(chosen) == len(bodies)
    assert len(chosen) == len(world.items)
    for item in world.items:
        assert not any(item.answer in text for text in ranked)


def test_a_template_that_is_edited_later_changes_no_job_that_was_made(tmp_path, source, world):
    own = tmp_path / "own-select.yaml"
    shipped = load_template("teacher-select")
    own.write_text(yaml.safe_dump(shipped.model_dump(exclude_defaults=True)))
    script = Script(world)
    with serving(script) as server:
        job_dir = prepared(tmp_path, source, server.url, limit=2, select_template=str(own))
        own.write_text("no template any more")
        jobs.start(job_dir)
        assert run_to_end(job_dir).state == "done"
    for made in items(job_dir).values():
        assert made["prompts"]["select"] == version("own-select", shipped)
        assert ("rank" in made["prompts"]) == (made["outcome"] == "labelled")


def test_a_budget_stops_the_job_before_it_is_passed_and_a_higher_one_goes_on(
    tmp_path, source, world
):
    script = Script(world)
    with serving(script) as server:
        free = prepared(tmp_path / "free", source, server.url)
        jobs.start(free)
        run_to_end(free)
        whole = spent(free)
        low = prepared(tmp_path, source, server.url, limits=Limits(budget=whole / 2))
        jobs.start(low)
        ended = run_to_end(low)
        assert (ended.state, "budget is used up" in ended.message) == ("stopped", True)
        assert 0.3 * whole < spent(low) <= whole / 2
        high = prepared(tmp_path, source, server.url, limits=Limits(budget=whole))
        jobs.start(high)
        assert run_to_end(high).state == "done"
    assert spent(low) + spent(high) == pytest.approx(whole, abs=1e-5)
    assert without_times(items(high)) == without_times(items(free))


def test_a_slow_endpoint_has_no_more_in_flight_than_asked(tmp_path, source, world):
    script = Script(world)

    def slow(handler: Handler, number: int) -> None:
        handler.server.released.wait(0.05)
        script(handler, number)

    with serving(slow) as server:
        job_dir = prepared(tmp_path, source, server.url, in_flight=5)
        jobs.start(job_dir)
        assert run_to_end(job_dir).state == "done"
    assert script.most_open == 5


def test_a_teacher_that_is_not_there_fails_the_job_with_its_name(tmp_path, source, world):
    def refuse(handler: Handler, _: int) -> None:
        handler.send(401, {"error": {"message": "no such key"}})

    with serving(refuse) as server:
        job_dir = prepared(tmp_path, source, server.url)
        jobs.start(job_dir)
        ended = run_to_end(job_dir)
        assert ended.state == "failed"
        assert server.url in ended.message
        server.script = Script(world)
        jobs.resume(job_dir)  # what failed is tried again
        assert run_to_end(job_dir).state == "done"
    assert "failed" not in {made["outcome"] for made in items(job_dir).values()}


def test_malformed_answers_alone_are_asked_again(tmp_path, source, world):
    script = Script(world)

    def first_unreadable(handler: Handler, number: int) -> None:
        text = handler.body["messages"][-1]["content"]
        seed = handler.body["seed"]
        if "Solution:" in text and seed < 1000 and text.count("e") % 3 == 0:
            handler.answer("I would rather not say.", model=MODEL)
        else:
            script(handler, number)

    with serving(first_unreadable) as server:
        once = prepared(tmp_path, source, server.url)
        jobs.start(once)
        assert run_to_end(once).state == "done"
        bad = [q for q, made in items(once).items() if made["outcome"] == "malformed"]
        assert bad
        assert items(once)[bad[0]]["responses"]["select"] == "I would rather not say."
        asked = len(server.requests)
        again = prepared(tmp_path, source, server.url, attempts=2)
        jobs.start(again)
        assert run_to_end(again).state == "done"
    assert {made["outcome"] for made in items(again).values()} <= {"labelled", "no_positives"}
    new = Counter("Solution:" in b["messages"][-1]["content"] for b in server.requests[asked:])
    assert new[True] == len(bad)


def test_a_batch_survives_a_kill_and_is_paid_once(tmp_path, source, world):
    with serve_teacher(world, seed=1) as url:
        job_dir = prepared(tmp_path, source, url, batch=True, samples=2)
        jobs.start(job_dir)
        end = time.monotonic() + 60
        while not (job_dir / "batches.jsonl").exists():
            assert time.monotonic() < end
            time.sleep(0.01)
        pid = jobs.state(job_dir).pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        while jobs.state(job_dir).state == "running":
            time.sleep(0.01)
        jobs.resume(job_dir)
        assert run_to_end(job_dir).state == "done"
        stats = json.load(urlopen(url.removesuffix("v1") + "stats"))
    made = items(job_dir)
    assert made.keys() == {item.qid for item in world.items}
    paid, _ = read_records(job_dir / REQUESTS)
    assert stats["requests"] == 0  # all went by batches
    assert stats["answered"] == {MODEL: len(paid)}
    assert sum(each["prompt_tokens"] for each in paid) == stats["prompt_tokens"]
