"""Model weights into memory: whole models, and LoRA adapters merged into their base."""

from typing import TYPE_CHECKING, Any

import torch
from transformers import AutoModelForCausalLM

from trainer.errors import ModelError
from trainer.models import locate

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def load_model(source: str, dtype: str, device: str) -> "PreTrainedModel":
    """Load a model, or an adapter merged into the base that it names, ready to generate.

    Args:
        source: Model folder, adapter folder or hub name.
        dtype: Name of the torch type of the weights, such as `float32`.
        device: `cpu` or `cuda`.

    Raises:
        ModelError: It is missing, holds no safetensors, or needs code of its own.
    """
    place = locate(source)
    if place.problem:
        raise ModelError(place.problem)
    if place.kind == "adapter":
        from peft import PeftConfig, PeftModel

        base = PeftConfig.from_pretrained(source).base_model_name_or_path
        if base is None or locate(base).kind == "adapter":
            raise ModelError(f"The adapter {source} names no whole model as its base: {base}.")
        adapted = PeftModel.from_pretrained(load_model(base, dtype, device), source)
        merged: PreTrainedModel = adapted.merge_and_unload()
        return merged
    try:
        model: Any = AutoModelForCausalLM.from_pretrained(
            source,
            dtype=getattr(torch, dtype),
            use_safetensors=True,
            trust_remote_code=False,
        )
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise ModelError(f"The model {source} cannot be loaded: {reason:.300}") from error
    placed: PreTrainedModel = model.to(device)
    return placed
