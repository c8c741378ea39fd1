"""Recipes: what one SFT or GRPO run does, as YAML files checked by pydantic.

A recipe names every value it uses; nothing is filled in silently, so the file (or the job's
`config.yaml`, which holds the resolved recipe) is the whole truth about a run.
Shipped recipes stand in `trainer/recipes/`, each value with its source beside it.
"""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

import yaml
from pydantic import Field, TypeAdapter, ValidationError, model_validator

from curation.prompts import Style
from trainer.errors import RecipeError
from trainer.settings import Positive, Strict
from trainer.strategies import AnyStrategy
from trainer.tasks import Task

RECIPES = Path(__file__).parent / "recipes"
DEFAULT_MEASURES = ("nDCG@10", "R@10", "AP", "RR@10", "Judged@10")

_LENGTHS = {"epochs": "max_steps", "max_steps": "epochs"}


class Lora(Strict):
    """Low-rank adapters on every linear layer, merged into the weights at the end."""

    r: Positive
    alpha: Positive
    target: Literal["all-linear"] = "all-linear"


class Reranking(Strict):
    """How a checkpoint of a recipe reranks."""

    strategy: AnyStrategy
    depth: Positive  # candidates taken from the first-stage run; the rest keep their places
    max_new_tokens: Positive  # of one answer, its chain included
    thinking_budget: Positive | None = None  # tokens after which a chain is closed; None: never
    temperature: Annotated[float, Field(ge=0)] = 0.0
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0
    top_k: Annotated[int, Field(ge=0)] = 0  # 0 keeps all tokens
    min_p: Annotated[float, Field(ge=0, le=1)] = 0.0  # 0 keeps all tokens
    enable_thinking: bool | None = None  # a chat template's own switch; None leaves it out


class EvaluationSettings(Reranking):
    """Everything that decides an evaluation besides the checkpoint and the benchmark."""

    max_passage_tokens: Positive
    # Whose way of cleaning, cutting and writing passages and query; see `curation.prompts.render`.
    style: Style = "rankdesk"
    # Where candidates come from: the benchmark's own run, or a search over its passages.
    first_stage: Literal["run", "bm25", "dense"] = "run"
    # Seed of a shuffle of each query's first `depth` candidates, to test what their order does.
    shuffle: int | None = None
    measures: Annotated[tuple[str, ...], Field(min_length=1)] = DEFAULT_MEASURES

    @property
    def label(self) -> str:
        """How candidates are found, where not in the benchmark's run, and ranked."""
        found = "" if self.first_stage == "run" else f"{self.first_stage} → "
        found += "" if self.shuffle is None else f"shuffled ({self.shuffle}) → "
        written = "" if self.style == "rankdesk" else f", as {self.style}"
        return found + self.strategy.label + written


class RewardSettings(Strict):
    """Weights of the multi-view reward (paper, Eq. 2): nDCG@10 + recall + overlap."""

    recall: Annotated[float, Field(ge=0)]
    overlap: Annotated[float, Field(ge=0)]
    kind: Literal["average", "rbo"] = "average"
    rbo_p: Annotated[float, Field(gt=0, lt=1)] = 0.9  # read only when kind is rbo


class Vllm(Strict):
    """Rollouts by a vLLM engine inside the training process (GPU only)."""

    gpu_memory_utilization: Annotated[float, Field(gt=0, le=1)]
    tensor_parallel_size: Positive


