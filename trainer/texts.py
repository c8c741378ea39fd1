"""Prompts measured and passages cut by the model's own tokenizer."""

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from curation.prompts import Message


_THINK = "<think>"
_BEGUN = re.compile(r"<think>\s*(</think>\s*)?$")
_TOKENS_OF_WORDS = 4 / 3  # so many tokens has a word of English prose
_BYTES_COUNTED, _BYTES_CUT = 3, 6


def rough_tokens(text: str) -> float:
    """Guess how many tokens a text has, rather too many than too few.

    Four for every three words, as English prose has; at least one for every three bytes of UTF-8,
    for code and for scripts without spaces.

    Example:
        >>> rough_tokens("to be or not to be"), rough_tokens("生存还是毁灭")
        (8.0, 6.0)
    """
    size = len(text.encode("utf-8", "surrogatepass"))
    return max(len(text.split()) * _TOKENS_OF_WORDS, size / _BYTES_COUNTED)


def token_counter(tokenizer: "PreTrainedTokenizerBase | None") -> Callable[[str], float]:
    """Return what counts a text's tokens: by the model's tokenizer where one is known."""
    if tokenizer is None:
        return rough_tokens
    return lambda text: float(count_tokens(tokenizer, text))


def first_words(text: str, max_tokens: int) -> str:
    """Return a text's beginning, about so many tokens long, cut between words.

    Three words for every four tokens; a text with few spaces ends after six bytes for each token,
    which English prose does not reach.
    """
    words = text.split(maxsplit=(most := max(1, int(max_tokens / _TOKENS_OF_WORDS))))
    cut = text if len(words) <= most else text[: -len(words[-1])].rstrip()
    bytes_ = cut.encode("utf-8", "surrogatepass")
    if len(bytes_) <= _BYTES_CUT * max_tokens:
        return cut
    return bytes_[: _BYTES_CUT * max_tokens].decode("utf-8", "ignore").rstrip()


def cut_passages(
    tokenizer: "PreTrainedTokenizerBase", texts: Sequence[str], max_tokens: int
) -> list[str]:
    """Return each text up to the end of its token number `max_tokens`; shorter ones unchanged."""
    if not texts:
        return []
    encoded = tokenizer(
        list(texts),
        add_special_tokens=False,
        truncation=True,
        max_length=max_tokens,
        return_offsets_mapping=True,
    )
    return [
        text if len(offsets) < max_tokens else text[: offsets[-1][1]]
        for text, offsets in zip(texts, encoded["offset_mapping"], strict=True)
    ]


def token_spans(tokenizer: "PreTrainedTokenizerBase", text: str) -> list[tuple[int, int]]:
    """Return the (start, end) in characters of each of a text's tokens."""
    encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    return [(int(start), int(end)) for start, end in encoded["offset_mapping"]]


def prompt_text(
    tokenizer: "PreTrainedTokenizerBase",
    messages: "list[Message]",
    enable_thinking: bool | None = None,
) -> str:
    """Return the messages as the model reads them, up to where its answer begins."""
    switch: dict[str, Any] = {}
    if enable_thinking is not None:
        switch["enable_thinking"] = enable_thinking
    return str(
        tokenizer.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=True, **switch
        )
    )


def begun_text(
    tokenizer: "PreTrainedTokenizerBase",
    messages: "list[Message]",
    prefill: str,
    enable_thinking: bool | None = None,
) -> str:
    """Return the messages and the beginning of the model's turn, as the model reads them.

    Some chat templates (R1's distillates among them) open the think block by themselves, or write
    an empty one (Qwen3's, without thinking); a turn that begins with one has it once.

    Args:
        enable_thinking: Told to the chat template; None leaves it out.
    """
    text = prompt_text(tokenizer, messages, enable_thinking)
    if prefill.startswith(_THINK):
        text = _BEGUN.sub("", text)
    return text + prefill


def count_tokens(tokenizer: "PreTrainedTokenizerBase", text: str) -> int:
    """Count the tokens of a text that already holds its special tokens."""
    return len(tokenizer(text, add_special_tokens=False)["input_ids"])
