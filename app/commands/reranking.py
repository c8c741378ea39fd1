"""The command that reranks files: no workspace, a run in, a run and a trace out."""

from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from pydantic import TypeAdapter, ValidationError

from app.commands.terminal import Json, Progress, emit, require_writable
from curation.passages import Cut
from curation.prompts import Style
from db.errors import RankDeskError
from trainer import desk
from trainer.engines.opening import Embedded, Served, Vllm
from trainer.errors import RecipeError
from trainer.fitting import Fit
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

InFlightCalls = Annotated[
    int, typer.Option("--in-flight", min=1, help="Calls open at a time at the endpoints.")
]
Timeout = Annotated[
    float, typer.Option("--timeout", min=1, help="Seconds for one request to an endpoint.")
]
TIMEOUT_S = 600.0  # a long chain of a large model takes minutes


def register(cli: typer.Typer) -> None:
    """Add this module's command."""
    cli.command()(rerank)


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
        typer.Option(help="A template of RankDesk, or RankLLM's file: prompts are then RankLLM's."),
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(
            help="reasonrank: the authors' cleaning and truncation. The wording stays that of "
            "--template, by default RankDesk's own."
        ),
    ] = None,
    depth: Annotated[int, typer.Option(min=1, help="Candidates reranked.")] = 100,
    max_passage_tokens: Annotated[
        int, typer.Option(min=1, help="Where passages are cut; the authors: 100 for BEIR.")
    ] = 512,
    tokenizer: Annotated[
        str | None, typer.Option(help="To cut passages with [the model's].")
    ] = None,
    context_size: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="As RankLLM does with its templates: passages lose words until prompt and order "
            "fit so many tokens.",
        ),
    ] = None,
    max_new_tokens: Annotated[int, typer.Option(min=1, help="Of one answer.")] = 3172,
    thinking_budget: Annotated[
        int | None, typer.Option(min=1, help="Tokens after which a chain is closed.")
    ] = None,
    temperature: Annotated[float, typer.Option(min=0, help="0 is greedy.")] = 0.0,
    top_p: Annotated[float, typer.Option(min=0, max=1, help="Of a temperature above 0.")] = 1.0,
    top_k: Annotated[int, typer.Option(min=0, help="The same; 0 keeps all tokens.")] = 0,
    min_p: Annotated[float, typer.Option(min=0, max=1, help="The same; 0 keeps all.")] = 0.0,
    seed: Annotated[int, typer.Option(min=0, help="Of the draws.")] = 0,
    enable_thinking: Annotated[
        bool | None,
        typer.Option(
            "--enable-thinking/--no-enable-thinking", help="The chat template's switch (Qwen3)."
        ),
    ] = None,
    in_flight: InFlightCalls = 32,
    timeout: Timeout = TIMEOUT_S,
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

    calls = trace or output.with_name(output.name + ".trace.jsonl")
    require_writable(calls)
    require_writable(output)
    style = _style(template, recipe)
    chosen = _strategy(strategy, option or [], template)
    desk.check_models(chosen, has_small=small_model is not None)
    texts, docs, candidates = standalone.read_files(queries, passages, run)
    tokens = tokenizer or (model if engine != "openai" else "")
    if style == "reasonrank" and not tokens:
        raise RankDeskError(
            "The authors' cleaning cuts passages by the model's tokens: name its folder or hub "
            "name with --tokenizer."
        )
    work = standalone.Work(
        queries=texts,
        passages=docs,
        candidates=candidates,
        strategy=chosen,
        depth=depth,
        style=style,
        cut=_cut(tokens, max_passage_tokens)
        if style != "rankllm" and (tokenizer or (dry_run and tokens))
        else None,
        max_passage_tokens=max_passage_tokens,
        tokenizer=tokenizer,
        fit=None
        if context_size is None
        else _fit(style, tokens, context_size, rendered=engine != "openai"),
    )
    if dry_run:
        asked = standalone.write_first_windows(work, calls)
        result: dict[str, Any] = {"queries": asked, "trace": str(calls)}
    else:
        progress = Progress("reranking")
        urls = base_url or []
        engines: dict[Model, Embedded | Served | Vllm] = {
            "main": engine_of(engine, model, urls, key_variable, tokenizer, in_flight, timeout)
        }
        if small_model is not None:
            engines["small"] = engine_of(
                engine, small_model, urls, key_variable, None, in_flight, timeout
            )
        result = standalone.rerank_files(
            work,
            engines,
            Answering(
                max_new_tokens=max_new_tokens,
                temperature=temperature,
                top_p=top_p,
                top_k=top_k,
                min_p=min_p,
                thinking_budget=thinking_budget,
                enable_thinking=enable_thinking,
                seed=seed,
            ),
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
        try:
            values[key.strip()] = yaml.safe_load(text)
        except yaml.YAMLError as error:
            reason = " ".join(str(error).split())
            raise RecipeError(f"--option {option}: the value is not YAML: {reason}") from error
    try:
        found: Strategy = TypeAdapter(AnyStrategy).validate_python(values)
    except ValidationError as error:
        raise RecipeError(f"Strategy {describe(error)}") from error
    return found


def _cut(tokenizer: str, max_tokens: int) -> Cut:
    """Return how passages are cut where no engine does it: a dry run, or a tokenizer of its own."""
    from trainer.models import load_tokenizer
    from trainer.texts import cut_passages

    loaded = load_tokenizer(tokenizer)
    return lambda texts: cut_passages(loaded, texts, max_tokens)


def _fit(style: Style, tokenizer: str, size: int, *, rendered: bool) -> Fit:
    if style != "rankllm" or not tokenizer:
        raise RankDeskError(
            "--context-size is RankLLM's way to shorten passages: give one of its templates with "
            "--template, and the model's --tokenizer where endpoints answer."
        )
    from trainer.models import load_tokenizer

    return Fit(load_tokenizer(tokenizer), size, rendered)


def engine_of(
    name: str,
    model: str,
    base_urls: list[str],
    key_variable: str,
    tokenizer: str | None,
    in_flight: int,
    timeout_s: float,
) -> Embedded | Served | Vllm:
    """Return the engine that options name.

    Raises:
        RankDeskError: There is no such engine, or it lacks a model or an endpoint.
    """
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
            in_flight=in_flight,
            timeout_s=timeout_s,
        )
    if name not in ("transformers", "vllm"):
        raise RankDeskError(f"There is no engine {name!r}: take transformers, vllm or openai.")
    return Vllm(model=model) if name == "vllm" else Embedded(model=model)
