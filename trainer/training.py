"""What SFT and GRPO share: the snapshot's rows going in, arguments, the finished model coming out.

Runs in a job's process only.
"""

import json
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curation.snapshots import ITEMS, verify
from curation.training_items import read_items
from trainer.environment import device
from trainer.errors import ModelError
from trainer.joblog import write_event
from trainer.jobs import JobConfig, TrainSpec
from trainer.lineage import write_lineage
from trainer.models import load_tokenizer, locate
from trainer.process import rank, write_json
from trainer.recipes import GrpoRecipe, SftRecipe
from trainer.rows import Rows, build_rows, require_rows, select_share

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase, Trainer

    from trainer.progress import Progress

CHECKPOINTS, MODEL, STATE = "checkpoints", "model", "trainer_state.json"


@dataclass(frozen=True, slots=True)
class Prepared:
    """A training job's inputs, read and checked."""

    spec: TrainSpec
    snapshot_id: str
    tokenizer: "PreTrainedTokenizerBase"
    rows: Rows


def prepare(config: JobConfig, least_rows: int) -> Prepared:
    """Read a training job's snapshot into rows for its base model.

    Args:
        least_rows: Rows that one update (or one round of rollouts) takes.

    Raises:
        SnapshotChangedError: The snapshot is not what was approved.
        ModelError: The base model is missing, or is an adapter.
        TrainingDataError: Too few rows fit the recipe.
    """
    spec = config.spec
    assert isinstance(spec, TrainSpec)
    manifest = verify(spec.snapshot)
    if locate(spec.base).kind == "adapter":
        raise ModelError(
            f"{spec.base} holds a LoRA adapter, no whole model: train from a job's `model` folder, "
            "where the adapter is merged."
        )
    tokenizer = load_tokenizer(spec.base)
    items = select_share(read_items(spec.snapshot / ITEMS), spec.recipe.share)
    rows = build_rows(items, spec.recipe, tokenizer)
    require_rows(rows, least_rows, spec.recipe)
    return Prepared(spec, manifest.snapshot_id, tokenizer, rows)


def common_arguments(recipe: SftRecipe | GrpoRecipe, job_dir: Path) -> dict[str, Any]:
    """Return the training arguments that both trainers take from a recipe."""
    on_cpu = device().kind == "cpu"
    return {
        "output_dir": str(job_dir / CHECKPOINTS),
        "learning_rate": recipe.learning_rate,
        "lr_scheduler_type": recipe.schedule,
        "warmup_steps": recipe.warmup,  # below 1: a share of all steps
        "weight_decay": recipe.weight_decay,
        "num_train_epochs": recipe.epochs or 1,
        "max_steps": recipe.max_steps or -1,  # above 0 it overrides the epochs
        "per_device_train_batch_size": recipe.per_device_train_batch_size,
        "gradient_accumulation_steps": recipe.gradient_accumulation_steps,
        "gradient_checkpointing": recipe.gradient_checkpointing,
        "bf16": recipe.dtype == "bfloat16",
        "use_cpu": on_cpu,
        "dataloader_pin_memory": not on_cpu,
        "deepspeed": _deepspeed(recipe.deepspeed_stage),
        "seed": recipe.seed,
        "data_seed": recipe.seed,
        "logging_steps": recipe.logging_steps,
        "logging_first_step": True,
        "logging_nan_inf_filter": False,  # a loss that is not a number is told, not hidden
        "save_steps": recipe.save_steps,
        "save_total_limit": 2,  # should the newest be half written, the one before is whole
        "report_to": "none",
        "disable_tqdm": True,
        "model_init_kwargs": {
            # Adapters train in float32 over a frozen base; updates of 1e-6 would vanish in bf16.
            "dtype": recipe.dtype if recipe.lora else "float32",
            "use_safetensors": True,
        },
    }


def _deepspeed(stage: int | None) -> dict[str, Any] | None:
    if stage is None:
        return None
    zero: dict[str, Any] = {"stage": stage}
    if stage == 3:
        zero["stage3_gather_16bit_weights_on_model_save"] = True
    automatic = (
        "train_batch_size",
        "train_micro_batch_size_per_gpu",
        "gradient_accumulation_steps",
        "gradient_clipping",
    )
    return {
        "zero_optimization": zero,
        "bf16": {"enabled": "auto"},
        **dict.fromkeys(automatic, "auto"),
    }


