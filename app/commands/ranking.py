"""Commands over ranking in a workspace: strategies, evaluate, compare."""

from typing import Annotated, Any

import typer

from app.commands.reranking import (
    TIMEOUT_S,
    BaseUrls,
    EngineName,
    InFlightCalls,
    KeyVariable,
    Timeout,
    engine_of,
)
from app.commands.terminal import Json, emit, render, say, user
from app.commands.training import Name, Settings, open_synced, start, wait_for
from curation import comparing
from db.errors import RankDeskError
from db.store import Store
from db.suites import get_suite
from trainer import desk, scoreboard
from trainer.engines.opening import Served
from trainer.strategies import STRATEGIES


def register(cli: typer.Typer) -> None:
    """Add this module's commands."""
    for command in (strategies, evaluate, compare):
        cli.command()(command)


def strategies(as_json: Json = False) -> None:
    """List the strategies with their options and what they cost."""
    rows = [
        {
            "name": name,
            "title": strategy.title,
            "source": strategy.source,
            "calls": strategy.cost,
            "options": {
                key: None if field.is_required() else field.default
                for key, field in strategy.model_fields.items()
                if key != "name"
            },
        }
        for name, strategy in STRATEGIES.items()
    ]
    columns = {"name": "strategy", "calls": "calls for n candidates", "source": "source"}
    emit(rows, as_json, lambda: render(rows, columns))


def compare(
    context: typer.Context,
    wanted: Annotated[
        list[str], typer.Argument(metavar="A B …", help="Evaluations, by name or id.")
    ],
    measure: Annotated[
        str, typer.Option("-m", "--measure", help="One that they have.")
    ] = "nDCG@10",
    form: Annotated[str, typer.Option("--format", help="md, latex, json or html.")] = "md",
    as_json: Json = False,
) -> None:
    """Test every pair of evaluations: intervals, permutation tests, Holm's correction."""
    forms = {"md": comparing.as_markdown, "latex": comparing.as_latex}
    if form not in (*forms, "json", "html"):
        raise RankDeskError(f"--format {form}: take md, latex, json or html.")
    with open_synced(context) as store:
        if form == "html" and not as_json:
            from app.report import comparison_report

            emit(None, False, lambda: comparison_report(store, wanted, measure))
            return
        found = scoreboard.compare_evaluations(store, wanted, measure)
    shown = forms.get(form, comparing.as_markdown)
    emit(comparing.as_json(found), as_json or form == "json", lambda: shown(found))


_EVALUATION = {
    "name": "evaluation",
    "strategy": "strategy",
    "value": "nDCG@10",
    "n": "n",
    "ci95": "95 % interval",
    "difference": "against the baseline",
    "p": "p",
    "p_holm": "p (Holm)",
}


def evaluate(
    context: typer.Context,
    benchmark: Annotated[
        list[str], typer.Option(help="A benchmark's or a suite's name (repeatable).")
    ],
    checkpoint: Annotated[str | None, typer.Option(help="A checkpoint's id or name.")] = None,
    engine: EngineName = "transformers",
    model: Annotated[str, typer.Option(help="What the endpoints call their model.")] = "",
    base_url: BaseUrls = None,
    key_variable: KeyVariable = "OPENAI_API_KEY",
    tokenizer: Annotated[
        str | None, typer.Option(help="The served model's, where the endpoints are vLLM's.")
    ] = None,
    in_flight: InFlightCalls = 32,
    timeout: Timeout = TIMEOUT_S,
    small: Annotated[
        str | None, typer.Option(help="The second model, of strategies that have one.")
    ] = None,
    recipe: Annotated[
        str | None, typer.Option(help="Whose prompt and strategy [the one that trained it].")
    ] = None,
    settings: Settings = None,
    seed: Annotated[int, typer.Option(min=0, help="Of draws at a temperature above 0.")] = 0,
    name: Name = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Stay until it ends.")] = True,
    as_json: Json = False,
) -> None:
    """Rerank the first-stage runs of benchmarks with a checkpoint or an endpoint, and score them.

    Another strategy: --set 'strategy={name: setwise, children: 5}'.
    """
    served = None
    if checkpoint is None:
        found = engine_of(
            "openai", model, base_url or [], key_variable, tokenizer, in_flight, timeout
        )
        assert isinstance(found, Served)
        served = found
    with open_synced(context) as store:
        targets = [each for name_ in benchmark for each in get_suite(store, name_)["benchmark_ids"]]
        targets = list(dict.fromkeys(targets))
        if name is not None and len(targets) > 1:
            raise RankDeskError(
                "--name is of one evaluation: leave it out with several benchmarks."
            )
        prepared = [
            desk.prepare_evaluation(
                store,
                checkpoint=checkpoint,
                benchmark=target,
                served=served,
                vllm=engine == "vllm",
                small=small,
                recipe_name=recipe,
                overrides=settings or [],
                seed=seed,
                name=name,
            )
            for target in targets
        ]
        if not wait:
            for each in prepared:
                start(store, each, wait=False, as_json=as_json)
            return
        rows = [_evaluated(store, each) for each in prepared]
    result: Any = rows[0] if len(rows) == 1 else rows
    emit(result, as_json, lambda: render(rows, _EVALUATION))


def _evaluated(store: Store, prepared: desk.PreparedJob) -> dict[str, Any]:
    """Run an evaluation to its end, and return its row of the benchmark's table."""
    for check in prepared.checks:
        if check.level == "warning":
            say(f"warning: {check.name}: {check.message}")
    job_id = desk.start(store, prepared, created_by=user())
    wait_for(store, job_id, prepared.spec.name)
    rows = scoreboard.table(store, str(prepared.benchmark_id))
    return next(row for row in rows if row["evaluation_id"] == job_id)
