import asyncio
import math
import threading
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from trainer.engines.base import Answer, Prompt, Sampling
from trainer.engines.next_tokens import encode
from trainer.engines.transformers import TransformersEngine
from trainer.errors import EngineError

GREEDY = Sampling(max_new_tokens=8)


def prompt(text: str, prefill: str = "") -> Prompt:
    return Prompt([{"role": "user", "content": text}], prefill)


def ask(engine: TransformersEngine, *prompts: Prompt, sampling: Sampling = GREEDY) -> list[Answer]:
    """Ask all at the same time."""

    async def together() -> list[Answer]:
        found = await asyncio.gather(*(engine.generate(each, sampling) for each in prompts))
        return [answer for (answer,) in found]

    return asyncio.run(together())


@pytest.fixture(scope="module")
def engine(tiny_model: Path) -> TransformersEngine:
    return TransformersEngine(str(tiny_model))


def test_a_prompt_is_answered_in_any_batch_as_it_is_alone(engine, tiny_model):
    prompts = [prompt("note " * n) for n in (1, 9, 4, 30)]
    together = ask(engine, *prompts)
    one_by_one = TransformersEngine(str(tiny_model), batch_tokens=1)
    for each, answer in zip(prompts, together, strict=True):
        (alone,) = ask(one_by_one, each)
        assert alone.text == answer.text
        assert alone.prompt_tokens == answer.prompt_tokens
        assert answer.completion_tokens <= 8
        assert (answer.finish_reason == "length") == (answer.completion_tokens == 8)


def test_calls_that_wait_together_share_a_batch(engine, monkeypatch):
    sizes = []
    run = engine._generate

    def counted(batch):
        sizes.append(len(batch))
        return run(batch)

    monkeypatch.setattr(engine, "_generate", counted)
    ask(engine, *(prompt("note " * n) for n in range(1, 20)))
    assert sizes == [19]


def test_an_answer_begins_with_its_prefill(engine):
    plain, begun = ask(engine, prompt("note"), prompt("note", "<think>\n\n</think>\n"))
    assert begun.text.startswith("<think>\n\n</think>\n")
    assert begun.prompt_tokens > plain.prompt_tokens


def test_generation_stops_before_a_stop_text(taught_model):
    taught = TransformersEngine(str(taught_model))
    (free,) = ask(taught, prompt("note"), sampling=Sampling(max_new_tokens=60))
    assert " number" in free.text
    sampling = Sampling(max_new_tokens=60, stop=(" number",))
    (stopped,) = ask(taught, prompt("note"), sampling=sampling)
    assert stopped.text == free.text.partition(" number")[0]
    assert stopped.finish_reason == "stop"
    assert stopped.completion_tokens < free.completion_tokens


def test_samples_differ_and_repeat_with_their_seed(engine):
    def draw(seed: int) -> list[str]:
        sampling = Sampling(max_new_tokens=20, temperature=1.0, seed=seed)
        return [a.text for a in asyncio.run(engine.generate(prompt("note"), sampling, n=2))]

    assert draw(1) == draw(1) != draw(2)
    assert len(set(draw(1))) == 2


def test_an_answer_says_what_answered_and_how_likely_its_tokens_were(engine):
    import torch

    asked = replace(GREEDY, logprobs=True)
    prompts = [prompt("note"), prompt("note 1 on number 2")]
    for given, answer in zip(prompts, ask(engine, *prompts, sampling=asked), strict=True):
        assert len(answer.logprobs) == answer.completion_tokens
        assert (answer.model, answer.chat_template) == (
            engine.info.model,
            engine.info.chat_template,
        )
        (first, *_) = answer.logprobs
        with torch.inference_mode():
            ids = torch.tensor([encode(engine.tokenizer, engine._text(given))])
            likeliest = torch.log_softmax(engine._model(ids).logits[0, -1], -1).max().item()
        assert first == pytest.approx(likeliest, abs=1e-3)
    assert ask(engine, prompts[0])[0].logprobs == ()


def test_next_tokens_are_scored_as_the_model_s_own_distribution(engine):
    import torch

    given = prompt("note", "<answer>\n")
    options = ("yes", "no", "A")
    found = asyncio.run(engine.score_next(given, options))
    ids = encode(engine.tokenizer, engine._text(given))
    with torch.inference_mode():
        logits = engine._model(torch.tensor([ids])).logits[0, -1]
    expected = torch.log_softmax(logits, -1)
    tokens = [encode(engine.tokenizer, option)[0] for option in options]
    assert found.logprobs == pytest.approx([expected[t].item() for t in tokens], abs=1e-4)
    assert all(value < 0 and math.isfinite(value) for value in found.logprobs)


def test_what_all_options_begin_with_is_written_for_the_model(engine):
    # `[A]` is several tokens here, and the first of them is the bracket.
    options = ("[A]", "[B]", "[C]")
    assert len({encode(engine.tokenizer, option)[0] for option in options}) == 1
    found = asyncio.run(engine.score_next(prompt("note", "<answer>\n"), options))
    letters = asyncio.run(engine.score_next(prompt("note", "<answer>\n["), ("A", "B", "C")))
    assert found.logprobs == pytest.approx(letters.logprobs, abs=1e-5)
    assert found.prompt_tokens == letters.prompt_tokens


def test_options_that_begin_alike_are_refused(engine):
    with pytest.raises(EngineError, match="begin with the same token"):
        asyncio.run(engine.score_next(prompt("note"), ("note", "note 1")))


def test_a_failure_reaches_every_caller_and_not_the_next(engine, monkeypatch):
    monkeypatch.setattr(engine, "_generate", lambda batch: 1 / 0)

    async def both() -> list[object]:
        calls = (engine.generate(prompt(text), GREEDY) for text in ("a", "b"))
        return list(await asyncio.gather(*calls, return_exceptions=True))

    assert [type(result) for result in asyncio.run(both())] == [ZeroDivisionError] * 2
    monkeypatch.undo()
    assert ask(engine, prompt("a"))[0].text


def stream(engine, given, sampling):
    said: list[str] = []
    return asyncio.run(engine.stream(given, sampling, said.append)), said


def test_a_stream_grows_to_the_answer_that_is_given_whole(taught_model):
    taught = TransformersEngine(str(taught_model))
    sampling = Sampling(max_new_tokens=60)
    (whole,) = ask(taught, prompt("note", "<think>\n"), sampling=sampling)
    answer, said = stream(taught, prompt("note", "<think>\n"), sampling)
    assert (answer.text, answer.completion_tokens) == (whole.text, whole.completion_tokens)
    assert said[-1].rstrip() == answer.text.rstrip()
    assert len(set(said)) > 5
    for earlier, later in pairwise(said):
        assert later.startswith(earlier)


def test_a_cancelled_stream_ends_the_generation(engine, monkeypatch):
    ended = threading.Event()
    run = engine._generate

    def watched(*arguments):
        try:
            return run(*arguments)
        finally:
            ended.set()

    monkeypatch.setattr(engine, "_generate", watched)

    async def cancel_at_once() -> None:
        begun = asyncio.Event()
        loop = asyncio.get_running_loop()
        sampling = Sampling(max_new_tokens=100_000, temperature=1.0)
        task = asyncio.create_task(
            engine.stream(prompt("note"), sampling, lambda _: loop.call_soon_threadsafe(begun.set))
        )
        await begun.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(cancel_at_once())
    assert ended.wait(20)
