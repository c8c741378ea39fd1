"""Every function that acts looks at who acts, and refuses whoever lacks the role."""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from curation import (
    adjudication,
    api_tokens,
    auditing,
    batching,
    bulk,
    campaigns,
    discussion,
    edits,
    gold,
    guidelines,
    hints,
    intake,
    my_work,
    people,
    queue_keeping,
    queueing,
    review,
    signing_in,
    webhooks,
)
from curation.batching import Selection
from curation.decontamination import Cuts
from curation.people import ROLES, Actor, Operator, RefusedError
from curation.source_drafts import Cleaned, SourceReport
from curation.source_folder import PASSAGES_SCHEMA
from db import audit
from db.audit import AuditFilter
from db.errors import RankDeskError
from db.ids import now
from db.records import ItemFilter
from db.store import Store
from db.workspace import Workspace
from tests.samples import add_samples
from trainer import decontaminate, desk, returning, scoreboard, sourcing
from trainer.preflight import Check

ROOT = Path(__file__).parents[1]
PASSWORD = "long enough to be one"
NOWHERE = Path("nowhere")
Act = Callable[[Store, str], Any]
_CAMPAIGN: dict[str, Any] = {"goal": 1, "due_on": None, "guideline": "general", "members": ()}

# What acts, who may, and a call. Whatever else is wrong with the call comes after the role.
ACTS: dict[str, tuple[tuple[str, ...], Act]] = {
    "curation.review.decide": (
        ("annotator",),
        lambda s, by: review.decide(s, item_id="i", reviewer=by, verdict="approve"),
    ),
    "curation.review.reveal": (
        ("annotator",),
        lambda s, by: review.reveal(s, item_id="i", reviewer=by, marks=[]),
    ),
    "curation.hints.keep_hinted": (
        ("reviewer",),
        lambda s, by: hints.keep_hinted(
            s,
            item_id="i",
            model="m",
            prompt="p",
            hint="h",
            response="",
            permutation=[],
            status="ok",
            tokens=(0, 0),
            asked_by=by,
        ),
    ),
    "curation.review.undo": (("annotator",), review.undo),
    "curation.review.decide_many": (
        ("annotator",),
        lambda s, by: review.decide_many(s, item_ids=["i"], reviewer=by, verdict="approve"),
    ),
    "curation.bulk.tag": (("annotator",), lambda s, by: bulk.tag(s, ["i"], "t", done_by=by)),
    "curation.bulk.assign": (
        ("reviewer",),
        lambda s, by: bulk.assign(s, ["i"], "p", done_by=by),
    ),
    "curation.bulk.undo": (
        ("annotator", "reviewer"),
        lambda s, by: bulk.undo(s, "b", done_by=by),
    ),
    "curation.guidelines.publish": (
        ("reviewer", "admin"),
        lambda s, by: guidelines.publish(s, "g", "", note="", after=0, published_by=by),
    ),
    "curation.campaigns.create": (
        ("reviewer", "admin"),
        lambda s, by: campaigns.create(s, "", **_CAMPAIGN, chosen=ItemFilter(), created_by=by),
    ),
    "curation.campaigns.change": (
        ("reviewer", "admin"),
        lambda s, by: campaigns.change(s, "c", name="c", **_CAMPAIGN, changed_by=by),
    ),
    "curation.campaigns.set_open": (
        ("reviewer", "admin"),
        lambda s, by: campaigns.set_open(s, "c", False, changed_by=by),
    ),
    "curation.discussion.comment": (
        ("annotator", "reviewer"),
        lambda s, by: discussion.comment(s, "i", "x", said_by=by),
    ),
    "curation.discussion.delete": (
        ("annotator", "reviewer", "admin"),
        lambda s, by: discussion.delete(s, "c", deleted_by=by),
    ),
    "curation.discussion.flag": (
        ("annotator", "reviewer"),
        lambda s, by: discussion.flag(s, "i", "x", raised_by=by),
    ),
    "curation.discussion.resolve": (
        ("reviewer",),
        lambda s, by: discussion.resolve(s, "f", "x", resolved_by=by),
    ),
    "curation.gold.set_from_verdict": (
        ("reviewer",),
        lambda s, by: gold.set_from_verdict(s, "i", by),
    ),
    "curation.gold.withdraw": (("reviewer",), lambda s, by: gold.withdraw(s, "i", by)),
    "curation.queueing.save_policy": (
        ("reviewer", "trainer"),
        lambda s, by: queueing.save_policy(
            s, queue_keeping.current_policy(s), note="", saved_by=by
        ),
    ),
    "curation.edits.save_view": (
        ("annotator", "reviewer"),
        lambda s, by: edits.save_view(s, "v", None, saved_by=by),
    ),
    "curation.adjudication.take": (
        ("reviewer",),
        lambda s, by: adjudication.take(s, "i", "e", over=[], cause="slip", decided_by=by),
    ),
    "curation.adjudication.merge": (
        ("reviewer",),
        lambda s, by: adjudication.merge(
            s, "i", verdict="approve", over=[], cause="slip", decided_by=by
        ),
    ),
    "curation.adjudication.undo": (
        ("reviewer",),
        lambda s, by: adjudication.undo(s, "e", undone_by=by),
    ),
    "curation.adjudication.waiting": (
        ("reviewer",),
        lambda s, by: adjudication.waiting(s, asked_by=by),
    ),
    "curation.adjudication.decided": (
        ("reviewer",),
        lambda s, by: adjudication.decided(s, asked_by=by),
    ),
    "curation.adjudication.load": (
        ("reviewer",),
        lambda s, by: adjudication.load(s, "i", asked_by=by),
    ),
    "curation.my_work.work_of": (
        ("reviewer", "admin"),
        lambda s, by: my_work.work_of(s, "somebody else", asked_by=by),
    ),
    "curation.my_work.people": (
        ("reviewer", "admin"),
        lambda s, by: my_work.people(s, asked_by=by),
    ),
    "curation.api_tokens.add": (("admin",), lambda s, by: api_tokens.add(s, "t", made_by=by)),
    "curation.api_tokens.revoke": (
        ("admin",),
        lambda s, by: api_tokens.revoke(s, "t", revoked_by=by),
    ),
    "curation.webhooks.add": (
        ("admin",),
        lambda s, by: webhooks.add(s, "", events=[], secret_variable="", made_by=by),
    ),
    "curation.webhooks.remove": (
        ("admin",),
        lambda s, by: webhooks.remove(s, "w", removed_by=by),
    ),
    "curation.webhooks.send_test": (
        ("admin",),
        lambda s, by: webhooks.send_test(s, "w", asked_by=by),
    ),
    "curation.batching.create": (
        ("reviewer",),
        lambda s, by: batching.create(s, "b", Selection(), created_by=by),
    ),
    "curation.batching.approve": (
        ("reviewer",),
        lambda s, by: batching.approve(s, "b", approved_by=by),
    ),
    "curation.batching.export": (
        ("reviewer", "trainer"),
        lambda s, by: batching.export(s, "x", "trl", NOWHERE, exported_by=by),
    ),
    "curation.intake.import_reasonrank": (
        ("reviewer", "trainer"),
        lambda s, by: intake.import_reasonrank(s, NOWHERE, imported_by=by),
    ),
    "curation.edits.set_prices": (("trainer",), lambda s, by: edits.set_prices(s, {}, set_by=by)),
    "curation.edits.save_prompt": (
        ("trainer",),
        lambda s, by: edits.save_prompt(s, "p", "x", saved_by=by),
    ),
    "curation.edits.set_suite": (
        ("trainer",),
        lambda s, by: edits.set_suite(s, "s", [], made_by=by),
    ),
    "curation.edits.pin_baseline": (
        ("reviewer", "trainer"),
        lambda s, by: edits.pin_baseline(s, "b", "e", pinned_by=by),
    ),
    "curation.edits.hold_item": (
        ("reviewer",),
        lambda s, by: edits.hold_item(s, "i", "b", "q", reason="r", decided_by=by),
    ),
    "curation.edits.release_item": (
        ("reviewer",),
        lambda s, by: edits.release_item(s, "i", "b", "q", reason="r", decided_by=by),
    ),
    "curation.people.add": (
        ("admin",),
        lambda s, by: people.add(s, "new", roles=[], password=PASSWORD, added_by=by),
    ),
    "curation.people.set_roles": (
        ("admin",),
        lambda s, by: people.set_roles(s, "nobody", [], changed_by=by),
    ),
    "curation.people.set_email": (
        ("admin",),
        lambda s, by: people.set_email(s, "nobody", None, changed_by=by),
    ),
    "curation.people.set_active": (
        ("admin",),
        lambda s, by: people.set_active(s, "nobody", False, changed_by=by),
    ),
    "curation.people.reset_password": (
        ("admin",),
        lambda s, by: people.reset_password(s, "nobody", changed_by=by),
    ),
    "curation.people.list_people": (("admin",), lambda s, by: people.list_people(s, asked_by=by)),
    "curation.people.set_setting": (
        ("admin",),
        lambda s, by: people.set_setting(s, "two_person", True, set_by=by),
    ),
    "curation.auditing.entries": (
        ("admin",),
        lambda s, by: auditing.entries(s, AuditFilter(), asked_by=by),
    ),
    "curation.auditing.count": (
        ("admin",),
        lambda s, by: auditing.count(s, AuditFilter(), asked_by=by),
    ),
    "curation.auditing.actors": (("admin",), lambda s, by: auditing.actors(s, asked_by=by)),
    "trainer.desk.start": (
        ("trainer",),
        lambda s, by: desk.start(s, _blocked(), created_by=by),
    ),
    "trainer.desk.stop": (
        ("trainer",),
        lambda s, by: desk.stop(s, "j", save=False, stopped_by=by),
    ),
    "trainer.desk.resume": (("trainer",), lambda s, by: desk.resume(s, "j", resumed_by=by)),
    "trainer.scoreboard.add_benchmark": (
        ("trainer",),
        lambda s, by: scoreboard.add_benchmark(s, "b", added_by=by, run=NOWHERE),
    ),
    "trainer.scoreboard.add_items": (
        ("trainer",),
        lambda s, by: scoreboard.add_items(s, "b", ItemFilter(), added_by=by),
    ),
    "trainer.sourcing.keep_source": (
        ("reviewer", "trainer"),
        lambda s, by: sourcing.keep_source(s, "s", _no_source(), added_by=by),
    ),
    "trainer.returning.send_back": (
        ("reviewer", "trainer"),
        lambda s, by: returning.send_back(s, "e", [], {}, per_query=1, returned_by=by),
    ),
    "trainer.decontaminate.scan": (
        ("reviewer", "trainer"),
        lambda s, by: decontaminate.scan(s, [], Cuts(), scanned_by=by, on_progress=print),
    ),
    "app.views.playground.play": (("trainer",), lambda s, by: people.require(s, by, "trainer")),
    "app.widgets.asking_again._ask": (
        ("reviewer",),
        lambda s, by: people.require(s, by, "reviewer"),
    ),
}

