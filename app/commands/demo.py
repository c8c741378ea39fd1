"""The whole loop without a browser: generate, label, cut, approve, train, evaluate."""

from typing import Annotated

import typer

from app.commands.terminal import Json, Progress, emit, render, user
from app.commands.terminal import workspace as locate
from db.store import Store


def register(cli: typer.Typer) -> None:
    """Add this module's command."""
    cli.command("demo")(demo)


def demo(
    context: typer.Context,
    raw: Annotated[
        bool, typer.Option("--raw", help="Mine the lists too: begin with queries and a pool.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Run the loop on the demo world and compare each step with the one before.

    Run again after an interruption, it goes on where it was.
    """
    from trainer import demo as loop  # torch comes with it: seconds that only this needs

    with Store.create(locate(context)) as store:
        if not loop.is_seeded(store):
            seeding = Progress("demo world")
            loop.seed_workspace(store, seed=0, on_progress=seeding, raw=raw)
            seeding.done("is there")
        progress = Progress("loop")
        rows = loop.run_loop(store, user=user(), on_progress=progress)
        progress.done("done")
    result = [row.as_dict() for row in rows]
    shown = [{**row, "low": row["ci95"][0], "high": row["ci95"][1]} for row in result]
    columns = {
        "name": "order by",
        "ndcg@10": "nDCG@10",
        "n": "n",
        "low": "95 % from",
        "high": "to",
        "p": "p against the row above",
        "seconds": "seconds",
    }
    emit({"rows": result}, as_json, lambda: render(shown, columns))
