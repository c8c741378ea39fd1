"""What a generate job will take, said before it starts."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from random import Random
from statistics import fmean

from curation.prompts import Template, load_template
from curation.source_folder import SourceQuery, read_source
from curation.synthesis import bare_question, gold_question, ranking_prompt, selection_prompt
from curation.training_items import full_text
from db import jobs
from db.store import Store
from trainer.engines.opening import Embedded, Served, Vllm, model_name
from trainer.joblog import read_records
from trainer.jobs import GenerateSpec, load_config
from trainer.models import load_tokenizer, tokenizer_source
from trainer.synthesis import chunks, requests_of
from trainer.synthesis_settings import STAGES, Stage, SynthesisSettings
from trainer.texts import cut_passages, first_words, token_counter

SAMPLE = 50  # queries whose prompts are counted, for each stage

_Lengths = dict[str, tuple[int, float]]


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a job is expected to take, from the prompts of a sample of its queries.

    Attributes:
        requests: At most, by stage; what is kept already is not taken off.
        prompt_tokens: Of all requests.
        completion_tokens: Of all requests; by earlier answers of each model at the same stage, else
            at any stage, else as many as each may have.
        from_answers: Earlier answers that the lengths come from, of the model with the fewest; 0
            where one has none.
        price: US dollars; None where a model has no price.
        unpriced: Those models.
    """

    queries: int
    requests: dict[str, int]
    prompt_tokens: int
    completion_tokens: int
    from_answers: int
    price: float | None
    unpriced: tuple[str, ...]


def estimate(store: Store, spec: GenerateSpec) -> Estimate:
    """Count the prompts of a seeded sample of queries, and project.

    Candidates are not mined for this: a list stands for it, drawn from the pool of passages. Equal
    arguments are counted once.
    """
    names = spec.settings.templates.items()
    templates = tuple((stage, load_template(name).model_dump_json()) for stage, name in names)
    written = tuple(
        tuple(sorted(_written(store, model_name(each)).items())) for each in spec.engines.values()
    )
    unnamed = spec.model_copy(update={"name": ""})
    return _estimated(unnamed.model_dump_json(), templates, written)


@lru_cache(maxsize=32)
def _estimated(
    spec_json: str,
    templates: tuple[tuple[Stage, str], ...],
    written: tuple[tuple[tuple[str, tuple[int, float]], ...], ...],
) -> Estimate:
    spec = GenerateSpec.model_validate_json(spec_json)
    settings = spec.settings
    source = read_source(spec.source)
    queries = source.queries[: settings.limit]
    texts = {docid: full_text(passage) for docid, passage in source.every_passage().items()}
    loaded = {stage: Template.model_validate_json(text) for stage, text in templates}
    requests: dict[Stage, int] = dict.fromkeys(STAGES[: STAGES.index(settings.until) + 1], 0)
    prompt_tokens = completion_tokens = price = 0.0
    answers: list[int] = []
    unpriced = []
    for engine, lengths in zip(spec.engines.values(), map(dict, written), strict=True):
        judges = engine is not spec.engine
        tokens = 0.0, 0.0
        for stage in requests:
            n = sum(requests_of(q, settings, judges=judges).get(stage, 0) for q in queries)
            prompt = _mean_prompt(stage, queries, texts, loaded[stage], spec, engine) if n else 0.0
            requests[stage] += n
            tokens = tokens[0] + n * prompt, tokens[1] + n * _mean(stage, lengths, settings)
        prompt_tokens += tokens[0]
        completion_tokens += tokens[1]
        answers.append(sum(n for n, _ in lengths.values()))
        if (each := spec.price_of(engine)) is None:
            unpriced.append(model_name(engine))
        else:
            price += each.of(*tokens)
    return Estimate(
        queries=len(queries),
        requests={str(stage): n for stage, n in requests.items()},
        prompt_tokens=round(prompt_tokens),
        completion_tokens=round(completion_tokens),
        from_answers=min(answers),
        price=None if unpriced else price,
        unpriced=tuple(unpriced),
    )


def _mean_prompt(
    stage: Stage,
    queries: Sequence[SourceQuery],
    texts: dict[str, str],
    template: Template,
    spec: GenerateSpec,
    engine: Embedded | Served | Vllm,
) -> float:
    """Return how many tokens a request of a stage has on average, from a sample."""
    settings = spec.settings
    source = engine.tokenizer if isinstance(engine, Served) else tokenizer_source(engine.model)
    tokenizer = None if source is None else load_tokenizer(source)
    count = token_counter(tokenizer)
    chance = Random(spec.seed)
    docids = list(texts)
    asked = [query for query in queries if stage in requests_of(query, settings)]
    lengths = []
    for query in chance.sample(asked, min(SAMPLE, len(asked))):
        size = settings.size if stage == "rank" else settings.depth
        drawn = chance.sample(docids, min(size, len(docids)))
        pool = list(query.candidates or dict.fromkeys([*query.linked, *drawn]))
        lists = [pool[:size]] if stage != "select" else chunks(pool, size)
        for shown in lists[:1]:
            whole = [texts[docid] for docid in shown]
            cut = (
                cut_passages(tokenizer, whole, settings.max_passage_tokens)
                if tokenizer is not None
                else [first_words(text, settings.max_passage_tokens) for text in whole]
            )
            messages = (
                ranking_prompt(template, bare_question(query, cut))
                if stage == "rank"
                else selection_prompt(template, gold_question(query, cut))
            )
            lengths.append(sum(count(message["content"]) for message in messages))
    return fmean(lengths)


def _mean(stage: str, lengths: _Lengths, settings: SynthesisSettings) -> float:
    """Return how long an answer is taken to be, in tokens."""
    if stage in lengths:
        return lengths[stage][1]
    if lengths:
        n = sum(count for count, _ in lengths.values())
        return sum(count * mean for count, mean in lengths.values()) / n
    return settings.max_new_tokens


def _written(store: Store, model: str) -> _Lengths:
    """Return how many earlier answers of the model there are, and their mean length, by stage."""
    found: dict[str, list[tuple[int, float]]] = {}
    for job in jobs.list_jobs(store):
        path = store.workspace.jobs / job["job_id"] / "requests.jsonl"
        if job["kind"] == "generate" and path.exists():
            for (by, stage), each in _lengths(path, path.stat().st_size).items():
                if by == model:
                    found.setdefault(stage, []).append(each)
    return {
        stage: (n := sum(count for count, _ in each), sum(c * mean for c, mean in each) / n)
        for stage, each in found.items()
    }


@lru_cache(maxsize=4096)
def _lengths(path: Path, size: int) -> dict[tuple[str, str], tuple[int, float]]:
    """Return number and mean length of a job's answers by model and stage, at a file's size."""
    spec = load_config(path.parent).spec
    assert isinstance(spec, GenerateSpec)
    main = model_name(spec.engine)
    found: dict[tuple[str, str], list[int]] = {}
    for record in read_records(path)[0]:
        key = (record.get("model", main), record["stage"])
        found.setdefault(key, []).append(record["completion_tokens"])
    return {key: (len(each), fmean(each)) for key, each in found.items()}
