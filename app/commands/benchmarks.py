"""Commands over benchmarks: add, list, show, suite, leaderboard."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from app.commands.terminal import Json, emit, open_store, render, user
from curation import leaderboard
from curation.benchmark_folders import DEFAULT_SPLIT
from curation.edits import set_suite
from curation.leaderboard import PublishedTable, published_tables
from db import benchmarks, suites
from db.errors import RankDeskError
from db.records import ItemFilter
from trainer import leaders, scoreboard

benchmark = typer.Typer(
    help="Queries, passages, qrels and a first-stage run.", no_args_is_help=True
)


def register(cli: typer.Typer) -> None:
    """Add this module's commands."""
    cli.add_typer(benchmark, name="benchmark")


@benchmark.command("add")
def benchmark_add(
    context: typer.Context,
    name: str,
    run: Annotated[Path, typer.Option(help="The first stage: TREC run or RankLLM requests.")],
    folder: Annotated[
        Path | None, typer.Option(help="A folder as BEIR, BRIGHT or R2MED publish it.")
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(
            help=f"BEIR's split [{DEFAULT_SPLIT}], BRIGHT's task where there are several."
        ),
    ] = None,
    queries: Annotated[
        Path | None, typer.Option(help="TSV, JSONL, parquet or TREC topics.")
    ] = None,
    passages: Annotated[
        Path | None, typer.Option(help="JSONL or parquet: BEIR, or Pyserini `contents`.")
    ] = None,
    qrels: Annotated[Path | None, typer.Option(help="TREC qrels, or BEIR's TSV.")] = None,
    as_json: Json = False,
) -> None:
    """Register a benchmark, from a published folder or from files, and score its first stage."""
    if split and not folder:
        raise typer.BadParameter("--split is of a published folder: name it with --folder.")
    with open_store(context) as store:
        manifest = scoreboard.add_benchmark(
            store,
            name,
            added_by=user(),
            run=run,
            folder=folder,
            split=split or DEFAULT_SPLIT,
            queries=queries,
            passages=passages,
            qrels=qrels,
        )
        row = scoreboard.table(store, manifest.benchmark_id)[0]
    emit(
        {
            "benchmark_id": manifest.benchmark_id,
            "name": name.strip(),
            "n_queries": manifest.n_queries,
            "max_passage_tokens": manifest.max_passage_tokens,
            "first_stage": {"nDCG@10": row["value"]},
        },
        as_json,
        lambda: (
            f"{name.strip()}: {manifest.n_queries} queries, first stage nDCG@10 {row['value']:.4f}"
        ),
    )


@benchmark.command("items")
def benchmark_items(
    context: typer.Context,
    name: str,
    domain: Annotated[list[str] | None, typer.Option(help="Only of this domain; repeat.")] = None,
    judged: Annotated[bool, typer.Option("--judged", help="Only items with a verdict.")] = False,
    as_json: Json = False,
) -> None:
    """Make a benchmark of this workspace's items, for checkpoints to order them.

    Their orders then stand beside the teacher's and people's.
    """
    chosen = ItemFilter(domains=tuple(domain or ()), verdict="judged" if judged else "any")
    with open_store(context) as store:
        manifest = scoreboard.add_items(store, name, chosen, added_by=user())
    emit(
        {
            "benchmark_id": manifest.benchmark_id,
            "name": name.strip(),
            "n_queries": manifest.n_queries,
        },
        as_json,
        lambda: f"{name.strip()}: items to order: {manifest.n_queries:,}",
    )


@benchmark.command("list")
def benchmark_list(context: typer.Context, as_json: Json = False) -> None:
    """List the benchmarks."""
    with open_store(context) as store:
        rows = benchmarks.list_benchmarks(store)
    columns = {"name": "name", "n_queries": "queries", "n_passages": "passages"}
    emit(rows, as_json, lambda: render(rows, columns))


@benchmark.command("show")
def benchmark_show(
    context: typer.Context,
    wanted: Annotated[str, typer.Argument(metavar="BENCHMARK", help="Its name or id.")],
    as_json: Json = False,
) -> None:
    """Show what a benchmark holds and how its first stage does."""
    with open_store(context) as store:
        found = scoreboard.describe_benchmark(store, wanted)
    rows = [{"what": label, "is": found[key]} for key, label in _SHOWN.items()]
    for key, title in (("domains", "domain"), ("first_stage", "first stage"), ("files", "file")):
        rows += [{"what": f"{title} {name}", "is": value} for name, value in found[key].items()]
    emit(found, as_json, lambda: render(rows, {"what": found["name"], "is": ""}))


_SHOWN = {
    "benchmark_id": "content id",
    "folder": "folder",
    "n_queries": "queries",
    "n_judged": "… with labels",
    "n_ranked": "… with first-stage results",
    "n_passages": "passages",
    "n_qrels": "labels",
    "n_run": "first-stage results",
    "n_excluded": "excluded pairs",
    "max_passage_tokens": "passages cut at, as published (tokens)",
}


@benchmark.command("suite")
def benchmark_suite(
    context: typer.Context,
    name: str,
    wanted: Annotated[list[str], typer.Argument(metavar="BENCHMARK…", help="Names or ids.")],
    as_json: Json = False,
) -> None:
    """Make a suite of benchmarks, which are then reported together; or change the one there is."""
    with open_store(context) as store:
        made = set_suite(store, name, wanted, made_by=user())
    emit(made, as_json, lambda: f"{made['name']}: {', '.join(made['benchmarks'])}")


@benchmark.command("suites")
def benchmark_suites(context: typer.Context, as_json: Json = False) -> None:
    """List the suites and their benchmarks."""
    with open_store(context) as store:
        rows = suites.list_suites(store)
    shown = [{"name": row["name"], "benchmarks": ", ".join(row["benchmarks"])} for row in rows]
    emit(rows, as_json, lambda: render(shown, {"name": "suite", "benchmarks": "benchmarks"}))


@benchmark.command("leaderboard")
def benchmark_leaderboard(
    context: typer.Context,
    suite: Annotated[str, typer.Argument(help="A suite's name, or a benchmark's.")],
    published: Annotated[
        str | None,
        typer.Option(help="BRIGHT, R2MED, BEIR or none [the one that has these names]."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show what was measured on a suite beside what was published; with --json, values 0..1."""
    with open_store(context) as store:
        names = suites.get_suite(store, suite)["benchmarks"]
        rows = leaders.leaderboard(store, suite, _table(published, names))
    emit(
        [asdict(row) for row in rows],
        as_json,
        lambda: leaderboard.as_markdown(rows, names).rstrip(),
    )


def _table(wanted: str | None, benchmarks: list[str]) -> PublishedTable | None:
    tables = published_tables()
    if wanted is None:
        return leaderboard.closest_table(benchmarks)
    if wanted != "none" and wanted not in tables:
        raise RankDeskError(f"--published {wanted}: take {', '.join(tables)} or none.")
    return tables.get(wanted)
