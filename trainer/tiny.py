"""The tiny base model: Qwen3's architecture with about a million parameters, untrained.

It is made here from a configuration, with a tokenizer trained on the texts it will see, so that
trainers, rewards and engines run on a laptop exactly as they run on a 7B model.
"""

from collections.abc import Iterable
from pathlib import Path

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

VOCABULARY = 2048
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
    layers = 3
    model = Qwen3ForCausalLM(  # type: ignore[no-untyped-call]  # transformers has no hint there
        Qwen3Config(
            vocab_size=len(tokenizer),
            hidden_size=128,
            intermediate_size=256,
            num_hidden_layers=layers,
            num_attention_heads=4,
            num_key_value_heads=4,
            head_dim=32,
            max_position_embeddings=CONTEXT,
            initializer_range=0.06,  # about 1/sqrt(hidden); the default of 0.02 starts slowly
            tie_word_embeddings=True,
            # The first layer reads what is near, which is where a passage's words are; the large
            # base (as in released Qwen3 models) lets the others compare tokens far apart.
            use_sliding_window=True,
            sliding_window=32,
            layer_types=["sliding_attention"] + ["full_attention"] * (layers - 1),
            rope_parameters={"rope_type": "default", "rope_theta": 1e6},
            bos_token_id=None,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
    _start_by_matching(model)
    out.mkdir(parents=True, exist_ok=True)
    tokenizer.save_pretrained(out)
    model.save_pretrained(out)


@torch.no_grad()
def _start_by_matching(model: Qwen3ForCausalLM) -> None:
    """Let attention begin by finding equal tokens and copying what it finds.

    Trained models come to do so by themselves; a tiny one needs most of its steps for it. Values
    and outputs are transposes of each other (after Trockman and Kolter, arXiv 2305.09828), and past
    the first layer queries equal keys.
    """
    for number, layer in enumerate(model.model.layers):
        attention = layer.self_attn
        size = attention.v_proj.weight.shape[0]
        value = torch.nn.init.orthogonal_(torch.empty(size, size))
        attention.v_proj.weight.copy_(value)
        attention.o_proj.weight.copy_(0.3 * value.T)
        if number > 0:
            query = torch.nn.init.orthogonal_(torch.empty(size, size))
            attention.q_proj.weight.copy_(query)
            attention.k_proj.weight.copy_(query)
            attention.q_norm.weight.fill_(1.3)
            attention.k_norm.weight.fill_(1.3)


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
