"""Any OpenAI-compatible endpoint: vLLM's server, DeepSeek, a gateway; several of them at once."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from os.path import commonprefix
from pathlib import Path
from typing import Any

from openai import AsyncOpenAI
from openai.types import Completion
from openai.types.chat import ChatCompletion

from trainer.engines.base import Answer, EngineInfo, NextTokens, Prompt, Sampling
from trainer.engines.batches import MOST_IN_A_FILE, BatchEndpoint
from trainer.engines.endpoints import Endpoints, Send, UnusableAnswerError, same_model
from trainer.engines.next_tokens import alike, first_tokens, template_digest
from trainer.engines.refusals import Refusals
from trainer.engines.streams import gather
from trainer.errors import EngineError
from trainer.models import load_tokenizer
from trainer.texts import begun_text, cut_passages, first_words

TIMEOUT_S = 600.0  # a long chain of a large model takes minutes
_TOP_LOGPROBS = 20  # the most that endpoints return
_BELOW_TOP = 0.7  # nats: a token that is not returned counts as half as likely as the last that is
_EMPTY_ASKS = 3  # of an answer that holds nothing; what it then holds is the model's answer
_GAVE_UP = ("abort", "error", "insufficient_system_resource")  # reasons to finish, the server's own


@dataclass(frozen=True, slots=True)
class _Turn:
    """What one request brought.

    Attributes:
        text: The model's whole turn.
        top: From alternatives for the first token to their log-probabilities.
        logprobs: Of the tokens written, where they were asked for.
    """

    text: str
    top: Mapping[str, float]
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int
    logprobs: tuple[float, ...]


class OpenAIEngine:
    """A model behind one or more OpenAI-compatible endpoints."""

    def __init__(
        self,
        base_urls: Sequence[str],
        model: str,
        *,
        api_key: str | None,
        in_flight: int = 32,
        timeout_s: float = TIMEOUT_S,
        tokenizer: str | None = None,
        backoff_s: float = 0.5,
        batch_log: Path | None = None,
    ) -> None:
        """Prepare clients; nothing is asked yet.

        Args:
            base_urls: Usually ending in `/v1`; all serve the same model.
            model: An answer by another model is a failure of its endpoint; see `same_model`.
            api_key: None where the endpoints want none.
            timeout_s: For one request, from sending to the whole answer.
            tokenizer: The model's folder or hub name, where the endpoints are vLLM's. Passages are
                then cut by its tokens, prefilled turns rendered here (many chat templates, Qwen3's
                among them, cannot go on with a turn that holds a think block), and options scored
                exactly, by token id. Without it the endpoint does all this as far as it can.
            backoff_s: The first pause before a call is repeated; see `Endpoints`.
            batch_log: Ask the first endpoint by batches, and write there what was sent.

        Raises:
            EngineError: A base URL is none, or holds a password or a query.
            ModelError: There is no such tokenizer.
        """
        self._endpoints: Endpoints | BatchEndpoint = (
            Endpoints(base_urls, model, api_key=api_key, timeout_s=timeout_s, backoff_s=backoff_s)
            if batch_log is None
            else BatchEndpoint(
                base_urls[0], api_key=api_key, timeout_s=timeout_s, log_path=batch_log
            )
        )
        self._refusals = Refusals()
        self.tokenizer = None if tokenizer is None else load_tokenizer(tokenizer)
        template = "the server's own"
        if self.tokenizer is not None:
            template += f", for prefilled turns {tokenizer}'s, {template_digest(self.tokenizer)}"
        self.info = EngineInfo("openai", model, template, tuple(base_urls))
        self.in_flight = in_flight if batch_log is None else MOST_IN_A_FILE

    @property
    def failures(self) -> dict[str, int]:
        """Attempts at the endpoints that failed and were repeated or given up, by kind."""
        return dict(self._endpoints.failures)

    def pace_repeats(self, wait: Callable[[], Awaitable[None]]) -> None:
        """Wait, before a request is repeated, for what is given."""
        if isinstance(self._endpoints, Endpoints):
            self._endpoints.before_repeat = wait

    @property
    def left_out(self) -> list[str]:
        """Parameters that an endpoint does not take, and was asked without."""
        return sorted(set().union(*self._refusals.left_out.values()))

    async def generate(self, prompt: Prompt, sampling: Sampling, *, n: int = 1) -> list[Answer]:
        """Return `n` answers, each by a request of its own; see `Engine`."""
        draws = [replace(sampling, seed=sampling.seed + number) for number in range(n)]
        return list(await asyncio.gather(*(self._generate(prompt, draw) for draw in draws)))

    async def stream(
        self, prompt: Prompt, sampling: Sampling, on_text: Callable[[str], None]
    ) -> Answer:
        """Return one answer, told as it grows; see `Engine`."""
        return await self._generate(prompt, sampling, on_text)

    async def score_next(self, prompt: Prompt, options: Sequence[str]) -> NextTokens:
        """Return how likely each option's first token is to come next; see `Engine`.

        Without a tokenizer only the 20 likeliest tokens are known, and `match_options` finds the
        options among them by their text. An option that is not there counts as half as likely as
        the last of the 20.
        """
        one: dict[str, Any] = {"max_tokens": 1, "temperature": 0}
        shared = commonprefix(options)
        if self.tokenizer is None:
            turn, seconds, logprobs = await self._likely(prompt, one, options)
            if shared and shared not in options and logprobs == [None] * len(options):
                # The label's bracket is a token of its own: it is written for the model.
                begun = replace(prompt, prefill=prompt.prefill + shared)
                rest = [option.removeprefix(shared) for option in options]
                turn, seconds, logprobs = await self._likely(begun, one, rest)
            remedy = "Give the served model's tokenizer where the endpoint is vLLM's"
        else:
            written = self._text(prompt)
            text, tokens = first_tokens(self.tokenizer, written, options, self.info.model)
            begun = replace(prompt, prefill=prompt.prefill + text.removeprefix(written))
            by_id = {"logprob_token_ids": tokens, "return_tokens_as_token_ids": True}
            request = self._completion(begun, one | {"logprobs": 1, "extra_body": by_id})
            turn, seconds = await self._endpoints.ask(request)
            logprobs = [turn.top.get(f"token_id:{token}") for token in tokens]
            remedy = "Leave the tokenizer out where the endpoint is not vLLM's"
        known = [value for value in logprobs if value is not None]
        if not known or (self.tokenizer and len(known) < len(options)):
            raise EngineError(
                f"{', '.join(self.info.served_by)} returned {len(turn.top)} log-probabilities of "
                f"next tokens for {self.info.model}, and {len(known)} of the options "
                f"{', '.join(options)} are among them. {remedy}, or take a strategy that lets the "
                "model write."
            )
        floor = min(turn.top.values()) - _BELOW_TOP
        values = tuple(floor if value is None else value for value in logprobs)
        return NextTokens(values, turn.prompt_tokens, seconds)

    async def _likely(
        self, prompt: Prompt, one: dict[str, Any], options: Sequence[str]
    ) -> tuple[_Turn, float, list[float | None]]:
        """Find options among the likeliest next tokens that an endpoint tells."""
        request = self._chat(prompt, one | {"logprobs": True, "top_logprobs": _TOP_LOGPROBS})
        turn, seconds = await self._endpoints.ask(request)
        return turn, seconds, match_options(options, turn.top)

    def cut_passages(self, texts: Sequence[str], max_tokens: int) -> list[str]:
        """Return each text up to the end of its token number `max_tokens`.

        Without a tokenizer, about so much; see `first_words`.
        """
        if self.tokenizer is not None:
            return cut_passages(self.tokenizer, texts, max_tokens)
        return [first_words(text, max_tokens) for text in texts]

    async def close(self) -> None:
        """Close the connections."""
        await self._endpoints.close()

    async def _generate(
        self, prompt: Prompt, sampling: Sampling, on_text: Callable[[str], None] | None = None
    ) -> Answer:
        settings: dict[str, Any] = {
            "max_tokens": sampling.max_new_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "seed": sampling.seed,
        }
        if sampling.stop:
            settings["stop"] = list(sampling.stop)
        own = {"top_k": sampling.top_k, "min_p": sampling.min_p}  # vLLM's, beside OpenAI's
        if any(own.values()):
            settings["extra_body"] = {name: value for name, value in own.items() if value > 0}
        if on_text is not None:
            settings |= {"stream": True, "stream_options": {"include_usage": True}}
        rendered_here = self.tokenizer is not None and prompt.prefill
        if sampling.logprobs:  # of a plain completion, a number of alternatives
            settings["logprobs"] = 1 if rendered_here else True
        request = (self._completion if rendered_here else self._chat)(prompt, settings, on_text)
        prompt_tokens = completion_tokens = 0  # an empty answer is paid for too
        for _ in range(_EMPTY_ASKS):
            turn, seconds = await self._endpoints.ask(request)
            prompt_tokens += turn.prompt_tokens
            completion_tokens += turn.completion_tokens
            whole = turn.finish_reason == "length" or _holds(turn.text, prompt.prefill)
            if whole or sampling.stop or sampling.keeps_empty:
                break
            self._endpoints.failures["empty answer"] += 1
        return Answer(
            turn.text,
            prompt_tokens,
            completion_tokens,
            seconds,
            "length" if turn.finish_reason == "length" else "stop",
            self.info.model,
            self.info.chat_template,
            turn.logprobs,
        )

    def _chat(
        self,
        prompt: Prompt,
        settings: dict[str, Any],
        on_text: Callable[[str], None] | None = None,
    ) -> Send[_Turn]:
        """Return a request that the endpoint renders."""
        messages: list[Any] = list(prompt.messages)
        if prompt.prefill:
            messages.append({"role": "assistant", "content": prompt.prefill})
            go_on = {"continue_final_message": True, "add_generation_prompt": False}  # vLLM's words
            settings = settings | {"extra_body": settings.get("extra_body", {}) | go_on}

        if prompt.enable_thinking is not None:
            switch = {"chat_template_kwargs": {"enable_thinking": prompt.enable_thinking}}
            settings = settings | {"extra_body": settings.get("extra_body", {}) | switch}

        body = _body(settings, model=self.info.model, messages=messages)

        async def send(client: AsyncOpenAI) -> _Turn:
            if on_text is None:
                reply = await self._refusals.post(client, "/chat/completions", body)
            else:

                def heard(message: Any) -> None:
                    on_text(_turn_text(prompt.prefill, message.to_dict(), "length"))

                stream: Any = await client.chat.completions.create(
                    model=self.info.model, messages=messages, **settings
                )
                reply = (await gather(stream, ChatCompletion, heard)).to_dict()
            choice = self._choice(reply)
            text = _turn_text(prompt.prefill, choice["message"], choice["finish_reason"])
            first = ((choice.get("logprobs") or {}).get("content") or [{}])[0]
            tops = first.get("top_logprobs") or []
            # Tokens may share a text; the likelier, which comes first, is kept.
            top = {each["token"]: each["logprob"] for each in reversed(tops)}
            return _turn(reply, choice, text, top)

        return send

    def _completion(
        self,
        prompt: Prompt,
        settings: dict[str, Any],
        on_text: Callable[[str], None] | None = None,
    ) -> Send[_Turn]:
        """Return a request that is rendered here, and goes on where the prefill ends."""
        text = self._text(prompt)
        whole = {"add_special_tokens": False}  # the template wrote them
        settings = settings | {"extra_body": settings.get("extra_body", {}) | whole}

        body = _body(settings, model=self.info.model, prompt=text)

        async def send(client: AsyncOpenAI) -> _Turn:
            if on_text is None:
                reply = await self._refusals.post(client, "/completions", body)
            else:

                def heard(message: Any) -> None:
                    on_text(prompt.prefill + message.content)

                stream: Any = await client.completions.create(
                    model=self.info.model, prompt=text, **settings
                )
                reply = (await gather(stream, Completion, heard)).to_dict()
            choice = self._choice(reply)
            top = ((choice.get("logprobs") or {}).get("top_logprobs") or [{}])[0]
            return _turn(reply, choice, prompt.prefill + choice["text"], top)

        return send

    def _choice(self, reply: Any) -> dict[str, Any]:
        # A proxy's error page comes back as text with status 200, and no exception.
        if not isinstance(reply, dict) or "choices" not in reply:
            raise UnusableAnswerError(f"answered with what is no completion: {reply!r:.200}")
        if not reply["choices"]:
            raise UnusableAnswerError("answered without any choice")
        model = reply.get("model")  # some gateways do not say
        if model and not same_model(self.info.model, model):
            raise UnusableAnswerError(
                f"answered as the model {model!r}; where that is another name of "
                f"{self.info.model!r}, ask for it by that name"
            )
        choice: dict[str, Any] = reply["choices"][0]
        if choice["finish_reason"] is None:
            raise UnusableAnswerError(
                "ended its answer without a finish_reason, so that it may not be whole"
            )
        if choice["finish_reason"] in _GAVE_UP:
            raise UnusableAnswerError(f"gave up midway ({choice['finish_reason']})")
        return choice

    def _text(self, prompt: Prompt) -> str:
        assert self.tokenizer is not None
        return begun_text(self.tokenizer, prompt.messages, prompt.prefill, prompt.enable_thinking)


def match_options(options: Sequence[str], top: Mapping[str, float]) -> list[float | None]:
    """Find each option's first token among returned ones, by their text.

    It is the longest token that the option begins with; the space that a token may begin with is
    ignored where there is no such token without one. A token that begins several options and is
    none of them, such as `[`, tells nothing.

    Args:
        top: From tokens to log-probabilities.

    Returns:
        None for options that are not found.

    Raises:
        EngineError: A token is one option and begins another.

    Example:
        >>> match_options(["A", "B", "C"], {"A": -0.1, " B": -3.0, "the": -4.0})
        [-0.1, -3.0, None]
    """
    by_likelihood = sorted(top.items(), key=lambda item: item[1])
    known = {token.lstrip(): value for token, value in by_likelihood} | dict(top)
    begins = [
        max((token for token in known if token and option.startswith(token)), key=len, default="")
        for option in options
    ]
    shared = {token for token, count in Counter(begins).items() if count > 1}
    if shared & set(options):
        raise alike(options, "the endpoint's model")
    return [known[token] if token and token not in shared else None for token in begins]


def _body(settings: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
    """Return what is sent: endpoint's own settings stand beside those that the API knows."""
    known = {key: value for key, value in settings.items() if key != "extra_body"}
    return {**fields, **known, **settings.get("extra_body", {})}