class _Training(Strict):
    description: str
    # -- model --
    base: str  # folder, hub name, or "tiny": the workspace's own demo model
    dtype: Literal["float32", "bfloat16"]  # bfloat16: autocast, trained weights stay float32
    lora: Lora | None
    # -- data --
    share: Literal["all", "sft", "rl"]  # which half of every domain; the halves are disjoint
    template: str
    max_passage_tokens: Positive
    max_prompt_tokens: Positive  # items above it are left out, and reported
    max_completion_tokens: Positive
    # -- optimisation --
    learning_rate: Annotated[float, Field(gt=0)]
    schedule: Literal["cosine", "linear", "constant"]
    warmup: Annotated[float, Field(ge=0, lt=1)]  # share of all steps
    weight_decay: Annotated[float, Field(ge=0)]
    epochs: Annotated[float, Field(gt=0)] | None = None
    max_steps: Positive | None = None  # optimizer updates; exactly one of the two is set
    per_device_train_batch_size: Positive
    gradient_accumulation_steps: Positive
    gradient_checkpointing: bool
    processes: Positive  # one per GPU
    deepspeed_stage: Literal[1, 2, 3] | None
    seed: int
    # -- bookkeeping --
    save_steps: Positive
    logging_steps: Positive
    evaluation: Reranking

    @model_validator(mode="after")
    def _one_length(self) -> Self:
        if (self.epochs is None) == (self.max_steps is None):
            raise ValueError("set exactly one of epochs and max_steps")
        return self

    def evaluation_settings(self) -> EvaluationSettings:
        """Return how checkpoints of this recipe are evaluated: its way of ranking, and its cap."""
        return EvaluationSettings(
            **self.evaluation.model_dump(), max_passage_tokens=self.max_passage_tokens
        )

    @property
    def needs_gpu(self) -> bool:
        """Whether the recipe only makes sense on a GPU."""
        return self.dtype == "bfloat16" or self.deepspeed_stage is not None or self.processes > 1


class SftRecipe(_Training):
    """Supervised fine-tuning on chain and answer, loss on the completion only."""

    kind: Literal["sft"]
    task: Task  # what the model learns to answer; see `trainer.tasks`
    reasoning: bool  # whether answers follow the teacher's chain

    @property
    def sequences_per_step(self) -> int:
        """Sequences in one optimizer update, over all processes."""
        return self.per_device_train_batch_size * self.gradient_accumulation_steps * self.processes


class GrpoRecipe(_Training):
    """Group-relative policy optimisation with the multi-view reward."""

    kind: Literal["grpo"]
    num_generations: Annotated[int, Field(ge=2)]  # rollouts per prompt: the group
    steps_per_generation: Positive  # micro-batches drawn from one round of rollouts
    temperature: Annotated[float, Field(gt=0)]
    beta: Annotated[float, Field(ge=0)]  # KL to the start model, inside the loss; 0 = none
    loss_type: Literal["grpo", "dapo", "bnpo", "dr_grpo"]
    reward: RewardSettings
    vllm: Vllm | None

    @property
    def needs_gpu(self) -> bool:
        """Whether the recipe only makes sense on a GPU."""
        return super().needs_gpu or self.vllm is not None

    @property
    def rollouts_per_round(self) -> int:
        """Completions sampled at a time, over all processes; a multiple of num_generations."""
        return self.per_device_train_batch_size * self.steps_per_generation * self.processes


Recipe = Annotated[SftRecipe | GrpoRecipe, Field(discriminator="kind")]
_ADAPTER: TypeAdapter[SftRecipe | GrpoRecipe] = TypeAdapter(Recipe)


def list_recipes(kind: Literal["sft", "grpo"] | None = None) -> dict[str, SftRecipe | GrpoRecipe]:
    """Return the shipped recipes by name, of one kind or of both."""
    recipes = {path.stem: load_recipe(path.stem) for path in sorted(RECIPES.glob("*.yaml"))}
    return {name: recipe for name, recipe in recipes.items() if kind in (None, recipe.kind)}


def load_recipe(name_or_path: str | Path) -> SftRecipe | GrpoRecipe:
    """Load a shipped recipe by its name, or any recipe by the path of its YAML file.

    Raises:
        RecipeError: There is no such recipe, or the file is not a valid one.
    """
    shipped = {path.stem: path for path in RECIPES.glob("*.yaml")}
    path = shipped.get(str(name_or_path), Path(name_or_path))
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(
            f"There is no recipe {str(name_or_path)!r} ({error}). "
            f"Give a YAML file or one of: {', '.join(sorted(shipped))}."
        ) from error
    except yaml.YAMLError as error:
        raise RecipeError(f"{path} is not YAML: {error}") from error
    return parse_recipe(data, where=str(name_or_path))


