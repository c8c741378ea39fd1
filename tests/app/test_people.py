"""Signing in, what each role sees, the pages of admins, and the command line."""

import io
import json
import re
from collections.abc import Callable, Iterator

import pytest
import streamlit as st
from starlette.applications import Starlette
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

from app import cookie, gate
from app.widgets.page import PAGE_ROLES
from curation import people, signing_in
from curation.people import ROLES, Operator
from db import audit
from db.audit import AuditFilter
from db.ids import now
from db.people import Account, find_account
from db.store import Store
from db.workspace import Workspace

OpenPage = Callable[..., AppTest]
PASSWORD = "an honest password"
ROOT = Operator("root")


@pytest.fixture
def team(sample: Workspace) -> Workspace:
    """A workspace with an account for each role; `ada`, an admin, has a password."""
    with Store.open(sample) as store:
        people.add(store, "ada", roles=["admin"], password=PASSWORD, added_by=ROOT)
        for role in ("annotator", "reviewer", "trainer", "admin"):
            people.add(store, role, roles=[role], email=f"{role}@b.c", added_by=ROOT)
    return sample


@pytest.fixture
def signed_in(team: Workspace, open_page: OpenPage) -> Iterator[Callable[..., AppTest]]:
    """Open a page as somebody who holds a session already."""

    def open_as(name: str, view: str = "overview", **query: str) -> AppTest:
        with Store.open(team) as store:
            token = signing_in.sign_in_by_email(
                store, f"{name}@b.c", address="here", issued_at=now()
            )
        app = open_page()
        app.session_state["session_token"] = token
        for key, value in query.items():
            app.query_params[key] = value
        app.run()
        return app if view == "overview" else app.switch_page(f"views/{view}.py").run()

    return open_as


def account(workspace: Workspace, name: str) -> Account:
    with Store.open(workspace) as store:
        found = find_account(store, name)
    assert found is not None
    return found


def titles(app: AppTest) -> list[str]:
    return [title.value for title in app.title]


def submit(app: AppTest, name: str, password: str) -> AppTest:
    app.text_input(key="sign-in-name").input(name)
    app.text_input(key="sign-in-password").input(password)
    return app.button(key="sign-in").click().run()


def test_without_accounts_nobody_signs_in(sample: Workspace, open_page: OpenPage) -> None:
    app = open_page("people")
    assert app.text_input(key="reviewer").value == "ada"
    assert titles(app) == ["People"]
    app.text_input(key="first-password").input(PASSWORD)
    app.text_input(key="first-again").input(PASSWORD)
    app.button(key="first-add").click().run()
    assert titles(app) == ["Sign in to RankDesk"]
    assert account(sample, "ada").roles == tuple(ROLES)


def test_one_signs_in_by_password(team: Workspace, open_page: OpenPage) -> None:
    app = open_page()
    assert titles(app) == ["Sign in to RankDesk"]
    app.query_params["reviewer"] = "grace"  # a name in the address proves nothing
    submit(app, "ada", "a guessed password")
    assert "do not belong together" in app.error[0].value.replace("\\", "")
    submit(app, "ada", PASSWORD)
    assert titles(app) == ["RankDesk"]
    assert app.session_state["actor"] == "ada"
    assert not [field for field in app.text_input if field.key == "reviewer"]
    app.button(key="sign-out").click().run()
    assert titles(app) == ["Sign in to RankDesk"]
    assert "actor" not in app.session_state


def test_a_given_password_leads_to_a_better_one_only(team: Workspace, open_page: OpenPage) -> None:
    with Store.open(team) as store:
        given = people.reset_password(store, "ada", changed_by=ROOT)
    app = submit(open_page(), "ada", given)
    assert titles(app) == ["Choose a password"]
    for key, value in (("old", given), ("new", PASSWORD), ("again", "another password")):
        name = key if key == "again" else f"{key}-password"
        app.text_input(key=name).input(value)
    app.button(key="change-password").click().run()
    assert "differ" in app.error[0].value
    for key, value in (("old", given), ("new", PASSWORD), ("again", PASSWORD)):
        name = key if key == "again" else f"{key}-password"
        app.text_input(key=name).input(value)
    app.button(key="change-password").click().run()
    assert titles(app) == ["RankDesk"]


@pytest.mark.parametrize("role", ROLES)
def test_each_sees_the_pages_of_their_role(signed_in: Callable[..., AppTest], role: str) -> None:
    app = signed_in(role)
    assert app.session_state["may"] == {role}
    for page, roles in PAGE_ROLES.items():
        if role in roles:
            app.switch_page(f"views/{page}.py").run()
            assert not app.exception, page
        else:
            with pytest.raises(ValueError, match="Could not find a navigation page"):
                app.switch_page(f"views/{page}.py")


def test_a_session_that_ended_elsewhere_acts_no_more(
    team: Workspace, signed_in: Callable[..., AppTest]
) -> None:
    app = signed_in("annotator", "review")
    with Store.open(team) as store:
        people.set_active(store, "annotator", False, changed_by=ROOT)
        before = audit.count(store, AuditFilter(kinds=("verdict",)))
    approve = next(button for button in app.button if (button.key or "").startswith("approve-"))
    approve.click().run()
    assert titles(app) == ["Sign in to RankDesk"]
    with Store.open(team) as store:
        assert audit.count(store, AuditFilter(kinds=("verdict",))) == before


