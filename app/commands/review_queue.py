"""The command that shows what the review queue gives out first."""

from dataclasses import asdict
from typing import Annotated

import typer

from app.commands.terminal import Json, emit, open_store, render, say
from curation import queue_keeping, queueing
from db import items

COLUMNS = {"reason": "reason", "score": "score", "needed": "reviewers", "query": "query"}
SHORT = 80  # characters of a query in the table


def register(cli: typer.Typer) -> None:
    """Add this module's command."""
    cli.command("queue")(queue)


def queue(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, help="How many of the first items.")] = 10,
    as_json: Json = False,
) -> None:
    """Show how far the review queue is, and what it gives out first and why."""
    with open_store(context) as store:
        counts = queueing.counts(store)
        first = queueing.preview(store, queue_keeping.current_policy(store), limit=limit).first
        queries = items.titles(store, first["item_id"].to_list())
    rows = [row | {"query": queries[row["item_id"]]} for row in first.to_dicts()]
    say(f"{counts.waiting} waiting, {counts.in_hand} in hand, {counts.done} done")
    short = [row | {"query": row["query"][:SHORT], "score": round(row["score"], 2)} for row in rows]
    emit({**asdict(counts), "first": rows}, as_json, lambda: render(short, COLUMNS))
