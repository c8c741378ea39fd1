"""Commands over benchmarks: add, list, show, suite, leaderboard."""

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from app.commands.terminal import Json, emit, open_store, render
from curation import leaderboard
from curation.benchmark_folders import DEFAULT_SPLIT
from curation.benchmarks import read_benchmark
from curation.leaderboard import PublishedTable, published_tables
from db import benchmarks, evaluations, suites
from db.errors import RankDeskError
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
        str, typer.Option(help="BEIR's split, or BRIGHT's task where there are several.")
    ] = DEFAULT_SPLIT,
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
    with open_store(context) as store:
        manifest = scoreboard.add_benchmark(
            store,
            name,
            run=run,
            folder=folder,
            split=split,
            queries=queries,
            passages=passages,
            qrels=qrels,
        )
        row = scoreboard.table(store, manifest.benchmark_id)[0]
    emit(
        {
            "benchmark_id": manifest.benchmark_id,
            "name": name,
            "n_queries": manifest.n_queries,
            "first_stage": {"nDCG@10": row["value"]},
        },
        as_json,
        lambda: f"{name}: {manifest.n_queries} queries, first stage nDCG@10 {row['value']:.4f}",
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
        found = benchmarks.get_benchmark(store, wanted)
        folder = store.workspace.benchmarks / found["benchmark_id"]
        content = read_benchmark(folder)
        first = f"{scoreboard.FIRST_STAGE}:{found['benchmark_id']}"
        measures = {
            name: evaluations.means(store, [first], name).get(first)
            for name in evaluations.measure_names(store, found["benchmark_id"])
        }
    result = {
        **content.manifest.model_dump(exclude={"files"}),
        "n_excluded": sum(map(len, content.excluded.values())),
        "domains": dict(Counter(content.domains.values())),
        "first_stage": measures,
        "folder": str(folder),
    }
    emit(result, as_json, lambda: "\n".join(f"{key}: {value}" for key, value in result.items()))


@benchmark.command("suite")
def benchmark_suite(
    context: typer.Context,
    name: str,
    wanted: Annotated[list[str], typer.Argument(metavar="BENCHMARK…", help="Names or ids.")],
    as_json: Json = False,
) -> None:
    """Make a suite of benchmarks, which are then reported together; or change the one there is."""
    with open_store(context) as store:
        made = suites.set_suite(store, name, wanted)
    emit(made, as_json, lambda: f"{made['name']}: {', '.join(made['benchmarks'])}")


@benchmark.command("leaderboard")
def benchmark_leaderboard(
    context: typer.Context,
    suite: Annotated[str, typer.Argument(help="A suite's name, or a benchmark's.")],
    published: Annotated[
        str | None,
        typer.Option(help=f"{', '.join(published_tables())} or none [the one with these names]."),
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
