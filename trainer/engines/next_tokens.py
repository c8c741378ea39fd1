"""The tokens by which options are told apart, where the model's tokenizer is at hand."""

import hashlib
from collections.abc import Sequence
from os.path import commonprefix
from typing import Any

from trainer.errors import EngineError


def template_digest(tokenizer: Any) -> str:
    """Return a short hash of a tokenizer's chat template, which decides what a model reads."""
    return hashlib.sha256(str(tokenizer.chat_template).encode()).hexdigest()[:12]


def encode(tokenizer: Any, text: str) -> list[int]:
    """Return the tokens of a text that already holds its special ones."""
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def first_tokens(
    tokenizer: Any, text: str, options: Sequence[str], model: str
) -> tuple[str, list[int]]:
    """Return the token with which each option goes on where the text ends.

    Where options begin with the same token, what all of them begin with (the bracket of `[A]` and
    `[B]`) joins the text, and the tokens are of what follows, as RankLLM reads FIRST's letters.

    Args:
        model: What an error calls it.

    Returns:
        The text, and a token for each option.

    Raises:
        EngineError: Two options begin with the same token also then.
    """
    tokens = _next_tokens(tokenizer, text, options)
    shared = commonprefix(options)
    if len(set(tokens)) < len(tokens) and shared and shared not in options:
        text += shared
        tokens = _next_tokens(tokenizer, text, [o.removeprefix(shared) for o in options])
    if len(set(tokens)) < len(tokens):
        raise alike(options, model)
    return text, tokens


def _next_tokens(tokenizer: Any, text: str, options: Sequence[str]) -> list[int]:
    ids = encode(tokenizer, text)
    first = []
    for option in options:
        longer = encode(tokenizer, text + option)
        goes_on = longer[: len(ids)] == ids and len(longer) > len(ids)
        # Otherwise the text's last token would swallow it.
        first.append(longer[len(ids)] if goes_on else encode(tokenizer, option)[0])
    return first


def alike(options: Sequence[str], model: str) -> EngineError:
    """Return the error that says that options begin alike."""
    return EngineError(
        f"Two of the options {', '.join(options)} begin with the same token of {model}, so their "
        "probabilities cannot be told apart: take other labels (letters for passages), or a "
        "strategy that lets the model write."
    )
