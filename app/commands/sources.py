"""Commands over sources: add, list, show."""

from pathlib import Path
from typing import Annotated, Any

import typer

from app.commands.terminal import Json, Progress, emit, open_store, render, user
from curation.duplicates import LEVELS, NEAR, SEMANTIC
from curation.source_beir import SPLIT, read_beir_source
from curation.source_drafts import Cleaning, Draft, cleaning_of, parse_range
from curation.source_folder import read_duplicates
from curation.source_tables import parse_columns, read_table
from curation.stackexchange import LENGTH, read_stackexchange
from curation.theorems import read_theorems
from db import sources
from db.errors import RankDeskError
from db.store import Store
from trainer import sourcing

source = typer.Typer(help="Queries with answers, and passages, to be labelled.")
COLUMNS = {
    "source_id": "source",
    "name": "name",
    "kind": "kind",
    "n_queries": "queries",
    "n_passages": "passages",
}


def register(cli: typer.Typer) -> None:
    """Add this module's commands."""
    cli.add_typer(source, name="source")


@source.command("add")
def source_add(
    context: typer.Context,
    name: str,
    queries: Annotated[
        Path | None,
        typer.Option(help="JSONL, parquet, CSV or TSV; needs --passages."),
    ] = None,
    passages: Annotated[Path | None, typer.Option(help="The pool to search, likewise.")] = None,
    posts: Annotated[
        Path | None,
        typer.Option(help="StackExchange's Posts.xml, or a 7z of it; needs --pages."),
    ] = None,
    pages: Annotated[
        Path | None,
        typer.Option(help="The linked pages: a folder or a WARC file."),
    ] = None,
    theorems: Annotated[
        Path | None,
        typer.Option(help="JSONL of theorems, proofs, references."),
    ] = None,
    folder: Annotated[Path | None, typer.Option(help="A BEIR folder.")] = None,
    split: Annotated[str, typer.Option(help="Of a BEIR folder.")] = SPLIT,
    domain: Annotated[
        str | None, typer.Option(help="Of queries that bring none [the source's name].")
    ] = None,
    qrels: Annotated[
        Path | None, typer.Option(help="Human labels, TREC: then no teacher is asked for them.")
    ] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            help="FIELD=COLUMN; fields: qid, text, answer, domain, docid, title, passage.",
        ),
    ] = None,
    length: Annotated[
        int | None,
        typer.Option(
            help="Split passages at this many words, or the --tokenizer's tokens; 0 for whole "
            f"ones [{LENGTH} for --posts, else whole].",
        ),
    ] = None,
    overlap: Annotated[int, typer.Option(help="Words or tokens that two parts share.")] = 0,
    tokenizer: Annotated[
        str | None,
        typer.Option(help="A model whose tokens are counted."),
    ] = None,
    query_words: Annotated[str, typer.Option(help="LEAST:MOST, either may be missing.")] = ":",
    passage_words: Annotated[str, typer.Option(help="LEAST:MOST, after splitting.")] = ":",
    language: Annotated[
        list[str] | None,
        typer.Option(help="Keep texts in this language, such as en."),
    ] = None,
    duplicates: Annotated[
        str,
        typer.Option(
            help=f"Which go: {', '.join(LEVELS)}; each includes those before it.",
        ),
    ] = "exact",
    near: Annotated[
        float,
        typer.Option(help="Jaccard similarity of near duplicates."),
    ] = NEAR,
    semantic: Annotated[
        float,
        typer.Option(help="Cosine of duplicates by meaning."),
    ] = SEMANTIC,
    sample: Annotated[int | None, typer.Option(help="Keep so many queries, by chance.")] = None,
    seed: Annotated[int, typer.Option(help="Of the sample.")] = 0,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be kept, and keep nothing.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Register queries with their answers and a pool of passages."""
    cleaning = cleaning_of(
        length=(LENGTH if posts else None) if length is None else length or None,
        overlap=overlap,
        tokenizer=tokenizer,
        query_words=parse_range(query_words),
        passage_words=parse_range(passage_words),
        languages=tuple(language or ()),
        duplicates=duplicates,
        near=near,
        semantic=semantic,
        sample=sample,
        seed=seed,
    )
    with open_store(context) as store:
        progress = Progress("reading")
        domain = domain or name
        match (queries, passages, posts, pages, theorems, folder):
            case (Path(), Path(), None, None, None, None):
                mapped = parse_columns(columns or [])
                draft = read_table(queries, passages, domain, qrels=qrels, columns=mapped)
            case (None, None, Path(), Path(), None, None):
                draft = read_stackexchange(posts, pages, domain, progress)
            case (None, None, None, None, Path(), None):
                draft = read_theorems(theorems, domain)
            case (None, None, None, None, None, Path()):
                draft = read_beir_source(folder, domain, split)
            case _:
                raise RankDeskError(
                    "Name one form of source: --queries with --passages, --posts with --pages, "
                    "--theorems, or --folder."
                )
        _keep(store, name, draft, cleaning, dry_run, as_json)


@source.command("list")
def source_list(context: typer.Context, as_json: Json = False) -> None:
    """List the sources."""
    with open_store(context) as store:
        rows = sources.list_sources(store)
    emit(rows, as_json, lambda: render(rows, COLUMNS))


@source.command("show")
def source_show(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="SOURCE", help="A source's name or id.")],
    as_json: Json = False,
) -> None:
    """Print what a source holds, and what became of what was read."""
    with open_store(context) as store:
        found = sources.get_source(store, name)
        clusters = read_duplicates(store.workspace.sources / found["source_id"])
    found |= {"clusters": clusters["cluster"].n_unique()}
    domains = [{"domain": domain, "n": n} for domain, n in found["domains"].items()]
    emit(
        found,
        as_json,
        lambda: "\n".join(
            [
                render([found], COLUMNS | {"clusters": "clusters of duplicates"}),
                f"\n{render(domains, {'domain': 'domain', 'n': 'queries'})}",
                _report(found["report"]),
            ]
        ),
    )


def _keep(
    store: Store,
    name: str,
    draft: Draft,
    cleaning: Cleaning,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Clean a draft, keep it unless told otherwise, and say what became of it."""
    progress = Progress("cleaning")
    cleaned = sourcing.clean_draft(
        draft,
        cleaning,
        on_progress=lambda step, done, total: progress(done, total, step),
    )
    report = cleaned.report.model_dump(mode="json")
    result: dict[str, Any] = {
        "name": name,
        "kind": cleaned.kind,
        "n_queries": len(cleaned.queries),
        "n_passages": len(cleaned.passages),
    }
    if not dry_run:
        made, new = sourcing.keep_source(store, name, cleaned, added_by=user())
        result |= {"source_id": made.source_id, "domains": made.domains, "new": new}
    shown = COLUMNS | {"new": "new"} if not dry_run else dict(list(COLUMNS.items())[1:])
    emit(
        result | {"report": report},
        as_json,
        lambda: f"{render([result], shown)}\n{_report(report)}",
    )


def _report(report: dict[str, Any]) -> str:
    """Return what was read, dropped and noticed as a table; a made source has no report."""
    if not report:
        return ""
    rows = [{"step": "read", "what": what, "n": n} for what, n in report["read"].items()]
    for of in ("queries", "passages"):
        rows += [
            {"step": "dropped", "what": f"{of}: {cause}", "n": n} for cause, n in report[of].items()
        ]
    rows += [{"step": "noticed", "what": what, "n": n} for what, n in report["notes"].items()]
    return "\n" + render(rows, {"step": "step", "what": "what", "n": "number"})
