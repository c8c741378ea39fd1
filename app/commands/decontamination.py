"""The command that compares training items with benchmarks."""

from typing import Annotated, Any

import typer

from app.commands.terminal import Json, Progress, emit, open_store, render, say, user
from curation.decontamination import Cuts, DecontaminationError
from db import quarantine
from db.store import Store

_DEFAULT = Cuts()
COLUMNS = {
    "name": "benchmark",
    "n_items": "items",
    "n_queries": "queries",
    "exact": "exact",
    "words": "words",
    "meaning": "meaning",
    "quarantined": "quarantined",
    "released": "released",
    "shared_passages": "shared passages",
    "sharing": "items sharing",
    "alike_passages": "relevant passages alike",
}


def register(cli: typer.Typer) -> None:
    """Add this module's command."""
    cli.command("decontaminate")(decontaminate)


def decontaminate(
    context: typer.Context,
    benchmark: Annotated[
        list[str] | None, typer.Option(help="Its id or name; repeatable [all].")
    ] = None,
    cut: Annotated[
        list[str] | None,
        typer.Option(
            help="WAY=COSINE from which on a pair counts; repeatable "
            f"[words={_DEFAULT.words}, meaning={_DEFAULT.meaning}]."
        ),
    ] = None,
    passages: Annotated[
        bool,
        typer.Option(
            "--passages",
            help="Compare relevant passages by words and meaning too. Each is embedded once.",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Find training items that ask a benchmark's test query, and quarantine them."""
    from trainer.decontaminate import scan  # the encoder comes with it

    cuts = _cuts(cut or [])
    progress = Progress("decontaminate")
    with open_store(context) as store:
        compared = scan(
            store,
            benchmark or [],
            cuts,
            scanned_by=user(),
            on_progress=progress,
            passages=passages,
        )
        rows = [row for row in quarantine.summary(store) if row["benchmark_id"] in compared]
        result = [_result(row) | {"pairs": _pairs(store, row["benchmark_id"])} for row in rows]
    progress.done("done")
    if any(row["quarantined"] for row in rows):
        say("Quarantined items stay out of batches. Look at the pairs on the page Decontamination.")
    emit(result, as_json, lambda: render(rows, COLUMNS))


def _cuts(given: list[str]) -> Cuts:
    values: dict[str, float] = {}
    for each in given:
        way, equals, value = each.partition("=")
        try:
            values[way] = float(value)
        except ValueError:
            equals = ""
        if not equals or way not in ("words", "meaning"):
            raise DecontaminationError(
                f"--cut {each}: write words=COSINE or meaning=COSINE, for example words=0.8."
            )
    return Cuts(**values)


def _result(row: dict[str, Any]) -> dict[str, Any]:
    cuts = {"words": row["words_cut"], "meaning": row["meaning_cut"]}
    kept = ("benchmark_id", *COLUMNS, "encoder", "histograms", "scanned_at")
    return {"cuts": cuts, **{name: row[name] for name in kept}}


def _pairs(store: Store, benchmark_id: str) -> list[dict[str, Any]]:
    return quarantine.list_pairs(store, benchmark_id).drop("query").to_dicts()
