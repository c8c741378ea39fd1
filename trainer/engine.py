"""Answers from a checkpoint by transformers' own generation: the engine that runs everywhere.

Prompts of similar length share a left-padded batch; greedy at temperature 0.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from trainer.models import load_tokenizer
from trainer.texts import prompt_text

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from curation.prompts import Message

# Prompt and answer tokens of one batch, padding included. Bounds the key-value cache: 64 Ki tokens
# are 3.5 GiB for a 7B model of Qwen2.5's shape.
BATCH_TOKENS = 65_536


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model wrote for one prompt.

    Attributes:
        seconds: The batch's wall time, shared evenly by its prompts.
        finish_reason: `length` when the token limit ended it, `stop` when the model did.
    """

    text: str
    prompt_tokens: int
    completion_tokens: int
    seconds: float
    finish_reason: Literal["stop", "length"]


class Engine(Protocol):
    """Anything that answers chat prompts."""

    tokenizer: "PreTrainedTokenizerBase"

    def generate(
        self, prompts: "Sequence[list[Message]]", *, max_new_tokens: int, temperature: float
    ) -> Iterator[tuple[int, Answer]]:
        """Yield (index into `prompts`, answer) in any order, each as soon as it is there."""
        ...


class TransformersEngine:
    """Answers by `model.generate`, on a GPU in bfloat16 where there is one, else in float32."""

    def __init__(self, checkpoint: str, *, seed: int = 0, batch_tokens: int = BATCH_TOKENS) -> None:
        """Load a model folder, an adapter folder or a hub model.

        Raises:
            ModelError: It cannot be loaded, or holds no safetensors.
        """
        import torch

        from trainer.models import tokenizer_source
        from trainer.weights import load_model

        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.tokenizer = load_tokenizer(tokenizer_source(checkpoint))
        dtype = "bfloat16" if self.device == "cuda" else "float32"
        self._model: Any = load_model(checkpoint, dtype, self.device)
        self._batch_tokens = batch_tokens
        torch.manual_seed(seed)

    def generate(
        self, prompts: "Sequence[list[Message]]", *, max_new_tokens: int, temperature: float
    ) -> Iterator[tuple[int, Answer]]:
        """Yield (index into `prompts`, answer), batch by batch, longest prompts first.

        Longest first, so that a batch too large for the memory fails at once and not at the end.
        """
        texts = [prompt_text(self.tokenizer, messages) for messages in prompts]
        ids = self.tokenizer(texts, add_special_tokens=False)["input_ids"] if texts else []
        order = sorted(range(len(ids)), key=lambda index: -len(ids[index]))
        while order:
            per_prompt = len(ids[order[0]]) + max_new_tokens
            size = max(1, self._batch_tokens // per_prompt)
            batch, order = order[:size], order[size:]
            answers = self._answer([ids[index] for index in batch], max_new_tokens, temperature)
            yield from zip(batch, answers, strict=True)

    def _answer(
        self, prompts: list[list[int]], max_new_tokens: int, temperature: float
    ) -> list[Answer]:
        import torch

        began = time.monotonic()
        batch = self.tokenizer.pad({"input_ids": prompts}, return_tensors="pt").to(self.device)
        sampling: dict[str, Any] = {"do_sample": False}
        if temperature > 0:  # from all tokens, whatever the model's own defaults
            sampling = {"do_sample": True, "temperature": temperature, "top_p": 1.0, "top_k": 0}
        with torch.inference_mode():
            output = self._model.generate(
                **batch,
                max_new_tokens=max_new_tokens,
                pad_token_id=self.tokenizer.pad_token_id,
                **sampling,
            )
        width = batch["input_ids"].shape[1]
        completions = output[:, width:].tolist()  # (prompts, at most max_new_tokens)
        seconds = (time.monotonic() - began) / len(prompts)
        return [
            self._read(len(prompt), completion, max_new_tokens, seconds)
            for prompt, completion in zip(prompts, completions, strict=True)
        ]

    def _read(
        self, prompt_tokens: int, completion: list[int], max_new_tokens: int, seconds: float
    ) -> Answer:
        stops = self._stop_ids()
        end = next((place for place, token in enumerate(completion) if token in stops), None)
        tokens = len(completion) if end is None else end + 1
        text = self.tokenizer.decode(completion[:end], skip_special_tokens=True)
        finish: Literal["stop", "length"] = "length" if end is None else "stop"
        return Answer(str(text), prompt_tokens, tokens, seconds, finish)

    def _stop_ids(self) -> set[int]:
        declared = self._model.generation_config.eos_token_id
        many = declared if isinstance(declared, list) else [declared]
        return {token for token in [*many, self.tokenizer.eos_token_id] if token is not None}