def lora_config(recipe: SftRecipe | GrpoRecipe) -> Any:
    """Return the recipe's adapters as peft's configuration; None for full training."""
    if recipe.lora is None:
        return None
    from peft import LoraConfig

    return LoraConfig(
        r=recipe.lora.r,
        lora_alpha=recipe.lora.alpha,
        target_modules=recipe.lora.target,
        task_type="CAUSAL_LM",
    )


def use_one_gpu(recipe: SftRecipe | GrpoRecipe) -> None:
    """Hide all GPUs but the first from a one-process job; before torch is loaded.

    The trainer would otherwise split every batch over all of them.
    """
    if recipe.processes == 1:
        os.environ.setdefault("CUDA_VISIBLE_DEVICES", "0")


def newest_checkpoint(job_dir: Path) -> Path | None:
    """Return the newest whole checkpoint; a kill while saving leaves one without its last file."""
    whole = [
        (int(path.parent.name.removeprefix("checkpoint-")), path.parent)
        for path in (job_dir / CHECKPOINTS).glob(f"checkpoint-*/{STATE}")
    ]
    return max(whole)[1] if whole else None


def train_and_save(
    job_dir: Path,
    config: JobConfig,
    prepared: Prepared,
    make_trainer: "Callable[[Progress], Trainer]",
) -> str:
    """Train from the newest checkpoint on, publish the last one with its lineage.

    Args:
        make_trainer: Builds the trainer with the given callback.

    Returns:
        A closing sentence.

    Raises:
        StopNow: Someone asked to stop before the end.
    """
    began = time.monotonic()
    _report_left_out(job_dir, prepared.rows)
    checkpoint = newest_checkpoint(job_dir)
    # The trainer would take one more step after the last. A job is here when it was killed between
    # its last checkpoint and its goodbye.
    if checkpoint is None or not _is_last(checkpoint):
        # Here and not above: a job whose input is bad ends before it loads torch.
        from trainer.progress import Progress

        progress = Progress(job_dir)
        trainer = make_trainer(progress)
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
        progress.raise_if_stopped()
    if rank() != 0:
        return ""
    checkpoint = newest_checkpoint(job_dir)
    assert checkpoint is not None  # the trainer saves at its last step
    state = _state(checkpoint)
    steps = int(state["global_step"])
    _publish(checkpoint, job_dir, config, prepared, steps)
    losses = [log["loss"] for log in state["log_history"] if "loss" in log]
    result = {
        "job_id": config.job_id,
        "kind": config.kind,
        "snapshot_id": prepared.snapshot_id,
        "steps": steps,
        "loss": losses[-1] if losses else None,  # as last logged
        "seconds": round(time.monotonic() - began, 1),  # of this attempt
        "device": asdict(device()),
        "data": prepared.rows.summary(),
    }
    write_json(job_dir / "result.json", result)
    return f"trained {steps} steps on {len(prepared.rows.rows)} rows"


def _state(checkpoint: Path) -> dict[str, Any]:
    state: dict[str, Any] = json.loads((checkpoint / STATE).read_text(encoding="utf-8"))
    return state


def _is_last(checkpoint: Path) -> bool:
    state = _state(checkpoint)
    return bool(state["global_step"] >= state["max_steps"])


def _report_left_out(job_dir: Path, rows: Rows) -> None:
    if rows.left_out and rank() == 0:
        worst = max(rows.left_out, key=lambda item: item.tokens)
        message = (
            f"{len(rows.left_out)} of {len(rows.left_out) + len(rows.rows)} items are over the "
            f"token caps and left out; the longest is qid {worst.qid!r} of {worst.domain} with "
            f"{worst.tokens} {worst.part} tokens (cap {worst.limit})."
        )
        write_event(job_dir, "warning", message=message)


def _publish(
    checkpoint: Path, job_dir: Path, config: JobConfig, prepared: Prepared, steps: int
) -> None:
    """Make `model/` from a checkpoint: weights (an adapter is merged), tokenizer and lineage."""
    draft = job_dir / f"{MODEL}.new"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    recipe = prepared.spec.recipe
    if recipe.lora is not None:
        from trainer.weights import load_model

        load_model(str(checkpoint), recipe.dtype, "cpu").save_pretrained(str(draft))
    else:
        # Optimizer and generator states are pickles, and no model folder holds one.
        for path in (*checkpoint.glob("*.safetensors"), *checkpoint.glob("*.json")):
            if path.name != STATE:
                shutil.copy2(path, draft)
    prepared.tokenizer.save_pretrained(str(draft))
    write_lineage(draft, config, prepared.snapshot_id, steps)
    shutil.rmtree(job_dir / MODEL, ignore_errors=True)
    draft.rename(job_dir / MODEL)
