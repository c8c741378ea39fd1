"""What can be known before a job starts: does its input fit its recipe, this machine, this disk.

Each check says what it looked at also when all is well. Importing this loads no torch; a
tokenizer is loaded only while lengths are counted.
"""

import importlib.util
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Literal

from curation.benchmarks import read_benchmark
from curation.chain_checks import holds_tags
from curation.prompts import load_template
from curation.scoring import parse_measures
from curation.snapshots import ITEMS, verify
from curation.training_items import TrainingItem, read_items
from db.errors import RankDeskError
from trainer.engines.opening import Embedded, Served, Vllm, base_url_problem
from trainer.environment import gpu_count
from trainer.jobs import EvaluateSpec, TrainSpec
from trainer.models import ModelPlace, load_tokenizer, locate
from trainer.recipes import GrpoRecipe, SftRecipe
from trainer.rerank import count_calls
from trainer.rows import Rows, build_rows, select_share

Level = Literal["ok", "warning", "error"]
SAMPLE = 400  # items whose tokens are counted: a second or two with passages of published size
_GIB = 2**30


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at; an `error` means that the job cannot succeed."""

    name: str
    level: Level
    message: str


def preflight_training(spec: TrainSpec, root: Path) -> list[Check]:
    """Look at a training job's snapshot, recipe, base model and machine.

    Args:
        root: A folder on the disk that the job will write to.
    """
    place = locate(spec.base)
    checks = [check_base(spec.base, place)]
    if place.kind == "adapter":
        message = f"{spec.base} is a LoRA adapter: train from a job's model folder (merged)."
        checks[0] = Check("base model", "error", message)
    try:
        verify(spec.snapshot)
        items = list(read_items(spec.snapshot / ITEMS))
    except RankDeskError as error:
        checks.append(Check("snapshot", "error", str(error)))
    else:
        checks.append(Check("snapshot", "ok", f"{len(items)} items, unchanged since approval."))
        share = select_share(items, spec.recipe.share)
        checks += [check_count(share, len(items), spec.recipe), check_permutations(share)]
        checks += [check_positives(share), check_chains(share, spec.recipe)]
        checks += check_lengths(share, spec, place, has_problem=checks[0].level == "error")
    checks += [check_batch(spec.recipe), check_device(spec.recipe), check_libraries(spec.recipe)]
    checks.append(check_disk(spec.recipe, place, spec.base, root))
    return checks


def preflight_evaluation(spec: EvaluateSpec, root: Path) -> list[Check]:
    """Look at an evaluation's checkpoint, benchmark and settings.

    Args:
        root: A folder on the disk that the job will write to.
    """
    checks = [check_engine(engine) for engine in spec.engines.values()]
    settings = spec.settings
    try:
        for name in settings.strategy.templates:
            load_template(name)
        parse_measures(settings.measures)
        benchmark = read_benchmark(spec.benchmark)
    except RankDeskError as error:
        return [*checks, Check("benchmark", "error", str(error))]
    n = min(settings.depth, benchmark.manifest.n_passages)
    calls = (
        count_calls(benchmark.first_stage, settings.strategy, settings.depth)
        if settings.first_stage == "run"
        else len(benchmark.queries) * settings.strategy.calls(n)
    )
    checks.append(
        Check(
            "benchmark",
            "ok" if calls else "error",
            f"{len(benchmark.first_stage)} queries, {calls:,} calls at most.",
        )
    )
    published = benchmark.manifest.max_passage_tokens
    counts = not isinstance(spec.engine, Served) or spec.engine.tokenizer is not None
    if settings.style == "reasonrank" and not counts:
        message = "The authors' cleaning cuts by the model's tokens: give its tokenizer."
        checks.append(Check("passages", "error", message))
    if settings.style != "rankllm" and published not in (None, settings.max_passage_tokens):
        message = (
            f"Passages are cut at {settings.max_passage_tokens} tokens; published results on this "
            f"benchmark cut them at {published}."
        )
        checks.append(Check("passages", "warning", message))
    free = shutil.disk_usage(root).free
    if free < _GIB:
        checks.append(Check("disk", "warning", f"Only {_in_words(free)} are free on {root}."))
    return checks


def check_engine(engine: Embedded | Served | Vllm) -> Check:
    """Is there a checkpoint to load, or a key for the endpoints?"""
    if (
        isinstance(engine, Vllm)
        and engine.cluster is not None
        and not importlib.util.find_spec("ray")
    ):
        message = "Ray is not installed here: pip install -e '.[cluster]'."
        return Check("cluster", "error", message)
    if not isinstance(engine, Served):
        return check_base(engine.model, locate(engine.model), name="checkpoint")
    if problem := next(filter(None, map(base_url_problem, engine.base_urls)), None):
        return Check("endpoint", "error", problem)
    if engine.tokenizer is not None and (problem := locate(engine.tokenizer).problem):
        return Check("tokenizer", "error", problem)
    where = ", ".join(engine.base_urls)
    if engine.key_variable not in os.environ:
        message = f"{engine.key_variable} is not set, so {where} is asked without a key."
        return Check("endpoint", "warning", message)
    return Check("endpoint", "ok", f"{engine.model} at {where}, key from {engine.key_variable}.")


def check_base(source: str, place: ModelPlace, name: str = "base model") -> Check:
    """Is the model here, and in a form that is loaded?"""
    if place.problem:
        return Check(name, "error", place.problem)
    if place.kind == "hub":
        if os.environ.get("HF_HUB_OFFLINE", "0") not in ("", "0"):
            message = f"{source} is not in the local cache, and HF_HUB_OFFLINE is set."
            return Check(name, "error", message)
        message = f"{source} is not on this machine: the job downloads it first."
        return Check(name, "warning", message)
    return Check(name, "ok", f"{source}, {_in_words(place.size)} of safetensors.")


def check_count(items: Sequence[TrainingItem], total: int, recipe: SftRecipe | GrpoRecipe) -> Check:
    """Are there enough items for one update, and what do the recipe's steps amount to?"""
    if isinstance(recipe, GrpoRecipe):
        rows = max(1, recipe.rollouts_per_round // recipe.num_generations)
        updates = max(1, recipe.steps_per_generation // recipe.gradient_accumulation_steps)
    else:
        rows, updates = recipe.sequences_per_step, 1
    share = f"{len(items)} of {total} items (share {recipe.share})"
    if len(items) < rows:
        return Check("items", "error", f"{share}; one round takes {rows}: approve more items.")
    rounds = len(items) / rows
    steps = recipe.max_steps or round(rounds * updates * (recipe.epochs or 1))
    epochs = recipe.epochs or steps / updates / rounds
    return Check("items", "ok", f"{share}: {steps} updates, {epochs:.2f} passes over them.")


def check_permutations(items: Sequence[TrainingItem]) -> Check:
    """Is every order a permutation of at least two candidates?

    Reading the snapshot has refused anything that is no permutation already.
    """
    lone = [item.qid for item in items if len(item.candidates) < 2]
    if lone:
        message = f"{len(lone)} items have one candidate, so no order to learn: {_some(lone)}."
        return Check("permutations", "warning", message)
    sizes = [len(item.candidates) for item in items]
    span = f"{min(sizes, default=0)} to {max(sizes, default=0)}"
    return Check("permutations", "ok", f"All are whole, over {span} candidates.")


def check_positives(items: Sequence[TrainingItem]) -> Check:
    """Does every item have passages of both labels? The reward says nothing where it has not."""
    none = [item.qid for item in items if not item.relevant_docids]
    if none:
        message = f"{len(none)} items have no relevant passage: {_some(none)}."
        return Check("positives", "error", message)
    every = [i.qid for i in items if len(i.relevant_docids) == len(i.candidates)]
    if every:
        message = f"In {len(every)} items all passages are relevant, so any order scores 1: "
        return Check("positives", "warning", f"{message}{_some(every)}.")
    return Check("positives", "ok", "Every item has relevant passages and others.")


def check_chains(items: Sequence[TrainingItem], recipe: SftRecipe | GrpoRecipe) -> Check:
    """Does every item that SFT copies have a chain, without tags of its own?"""
    empty = [item.qid for item in items if not item.chain.strip()]
    if isinstance(recipe, GrpoRecipe):
        return Check("chains", "ok", "GRPO samples its own.")
    if not recipe.reasoning:
        return Check("chains", "ok", "The recipe answers without one.")
    if empty:
        message = f"{len(empty)} items have no chain and would teach an empty think block: "
        return Check("chains", "warning", f"{message}{_some(empty)}.")
    if tagged := [item.qid for item in items if holds_tags(item.chain)]:
        message = f"{len(tagged)} chains hold <think> or <answer> tags, to be taught nested: "
        return Check("chains", "warning", f"{message}{_some(tagged)}.")
    return Check("chains", "ok", "Every item has one.")


def check_lengths(
    items: Sequence[TrainingItem], spec: TrainSpec, place: ModelPlace, *, has_problem: bool
) -> list[Check]:
    """Do prompts and completions fit the recipe's caps, by the base model's own tokenizer?"""
    if has_problem or place.kind == "hub":
        message = "Not counted: the base model's tokenizer is not on this machine."
        return [Check("lengths", "warning", message)]
    sample = items[:: max(1, -(-len(items) // SAMPLE))]
    try:
        built = build_rows(sample, spec.recipe, load_tokenizer(spec.base))
    except RankDeskError as error:
        return [Check("lengths", "error", str(error))]
    part = "all" if len(sample) == len(items) else f"a sample of {len(sample)}"
    return [_lengths(built, spec.recipe, part), *_context(built, spec, place)]


def _lengths(built: Rows, recipe: SftRecipe | GrpoRecipe, part: str) -> Check:
    kept, left_out = len(built.rows), built.left_out
    if left_out:
        worst = max(left_out, key=lambda item: item.tokens)
        message = (
            f"{len(left_out)} of {kept + len(left_out)} items ({part}) are over a cap and would "
            f"be left out; qid {worst.qid!r} has {worst.tokens} {worst.part} tokens, "
            f"the cap is {worst.limit}."
        )
        return Check("lengths", "warning" if kept else "error", message)
    message = (
        f"Prompts of {part} take {median(built.prompt_tokens or [0]):.0f} tokens (median), at most "
        f"{max(built.prompt_tokens, default=0)} of {recipe.max_prompt_tokens}"
    )
    if built.completion_tokens:
        message += (
            f"; completions {median(built.completion_tokens):.0f}, at most "
            f"{max(built.completion_tokens)} of {recipe.max_completion_tokens}"
        )
    return Check("lengths", "ok", f"{message}.")


def _context(built: Rows, spec: TrainSpec, place: ModelPlace) -> list[Check]:
    """Does the longest prompt leave the model room for a full answer?"""
    limit = _config(spec.base).get("max_position_embeddings") if place.kind == "model" else None
    longest = max(built.prompt_tokens, default=0) + spec.recipe.max_completion_tokens
    if isinstance(limit, int) and longest > limit:
        message = (
            f"The longest prompt with {spec.recipe.max_completion_tokens} answer tokens is "
            f"{longest} tokens; the model was made for {limit}."
        )
        return [Check("context", "warning", message)]
    return []


def check_batch(recipe: SftRecipe | GrpoRecipe) -> Check:
    """Do the batch sizes make whole groups of rollouts?"""
    if isinstance(recipe, SftRecipe):
        return Check("batch", "ok", f"{recipe.sequences_per_step} sequences an update.")
    a_round, group = recipe.rollouts_per_round, recipe.num_generations
    if a_round % group:
        message = (
            f"per_device_train_batch_size {recipe.per_device_train_batch_size} x "
            f"steps_per_generation {recipe.steps_per_generation} x processes {recipe.processes} = "
            f"{a_round} rollouts a round, which num_generations {group} does not divide."
        )
        return Check("batch", "error", message)
    if recipe.save_steps * recipe.gradient_accumulation_steps % recipe.steps_per_generation:
        updates = recipe.steps_per_generation / recipe.gradient_accumulation_steps
        message = (
            f"save_steps {recipe.save_steps} cuts a round of {updates:g} updates: a job resumed "
            "there samples the round anew. Take a multiple."
        )
        return Check("batch", "warning", message)
    return Check("batch", "ok", f"{a_round // group} prompts x {group} rollouts a round.")


def check_device(recipe: SftRecipe | GrpoRecipe) -> Check:
    """Are there as many GPUs as the recipe needs?"""
    found = gpu_count()
    if not recipe.needs_gpu:
        return Check(
            "device", "ok", f"{found} GPUs" if found else "The CPU, which this recipe fits."
        )
    if found == 0:
        message = "This recipe needs a GPU (bfloat16, vLLM, DeepSpeed or processes > 1)."
        return Check("device", "error", f"{message} None is here; a demo recipe runs on a CPU.")
    if recipe.processes > found:
        steps = recipe.gradient_accumulation_steps * recipe.processes // found
        message = (
            f"The recipe runs on {recipe.processes} GPUs, {found} are here: set processes={found} "
            f"and gradient_accumulation_steps={steps} for the same batch"
        )
        if isinstance(recipe, GrpoRecipe):
            rounds = recipe.steps_per_generation * recipe.processes // found
            message += f", with steps_per_generation={rounds}"
        return Check("device", "error", f"{message}.")
    return Check("device", "ok", f"{recipe.processes} of {found} GPUs.")


def check_libraries(recipe: SftRecipe | GrpoRecipe) -> Check:
    """Is every optional library that the recipe uses installed?"""
    wanted = {"deepspeed": recipe.deepspeed_stage is not None}
    wanted["vllm"] = isinstance(recipe, GrpoRecipe) and recipe.vllm is not None
    missing = [n for n, used in wanted.items() if used and importlib.util.find_spec(n) is None]
    if missing:
        switch = " and ".join(
            {"deepspeed": "deepspeed_stage=null", "vllm": "vllm=null"}[name] for name in missing
        )
        message = f"Not installed: {', '.join(missing)}. pip install -e '.[gpu]', or set {switch}."
        return Check("libraries", "error", message)
    return Check("libraries", "ok", "All that the recipe uses are installed.")


def check_disk(recipe: SftRecipe | GrpoRecipe, place: ModelPlace, base: str, root: Path) -> Check:
    """Is there room for two checkpoints and the final model?"""
    free = shutil.disk_usage(root).free
    if not place.size:
        message = f"{_in_words(free)} are free; the base model's size is not known yet."
        return Check("disk", "warning", message)
    config = _config(base)
    stored = str(config.get("dtype", config.get("torch_dtype", "bfloat16")))
    parameters = place.size / (4 if stored == "float32" else 2)
    # A full checkpoint holds weights and two Adam moments in float32; two checkpoints are kept.
    bytes_each = 4 if recipe.lora else 2 * 12 + 4
    need = parameters * bytes_each
    message = f"About {_in_words(need)} are needed, {_in_words(free)} are free on {root}."
    return Check("disk", "error" if need > free else "ok", message)


def _config(base: str) -> dict[str, object]:
    try:
        found = json.loads((Path(base).expanduser() / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _in_words(size: float) -> str:
    """Return a size in bytes as MiB or GiB, whichever reads better."""
    return f"{size / _GIB:.1f} GiB" if size >= _GIB else f"{size / _GIB * 1024:.1f} MiB"


def _some(qids: Sequence[str]) -> str:
    shown = ", ".join(repr(qid) for qid in qids[:3])
    return f"qid {shown}" + (f" and {len(qids) - 3} more" if len(qids) > 3 else "")
