"""An endpoint that answers every chat with the same ranking, at once; in a process of its own.

    python bench/instant_endpoint.py MODEL

Prints its base URL, and serves until its input ends.
"""

import asyncio
import json
import re
import sys
from contextlib import suppress

ANSWER = "<think>x</think><answer>[2] > [1] > [3] > [4] > [5] > [6]</answer>"


def reply(model: str) -> bytes:
    choice = {"role": "assistant", "content": ANSWER, "reasoning": None}
    body = json.dumps(
        {
            "id": "x",
            "object": "chat.completion",
            "created": 1,
            "model": model,
            "choices": [{"index": 0, "finish_reason": "stop", "message": choice}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
        }
    ).encode()
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
    return head + b"Content-Length: %d\r\n\r\n" % len(body) + body


async def main() -> None:
    answer = reply(sys.argv[1])

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):  # the client is done
            while asked := await reader.readuntil(b"\r\n\r\n"):
                length = re.search(rb"content-length: *(\d+)", asked, re.IGNORECASE)
                await reader.readexactly(int(length[1]) if length else 0)
                writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
