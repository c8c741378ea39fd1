"""From the desk to the teacher: prepare a generate job, and say beforehand what it will cost."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from statistics import fmean

from curation.prices import Price, read_prices
from curation.prompts import LISTWISE, SELECTION, load_template
from curation.source_folder import SourceQuery, read_source
from curation.synthesis import bare_question, gold_question, ranking_prompt, selection_prompt
from curation.training_items import full_text
from db import jobs, sources
from db.store import Store
from trainer import jobs as folders
from trainer.desk import PreparedJob
from trainer.engines.opening import Embedded, Served, Vllm
from trainer.joblog import read_records
from trainer.jobs import GenerateSpec
from trainer.models import load_tokenizer
from trainer.preflight import Check, Level, check_engine
from trainer.recipes import override_settings
from trainer.synthesis_settings import STAGES, SynthesisSettings

SAMPLE = 50  # queries whose prompts are counted
_TOKENS_OF_WORDS = 4 / 3  # so many tokens has a word of English prose, where no tokenizer is given


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


def model_name(engine: Embedded | Served | Vllm) -> str:
    """Return the name that a teacher has in the price table and beside its rankings."""
    return Path(engine.model).name if Path(engine.model).is_absolute() else engine.model


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
    queries = read_source(spec.source).queries
    unanswered = sum(not query.answer and not query.relevant for query in queries)
    if unanswered:
        level: Level = "error" if unanswered == len(queries) else "warning"
        message = f"{unanswered} of {len(queries)} queries have neither an answer nor labels"
        checks.append(Check("answers", level, message + ": they will be set aside"))
    else:
        checks.append(Check("answers", "ok", f"{len(queries)} queries with an answer or labels"))
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


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a job is expected to take, from the prompts of a sample of its queries.

    Attributes:
        requests: At most, by stage; what is kept already is not taken off.
        prompt_tokens: Of all requests.
        completion_tokens: Of all requests; by earlier answers of the model at the same stage, else
            at any stage, else as many as each may have.
        from_answers: Earlier answers that the lengths come from; 0 where there are none.
        price: US dollars; None where a model has no price.
    """

    queries: int
    requests: dict[str, int]
    prompt_tokens: int
    completion_tokens: int
    from_answers: int
    price: float | None


def estimate(store: Store, spec: GenerateSpec) -> Estimate:
    """Count the prompts of a seeded sample of queries, and project.

    Candidates are not mined for this: a list stands for it, drawn from the pool of passages.
    """
    settings = spec.settings
    source = read_source(spec.source)
    queries = source.queries[: settings.limit]
    chance = Random(spec.seed)
    sample = chance.sample(queries, min(SAMPLE, len(queries)))
    passages = source.every_passage()
    docids = list(passages)
    templates = {stage: load_template(name) for stage, name in settings.templates.items()}
    count = _counter(spec)
    written = _written(store, model_name(spec.engine))
    every = [length for lengths in written.values() for length in lengths]
    requests: dict[str, int] = dict.fromkeys(STAGES[: STAGES.index(settings.until) + 1], 0)
    prompt_tokens = completion_tokens = 0.0
    for stage in list(requests):
        lengths, asked = [], 0
        for query in sample:
            times = _times(stage, query, settings, judged=spec.judge is not None)
            asked += times
            n = settings.size if stage == "rank" else settings.depth
            shown = query.candidates or chance.sample(docids, min(n, len(docids)))
            texts = [_cut(full_text(passages[d]), settings.max_passage_tokens) for d in shown]
            if stage == "rank":
                messages = ranking_prompt(templates[stage], bare_question(query, texts))
            else:
                messages = selection_prompt(templates[stage], gold_question(query, texts))
            lengths.append(times * count(message["content"] for message in messages))
        share = len(queries) / len(sample)
        requests[stage] = round(asked * share)
        prompt_tokens += sum(lengths) * share
        each = fmean(written[stage] or every or [settings.max_new_tokens])
        completion_tokens += requests[stage] * each
    price: Price | None = spec.prices.get(model_name(spec.engine))
    return Estimate(
        queries=len(queries),
        requests=requests,
        prompt_tokens=round(prompt_tokens),
        completion_tokens=round(completion_tokens),
        from_answers=len(every),
        price=None if price is None else price.of(prompt_tokens, completion_tokens),
    )


def _times(stage: str, query: SourceQuery, settings: SynthesisSettings, *, judged: bool) -> int:
    """Return how many requests a stage makes for a query, if it gets that far."""
    if stage == "rank":
        return settings.samples + judged
    if query.relevant or not query.answer:
        return 0
    return int(stage == "select" or (settings.negatives and not query.candidates))


def _counter(spec: GenerateSpec) -> "_Count":
    tokenizer = spec.engine.tokenizer if isinstance(spec.engine, Served) else spec.engine.model
    return _Count(tokenizer)


class _Count:
    """Counts tokens by the model's tokenizer where one is known, else by words."""

    def __init__(self, tokenizer: str | None) -> None:
        self._tokenizer = None if tokenizer is None else load_tokenizer(tokenizer)

    def __call__(self, texts: Iterable[str]) -> float:
        if self._tokenizer is None:
            return sum(len(text.split()) for text in texts) * _TOKENS_OF_WORDS
        return float(sum(len(self._tokenizer(text)["input_ids"]) for text in texts))


def _cut(text: str, most_tokens: int) -> str:
    return " ".join(text.split()[: max(1, int(most_tokens / _TOKENS_OF_WORDS))])


def _written(store: Store, model: str) -> dict[str, list[int]]:
    """Return how long the model's earlier answers are, by stage."""
    found: dict[str, list[int]] = {stage: [] for stage in STAGES}
    for job in jobs.list_jobs(store):
        folder = store.workspace.jobs / job["job_id"]
        if job["kind"] != "generate":
            continue
        spec = folders.load_config(folder).spec
        if isinstance(spec, GenerateSpec) and model_name(spec.engine) == model:
            for record in read_records(folder / "requests.jsonl")[0]:
                found[record["stage"]].append(record["completion_tokens"])
    return found
