"""Commands that make training items of a source: mine, generate."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from app.commands.terminal import (
    Json,
    Progress,
    emit,
    open_store,
    render,
    require_writable,
    say,
    user,
)
from app.commands.training import Settings, Wait, open_synced, say_warnings, start, wait_for
from curation import trec
from curation.source_folder import read_source
from db import sources
from db.errors import RankDeskError
from trainer import desk, mining, teaching_desk
from trainer.engines.opening import Served, Vllm
from trainer.estimating import estimate
from trainer.jobs import GenerateSpec

SourceName = Annotated[str, typer.Argument(metavar="SOURCE", help="A source's name or id.")]
KEY = "OPENAI_API_KEY"


def register(cli: typer.Typer) -> None:
    """Add this module's commands."""
    cli.command()(mine)
    cli.command()(generate)


def mine(
    context: typer.Context,
    source: SourceName,
    output: Annotated[Path, typer.Option(help="Where the TREC run goes.")],
    depth: Annotated[int, typer.Option(min=1, help="Passages for each query.")] = 40,
    dense: Annotated[bool, typer.Option(help="Use the sentence encoder beside BM25.")] = True,
    as_json: Json = False,
) -> None:
    """Retrieve candidates for a source's queries, and write them as a run."""
    require_writable(output)
    with open_store(context) as store:
        found = sources.get_source(store, source)
        folder = store.workspace.sources / found["source_id"]
    progress = Progress(f"mining {found['name']}")
    content = read_source(folder)
    run = mining.mine(
        content, depth, dense=dense, on_progress=lambda done, total: progress(done, total)
    )
    progress.done(f"{len(run)} queries")
    trec.write_run(output, run, "mined")
    labelled = [query for query in content.queries if query.relevant and query.qid in run]
    recall = None
    if labelled:
        shares = [
            len(set(query.relevant) & set(run[query.qid])) / len(query.relevant)
            for query in labelled
        ]
        recall = sum(shares) / len(shares)
    result = {"queries": len(run), "depth": depth, "recall": recall, "output": str(output)}
    emit(
        result,
        as_json,
        lambda: render(
            [result],
            {"queries": "queries", "depth": "depth", "recall": "recall of human labels"},
        ),
    )


def generate(
    context: typer.Context,
    source: Annotated[
        str | None, typer.Argument(metavar="SOURCE", help="A source's name or id.")
    ] = None,
    model: Annotated[str, typer.Option(help="The teacher, as its endpoint calls it.")] = "",
    base_url: Annotated[
        list[str] | None, typer.Option(help="The teacher's endpoint (repeatable).")
    ] = None,
    key_variable: Annotated[
        str, typer.Option(help="The environment variable with the endpoint's key.")
    ] = KEY,
    vllm: Annotated[
        bool, typer.Option("--vllm", help="Start a vLLM server for --model, a model folder.")
    ] = False,
    ray: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="With --vllm: one server on each worker of a Ray cluster (`auto`, `local`).",
        ),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Of the Ray cluster.")] = 1,
    judge: Annotated[
        str | None, typer.Option(help="A second teacher that ranks the same lists.")
    ] = None,
    judge_url: Annotated[
        list[str] | None, typer.Option(help="Its endpoint [the first teacher's].")
    ] = None,
    samples: Annotated[int, typer.Option(min=1, help="Chains for each item.")] = 1,
    orders: Annotated[int, typer.Option(min=1, help="Orders shown to samples in turn.")] = 1,
    stage: Annotated[str, typer.Option(help="The last stage: select, negatives or rank.")] = "rank",
    limit: Annotated[
        int | None, typer.Option(min=1, help="The first queries alone, to try it out.")
    ] = None,
    budget: Annotated[
        float | None, typer.Option(min=0, help="US dollars; the job stops before it spends more.")
    ] = None,
    tokenizer: Annotated[
        str | None,
        typer.Option(
            help="The teacher's tokenizer, folder or hub name: counts tokens instead of guessing."
        ),
    ] = None,
    in_flight: Annotated[int, typer.Option(min=1, help="Requests at the same time.")] = 32,
    batch: Annotated[
        bool, typer.Option("--batch", help="By the endpoint's batch API: cheaper, within a day.")
    ] = False,
    settings: Settings = None,
    seed: Annotated[int, typer.Option(help="Of lists, shuffles and draws.")] = 0,
    name: Annotated[str | None, typer.Option(help="What to call it.")] = None,
    resume: Annotated[
        str | None, typer.Option(metavar="JOB", help="Go on with a job that ended early.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what it would take and cost; ask nothing.")
    ] = False,
    wait: Wait = False,
    as_json: Json = False,
) -> None:
    """Label a source by a teacher: relevant passages, chains and orders."""
    if resume is not None:
        _resume(context, resume, wait)
        return
    if source is None or not model:
        raise RankDeskError("Name the source, and the teacher by --model and --base-url.")
    overrides = [f"samples={samples}", f"orders={orders}", f"until={stage}"]
    overrides += [f"limit={limit}"] if limit else []
    overrides += [f"limits.budget={budget}"] if budget is not None else []
    with open_synced(context) as store:
        prepared = teaching_desk.prepare_generation(
            store,
            source=source,
            engine=Vllm(model=model, cluster=ray, workers=workers)
            if vllm or ray
            else _served(model, base_url or [], key_variable, in_flight, batch, tokenizer),
            judge=None
            if judge is None
            else _served(judge, judge_url or base_url or [], key_variable, in_flight, batch),
            overrides=overrides + (settings or []),
            seed=seed,
            name=name,
        )
        if not dry_run:
            start(store, prepared, wait, as_json)
            return
        say_warnings(prepared)
        desk.require_sound(prepared)
        assert isinstance(prepared.spec, GenerateSpec)
        expected = asdict(estimate(store, prepared.spec))
    columns = {
        "queries": "queries",
        "requests": "requests",
        "prompt_tokens": "prompt tokens",
        "completion_tokens": "generated tokens",
        "from_answers": "from earlier answers",
        "price": "US dollars",
        "unpriced": "without a price",
    }
    emit(expected, as_json, lambda: render([expected], columns))


def _resume(context: typer.Context, job: str, wait: bool) -> None:
    from db import jobs

    with open_synced(context) as store:
        found = jobs.get_job(store, job)
        desk.resume(store, found["job_id"], resumed_by=user())
        say(f"job {found['job_id']} goes on")
        if wait:
            wait_for(store, found["job_id"], found["name"])


def _served(
    model: str,
    urls: list[str],
    key_variable: str,
    in_flight: int,
    batch: bool,
    tokenizer: str | None = None,
) -> Served:
    if not urls:
        raise RankDeskError(
            f"{model} needs an endpoint: --base-url, for example http://host:8000/v1."
        )
    if batch and len(urls) > 1:
        raise RankDeskError("--batch goes to one endpoint: give --base-url once.")
    return Served(
        model=model,
        base_urls=tuple(urls),
        key_variable=key_variable,
        in_flight=in_flight,
        batch=batch,
        tokenizer=tokenizer,
    )
