"""Commands over accounts: add, list, roles, password, disable, enable."""

import sys
from dataclasses import asdict
from typing import Annotated, Any

import typer

from app.commands.terminal import Json, emit, open_store, render, user
from curation import people
from curation.people import ROLES
from db.people import Account

group = typer.Typer(help="Who works here. Passwords come from a prompt or stdin.")
Name = Annotated[str, typer.Argument(help="The account's name.")]
Role = Annotated[list[str] | None, typer.Option("--role", help=f"{', '.join(ROLES)}; repeatable.")]


def register(cli: typer.Typer) -> None:
    """Add this module's commands."""
    cli.add_typer(group, name="people")


def _password() -> str:
    """Return a password that was typed twice, or the first line of stdin; never an argument."""
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
    return sys.stdin.readline().rstrip("\r\n")


@group.command("add")
def people_add(
    context: typer.Context,
    name: Name,
    role: Role = None,
    email: Annotated[
        str | None, typer.Option(help="For a sign-in by OIDC; then no password is asked for.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Add an account; from the first one on, the app asks everybody to sign in."""
    with open_store(context) as store:
        added = people.add(
            store,
            name,
            roles=role or ["annotator"],
            email=email,
            password=None if email else _password(),
            added_by=user(),
        )
        result = _one(people.list_people(store, asked_by=user()), added)
    emit(result, as_json, lambda: _table([result]))


@group.command("list")
def people_list(context: typer.Context, as_json: Json = False) -> None:
    """List the accounts."""
    with open_store(context) as store:
        rows = [asdict(each) for each in people.list_people(store, asked_by=user())]
    emit(rows, as_json, lambda: _table(rows))


@group.command("roles")
def people_roles(
    context: typer.Context, name: Name, role: Role = None, as_json: Json = False
) -> None:
    """Give an account these roles and no others; without --role, none."""
    with open_store(context) as store:
        changed = people.set_roles(store, name, role or [], changed_by=user())
        result = _one(people.list_people(store, asked_by=user()), changed)
    emit(result, as_json, lambda: _table([result]))


@group.command("password")
def people_password(context: typer.Context, name: Name, as_json: Json = False) -> None:
    """Give an account another password, to be changed at its next sign-in; its sessions end."""
    with open_store(context) as store:
        people.reset_password(store, name, changed_by=user(), password=_password())
        result = _one(people.list_people(store, asked_by=user()), name)
    emit(result, as_json, lambda: _table([result]))


@group.command("disable")
def people_disable(context: typer.Context, name: Name, as_json: Json = False) -> None:
    """Disable an account; its sessions end, its history stays."""
    _set_active(context, name, False, as_json)


@group.command("enable")
def people_enable(context: typer.Context, name: Name, as_json: Json = False) -> None:
    """Enable an account again."""
    _set_active(context, name, True, as_json)


def _set_active(context: typer.Context, name: str, active: bool, as_json: bool) -> None:
    with open_store(context) as store:
        changed = people.set_active(store, name, active, changed_by=user())
        result = _one(people.list_people(store, asked_by=user()), changed)
    emit(result, as_json, lambda: _table([result]))


def _one(accounts: list[Account], name: str) -> dict[str, Any]:
    return next(asdict(each) for each in accounts if each.account.lower() == name.lower())


def _table(rows: list[dict[str, Any]]) -> str:
    shown = [
        {
            **row,
            "roles": ", ".join(row["roles"]) or "none",
            "active": "yes" if row["active"] else "no",
        }
        for row in rows
    ]
    columns = {
        "account": "name",
        "roles": "roles",
        "email": "e-mail",
        "active": "active",
        "last_seen": "last seen",
    }
    return render(shown, columns)
