"""A streamed completion put together again, so that it is read as one that came whole."""

from collections.abc import AsyncIterable, Callable
from typing import Any, TypeVar

from openai.types import Completion
from openai.types.chat import ChatCompletion, ChatCompletionMessage

from trainer.engines.endpoints import UnusableAnswerError

K = TypeVar("K", ChatCompletion, Completion)
_CHAINS = ("reasoning_content", "reasoning")  # DeepSeek's name for it, and vLLM's


async def gather(
    chunks: AsyncIterable[Any], kind: type[K], heard: Callable[[ChatCompletionMessage], None]
) -> K:
    """Return the completion whose chunks these are.

    Args:
        heard: Told the message so far whenever it has grown; of a plain completion, its text as
            the message's content.

    Raises:
        UnusableAnswerError: The stream ended before the answer did.
    """
    chain = content = ""
    finish = model = usage = None
    async for chunk in chunks:
        model = getattr(chunk, "model", None) or model
        usage = getattr(chunk, "usage", None) or usage
        for choice in chunk.choices:
            delta = getattr(choice, "delta", None)
            new = choice.text if kind is Completion else getattr(delta, "content", None)
            extra = getattr(delta, "model_extra", None) or {}
            thought = next((extra[name] for name in _CHAINS if extra.get(name)), "")
            content, chain = content + (new or ""), chain + thought
            finish = choice.finish_reason or finish
            if new or thought:
                heard(_message(content, chain))
    if finish is None:
        raise UnusableAnswerError("ended its stream before the answer was whole")
    message = _message(content, chain)
    choice = {"index": 0, "finish_reason": finish, "message": message, "text": content}
    usage = usage and usage.to_dict()
    return kind.construct(id="", created=0, model=model, choices=[choice], usage=usage)


def _message(content: str, chain: str) -> ChatCompletionMessage:
    return ChatCompletionMessage.construct(
        role="assistant", content=content, reasoning_content=chain
    )
