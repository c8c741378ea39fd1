from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from curation.demo.world import World, build_world
from curation.prompts import load_template, render
from trainer.models import load_tokenizer
from trainer.tiny import build_tiny_model


@pytest.fixture(scope="module")
def world() -> World:
    return build_world(seed=0, n_items=60, n_benchmark=12)


@pytest.fixture(scope="module")
def folder(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("tiny")
    build_tiny_model(world.texts(), out, seed=0)
    return out


def test_it_is_a_qwen3_of_about_a_million_parameters(folder: Path):
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder)
    assert model.config.model_type == "qwen3"
    assert 0.5e6 < model.num_parameters() < 1.5e6
    assert model.config.vocab_size == len(load_tokenizer(str(folder)))


def test_it_lies_there_as_safetensors_alone(folder: Path):
    assert list(folder.glob("*.safetensors"))
    assert not [*folder.glob("*.bin"), *folder.glob("*.pt"), *folder.glob("*.pkl")]


def test_the_seed_decides_the_weights(folder: Path, world: World, tmp_path: Path):
    build_tiny_model(world.texts(), tmp_path / "same", seed=0)
    build_tiny_model(world.texts(), tmp_path / "other", seed=1)
    name = "model.safetensors"
    first, same = load_file(folder / name), load_file(tmp_path / "same" / name)
    other = load_file(tmp_path / "other" / name)
    assert first.keys() == same.keys()
    assert all(torch.equal(first[key], same[key]) for key in first)
    assert not all(torch.equal(first[key], other[key]) for key in first)
    tokenizers = [(each / "tokenizer.json").read_text() for each in (folder, tmp_path / "other")]
    assert tokenizers[0] == tokenizers[1]


def test_its_tokenizer_loses_nothing(folder: Path):
    tokenizer = load_tokenizer(str(folder))
    for text in (
        "Zoë's 7 crates – why?\n\n",
        "日本 🙂",
        "[2] > [1] [21]",
        "<answer>\n[3]</answer>",
    ):
        assert tokenizer.decode(tokenizer(text)["input_ids"]) == text


def test_tags_and_window_identifiers_are_single_tokens(folder: Path):
    tokenizer = load_tokenizer(str(folder))
    for text in ("<think>", "</think>", "<answer>", "</answer>", "[1]", "[8]", "[20]"):
        assert len(tokenizer(text)["input_ids"]) == 1, text


def test_tags_are_kept_when_special_tokens_are_skipped(folder: Path):
    tokenizer = load_tokenizer(str(folder))
    text = "<think>\n[1] fits.\n</think>\n<answer>\n[2] > [1]\n</answer>"
    ids = tokenizer(text + "<|im_end|>")["input_ids"]
    assert tokenizer.decode(ids, skip_special_tokens=True) == text
    assert ids[-1] == tokenizer.eos_token_id


def test_its_prompt_is_chatml_and_ends_where_the_answer_begins(folder: Path):
    tokenizer = load_tokenizer(str(folder))
    messages = [{"role": "user", "content": "Why?"}]
    prompt = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    assert prompt == "<|im_start|>user\nWhy?<|im_end|>\n<|im_start|>assistant\n"
    messages.append({"role": "assistant", "content": "So."})
    # TRL takes the completion to be what follows the prompt: one must begin with the other.
    whole = tokenizer.apply_chat_template(messages, tokenize=False)
    assert whole == prompt + "So.<|im_end|>\n"


def test_prompts_of_the_demo_world_are_short(folder: Path, world: World):
    tokenizer = load_tokenizer(str(folder))
    template = load_template("listwise-short")
    lengths = [
        len(
            tokenizer.apply_chat_template(
                render(template, item.query, [c.text for c in item.candidates]),
                add_generation_prompt=True,
            )["input_ids"]
        )
        for item in world.items
    ]
    assert max(lengths) < 450


def test_it_generates_from_a_left_padded_batch(folder: Path):
    from transformers import AutoModelForCausalLM

    tokenizer = load_tokenizer(str(folder))
    model = AutoModelForCausalLM.from_pretrained(folder)
    batch = tokenizer(["Why?", "A much longer question than that."], padding=True)
    ids = torch.tensor(batch["input_ids"])
    mask = torch.tensor(batch["attention_mask"])
    assert mask[0, 0] == 0
    with torch.inference_mode():
        both = model.generate(input_ids=ids, attention_mask=mask, max_new_tokens=4)
        alone = model.generate(**tokenizer(["Why?"], return_tensors="pt"), max_new_tokens=4)
    assert both[0, -4:].tolist() == alone[0, -4:].tolist()
