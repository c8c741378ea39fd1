"""Commands over campaigns: begin one, and see how far each is."""

from datetime import datetime
from typing import Annotated, Any

import typer

from app.commands.terminal import Json, emit, open_store, render, user
from curation import campaigns
from db import campaigns as log
from db.guidelines import GENERAL
from db.records import ItemFilter

campaign = typer.Typer(help="Goals that reviewers work on together.", no_args_is_help=True)
COLUMNS = {
    "name": "campaign",
    "decided": "decided",
    "goal": "goal",
    "waiting": "waiting",
    "a_day": "a day",
    "ready_at": "done at",
    "due_on": "due",
    "open": "open",
}


def register(cli: typer.Typer) -> None:
    """Add this module's commands."""
    cli.add_typer(campaign, name="campaign")


@campaign.command("add")
def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What people call it.")],
    goal: Annotated[int, typer.Option(min=1, help="Items to decide.")],
    due: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="By the end of this day, UTC."),
    ] = None,
    domain: Annotated[list[str] | None, typer.Option(help="Only of this domain; repeat.")] = None,
    min_ndcg: Annotated[float, typer.Option(min=0, max=1, help="Self-consistency.")] = 0.0,
    max_ndcg: Annotated[float, typer.Option(min=0, max=1, help="Self-consistency.")] = 1.0,
    tag: Annotated[str, typer.Option(help="Only items with this tag.")] = "",
    guideline: Annotated[str, typer.Option(help="Guidelines to go by.")] = GENERAL,
    member: Annotated[list[str] | None, typer.Option(help="Who takes part; repeat.")] = None,
    as_json: Json = False,
) -> None:
    """Begin a campaign over items that wait for a verdict."""
    chosen = ItemFilter(domains=tuple(domain or ()), min_ndcg=min_ndcg, max_ndcg=max_ndcg, tag=tag)
    with open_store(context) as store:
        made = campaigns.create(
            store,
            name,
            chosen=chosen,
            goal=goal,
            due_on=due.date() if due else None,
            guideline=guideline,
            members=member or (),
            created_by=user(),
        )
    emit({"campaign_id": made}, as_json, lambda: made)


@campaign.command("list")
def list_all(context: typer.Context, as_json: Json = False) -> None:
    """Show every campaign: decided, waiting, pace, and when it will be done."""
    with open_store(context) as store:
        rows = [_row(each, campaigns.progress(store, each)) for each in log.list_campaigns(store)]
    emit(rows, as_json, lambda: render([_short(row) for row in rows], COLUMNS))


def _row(each: log.Campaign, found: campaigns.Progress) -> dict[str, Any]:
    return {
        "campaign_id": each.campaign_id,
        "name": each.name,
        "open": each.open,
        "goal": each.goal,
        "due_on": each.due_on,
        "guideline": each.guideline,
        "members": each.members,
        "decided": found.decided,
        "left": found.left,
        "waiting": found.waiting,
        "a_day": found.a_day,
        "ready_at": found.ready_at,
    }


def _short(row: dict[str, Any]) -> dict[str, Any]:
    ready = row["ready_at"]
    pace = "unknown" if row["a_day"] is None else f"{row['a_day']:.1f}"
    return {
        **row,
        "a_day": pace,
        "ready_at": f"{ready:%Y-%m-%d}" if ready else "-" if row["left"] else "reached",
    }
