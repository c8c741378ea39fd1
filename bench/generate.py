"""How fast a generate job asks: the whole pipeline against the bare client, one endpoint, one run.

    python bench/generate.py [REQUESTS]

An endpoint of its own process answers at once, so that what is measured is the asking side's own
work: choosing, rendering, the request, parsing, keeping the answer on disk, writing the item. The
other side of the ratio is the `openai` client sending requests of the same size and keeping
nothing. Memory is the job's resident set at a tenth, half and the end of its requests. Then the
same over an endpoint that takes half a second, which counts what it has in hand at most.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import psutil
from openai import AsyncOpenAI, DefaultAioHttpClient

from curation.prices import Price
from curation.source_folder import SourceQuery, write_source
from trainer import jobs
from trainer.engines.opening import Served
from trainer.jobs import GenerateSpec
from trainer.synthesis_settings import SynthesisSettings

IN_FLIGHT = 64
MODEL = "instant"
POOL = 2_000
CANDIDATES = 10
WORDS = 60
SLOW_S, SLOW_REQUESTS = 0.5, 4_000


def main(requests: int) -> None:
    with TemporaryDirectory() as name:
        root = Path(name)
        source = make_source(root / "sources", requests // 2)
        with endpoint() as (url, _):
            bare = asyncio.run(bare_client(url, min(requests, 10_000)))
            rate, memory = pipeline(root / "fast", source, url, requests)
        few = make_source(root / "few", SLOW_REQUESTS // 2)
        with endpoint(SLOW_S) as (url, most):
            slow, _ = pipeline(root / "slow", few, url, SLOW_REQUESTS)
            in_hand = most()
    print(f"{requests:,} requests of {CANDIDATES} passages, {IN_FLIGHT} in flight")
    print(f"the bare client        {bare:7.0f} requests/s")
    print(f"a whole generate job   {rate:7.0f} requests/s, {rate / bare:.2f} of it")
    print("resident memory, MiB  ", ", ".join(f"{at}: {mib:.0f}" for at, mib in memory.items()))
    print(
        f"an endpoint that takes {SLOW_S:g} s, {SLOW_REQUESTS:,} requests: {slow:.0f} requests/s, "
        f"{slow * SLOW_S / IN_FLIGHT:.2f} of what so many in flight allow; "
        f"the endpoint had {in_hand} in hand at most"
    )


@contextmanager
def endpoint(seconds: float = 0.0) -> Iterator[tuple[str, Callable[[], int]]]:
    """Serve; yield the base URL, and what ends it and says how much it had in hand at most."""
    script = Path(__file__).with_name("instant_endpoint.py")
    with subprocess.Popen(
        [sys.executable, script, MODEL, str(CANDIDATES), str(seconds)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdout is not None

        def most() -> int:
            return int(server.communicate()[0])

        yield server.stdout.readline().strip(), most
        server.kill()


def make_source(root: Path, queries: int) -> Path:
    docids = [f"d{number}" for number in range(POOL)]
    passages = pl.DataFrame(
        {
            "docid": docids,
            "title": [None] * POOL,
            "text": [f"passage {number} " + "word " * WORDS for number in range(POOL)],
        },
        schema={"docid": pl.String, "title": pl.String, "text": pl.String},
    )
    rows = [
        SourceQuery(
            f"q{number}",
            "bench",
            f"What is thing number {number}?",
            f"It is answer {number}.",
            candidates=tuple(docids[(number * 7 + place) % POOL] for place in range(CANDIDATES)),
        )
        for number in range(queries)
    ]
    return root / write_source(root, "bench", "table", rows, passages).source_id


async def bare_client(url: str, requests: int) -> float:
    """Return requests a second of the client alone."""
    client = AsyncOpenAI(
        base_url=url,
        api_key="none",
        max_retries=0,
        http_client=DefaultAioHttpClient(trust_env=False),
    )
    text = ("passage 7 " + "word " * WORDS) * CANDIDATES
    bound = asyncio.Semaphore(IN_FLIGHT)

    async def one(number: int) -> None:
        async with bound:
            await client.chat.completions.create(
                model=MODEL, messages=[{"role": "user", "content": f"{number} {text}"}]
            )

    await asyncio.gather(*(one(number) for number in range(200)))
    began = time.perf_counter()
    await asyncio.gather(*(one(number) for number in range(requests)))
    rate = requests / (time.perf_counter() - began)
    await client.close()
    return rate


def pipeline(root: Path, source: Path, url: str, requests: int) -> tuple[float, dict[str, float]]:
    """Run a generate job; return its requests a second and its memory along the way."""
    spec = GenerateSpec(
        name="bench",
        source=source,
        answers=root / "answers",
        engine=Served(model=MODEL, base_urls=(url,), in_flight=IN_FLIGHT),
        prices={MODEL: Price(prompt=1, completion=1)},
        settings=SynthesisSettings(dense=False),
    )
    job_dir = jobs.prepare_job(root / "jobs", spec)
    jobs.start(job_dir)
    memory: dict[str, float] = {}
    shares = {"a tenth": 0.1, "half": 0.5, "the end": 0.98}
    while (now := jobs.state(job_dir)).state in ("queued", "running"):
        for at, share in shares.items():
            if at not in memory and now.pid and (now.step or 0) * 2 >= share * requests:
                memory[at] = psutil.Process(now.pid).memory_info().rss / 2**20
        time.sleep(0.2)
    if now.state != "done":
        raise SystemExit(f"{now.state}: {now.message} {(job_dir / 'stderr.log').read_text()}")
    result = json.loads((job_dir / "result.json").read_text(encoding="utf-8"))
    asked = sum(result["requests"].values())
    if asked != requests:
        raise SystemExit(f"{asked} requests were made, not {requests}")
    return asked / result["seconds"], memory


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
