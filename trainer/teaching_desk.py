"""From the desk to the teacher: prepare a generate job, and say whether it can succeed."""

from pathlib import Path

from curation.prices import read_prices
from curation.prompts import LISTWISE, SELECTION, load_template
from curation.source_folder import count_unanswered
from db import sources
from db.store import Store
from trainer import jobs as folders
from trainer.desk import PreparedJob
from trainer.engines.opening import Embedded, Served, Vllm, model_name
from trainer.jobs import GenerateSpec
from trainer.preflight import Check, Level, check_engine
from trainer.recipes import override_settings
from trainer.synthesis_settings import SynthesisSettings


def prepare_generation(
    store: Store,
    *,
    source: str,
    engine: Embedded | Served | Vllm,
    judge: Embedded | Served | Vllm | None = None,
    overrides: list[str] | None = None,
    seed: int = 0,
    name: str | None = None,
) -> PreparedJob:
    """Resolve a generate job: the source, the teacher, its price, and how it is asked.

    Args:
        source: A source's id or name.
        judge: A second teacher that ranks the same lists.
        overrides: `key=value` over `SynthesisSettings`, such as `samples=4`.

    Raises:
        NotFoundError: There is no such source.
        RecipeError: A setting does not fit.
        FormatError: A template or the price table is malformed.
    """
    found = sources.get_source(store, source)
    settings = override_settings(SynthesisSettings(), overrides or [])
    models = [model_name(each) for each in (engine, judge) if each is not None]
    table = read_prices(store.workspace.prices)
    prices = {model: table[model] for model in models if model in table}
    spec = GenerateSpec(
        name=name or f"{models[0]} on {found['name']}",
        source=store.workspace.sources / found["source_id"],
        answers=store.workspace.answers,
        engine=engine,
        judge=judge,
        prices=prices,
        settings=_with_templates(settings, store.workspace.templates),
        seed=seed,
    )
    return PreparedJob(
        spec=spec,
        config_yaml=folders.config_yaml(spec),
        command=folders.command_preview(spec, store.workspace.jobs),
        checks=_checks(spec, models),
        source_id=found["source_id"],
    )


def _with_templates(settings: SynthesisSettings, own: Path) -> SynthesisSettings:
    """Return settings whose templates of the workspace are named by path; all of them load."""
    named = {}
    for field in ("select_template", "negatives_template", "rank_template"):
        name = getattr(settings, field)
        path = own / f"{name}.yaml"
        named[field] = str(path.absolute()) if path.is_file() else name
        load_template(named[field])
    return settings.model_copy(update=named)


def _checks(spec: GenerateSpec, models: list[str]) -> list[Check]:
    checks = [check_engine(engine) for engine in spec.engines.values()]
    checks.append(_check_templates(spec.settings))
    unanswered, queries = count_unanswered(spec.source)
    if unanswered:
        level: Level = "error" if unanswered == queries else "warning"
        message = f"{unanswered} of {queries} queries have neither an answer nor labels"
        checks.append(Check("answers", level, message + ": they will be set aside"))
    else:
        checks.append(Check("answers", "ok", f"{queries} queries with an answer or labels"))
    missing = [model for model in models if model not in spec.prices]
    if missing and spec.settings.limits.budget is not None:
        message = f"a budget needs prices: {', '.join(missing)} has none in the price table"
        checks.append(Check("prices", "error", message))
    elif missing:
        checks.append(Check("prices", "warning", f"no price for {', '.join(missing)}"))
    else:
        checks.append(Check("prices", "ok", ", ".join(models)))
    return checks


def _check_templates(settings: SynthesisSettings) -> Check:
    """Can each stage's template ask what the stage needs?"""
    needed = {"select": SELECTION, "negatives": SELECTION, "rank": LISTWISE}
    wrong = [
        f"{stage}_template={Path(name).stem} is a {method} template, and a {needed[stage]} one is "
        "needed"
        for stage, name in settings.templates.items()
        if (method := load_template(name).method) != needed[stage]
    ]
    if wrong:
        return Check("prompts", "error", "; ".join(wrong))
    names = ", ".join(Path(name).stem for name in settings.templates.values())
    return Check("prompts", "ok", names)
