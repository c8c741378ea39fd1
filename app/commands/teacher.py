"""Commands over the simulated teacher: serve."""

import time
from typing import Annotated

import typer

from app.commands.terminal import say

teacher = typer.Typer(help="The simulated teacher, for trying everything out without a key.")


def register(cli: typer.Typer) -> None:
    """Add this module's commands."""
    cli.add_typer(teacher, name="teacher", no_args_is_help=True)


@teacher.callback()
def about() -> None:
    """Keep `serve` a command of its own, though it is the only one."""


@teacher.command("serve")
def teacher_serve(
    port: Annotated[int, typer.Option(help="0 takes a free one.", min=0, max=65535)] = 8222,
    seed: Annotated[int, typer.Option(help="Of the demo world and the faults.")] = 0,
) -> None:
    """Serve the simulated teacher of the demo world over the OpenAI chat API, until ^C."""
    from curation.demo.teacher_server import MODEL, serve_teacher
    from curation.demo.world import build_world
    from trainer.demo import SIZE

    with serve_teacher(build_world(seed=seed, **SIZE), seed=seed, port=port) as url:
        say(f"{MODEL} answers at {url}; it knows the demo world of seed {seed} and nothing else")
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            say("stopped")