def test_an_admin_adds_changes_and_disables(
    team: Workspace, signed_in: Callable[..., AppTest]
) -> None:
    app = signed_in("admin", "people")
    app.text_input(key="add-name").input("grace")
    app.button(key="add").click().run()
    [shown] = [code.value for code in app.code]
    assert account(team, "grace").temporary
    with Store.open(team) as store:
        assert signing_in.sign_in(store, "grace", shown, address="here")
    app.run()
    assert not app.code  # once means once
    app.toggle(key="two-person").set_value(True).run()
    disable = next(button for button in app.button if button.label == "Disable")
    disable.click().run()  # of ada, the first by name
    assert not account(team, "ada").active
    with Store.open(team) as store:
        assert people.two_person(store)
        kinds = audit.page(store, AuditFilter(actors=("admin",)), limit=9)["kind"].to_list()
    assert kinds == ["disable", "setting", "add", "in"]


def test_the_audit_filters_pages_and_tells_an_item_s_history(
    team: Workspace, signed_in: Callable[..., AppTest]
) -> None:
    app = signed_in("admin", "audit")
    everything = app.dataframe[0].value
    assert {"Verdict", "Batch approved", "Account added"} <= set(everything["what"])
    app.multiselect(key="what").set_value(["approval"]).run()
    assert set(app.dataframe[0].value["actor"]) == {"grace"}
    item = next(row for row in everything.to_dict("records") if row["item_id"])["item_id"]
    app.multiselect(key="what").set_value([]).run()
    app.text_input(key="item").set_value(item).run()
    assert not app.dataframe
    told = " ".join(text.value for text in app.markdown)
    assert "Import" in told
    assert "Verdict" in told


@pytest.mark.parametrize(
    ("address", "refused"),
    [("127.0.0.1", False), ("::1", False), ("localhost", False), ("0.0.0.0", True), (None, True)],
)
def test_without_accounts_it_serves_this_machine_only(
    store: Store, monkeypatch: pytest.MonkeyPatch, address: str | None, refused: bool
) -> None:
    monkeypatch.setattr(st, "get_option", lambda _: address)
    for place in (None, store):
        if refused:
            with pytest.raises(gate.ExposedError, match="rankdesk people add"):
                gate.check_exposure(place)
        else:
            gate.check_exposure(place)
    people.add(store, "ada", roles=["admin"], email="a@b.c", added_by=ROOT)
    gate.check_exposure(store)


def test_a_ticket_is_good_once_and_from_our_pages_only() -> None:
    client = TestClient(Starlette(routes=cookie.routes()))
    ticket = cookie.issue("the token")
    path = f"/{cookie.PATH}"
    foreign = client.post(path, json={"ticket": ticket}, headers={"sec-fetch-site": "cross-site"})
    assert foreign.status_code == 403
    for wrong in ({}, {"ticket": 1}, [], {"ticket": "guessed"}):
        assert client.post(path, json=wrong).status_code in (400, 410)
    answer = client.post(path, json={"ticket": ticket})
    assert answer.status_code == 204
    kept = answer.headers["set-cookie"].lower()
    assert f"{cookie.name()}=" in kept
    for part in ("the token", "httponly", "samesite=strict", "path=/"):
        assert part in kept
    assert client.post(path, json={"ticket": ticket}).status_code == 410
    assert client.get(path).status_code == 405


def test_a_ticket_grows_old(monkeypatch: pytest.MonkeyPatch) -> None:
    ticket = cookie.issue("the token")
    later = cookie.time.monotonic() + 61
    monkeypatch.setattr(cookie.time, "monotonic", lambda: later)
    client = TestClient(Starlette(routes=cookie.routes()))
    assert client.post(f"/{cookie.PATH}", json={"ticket": ticket}).status_code == 410


def test_people_at_the_command_line(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Store.create(workspace).close()

    def run(*arguments: str, typed: str = "") -> object:
        from app.cli import cli

        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        cli(
            ["--workspace", str(workspace.root), "people", *arguments, "--json"],
            standalone_mode=False,
        )
        return json.loads(capsys.readouterr().out)

    with pytest.raises(Exception, match="A password has 12 to 200"):
        run("add", "ada", "--role", "admin", typed="short\n")
    made = run("add", "ada", "--role", "admin", "--role", "reviewer", typed=f"{PASSWORD}\n")
    assert isinstance(made, dict)
    assert (made["account"], made["roles"]) == ("ada", ["reviewer", "admin"])
    run("add", "bob", "--email", "bob@b.c")
    run("roles", "bob", "--role", "trainer")
    run("disable", "bob")
    run("enable", "bob")
    run("password", "ada", typed="another honest one\n")
    listed = run("list")
    assert isinstance(listed, list)
    assert [(row["account"], row["roles"], row["temporary"]) for row in listed] == [
        ("ada", ["reviewer", "admin"], True),
        ("bob", ["trainer"], False),
    ]
    assert not re.search(r"argon2|password_hash", json.dumps(listed))
