import itertools
import json

import pytest
import yaml

from trainer.errors import RecipeError
from trainer.recipes import (
    RECIPES,
    EvaluationSettings,
    GrpoRecipe,
    SftRecipe,
    apply_overrides,
    differences,
    list_recipes,
    load_recipe,
    override_settings,
)
from trainer.strategies.listwise import Listwise
from trainer.strategies.setwise import Setwise


def test_every_shipped_recipe_loads():
    assert set(list_recipes()) == {
        "demo-sft",
        "demo-direct-sft",
        "demo-exclusion-sft",
        "demo-pairwise-sft",
        "demo-score-sft",
        "demo-setwise-sft",
        "demo-yesno-sft",
        "demo-grpo",
        "reasonrank-7b-sft",
        "reasonrank-7b-grpo",
        "reasonrank-32b-lora-sft",
        "reasonrank-32b-lora-grpo",
        "qwen3-8b-sft",
        "qwen3-8b-grpo",
    }


@pytest.mark.parametrize("name", list_recipes())
def test_every_recipe_names_its_values_with_a_source(name):
    assert load_recipe(name).kind == name.rpartition("-")[2]
    assert "#" in (RECIPES / f"{name}.yaml").read_text()


@pytest.mark.parametrize(
    ("name", "base", "rate", "epochs", "lora"),
    [
        ("reasonrank-7b-sft", "Qwen/Qwen2.5-7B-Instruct", 5e-6, 5, None),
        ("reasonrank-32b-lora-sft", "Qwen/Qwen2.5-32B-Instruct", 1e-4, 4, (32, 32)),
        ("qwen3-8b-sft", "Qwen/Qwen3-8B", 5e-6, 5, None),
    ],
)
def test_papers_cold_start(name, base, rate, epochs, lora):
    recipe = load_recipe(name)
    assert isinstance(recipe, SftRecipe)
    assert (recipe.base, recipe.learning_rate, recipe.epochs) == (base, rate, epochs)
    assert (recipe.schedule, recipe.warmup, recipe.dtype) == ("cosine", 0.1, "bfloat16")
    assert recipe.sequences_per_step == 64
    assert recipe.max_prompt_tokens + recipe.max_completion_tokens == 23_552
    assert (recipe.max_passage_tokens, recipe.share) == (512, "sft")
    assert (recipe.lora and (recipe.lora.r, recipe.lora.alpha)) == lora


@pytest.mark.parametrize(
    ("name", "rate", "lora"),
    [
        ("reasonrank-7b-grpo", 1e-6, None),
        ("reasonrank-32b-lora-grpo", 1e-5, (32, 32)),
        ("qwen3-8b-grpo", 1e-6, None),
    ],
)
def test_papers_reinforcement_learning(name, rate, lora):
    recipe = load_recipe(name)
    assert isinstance(recipe, GrpoRecipe)
    assert (recipe.learning_rate, recipe.schedule, recipe.temperature) == (rate, "constant", 1.0)
    assert recipe.rollouts_per_round == 16 * 8  # 16 prompts, 8 rollouts each
    a_mini_batch = (
        recipe.per_device_train_batch_size * recipe.gradient_accumulation_steps * recipe.processes
    )
    assert a_mini_batch == 8 * 8  # 8 prompts
    assert recipe.max_steps == 200 * recipe.rollouts_per_round / a_mini_batch  # 200 rounds
    assert (recipe.num_generations, recipe.beta, recipe.loss_type) == (8, 0.001, "dapo")
    assert (recipe.reward.recall, recipe.reward.overlap, recipe.reward.kind) == (
        0.2,
        0.1,
        "average",
    )
    assert (recipe.max_prompt_tokens, recipe.max_completion_tokens) == (20_480, 3_072)
    assert recipe.share == "rl"
    assert (recipe.lora and (recipe.lora.r, recipe.lora.alpha)) == lora


def test_papers_inference():
    settings = load_recipe("reasonrank-7b-grpo").evaluation_settings()
    assert settings == EvaluationSettings(
        strategy=Listwise(window=20, step=10, template="listwise"),
        depth=100,
        max_passage_tokens=512,
        max_new_tokens=3172,
    )


