"""The tiny base model: Qwen3's architecture with about a million parameters, untrained.

It is made here from a configuration, with a tokenizer trained on the texts it will see, so that
trainers, rewards and engines run on a laptop exactly as they run on a 7B model.
"""

from collections.abc import Iterable
from pathlib import Path

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

VOCABULARY = 3072
CONTEXT = 2048
_END_OF_TEXT, _TURN_START, _TURN_END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
# One token each: the tags, as in Qwen3, and the identifiers of a window, to keep sequences short.
_TAGS = ("<think>", "</think>", "<answer>", "</answer>", *(f"[{i}]" for i in range(1, 21)))

# ChatML, as Qwen models use it.
CHAT_TEMPLATE = (
    "{%- for message in messages -%}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{ '<|im_start|>assistant\n' }}{%- endif -%}"
)


def build_tiny_model(texts: Iterable[str], out: Path, *, seed: int) -> None:
    """Write an untrained model and its tokenizer to `out`, as safetensors.

    Args:
        texts: What the tokenizer is trained on.
        seed: Decides the weights.
    """
    tokenizer = _train_tokenizer(texts)
    torch.manual_seed(seed)
    model = Qwen3ForCausalLM(  # type: ignore[no-untyped-call]  # transformers has no hint there
        Qwen3Config(
            vocab_size=len(tokenizer),
            hidden_size=128,
            intermediate_size=256,
            num_hidden_layers=3,
            num_attention_heads=4,
            num_key_value_heads=4,
            head_dim=32,
            max_position_embeddings=CONTEXT,
            initializer_range=0.06,  # about 1/sqrt(hidden); the default of 0.02 starts slowly
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
    out.mkdir(parents=True, exist_ok=True)
    tokenizer.save_pretrained(out)
    model.save_pretrained(out)


def _train_tokenizer(texts: Iterable[str]) -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=VOCABULARY,
            special_tokens=[_END_OF_TEXT, _TURN_START, _TURN_END],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    tokenizer.add_tokens([AddedToken(tag, special=False, normalized=False) for tag in _TAGS])
    fast = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]  # likewise
        tokenizer_object=tokenizer,
        eos_token=_TURN_END,
        pad_token=_END_OF_TEXT,
        model_max_length=CONTEXT,
        padding_side="left",
        clean_up_tokenization_spaces=False,
    )
    fast.chat_template = CHAT_TEMPLATE
    return fast
