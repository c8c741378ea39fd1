"""A model of some fifty thousand parameters, a snapshot and a benchmark that fit it."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from curation.benchmarks import add_benchmark
from curation.snapshots import freeze
from curation.training_items import TrainingItem
from curation.trec import write_run
from tests.trainer.small import make_items, teach
from trainer.jobs import TrainSpec
from trainer.recipes import apply_overrides, load_recipe

# Read once, when huggingface_hub is imported: no test waits for a network that is not there.
os.environ["HF_HUB_OFFLINE"] = "1"
# Read when torch is imported, here and in the jobs: threads only hinder so small a model.
os.environ["OMP_NUM_THREADS"] = "1"

_CHAT = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Qwen3-shaped model with random weights, made from a config."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    bpe.train_from_iterator(
        [item.query + " ".join(item.texts) + item.chain for item in make_items(8)],
        trainers.BpeTrainer(
            vocab_size=400,
            special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        chat_template=_CHAT,
    )
    torch.manual_seed(0)
    model = Qwen3ForCausalLM(
        Qwen3Config(
            vocab_size=len(tokenizer),
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_key_value_heads=1,
            head_dim=16,
            max_position_embeddings=1024,
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
    folder = tmp_path_factory.mktemp("models") / "tiny"
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def taught_model(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model after a few passes over the items: some of its answers are right, some not."""
    return teach(tiny_model, tmp_path_factory.mktemp("models") / "taught")


@pytest.fixture
def make_snapshot(tmp_path: Path) -> Callable[[list[TrainingItem]], Path]:
    """Freeze items as a snapshot and return its folder."""

    def make(items: list[TrainingItem]) -> Path:
        root = tmp_path / "snapshots"
        root.mkdir(exist_ok=True)
        manifest = freeze(
            root,
            items,
            ranking_ids={item.item_id: "" for item in items},
            batch_id="b",
            name="small",
            selection={},
            cut=0.4,
            approved_by="ada",
        )
        return root / manifest.snapshot_id

    return make


@pytest.fixture
def snapshot(make_snapshot: Callable[[list[TrainingItem]], Path]) -> Path:
    """A snapshot of 24 items."""
    return make_snapshot(make_items(24))


@pytest.fixture
def train_spec(snapshot: Path, tiny_model: Path) -> Callable[..., TrainSpec]:
    """Make a training job's spec from a demo recipe and overrides."""

    def make(recipe: str, overrides: list[str], base: Path | str = tiny_model) -> TrainSpec:
        return TrainSpec(
            name="small",
            snapshot=snapshot,
            base=str(base),
            recipe_name=recipe,
            recipe=apply_overrides(load_recipe(recipe), overrides),
        )

    return make


@pytest.fixture
def benchmark(tmp_path: Path) -> Path:
    """Five queries with six candidates each, one of them relevant; the last has two candidates."""
    source = tmp_path / "benchmark-files"
    source.mkdir()
    numbers = range(5)
    (source / "queries.tsv").write_text(
        "".join(f"q{n}\twhich note is on number {n + 3}?\n" for n in numbers)
    )
    (source / "passages.jsonl").write_text(
        "".join(
            json.dumps({"_id": f"d/{n} {p}", "text": f"note {p} on number {n + p}"}) + "\n"
            for n in numbers
            for p in range(6)
        )
    )
    (source / "qrels.txt").write_text("".join(f"q{n}\t0\td/{n} 3\t1\n" for n in numbers))
    write_run(
        source / "run.txt",
        {f"q{n}": [f"d/{n} {p}" for p in range(2 if n == 4 else 6)] for n in numbers},
        "bm25",
    )
    root = tmp_path / "benchmarks"
    root.mkdir()
    manifest = add_benchmark(
        root,
        "small",
        queries=source / "queries.tsv",
        passages=source / "passages.jsonl",
        qrels=source / "qrels.txt",
        run=source / "run.txt",
    )
    return root / manifest.benchmark_id