def parse_recipe(data: object, where: str) -> SftRecipe | GrpoRecipe:
    """Check plain values (read from YAML) as a recipe; `where` names them in errors.

    Raises:
        RecipeError: A field is missing, unknown or has a bad value.
    """
    try:
        return _ADAPTER.validate_python(data)
    except ValidationError as error:
        raise RecipeError(f"Recipe {where}: {describe(error)}") from error


def apply_overrides(
    recipe: SftRecipe | GrpoRecipe, overrides: Sequence[str]
) -> SftRecipe | GrpoRecipe:
    """Return `recipe` with `key=value` settings replaced, as `--set` gives them.

    Values are YAML (`null`, `true`, `1e-5`); a dot reaches inside: `reward.recall=0.3`.
    Setting one of `epochs` and `max_steps` unsets the other.

    Raises:
        RecipeError: A key is unknown, a value does not fit, or an entry has no `=`.
    """
    data = recipe.model_dump()
    for key, value in _read_overrides(overrides):
        _set(data, key, value, recipe.model_dump())
        if key in _LENGTHS and value is not None:
            data[_LENGTHS[key]] = None
    return parse_recipe(data, where="with " + ", ".join(overrides))


def differences(own: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return what to set so that the settings `own` become `wanted`, by dotted key.

    Both hold the fields of one kind of recipe. A block is entered where both have it with the same
    fields, and set whole elsewhere.
    """
    found: dict[str, Any] = {}
    for key, value in wanted.items():
        ours = own[key]
        if isinstance(ours, dict) and isinstance(value, dict) and ours.keys() == value.keys():
            found |= {f"{key}.{name}": new for name, new in differences(ours, value).items()}
        elif ours != value:
            found[key] = value
    return found


S = TypeVar("S", bound=Strict)


def override_settings(settings: S, overrides: Sequence[str]) -> S:
    """Return `settings` with `key=value` replaced, as `apply_overrides` does for a recipe.

    Raises:
        RecipeError: A key is unknown, a value does not fit, or an entry has no `=`.
    """
    data = settings.model_dump()
    for key, value in _read_overrides(overrides):
        _set(data, key, value, settings.model_dump())
    try:
        return type(settings).model_validate(data)
    except ValidationError as error:
        raise RecipeError(f"Settings with {', '.join(overrides)}: {describe(error)}") from error


def _read_overrides(overrides: Sequence[str]) -> Iterator[tuple[str, object]]:
    for override in overrides:
        key, equals, text = override.partition("=")
        if not equals:
            raise RecipeError(f"--set {override}: write key=value, for example seed=7.")
        try:
            yield key.strip(), yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise RecipeError(f"--set {override}: the value is not YAML: {error}") from error


def _set(data: dict[str, Any], key: str, value: object, known: Any) -> None:
    *parents, last = key.split(".")
    for parent in parents:
        if isinstance(known, dict) and parent not in known:
            raise _unknown(key, known)
        # A block that is off (lora: null) has no fields to know: the model checks them afterwards.
        known = known[parent] if isinstance(known, dict) else None
        if not isinstance(data.get(parent), dict):
            data[parent] = {}
        data = data[parent]
    if isinstance(known, dict) and last not in known:
        raise _unknown(key, known)
    data[last] = value


def _unknown(key: str, data: dict[str, Any]) -> RecipeError:
    near = difflib.get_close_matches(key.rpartition(".")[2], data, n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    return RecipeError(f"--set {key}: no such field.{hint} Fields: {', '.join(sorted(data))}.")


def describe(error: ValidationError) -> str:
    """Say in one line which fields are wrong, what was got and what is wanted."""
    parts = []
    for detail in error.errors(include_url=False):
        # The first place is the union's tag (sft or grpo), which the user never wrote.
        place = ".".join(str(p) for p in detail["loc"] if p not in ("sft", "grpo"))
        if detail["type"] in ("missing", "value_error"):  # the message tells it all
            parts.append(f"{place}: {detail['msg'].removeprefix('Value error, ')}".lstrip(": "))
        else:
            parts.append(f"{place or 'recipe'}: {detail['msg']}, got {detail['input']!r:.80}")
    return "; ".join(part.rstrip(".") for part in parts) + "."