def test_overrides_replace_values_also_inside_blocks():
    recipe = apply_overrides(
        load_recipe("demo-grpo"), ["learning_rate=1e-5", "reward.recall=0.3", "seed=7"]
    )
    assert isinstance(recipe, GrpoRecipe)
    assert (recipe.learning_rate, recipe.reward.recall, recipe.seed) == (1e-5, 0.3, 7)
    assert recipe.reward.overlap == 0.1


def test_a_block_that_is_off_is_turned_on_by_its_fields():
    recipe = apply_overrides(load_recipe("demo-sft"), ["lora.r=8", "lora.alpha=16"])
    assert recipe.lora is not None
    assert recipe.lora.alpha == 16


def test_epochs_and_steps_replace_each_other():
    recipe = apply_overrides(load_recipe("demo-sft"), ["max_steps=5"])
    assert (recipe.max_steps, recipe.epochs) == (5, None)


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("lerning_rate=1", "Did you mean learning_rate"),
        ("reward.recal=1", "Fields: kind, overlap, rbo_p, recall"),
        ("seed.x=1", "seed"),
        ("learning_rate=fast", "learning_rate: .* got 'fast'"),
        ("learning_rate=-1", "learning_rate: .* greater than 0, got -1"),
        ("num_generations=1", "num_generations: .* got 1"),
        ("lora.r=8", "lora.alpha: Field required"),
        ("evaluation.strategy.step=30", "step is 30 with a window of"),
        ("max_steps=null", "exactly one of epochs and max_steps"),
        ("loss_type=ppo", "loss_type"),
        ("seed", "write key=value"),
        ("seed=[1", "not YAML"),
    ],
)
def test_bad_overrides_name_the_field(override, told):
    with pytest.raises(RecipeError, match=told):
        apply_overrides(load_recipe("demo-grpo"), [override])


def test_evaluation_settings_take_overrides():
    settings = load_recipe("demo-sft").evaluation_settings()
    changed = override_settings(settings, ["strategy.window=4", "strategy.step=2"])
    assert changed.strategy == Listwise(window=4, step=2, template="listwise-short")
    with pytest.raises(RecipeError, match="windw: no such field. Did you mean window"):
        override_settings(settings, ["strategy.windw=4"])
    with pytest.raises(RecipeError, match="step is 9 with a window of 4"):
        override_settings(settings, ["strategy.window=4", "strategy.step=9"])


def test_another_strategy_replaces_the_recipe_s():
    settings = load_recipe("demo-sft").evaluation_settings()
    changed = override_settings(settings, ["strategy={name: setwise, children: 5}"])
    assert changed.strategy == Setwise(children=5)
    with pytest.raises(RecipeError, match="childern: Extra inputs"):
        override_settings(settings, ["strategy={name: setwise, childern: 5}"])
    with pytest.raises(RecipeError, match="'listwise', 'listwise-direct'.*got .*'sort'"):
        override_settings(settings, ["strategy={name: sort}"])


def test_an_unknown_recipe_lists_the_shipped_ones():
    with pytest.raises(RecipeError, match="no recipe 'demo-stf'.*demo-sft"):
        load_recipe("demo-stf")


def test_a_recipe_file_with_a_misspelt_field_is_refused(tmp_path):
    data = yaml.safe_load((RECIPES / "demo-sft.yaml").read_text())
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump({**data, "warmpu": 0.1}))
    with pytest.raises(RecipeError, match=r"mine.yaml: warmpu: Extra inputs"):
        load_recipe(path)
    path.write_text("[")
    with pytest.raises(RecipeError, match="not YAML"):
        load_recipe(path)
    path.write_text("just text")
    with pytest.raises(RecipeError, match="mine.yaml"):
        load_recipe(path)


@pytest.mark.parametrize("kind", ["sft", "grpo"])
def test_differences_turn_every_recipe_into_every_other(kind):
    for own, wanted in itertools.permutations(list_recipes(kind).values(), 2):
        found = differences(own.model_dump(mode="json"), wanted.model_dump(mode="json"))
        changes = [f"{name}={json.dumps(value)}" for name, value in found.items()]
        assert apply_overrides(own, changes) == wanted
