"""The `rankdesk` command: the same functions that the pages call, without a browser."""

import sys
from typing import Annotated

import typer

from app.commands import (
    benchmarks,
    campaigns,
    data,
    decontamination,
    demo,
    evaluations,
    integrations,
    people,
    ranking,
    reranking,
    review_queue,
    snapshots,
    sources,
    stateless,
    teacher,
    teaching,
    training,
)
from db.errors import RankDeskError

cli = typer.Typer(
    name="rankdesk",
    help="The data desk for reasoning rerankers. The app: `streamlit run app/main.py`.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # brackets in help texts are words, no markup
    add_completion=False,
)


@cli.callback()
def root(
    context: typer.Context,
    workspace: Annotated[
        str | None,
        typer.Option(
            help="The workspace folder.", envvar="RANKDESK_WORKSPACE", show_default="./workspace"
        ),
    ] = None,
) -> None:
    """Remember the workspace for the command."""
    context.obj = workspace


for module in (
    data,
    snapshots,
    benchmarks,
    decontamination,
    review_queue,
    campaigns,
    sources,
    teaching,
    teacher,
    training,
    ranking,
    integrations,
    evaluations,
    reranking,
    people,
    demo,
    stateless,
):
    module.register(cli)


def main() -> None:
    """Run the command line; what a user can mend is one line on stderr and exit code 1."""
    try:
        cli()
    except RankDeskError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(1)
    except BrokenPipeError:  # the reader of our output went away, as `| head` does
        sys.stderr.close()
        sys.exit(141)