def _turn(
    reply: Mapping[str, Any], choice: Mapping[str, Any], text: str, top: Mapping[str, float]
) -> _Turn:
    usage = reply.get("usage") or {}
    return _Turn(
        text,
        top,
        choice["finish_reason"],
        usage.get("prompt_tokens") or 0,
        usage.get("completion_tokens") or 0,
        _chosen(choice.get("logprobs") or {}),
    )


def _chosen(logprobs: Mapping[str, Any]) -> tuple[float, ...]:
    """Return the log-probabilities of the tokens written, of a chat or of a plain completion."""
    chat = [token["logprob"] for token in logprobs.get("content") or []]
    return tuple(chat or logprobs.get("token_logprobs") or [])


def _turn_text(prefill: str, message: Mapping[str, Any], finish_reason: str) -> str:
    """Return a turn with its chain in a think block.

    The chain comes in a field of its own (DeepSeek calls it `reasoning_content`, vLLM
    `reasoning`), or inline; inline it stays as the model wrote it.
    """
    chain = str(message.get("reasoning_content") or message.get("reasoning") or "").strip("\n")
    content = str(message.get("content") or "")
    if not chain:
        return prefill + content
    begun = f"{prefill}{chain}" if prefill else f"<think>\n{chain}"
    if not content and (prefill or finish_reason == "length"):
        return begun  # an answer that was taken for a chain, or a chain that the limit cut
    answer = content.lstrip("\n")
    return f"{begun}\n</think>\n{answer}"


def _holds(turn: str, prefill: str) -> bool:
    """Say whether a turn holds an answer, whatever it is: anything after its chain."""
    return bool(turn.removeprefix(prefill).rpartition("</think>")[2].strip())
