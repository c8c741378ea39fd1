"""GRPO with the multi-view reward: `python -m trainer.grpo JOB_FOLDER`.

TRL's GRPOTrainer (paper §4.3): groups of rollouts for each prompt, advantages normalised within
the group, KL to the start model inside the loss by the k3 estimator, as verl's low_var_kl.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainer.jobs import JobConfig, TrainSpec
from trainer.process import run_job
from trainer.recipes import GrpoRecipe

if TYPE_CHECKING:
    from transformers import Trainer

    from trainer.progress import Progress


def train(job_dir: Path, config: JobConfig) -> str:
    """Train the job's base model on its snapshot; see `training.train_and_save`."""
    spec = config.spec
    assert isinstance(spec, TrainSpec)
    recipe = spec.recipe
    assert isinstance(recipe, GrpoRecipe)
    # Imports stand here, because a job waits for its turn before it loads torch.
    from trainer import training

    training.use_one_gpu(recipe)
    prepared = training.prepare(config, recipe.rollouts_per_round // recipe.num_generations)

    def make_trainer(progress: "Progress") -> "Trainer":
        from datasets import Dataset
        from trl.trainer.grpo_config import GRPOConfig
        from trl.trainer.grpo_trainer import GRPOTrainer

        from trainer.rollouts import make_reward

        arguments = GRPOConfig(
            **training.common_arguments(recipe, job_dir),
            **_vllm(recipe),
            num_generations=recipe.num_generations,
            steps_per_generation=recipe.steps_per_generation,
            max_completion_length=recipe.max_completion_tokens,
            temperature=recipe.temperature,
            beta=recipe.beta,
            use_bias_correction_kl=False,  # plain k3, as the paper's code
            loss_type=recipe.loss_type,
        )
        return GRPOTrainer(
            model=spec.base,
            reward_funcs=make_reward(job_dir, recipe, prepared.tokenizer.eos_token_id),
            args=arguments,
            train_dataset=Dataset.from_list(prepared.rows.rows),
            processing_class=prepared.tokenizer,
            peft_config=training.lora_config(recipe),
            callbacks=[progress],
        )

    return training.train_and_save(job_dir, config, prepared, make_trainer)


def _vllm(recipe: GrpoRecipe) -> dict[str, Any]:
    if recipe.vllm is None:
        return {}
    return {
        "use_vllm": True,
        "vllm_mode": "colocate",
        "vllm_gpu_memory_utilization": recipe.vllm.gpu_memory_utilization,
        "vllm_tensor_parallel_size": recipe.vllm.tensor_parallel_size,
        "vllm_max_model_length": recipe.max_prompt_tokens + recipe.max_completion_tokens,
    }


if __name__ == "__main__":
    run_job(train)
