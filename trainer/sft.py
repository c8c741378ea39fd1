"""Supervised fine-tuning on the teacher's chain and order: `python -m trainer.sft JOB_FOLDER`.

TRL's SFTTrainer with the loss on the completion only (paper, Eq. 1). The completion is the
think block with the chain, then the answer block with the order.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from trainer.jobs import JobConfig, TrainSpec
from trainer.process import run_job
from trainer.recipes import SftRecipe

if TYPE_CHECKING:
    from transformers import Trainer

    from trainer.progress import Progress


def train(job_dir: Path, config: JobConfig) -> str:
    """Train the job's base model on its snapshot; see `training.train_and_save`."""
    spec = config.spec
    assert isinstance(spec, TrainSpec)
    recipe = spec.recipe
    assert isinstance(recipe, SftRecipe)
    # Imports stand here, because a job waits for its turn before it loads torch.
    from trainer import training

    training.use_one_gpu(recipe)
    prepared = training.prepare(config, recipe.sequences_per_step)

    def make_trainer(progress: "Progress") -> "Trainer":
        from datasets import Dataset
        from trl.trainer.sft_config import SFTConfig
        from trl.trainer.sft_trainer import SFTTrainer

        arguments = SFTConfig(
            **training.common_arguments(recipe, job_dir),
            max_length=recipe.max_prompt_tokens + recipe.max_completion_tokens,
            completion_only_loss=True,
        )
        return SFTTrainer(
            model=spec.base,
            args=arguments,
            train_dataset=Dataset.from_list(prepared.rows.rows),
            processing_class=prepared.tokenizer,
            peft_config=training.lora_config(recipe),
            callbacks=[progress],
        )

    return training.train_and_save(job_dir, config, prepared, make_trainer)


if __name__ == "__main__":
    run_job(train)