# What writes without asking who: nobody asked for it, or whoever did was asked before.
SYSTEM = {
    "curation.review.record": "of a verdict or an adjudication, which asked",
    "curation.item_benchmarks.keep_orders": "what jobs wrote",
    "trainer.scoreboard._register": "of a benchmark, which asked",
    "curation.intake.Intake.flush": "of an import, or of what a job brought",
    "curation.intake.check_chains": "derived, when a workspace is opened",
    "curation.samples.measure_agreement": "derived, when a workspace is opened",
    "curation.signing_in._check": "signing in comes before having a role",
    "curation.signing_in._begin": "signing in",
    "curation.signing_in.sign_in_by_email": "signing in",
    "curation.signing_in.whose": "that a session is in use",
    "curation.signing_in.sign_out": "one's own session",
    "curation.signing_in.change_password": "one's own, by the old one",
    "curation.queue_keeping.record": "what is taken in hand or given back is not decided",
    "curation.webhooks.deliver": "what waits to be sent",
    "app.drafts.Drafts.keep": "one's own draft",
    "trainer.clusters.cluster_items": "derived from the texts",
    "trainer.ingest_rollouts.read_groups": "what jobs wrote",
    "trainer.decontaminate.embedded": "derived, of a scan",
    "trainer.decontaminate._compare": "of a scan",
    "trainer.ingest._read_events": "what jobs wrote",
    "trainer.ingest._record_checkpoint": "what jobs wrote",
    "trainer.ingest._record_evaluation": "what jobs wrote",
    "trainer.ingest_items.read_items": "what jobs wrote",
    "trainer.ingest_items._labelled": "what jobs wrote",
    "trainer.demo._add_source": "the demo, at the command line",
    "trainer.demo._make_tiny_model": "the demo, at the command line",
}

