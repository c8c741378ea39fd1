"""Models on disk: what a folder or hub name holds, and its tokenizer. No torch at import time.

Weights load from safetensors only, and no code that comes with a model is ever run.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from trainer.errors import ModelError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

ADAPTER = "adapter_config.json"
_TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json")


@dataclass(frozen=True, slots=True)
class ModelPlace:
    """Where a model would be loaded from.

    Attributes:
        kind: `model` or `adapter` for a folder here; `cached` or `hub` for a hub name.
        problem: Why it cannot be used; "" when nothing speaks against it.
        size: Bytes of its weights; 0 where that is unknown.
    """

    kind: Literal["model", "adapter", "cached", "hub"]
    problem: str
    size: int = 0


def locate(source: str) -> ModelPlace:
    """Look at a model folder or hub name without loading or downloading anything."""
    folder = Path(source).expanduser()
    if folder.is_dir():
        return _look_into(folder)
    if folder.is_absolute() or source.count("/") != 1 or source.startswith("."):
        return ModelPlace(
            "model", f"There is no model folder {source!r}: give a folder, or a hub name ORG/MODEL."
        )
    from huggingface_hub import try_to_load_from_cache

    cached = try_to_load_from_cache(source, "config.json")
    if isinstance(cached, str):
        found = _look_into(Path(cached).parent)
        return ModelPlace("cached", found.problem, found.size)
    return ModelPlace("hub", "")


def _look_into(folder: Path) -> ModelPlace:
    adapter = (folder / ADAPTER).exists()
    kind: Literal["model", "adapter"] = "adapter" if adapter else "model"
    weights = list(folder.glob("adapter_model*.safetensors" if adapter else "*.safetensors"))
    if not adapter and not (folder / "config.json").exists():
        return ModelPlace(kind, f"{folder} is no model folder: it has no config.json.")
    if not weights:
        return ModelPlace(
            kind,
            f"{folder} holds no safetensors weights. Other formats can run code when they are "
            "opened and are not loaded: convert the model with save_pretrained first.",
        )
    return ModelPlace(kind, "", sum(path.stat().st_size for path in weights))


def tokenizer_source(source: str) -> str:
    """Return where a model's tokenizer lies: an adapter without one of its own uses its base's."""
    folder = Path(source).expanduser()
    config = folder / ADAPTER
    if config.exists() and not (folder / "tokenizer.json").exists():
        return str(json.loads(config.read_text(encoding="utf-8"))["base_model_name_or_path"])
    return source


def load_tokenizer(source: str) -> "PreTrainedTokenizerBase":
    """Load a model's own tokenizer, with left padding.

    Raises:
        ModelError: There is none, or it lacks a chat template or offsets.
    """
    from transformers import AutoTokenizer

    place = locate(source)
    if place.problem:
        raise ModelError(place.problem)
    folder = Path(source).expanduser()
    if folder.is_dir() and not any((folder / name).exists() for name in _TOKENIZER_FILES):
        # transformers would make up an empty one
        raise ModelError(f"{folder} has no tokenizer: copy its base model's tokenizer files there.")
    try:
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
            source, trust_remote_code=False, padding_side="left"
        )
    except (OSError, ValueError) as error:
        where = "the hub cannot be reached" if place.kind == "hub" else "its files are not whole"
        raise ModelError(
            f"No tokenizer for {source!r}: {where}. ({' '.join(str(error).split()):.200}) "
            "Give a model folder, or download the model on a machine with network access."
        ) from error
    if not tokenizer.is_fast:
        raise ModelError(f"{source!r} has no fast tokenizer: passages cannot be cut by tokens.")
    if tokenizer.chat_template is None:
        raise ModelError(f"{source!r} has no chat template: take an instruction-tuned model.")
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer
