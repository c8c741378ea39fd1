"""Commands over finished evaluations: their rankings go out as files."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from app.commands.terminal import Json, emit
from app.commands.training import open_synced
from db import evaluations
from db.errors import RankDeskError
from trainer import scoreboard

evaluation = typer.Typer(help="One evaluation.", no_args_is_help=True)


def register(cli: typer.Typer) -> None:
    """Add this module's commands."""
    cli.add_typer(evaluation, name="evaluation")


@evaluation.command("export")
def export(
    context: typer.Context,
    wanted: Annotated[str, typer.Argument(metavar="ID", help="The evaluation's id or name.")],
    output: Annotated[Path, typer.Option(help="The TREC run to write; .json for RankLLM's form.")],
    as_json: Json = False,
) -> None:
    """Write an evaluation's rankings: a TREC run, or RankLLM's results."""
    if not output.parent.is_dir():
        raise RankDeskError(f"There is no folder {output.parent}: make it first.")
    with open_synced(context) as store:
        row = evaluations.get_evaluation(store, wanted)
        form: Literal["trec", "rankllm"] = "rankllm" if output.suffix == ".json" else "trec"
        text = scoreboard.run_of(store, row["evaluation_id"], form)
    output.write_text(text, encoding="utf-8")
    result: dict[str, Any] = {"evaluation": row["name"], "form": form, "output": str(output)}
    emit(result, as_json, lambda: f"{row['name']} is written to {output} ({form}).")