# Acts on files and processes, which no function of `db` stands for.
SENSITIVE = {
    "curation.exports.export_snapshot",
    "curation.prices.write_prices",
    "curation.snapshots.freeze",
    "curation.source_folder.write_source",
    "curation.benchmarks.add_benchmark",
    "curation.benchmarks.add_folder",
    "trainer.jobs.prepare_job",
    "trainer.jobs.start",
    "trainer.jobs.resume",
    "trainer.jobs.request_stop",
}


@dataclass(frozen=True, slots=True)
class Found:
    """A function of the project, with the names of all that it calls."""

    name: str
    calls: frozenset[str]


@cache
def functions(layer: str) -> tuple[Found, ...]:
    """Return every function and method of a layer; code outside functions counts as one."""
    return tuple(_functions(layer))


def _functions(layer: str) -> Iterator[Found]:
    for path in sorted((ROOT / layer).rglob("*.py")):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        tree = ast.parse(path.read_text(encoding="utf-8"))
        known = imported(tree) | {
            node.name: f"{module}.{node.name}"
            for node in tree.body
            if isinstance(node, ast.FunctionDef)
        }
        parts: list[tuple[str, ast.AST]] = []
        for node in tree.body:
            if isinstance(node, ast.ClassDef):
                parts += [
                    (f"{node.name}.{each.name}", each)
                    for each in node.body
                    if isinstance(each, ast.FunctionDef)
                ]
            else:
                parts.append((node.name if isinstance(node, ast.FunctionDef) else "", node))
        for name, node in parts:
            yield Found(f"{module}.{name}".rstrip("."), frozenset(called(node, known)))


