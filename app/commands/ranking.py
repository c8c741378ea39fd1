"""Commands over ranking: strategies, rerank, evaluate, compare."""

from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from pydantic import TypeAdapter, ValidationError

from app.commands.terminal import Json, Progress, emit, render, say, user
from app.commands.training import Name, Settings, open_synced, start, wait_for
from curation import comparing
from curation.passages import Style, cut_words
from db.errors import RankDeskError
from trainer import desk, scoreboard
from trainer.engines.opening import Embedded, Served, Vllm
from trainer.errors import RecipeError
from trainer.recipes import describe
from trainer.strategies import STRATEGIES, AnyStrategy, Strategy
from trainer.strategies.base import Model

EngineName = Annotated[
    str, typer.Option("--engine", help="transformers, vllm, or openai (with --base-url).")
]
BaseUrls = Annotated[
    list[str] | None, typer.Option("--base-url", help="An OpenAI-compatible endpoint (repeatable).")
]
KeyVariable = Annotated[
    str, typer.Option("--key-variable", help="The environment variable with the endpoint's key.")
]


def register(cli: typer.Typer) -> None:
    """Add this module's commands."""
    for command in (strategies, rerank, evaluate, compare):
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


def rerank(
    queries: Annotated[Path, typer.Option(help="TSV or JSONL, .gz too.")],
    passages: Annotated[Path, typer.Option(help="JSONL (BEIR, Pyserini), .gz too.")],
    run: Annotated[Path, typer.Option(help="TREC run, .gz too.")],
    output: Annotated[Path, typer.Option(help="The TREC run to write; .json for RankLLM's form.")],
    strategy: Annotated[str, typer.Option(help="See `rankdesk strategies`.")] = "listwise",
    option: Annotated[
        list[str] | None, typer.Option(help="key=value of the strategy (repeatable).")
    ] = None,
    engine: EngineName = "transformers",
    model: Annotated[str, typer.Option(help="Folder or hub name; the endpoint's name.")] = "",
    small_model: Annotated[
        str | None, typer.Option(help="The second model, of strategies that have one.")
    ] = None,
    base_url: BaseUrls = None,
    key_variable: KeyVariable = "OPENAI_API_KEY",
    template: Annotated[
        str | None,
        typer.Option(help="A template of ours, or RankLLM's file: prompts are then RankLLM's."),
    ] = None,
    recipe: Annotated[
        str | None, typer.Option(help="reasonrank: the authors' cleaning of passages.")
    ] = None,
    depth: Annotated[int, typer.Option(min=1, help="Candidates reranked.")] = 100,
    max_passage_tokens: Annotated[int, typer.Option(min=1, help="Where passages are cut.")] = 512,
    tokenizer: Annotated[
        str | None, typer.Option(help="To cut passages with [the model's].")
    ] = None,
    max_new_tokens: Annotated[int, typer.Option(min=1, help="Of one answer.")] = 3172,
    thinking_budget: Annotated[
        int | None, typer.Option(min=1, help="Tokens after which a chain is closed.")
    ] = None,
    temperature: Annotated[float, typer.Option(min=0, help="0 is greedy.")] = 0.0,
    trace: Annotated[Path | None, typer.Option(help="Every call [OUTPUT.trace.jsonl].")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the trace.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Call no engine: write first windows to the trace.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Rerank a run's candidates; needs no workspace."""
    from trainer import standalone
    from trainer.asking import Answering

    style = _style(template, recipe)
    chosen = _strategy(strategy, option or [], template)
    desk.check_models(chosen, has_small=small_model is not None)
    texts, docs, candidates = standalone.read_files(queries, passages, run)
    tokens = tokenizer or (model if engine != "openai" else "")
    work = standalone.Work(
        queries=texts,
        passages=docs,
        candidates=candidates,
        strategy=chosen,
        depth=depth,
        style=style,
        cut=_cut(style, tokens, max_passage_tokens) if dry_run or tokenizer else _words(style),
        max_passage_tokens=max_passage_tokens,
    )
    calls = trace or output.with_name(output.name + ".trace.jsonl")
    if dry_run:
        asked = standalone.write_first_windows(work, calls)
        result: dict[str, Any] = {"queries": asked, "trace": str(calls)}
    else:
        progress = Progress("reranking")
        urls = base_url or []
        engines: dict[Model, Embedded | Served | Vllm] = {
            "main": _engine(engine, model, urls, key_variable, tokenizer)
        }
        if small_model is not None:
            engines["small"] = _engine(engine, small_model, urls, key_variable, None)
        result = standalone.rerank_files(
            work,
            engines,
            Answering(max_new_tokens, temperature, thinking_budget=thinking_budget),
            output=output,
            trace=calls,
            resume=resume,
            on_progress=lambda done, total: progress(done, total, f"{done} calls"),
        )
        progress.done(f"{result['calls']} calls")
        result |= {"output": str(output), "trace": str(calls)}
    emit(result, as_json, lambda: "\n".join(f"{key}: {value}" for key, value in result.items()))


def _style(template: str | None, recipe: str | None) -> Style:
    if recipe is not None:
        if recipe != "reasonrank":
            raise RecipeError(f"--recipe {recipe}: reasonrank is the only cleaning there is.")
        return "reasonrank"
    # A template file is RankLLM's form, and its models read passages as RankLLM writes them.
    from curation.prompts import shipped_templates

    return "rankdesk" if template is None or template in shipped_templates() else "rankllm"


def _strategy(name: str, options: list[str], template: str | None) -> Strategy:
    if name not in STRATEGIES:
        raise RecipeError(f"There is no strategy {name!r}. There are: {', '.join(STRATEGIES)}.")
    values: dict[str, Any] = {"name": name}
    if template is not None:
        values["template"] = template
    for option in options:
        key, equals, text = option.partition("=")
        if not equals:
            raise RecipeError(f"--option {option}: write key=value, for example window=10.")
        values[key.strip()] = yaml.safe_load(text)
    try:
        found: Strategy = TypeAdapter(AnyStrategy).validate_python(values)
    except ValidationError as error:
        raise RecipeError(f"Strategy {describe(error)}") from error
    return found


def _words(style: Style) -> Any:
    return cut_words if style == "rankllm" else None


def _cut(style: Style, tokenizer: str, max_tokens: int) -> Any:
    """Return how passages are cut where no engine does it: a dry run, or a tokenizer of its own."""
    if style == "rankllm" or not tokenizer:
        if style == "reasonrank":
            raise RankDeskError(
                "The authors' cleaning cuts passages by the model's tokens: name its folder or hub "
                "name with --tokenizer."
            )
        return cut_words
    from trainer.models import load_tokenizer
    from trainer.texts import cut_passages

    loaded = load_tokenizer(tokenizer)
    return lambda texts: cut_passages(loaded, texts, max_tokens)


def _engine(
    name: str, model: str, base_urls: list[str], key_variable: str, tokenizer: str | None
) -> Embedded | Served | Vllm:
    if not model:
        raise RankDeskError("Name what ranks: --model with a folder, a hub name or a served model.")
    if name == "openai":
        if not base_urls:
            raise RankDeskError(
                "--engine openai needs --base-url, for example http://host:8000/v1."
            )
        return Served(
            model=model,
            base_urls=tuple(base_urls),
            key_variable=key_variable,
            tokenizer=tokenizer,
        )
    if name not in ("transformers", "vllm"):
        raise RankDeskError(f"There is no engine {name!r}: take transformers, vllm or openai.")
    return Vllm(model=model) if name == "vllm" else Embedded(model=model)


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
}


def evaluate(
    context: typer.Context,
    benchmark: Annotated[str, typer.Option(help="A benchmark's name.")],
    checkpoint: Annotated[str | None, typer.Option(help="A checkpoint's id or name.")] = None,
    engine: EngineName = "transformers",
    model: Annotated[str, typer.Option(help="What the endpoints call their model.")] = "",
    base_url: BaseUrls = None,
    key_variable: KeyVariable = "OPENAI_API_KEY",
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
    """Rerank a benchmark's first-stage run with a checkpoint or an endpoint, and score it.

    Another strategy: --set 'strategy={name: setwise, children: 5}'.
    """
    served = None
    if checkpoint is None:
        found = _engine("openai", model, base_url or [], key_variable, None)
        assert isinstance(found, Served)
        served = found
    with open_synced(context) as store:
        prepared = desk.prepare_evaluation(
            store,
            checkpoint=checkpoint,
            benchmark=benchmark,
            served=served,
            vllm=engine == "vllm",
            small=small,
            recipe_name=recipe,
            overrides=settings or [],
            seed=seed,
            name=name,
        )
        if not wait:
            start(store, prepared, wait=False, as_json=as_json)
            return
        for check in prepared.checks:
            if check.level == "warning":
                say(f"warning: {check.name}: {check.message}")
        job_id = desk.start(store, prepared, created_by=user())
        wait_for(store, job_id, prepared.spec.name)
        rows = scoreboard.table(store, str(prepared.benchmark_id))
    row = next(row for row in rows if row["evaluation_id"] == job_id)
    emit(row, as_json, lambda: render([row], _EVALUATION))
