"""The tokens by which options are told apart, where the model's tokenizer is at hand."""

import hashlib
from collections.abc import Sequence
from typing import Any

from trainer.errors import EngineError


def template_digest(tokenizer: Any) -> str:
    """Return a short hash of a tokenizer's chat template, which decides what a model reads."""
    return hashlib.sha256(str(tokenizer.chat_template).encode()).hexdigest()[:12]


def encode(tokenizer: Any, text: str) -> list[int]:
    """Return the tokens of a text that already holds its special ones."""
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def first_tokens(tokenizer: Any, text: str, options: Sequence[str], model: str) -> list[int]:
    """Return the token with which each option goes on where the text ends.

    Args:
        model: What an error calls it.

    Raises:
        EngineError: Two options begin with the same token.
    """
    ids = encode(tokenizer, text)
    first = []
    for option in options:
        longer = encode(tokenizer, text + option)
        goes_on = longer[: len(ids)] == ids and len(longer) > len(ids)
        # Otherwise the text's last token would swallow it.
        first.append(longer[len(ids)] if goes_on else encode(tokenizer, option)[0])
    if len(set(first)) < len(first):
        raise alike(options, model)
    return first


def alike(options: Sequence[str], model: str) -> EngineError:
    """Return the error that says that options begin alike."""
    return EngineError(
        f"Two of the options {', '.join(options)} begin with the same token of {model}, so their "
        "probabilities cannot be told apart: take other labels (letters for passages), or a "
        "strategy that lets the model write."
    )