def imported(tree: ast.Module) -> dict[str, str]:
    return {
        alias.asname or alias.name: f"{node.module}.{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def called(node: ast.AST, known: dict[str, str]) -> Iterator[str]:
    """Yield the full names of what is named in a function: called, or handed on to be called."""
    for each in ast.walk(node):
        if isinstance(each, ast.Attribute) and isinstance(each.value, ast.Name):
            yield f"{known.get(each.value.id, each.value.id)}.{each.attr}"
        elif isinstance(each, ast.Name) and each.id in known:
            yield known[each.id]


def writers() -> set[str]:
    """Return the functions of `db` that write, by themselves or through others of their module."""
    all_of_db = list(functions("db"))
    found = {
        each.name
        for each in all_of_db
        if any(call.endswith((".transaction", "store.execute")) for call in each.calls)
        and not each.name.startswith("db.store.")
    }
    while more := {each.name for each in all_of_db if each.calls & found} - found:
        found |= more
    return found


def test_whatever_writes_asks_for_a_role() -> None:
    acting = writers() | SENSITIVE
    assert "db.judgments.append_undo" in acting
    assert "db.quarantine.release" in acting
    acting_functions = [
        each
        for layer in ("curation", "trainer", "app")
        for each in functions(layer)
        if each.calls & acting or any(call.endswith(".transaction") for call in each.calls)
    ]
    silent = {
        each.name: sorted(each.calls & acting)
        for each in acting_functions
        if "curation.people.require" not in each.calls
        and each.name not in SYSTEM
        and each.name not in SENSITIVE
    }
    assert not silent, f"these act without `curation.people.require`: {silent}"
    gone = SYSTEM.keys() - {each.name for each in acting_functions}
    assert not gone, f"SYSTEM names what is gone: {gone}"


def test_every_function_that_asks_is_tried_below() -> None:
    asking = {
        each.name
        for layer in ("curation", "trainer", "app")
        for each in functions(layer)
        if "curation.people.require" in each.calls and each.name != "curation.people.require"
    }
    assert asking == ACTS.keys()


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, dict[str, Actor]]]:
    """A workspace and somebody for each role who has no other, all signed in."""
    with Store.create(Workspace(tmp_path_factory.mktemp("team") / "workspace")) as store:
        actors = {}
        root = Operator("root")
        for role in ("admin", "annotator", "reviewer", "trainer"):
            email = f"{role}@example.org"
            people.add(store, role, roles=[role], email=email, added_by=root)
            token = signing_in.sign_in_by_email(store, email, address="here", issued_at=now())
            person = signing_in.whose(store, token)
            assert person is not None
            actors[role] = person.actor
        yield store, actors


@pytest.mark.parametrize("name", ACTS)
def test_who_lacks_the_role_is_refused(team: tuple[Store, dict[str, Actor]], name: str) -> None:
    store, actors = team
    roles, act = ACTS[name]
    before = audit.count(store, AuditFilter())
    for role in ROLES.keys() - set(roles):
        with pytest.raises(RefusedError, match="takes the role"):
            act(store, actors[role])
    for impostor in (str(actors[roles[0]]), Actor(roles[0], "no session"), "nobody", ""):
        with pytest.raises(RefusedError, match="not signed in"):
            act(store, impostor)
    assert audit.count(store, AuditFilter()) == before


def test_only_an_admin_deletes_what_others_said(team: tuple[Store, dict[str, Actor]]) -> None:
    store, actors = team
    add_samples(store)
    for by in ("annotator", "admin"):
        said = discussion.comment(store, "i1", "x", said_by=actors["annotator"])
        with pytest.raises(RefusedError, match="role admin"):
            discussion.delete(store, said, deleted_by=actors["reviewer"])
        discussion.delete(store, said, deleted_by=actors[by])


@pytest.mark.parametrize("name", ACTS)
def test_any_of_the_roles_suffices(team: tuple[Store, dict[str, Actor]], name: str) -> None:
    store, actors = team
    roles, act = ACTS[name]
    for actor in [*(actors[role] for role in roles), Operator("root")]:
        try:
            act(store, actor)
        except RefusedError as error:
            pytest.fail(str(error))
        except RankDeskError:
            pass  # there is no such item, batch, job: it was looked for


def _blocked() -> desk.PreparedJob:
    return desk.PreparedJob(
        spec=None,  # type: ignore[arg-type]
        config_yaml="",
        command="",
        checks=[Check("x", "error", "blocked")],
    )


def _no_source() -> Cleaned:
    nothing = pl.DataFrame(schema=PASSAGES_SCHEMA)
    return Cleaned("demo", [], nothing, nothing, SourceReport.model_construct())
