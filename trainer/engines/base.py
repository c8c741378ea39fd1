"""What every engine offers: answers to chat prompts, and how likely given next tokens are."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from curation.prompts import Message


@dataclass(frozen=True, slots=True)
class Prompt:
    """A chat prompt, and how the model's own turn begins.

    Attributes:
        prefill: Text that stands at the start of the model's turn; it goes on from there.
        enable_thinking: Told to the chat template, where it has such a switch (Qwen3's); None
            leaves it out.
    """

    messages: "list[Message]"
    prefill: str = ""
    enable_thinking: bool | None = None


@dataclass(frozen=True, slots=True)
class Sampling:
    """How an answer is drawn; greedy at temperature 0.

    Attributes:
        top_k: 0 keeps all tokens.
        min_p: Tokens less likely than this share of the likeliest one are left out; 0 keeps all.
        seed: Fixes the draw where the engine can fix one request's draw (openai, vllm).
        stop: Generation ends before the first of these.
        logprobs: Whether answers tell how likely each of their tokens was.
        keeps_empty: An answer without words is kept as it came; otherwise an endpoint is asked a
            few times before that.
    """

    max_new_tokens: int
    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    seed: int = 0
    stop: tuple[str, ...] = ()
    logprobs: bool = False
    keeps_empty: bool = False

    def limited(self, max_new_tokens: int, stop: tuple[str, ...] = ()) -> "Sampling":
        """Return the same with another limit, and stops of its own."""
        return replace(self, max_new_tokens=max_new_tokens, stop=stop)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model wrote for one prompt.

    Attributes:
        text: The whole turn, prefill included, with the chain in a think block.
        seconds: Wall time of the request; of a batch, the share of one prompt.
        finish_reason: `length` when the token limit ended it, `stop` when the model did.
        model: What answered; see `EngineInfo`.
        chat_template: Where the chat template came from; see `EngineInfo`.
        logprobs: Natural logarithm of the probability of each token that was written, before any
            temperature; empty where nobody asked, or the answer was streamed.
    """

    text: str
    prompt_tokens: int
    completion_tokens: int
    seconds: float
    finish_reason: Literal["stop", "length"]
    model: str = ""
    chat_template: str = ""
    logprobs: tuple[float, ...] = ()

    def continued(self, later: "Answer") -> "Answer":
        """Return this answer and the one that went on from it as one."""
        return Answer(
            later.text,
            self.prompt_tokens + later.prompt_tokens,
            self.completion_tokens + later.completion_tokens,
            self.seconds + later.seconds,
            later.finish_reason,
            self.model,
            self.chat_template,
            self.logprobs + later.logprobs,
        )


@dataclass(frozen=True, slots=True)
class NextTokens:
    """How likely each option is to come next.

    Attributes:
        logprobs: Natural logarithm of the probability of each option's first token, in the
            options' order.
    """

    logprobs: tuple[float, ...]
    prompt_tokens: int
    seconds: float


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """What answered, kept with every evaluation.

    Attributes:
        engine: `transformers`, `openai` or `vllm`.
        chat_template: Where the chat template came from: the checkpoint's, by hash, or the
            server's own.
        served_by: Base URLs of the endpoints; empty for the embedded engine.
    """

    engine: str
    model: str
    chat_template: str
    served_by: tuple[str, ...] = field(default=())


class Engine(Protocol):
    """Anything that answers chat prompts.

    Attributes:
        in_flight: Calls that it takes at once with profit; callers keep to it.
    """

    info: EngineInfo
    in_flight: int

    async def generate(self, prompt: Prompt, sampling: Sampling, *, n: int = 1) -> list[Answer]:
        """Return `n` answers.

        Raises:
            EngineError: It cannot be answered.
        """
        ...

    async def stream(
        self, prompt: Prompt, sampling: Sampling, on_text: Callable[[str], None]
    ) -> Answer:
        """Return one answer, and tell the turn so far (prefill included) whenever it has grown.

        A request that is repeated begins anew. Cancelling ends the generation.

        Args:
            on_text: May be called from another thread.

        Raises:
            EngineError: It cannot be answered.
        """
        ...

    async def score_next(self, prompt: Prompt, options: Sequence[str]) -> NextTokens:
        """Return how likely each option's first token is to come next.

        Where all begin with the same token, the first in which they differ, after what they share.

        Raises:
            EngineError: Two options begin with the same token, or it cannot be answered.
        """
        ...

    def cut_passages(self, texts: Sequence[str], max_tokens: int) -> list[str]:
        """Return each text up to the end of its token number `max_tokens`."""
        ...

    async def close(self) -> None:
        """Let go of what the engine holds: memory, connections, a server."""
        ...
