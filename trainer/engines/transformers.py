"""The embedded engine: transformers' own generation, which runs everywhere.

Calls that wait at the same time share a left-padded batch, longest prompts first; while a batch
runs, the next one gathers. Greedy at temperature 0.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar

from trainer.engines.base import Answer, EngineInfo, NextTokens, Prompt, Sampling
from trainer.engines.next_tokens import encode, first_tokens, template_digest
from trainer.models import load_tokenizer, tokenizer_source
from trainer.texts import begun_text, cut_passages

# Prompt and answer tokens of one batch, padding included. Bounds the key-value cache: 64 Ki tokens
# are 3.5 GiB for a 7B model of Qwen2.5's shape.
BATCH_TOKENS = 65_536
IN_FLIGHT = 512  # waiting calls cost nothing here, and the more wait, the fuller the batches
T = TypeVar("T")
_GATHERING = 20  # turns of the event loop in which callers that are ready join a batch


@dataclass(slots=True)
class _Waiting:
    """A call on its way: what is generated, or (without sampling) scored."""

    ids: list[int]
    prefill: str
    sampling: Sampling | None
    options: tuple[int, ...]
    done: asyncio.Future[Any]

    @property
    def kind(self) -> tuple[object, ...]:
        """What calls must share to share a batch: all but the seed."""
        return () if self.sampling is None else (replace(self.sampling, seed=0),)

    @property
    def size(self) -> int:
        """Tokens that it takes in a batch."""
        return len(self.ids) + (self.sampling.max_new_tokens if self.sampling else 0)


class TransformersEngine:
    """A checkpoint in this process, on a GPU in bfloat16 where there is one, else in float32."""

    def __init__(self, checkpoint: str, *, batch_tokens: int = BATCH_TOKENS) -> None:
        """Load a model folder, an adapter folder or a hub model.

        Raises:
            ModelError: It cannot be loaded, or holds no safetensors.
        """
        import torch

        from trainer.weights import load_model

        device = "cuda" if torch.cuda.is_available() else "cpu"
        self.tokenizer = load_tokenizer(tokenizer_source(checkpoint))
        self._model: Any = load_model(
            checkpoint, "bfloat16" if device == "cuda" else "float32", device
        )
        template = f"the checkpoint's, {template_digest(self.tokenizer)}"
        self.info = EngineInfo("transformers", checkpoint, template)
        self.in_flight = IN_FLIGHT
        self._batch_tokens = batch_tokens
        self._pending: list[_Waiting] = []
        self._worker: asyncio.Task[None] | None = None
        self._cancelled = False

    async def generate(self, prompt: Prompt, sampling: Sampling, *, n: int = 1) -> list[Answer]:
        """Return `n` answers; see `Engine`."""
        ids = encode(self.tokenizer, self._text(prompt))
        calls = [self._submit(ids, prompt.prefill, sampling, ()) for _ in range(n)]
        return list(await asyncio.gather(*calls))

    async def stream(
        self, prompt: Prompt, sampling: Sampling, on_text: Callable[[str], None]
    ) -> Answer:
        """Return one answer, told as it grows; see `Engine`.

        It shares no batch, so that it may be asked from several event loops.
        """
        done = asyncio.get_running_loop().create_future()
        call = _Waiting(
            encode(self.tokenizer, self._text(prompt)), prompt.prefill, sampling, (), done
        )
        stop = threading.Event()
        try:
            (answer,) = await _apart(lambda: self._generate([call], on_text, stop))
        finally:
            stop.set()  # where it was cancelled, the thread ends at its next token
        return answer

    async def score_next(self, prompt: Prompt, options: Sequence[str]) -> NextTokens:
        """Return how likely each option's first token is to come next; see `Engine`."""
        text, first = first_tokens(self.tokenizer, self._text(prompt), options, self.info.model)
        ids = encode(self.tokenizer, text)
        found: NextTokens = await self._submit(ids, "", None, tuple(first))
        return found

    def cut_passages(self, texts: Sequence[str], max_tokens: int) -> list[str]:
        """Return each text up to the end of its token number `max_tokens`."""
        return cut_passages(self.tokenizer, texts, max_tokens)

    async def close(self) -> None:
        """Let the weights go."""
        import torch

        if self._worker is not None:
            self._worker.cancel()
        self._model = None
        torch.cuda.empty_cache()

    def _text(self, prompt: Prompt) -> str:
        return begun_text(self.tokenizer, prompt.messages, prompt.prefill, prompt.enable_thinking)

    async def _submit(
        self, ids: list[int], prefill: str, sampling: Sampling | None, options: tuple[int, ...]
    ) -> Any:
        done = asyncio.get_running_loop().create_future()
        self._pending.append(_Waiting(ids, prefill, sampling, options, done))
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work())
        return await done

    async def _work(self) -> None:
        """Answer batch after batch until nobody waits."""
        while self._pending:
            for _ in range(_GATHERING):
                await asyncio.sleep(0)
            batch = self._take()
            if not batch:
                continue
            run: Callable[[list[_Waiting]], Sequence[object]] = (
                self._score if batch[0].sampling is None else self._generate
            )
            try:
                results = await asyncio.to_thread(run, batch)
            except asyncio.CancelledError:
                self._cancelled = True  # the thread ends at its next token
                raise
            except Exception as error:  # noqa: BLE001 - it belongs to those who asked
                for call in batch:
                    if not call.done.done():
                        call.done.set_exception(error)
                continue
            for call, result in zip(batch, results, strict=True):
                if not call.done.done():
                    call.done.set_result(result)

    def _take(self) -> list[_Waiting]:
        """Take the longest call that waits, and those of its kind that fit one batch with it."""
        self._pending = [call for call in self._pending if not call.done.done()]  # cancelled
        waiting = sorted(self._pending, key=lambda call: -call.size)
        alike = [call for call in waiting if call.kind == waiting[0].kind]
        size = max(1, self._batch_tokens // waiting[0].size) if waiting else 0
        batch = alike[:size]
        taken = {id(call) for call in batch}
        self._pending = [call for call in self._pending if id(call) not in taken]
        return batch

    def _generate(
        self,
        batch: list[_Waiting],
        on_text: Callable[[str], None] | None = None,
        stop: threading.Event | None = None,
    ) -> list[Answer]:
        """Answer a batch; with `on_text` it holds one call, which is told as it grows."""
        import torch
        from transformers import StoppingCriteriaList

        began = time.monotonic()
        sampling = batch[0].sampling
        assert sampling is not None

        def cancelled(ids: torch.Tensor, _: object, **__: object) -> torch.Tensor:
            ended = self._cancelled or (stop is not None and stop.is_set())
            return torch.full((len(ids),), ended, device=ids.device)

        drawn: dict[str, Any] = {"do_sample": False}
        if sampling.temperature > 0:  # from all tokens, whatever the model's own defaults
            torch.manual_seed(sampling.seed)
            drawn = {
                "do_sample": True,
                "temperature": sampling.temperature,
                "top_p": sampling.top_p,
                "top_k": sampling.top_k,
                "min_p": sampling.min_p or None,
            }
        if sampling.stop:
            drawn |= {"stop_strings": list(sampling.stop), "tokenizer": self.tokenizer}
        if on_text is not None:
            drawn["streamer"] = _streamer(self.tokenizer, batch[0].prefill, on_text)
        if sampling.logprobs:
            drawn["output_logits"] = True
        inputs = self._padded(batch)
        with torch.inference_mode():
            output = self._model.generate(
                **inputs,
                max_new_tokens=sampling.max_new_tokens,
                pad_token_id=self.tokenizer.pad_token_id,
                stopping_criteria=StoppingCriteriaList([cancelled]),
                return_dict_in_generate=True,
                **drawn,
            )
        width = inputs["input_ids"].shape[1]
        written = output.sequences[:, width:]  # (calls, at most max_new_tokens)
        logprobs: list[list[float]] = [[] for _ in batch]
        if sampling.logprobs:
            steps = [
                torch.log_softmax(logits.float(), -1).gather(-1, written[:, step, None])
                for step, logits in enumerate(output.logits)
            ]
            logprobs = torch.cat(steps, dim=1).tolist()
        seconds = (time.monotonic() - began) / len(batch)
        return [
            self._read(call, completion, sampling, seconds, each)
            for call, completion, each in zip(batch, written.tolist(), logprobs, strict=True)
        ]

    def _score(self, batch: list[_Waiting]) -> list[NextTokens]:
        import torch

        began = time.monotonic()
        with torch.inference_mode():
            logits = self._model(**self._padded(batch), logits_to_keep=1).logits
        logprobs = torch.log_softmax(logits[:, -1].float(), dim=-1)  # (calls, vocabulary)
        seconds = (time.monotonic() - began) / len(batch)
        return [
            NextTokens(tuple(row[list(call.options)].tolist()), len(call.ids), seconds)
            for call, row in zip(batch, logprobs, strict=True)
        ]

    def _padded(self, batch: list[_Waiting]) -> Any:
        ids = [call.ids for call in batch]
        return self.tokenizer.pad({"input_ids": ids}, return_tensors="pt").to(self._model.device)

    def _read(
        self,
        call: _Waiting,
        completion: list[int],
        sampling: Sampling,
        seconds: float,
        logprobs: list[float],
    ) -> Answer:
        stops = self._stop_ids()
        end = next((place for place, token in enumerate(completion) if token in stops), None)
        tokens = len(completion) if end is None else end + 1
        text = str(self.tokenizer.decode(completion[:end], skip_special_tokens=True))
        finish: Literal["stop", "length"] = "length" if end is None else "stop"
        for stop in sampling.stop:
            before, found, _ = text.partition(stop)
            if found:
                text, finish = before, "stop"
        return Answer(
            call.prefill + text,
            len(call.ids),
            tokens,
            seconds,
            finish,
            self.info.model,
            self.info.chat_template,
            tuple(logprobs[:tokens]),
        )

    def _stop_ids(self) -> set[int]:
        declared = self._model.generation_config.eos_token_id
        many = declared if isinstance(declared, list) else [declared]
        return {token for token in [*many, self.tokenizer.eos_token_id] if token is not None}


def _streamer(tokenizer: Any, prefill: str, on_text: Callable[[str], None]) -> Any:
    """Return what transformers tells new tokens to; it waits for words to be whole."""
    from transformers import TextStreamer

    class Streamer(TextStreamer):
        """Tells the text so far instead of printing what is new."""

        said = prefill

        def on_finalized_text(self, text: str, stream_end: bool = False) -> None:
            self.said += text
            on_text(self.said)

    return Streamer(tokenizer, skip_prompt=True, skip_special_tokens=True)


async def _apart(run: Callable[[], T]) -> T:
    """Return what `run` returns, in a thread that does not keep the process from ending."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def tell(result: T | None, error: Exception | None) -> None:
        if done.done():
            return  # cancelled
        if error is None:
            done.set_result(result)  # type: ignore[arg-type]
        else:
            done.set_exception(error)

    def work() -> None:
        result = error = None
        try:
            result = run()
        except Exception as raised:  # noqa: BLE001 - it belongs to who asked
            error = raised
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(tell, result, error)

    threading.Thread(target=work, daemon=True).start()
    return await done
