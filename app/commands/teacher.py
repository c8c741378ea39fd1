"""Commands over the simulated teacher: serve."""

import time
from dataclasses import fields
from typing import Annotated, Any

import typer

from app.commands.terminal import say
from curation.demo.teacher import PORT
from db.errors import RankDeskError

teacher = typer.Typer(help="The simulated teacher, for trying everything out without a key.")


def register(cli: typer.Typer) -> None:
    """Add this module's commands."""
    cli.add_typer(teacher, name="teacher", no_args_is_help=True)


@teacher.callback()
def about() -> None:
    """Keep `serve` a command of its own, though it is the only one."""


@teacher.command("serve")
def teacher_serve(
    port: Annotated[int, typer.Option(help="0 takes a free one.", min=0, max=65535)] = PORT,
    seed: Annotated[int, typer.Option(help="Of the demo world and the faults.")] = 0,
    latency: Annotated[float, typer.Option(help="Seconds before an answer.", min=0)] = 0.0,
    tokens_per_s: Annotated[
        float | None, typer.Option(help="Speed of an answer [at once].", min=1)
    ] = None,
    requests_per_minute: Annotated[
        int | None, typer.Option(help="More get 429 [no limit].", min=1)
    ] = None,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KIND=SHARE",
            help="How often it goes wrong, in what it says (wrong_query, inverted …) or over the "
            "wire (busy, error, dropped, page, empty, hang); repeatable.",
        ),
    ] = None,
) -> None:
    """Serve the simulated teacher of the demo world over the OpenAI API, until ^C.

    It answers the chat API, streamed or whole, and the batch API; /stats tells what was asked.
    """
    from curation.demo.reasoning import Faults
    from curation.demo.teacher import PRICES
    from curation.demo.teacher_server import TRANSPORT_FAULTS, Transport, serve_teacher
    from curation.demo.world import build_world
    from trainer.demo import SIZE

    said = {each.name for each in fields(Faults)}
    shares = _shares(fault or [], [*said, *TRANSPORT_FAULTS])
    wire: Any = {kind: shares[kind] for kind in TRANSPORT_FAULTS if kind in shares}
    with serve_teacher(
        build_world(seed=seed, **SIZE),
        seed=seed,
        faults=Faults(**{kind: share for kind, share in shares.items() if kind in said}),
        transport=Transport(latency, tokens_per_s, requests_per_minute, wire),
        port=port,
    ) as url:
        names = " and ".join(PRICES)
        say(f"{names} answer at {url}; they know the demo world of seed {seed} and nothing else")
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            say("stopped")


def _shares(given: list[str], kinds: list[str]) -> dict[str, float]:
    shares = {}
    for each in given:
        kind, _, share = each.partition("=")
        if kind not in kinds:
            raise RankDeskError(
                f"--fault {each}: there is no such kind; there are {', '.join(kinds)}."
            )
        try:
            shares[kind] = float(share)
        except ValueError:
            shares[kind] = -1.0
        if not 0 <= shares[kind] <= 1:
            raise RankDeskError(f"--fault {each}: write KIND=SHARE with a share from 0 to 1.")
    return shares
