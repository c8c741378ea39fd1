"""Commands over sources: add, list."""

from pathlib import Path
from typing import Annotated

import typer

from app.commands.terminal import Json, emit, open_store, render
from curation.source_tables import COLUMNS, Field, add_table_source
from db import sources
from db.errors import RankDeskError

source = typer.Typer(help="Queries with answers, and passages, to be labelled.")


def register(cli: typer.Typer) -> None:
    """Add this module's commands."""
    cli.add_typer(source, name="source")


@source.command("add")
def source_add(
    context: typer.Context,
    name: str,
    queries: Annotated[Path, typer.Option(help="JSONL, parquet, CSV or TSV.")],
    passages: Annotated[Path, typer.Option(help="JSONL, parquet or TSV: the pool to search.")],
    domain: Annotated[
        str | None, typer.Option(help="Of queries that bring none [the source's name].")
    ] = None,
    qrels: Annotated[
        Path | None, typer.Option(help="Human labels, TREC: then no teacher is asked for them.")
    ] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option("--map", help="FIELD=COLUMN; fields: qid, text, answer, domain."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Register queries with their answers and a pool of passages."""
    mapping: dict[Field, str] = {}
    for each in columns or []:
        field, equals, column = each.partition("=")
        if not equals or field not in COLUMNS:
            raise RankDeskError(
                f"--map {each}: write FIELD=COLUMN with one of {', '.join(COLUMNS)}."
            )
        mapping[field] = column
    with open_store(context) as store:
        made = add_table_source(
            store.workspace.sources,
            name,
            queries=queries,
            passages=passages,
            domain=domain or name,
            qrels=qrels,
            columns=mapping,
        )
        new = sources.insert_source(
            store,
            source_id=made.source_id,
            name=name,
            kind=made.kind,
            n_queries=made.n_queries,
            n_passages=made.n_passages,
            domains=made.domains,
            report={},
        )
    result = made.model_dump(exclude={"files"}) | {"new": new}
    columns_ = {"source_id": "source", "name": "name", "n_queries": "queries"}
    emit(
        result,
        as_json,
        lambda: render([result], columns_ | {"n_passages": "passages", "new": "new"}),
    )


@source.command("list")
def source_list(context: typer.Context, as_json: Json = False) -> None:
    """List the sources."""
    with open_store(context) as store:
        rows = sources.list_sources(store)
    columns = {"source_id": "source", "name": "name", "kind": "kind", "n_queries": "queries"}
    emit(rows, as_json, lambda: render(rows, columns | {"n_passages": "passages"}))
