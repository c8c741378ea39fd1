"""The raw engine's side of `bench/rerank.py`, run by the Python of vLLM's environment.

    python bench/raw_side.py URL BODIES

Reads two numbers a line, sends so many of the request bodies with so many in flight, and answers
with a line of JSON: calls, seconds, prompt and generated tokens. A body is a line that is sent as
it stands, and of an answer the token counts alone are read, so that next to nothing but the engine
takes time.
"""

import asyncio
import json
import sys
import time
from pathlib import Path

import aiohttp


async def send(url: str, bodies: list[bytes], in_flight: int) -> dict[str, float]:
    waiting = iter(bodies)
    prompt_tokens = completion_tokens = 0

    async def sender(session: aiohttp.ClientSession) -> None:
        nonlocal prompt_tokens, completion_tokens
        for body in waiting:
            async with session.post(url, data=body) as answer:
                answer.raise_for_status()
                usage = json.loads(await answer.read())["usage"]
            prompt_tokens += usage["prompt_tokens"]
            completion_tokens += usage["completion_tokens"]

    async with aiohttp.ClientSession(
        headers={"Content-Type": "application/json"},
        connector=aiohttp.TCPConnector(limit=0),
        timeout=aiohttp.ClientTimeout(total=None),
    ) as session:
        began = time.monotonic()
        await asyncio.gather(*(sender(session) for _ in range(in_flight)))
        seconds = time.monotonic() - began
    return {
        "calls": len(bodies),
        "seconds": seconds,
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
    }


def main() -> None:
    url, path = sys.argv[1:]
    bodies = Path(path).read_bytes().splitlines()
    for line in sys.stdin:
        count, in_flight = map(int, line.split())
        print(json.dumps(asyncio.run(send(url, bodies[:count], in_flight))), flush=True)


if __name__ == "__main__":
    main()
