"""An endpoint that answers every chat at once, or after a set time; in a process of its own.

    python bench/instant_endpoint.py MODEL PASSAGES [SECONDS]

Prints its base URL and serves until its input ends; then it prints how many requests it had in hand
at most. A question that shows a gold answer gets labels, any other a chain and an order.
"""

import asyncio
import json
import sys


def reply(model: str, text: str, chain: str) -> bytes:
    # DeepSeek's name of the chain, and vLLM's.
    said = {"content": text, "reasoning_content": chain, "reasoning": chain}
    message = {"role": "assistant", **said}
    body = json.dumps(
        {
            "id": "x",
            "object": "chat.completion",
            "created": 0,
            "model": model,
            "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
            "usage": {"prompt_tokens": 800, "completion_tokens": 300, "total_tokens": 1100},
        }
    ).encode()
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    return head % len(body) + body


class Endpoint:
    """What all connections share."""

    def __init__(self, model: str, passages: int, seconds: float) -> None:
        self.seconds = seconds
        self.in_hand = self.most = 0
        order = " > ".join(f"[{number}]" for number in range(1, passages + 1))
        self.labels = reply(model, "[1] [3]", "")
        chain = "The query needs one thing, and passage [1] gives it. " * 30
        self.order = reply(model, f"<answer>{order}</answer>", chain)


class Connection(asyncio.Protocol):
    """One client's connection: a byte parser, which takes next to no time."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._data = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what answers are written to."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer every request that is whole."""
        self._data += data
        while (end := self._data.find(b"\r\n\r\n")) >= 0:
            head = self._data[:end].lower()
            at = head.find(b"content-length:")
            size = int(head[at + 15 :].split(b"\r\n")[0]) if at >= 0 else 0
            if len(self._data) < end + 4 + size:
                return
            body, self._data = self._data[end + 4 : end + 4 + size], self._data[end + 4 + size :]
            self._take(self._endpoint.labels if b"Solution:" in body else self._endpoint.order)

    def _take(self, answer: bytes) -> None:
        endpoint = self._endpoint
        endpoint.in_hand += 1
        endpoint.most = max(endpoint.most, endpoint.in_hand)
        if endpoint.seconds:
            asyncio.get_running_loop().call_later(endpoint.seconds, self._send, answer)
        else:
            self._send(answer)

    def _send(self, answer: bytes) -> None:
        self._endpoint.in_hand -= 1
        assert self._transport is not None
        self._transport.write(answer)


async def main(model: str, passages: str, seconds: str = "0") -> None:
    endpoint = Endpoint(model, int(passages), float(seconds))
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(endpoint), "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    print(endpoint.most, flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
