"""Workspaces of any size for load benches: items with three samples each, and a review half-way.

Texts are cut from one pool of words, so that a million rankings take minutes and a few gigabytes.
"""

import random
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import islice

import numpy as np
import polars as pl

from db.agreement import AGREEMENT_SCHEMA
from db.agreement import put as put_agreement
from db.ids import new_id
from db.item_writes import ITEM_SCHEMA, PASSAGE_SCHEMA, RANKING_SCHEMA, insert_items
from db.samples import ORIGIN_SCHEMA, insert_origins
from db.store import Store, insert_frame

CANDIDATES = 20
SAMPLES = 3
N_PASSAGES = 50_000
PASSAGE_CHARS = 1_000
CHAIN_CHARS = 2_000
QUERY_CHARS = 300
CHUNK = 20_000  # items between two inserts
DOMAINS = ("biology", "leetcode", "math-qa", "economics", "robotics", "msmarco")
JUDGED_SHARE = 0.2


def build(store: Store, n_items: int, *, reviewers: list[str], seed: int = 7) -> None:
    """Fill an empty workspace with `n_items` items and three times as many rankings.

    A fifth of the items has a verdict, by one of `reviewers` in turn.
    """
    rng = np.random.default_rng(seed)
    pool = _pool(seed)
    docids = [f"doc-{number}" for number in range(N_PASSAGES)]
    passages = pl.DataFrame(
        {
            "passage_id": [f"{number:032x}" for number in range(N_PASSAGES)],
            "docid": docids,
            "title": [None] * N_PASSAGES,
            "text": _cuts(pool, PASSAGE_CHARS, N_PASSAGES, rng),
        },
        schema=PASSAGE_SCHEMA,
    )
    for start in range(0, n_items, CHUNK):
        numbers = range(start, min(start + CHUNK, n_items))
        items, rankings = _items(numbers, docids, pool, rng)
        insert_items(store, passages, items, rankings)
        insert_origins(store, _origins(rankings, rng))
        put_agreement(store, _agreement(items, rng))
    _judge(store, int(n_items * JUDGED_SHARE), reviewers, rng)


def _pool(seed: int) -> str:
    rng = random.Random(seed)
    words = [
        "".join(rng.choices("etaoinshrdlucmfwypvbgk", k=rng.randint(2, 9))) for _ in range(4000)
    ]
    return " ".join(rng.choices(words, k=400_000))


@cache
def _argued(pool: str) -> str:
    """Return the pool as chains are: in paragraphs of sentences, each of which names a passage."""
    words = iter(pool.split())
    lines: list[str] = []
    while sentence := list(islice(words, 11)):
        place = len(lines) % CANDIDATES + 1
        end = ".\n\n" if len(lines) % 4 == 3 else ". "
        lines.append(f"So passage [{place}] {' '.join(sentence)}{end}")
    return "".join(lines)


def _cuts(pool: str, length: int, n: int, rng: np.random.Generator) -> list[str]:
    starts = rng.integers(0, len(pool) - 2 * length, n)
    lengths = rng.integers(length // 2, length * 3 // 2, n)
    return [pool[at : at + long] for at, long in zip(starts, lengths, strict=True)]


def _items(
    numbers: range, docids: list[str], pool: str, rng: np.random.Generator
) -> tuple[pl.DataFrame, pl.DataFrame]:
    n = len(numbers)
    firsts = rng.integers(0, N_PASSAGES - CANDIDATES * 7, n)
    lists = [list(range(at, at + CANDIDATES * 7, 7)) for at in firsts]
    ids = [f"{number:032x}" for number in numbers]
    items = pl.DataFrame(
        {
            "item_id": ids,
            "import_id": ["load"] * n,
            "domain": [DOMAINS[number % len(DOMAINS)] for number in numbers],
            "qid": [f"q-{number}" for number in numbers],
            "query": _cuts(pool, QUERY_CHARS, n, rng),
            "passage_ids": [[f"{number:032x}" for number in each] for each in lists],
            "docids": [[docids[number] for number in each] for each in lists],
            "relevant_docids": [[docids[each[2]], docids[each[9]]] for each in lists],
        },
        schema=ITEM_SCHEMA,
    )
    total = n * SAMPLES
    orders = rng.permuted(np.tile(np.arange(CANDIDATES), (total, 1)), axis=1)
    failed = rng.random(total) < 0.04
    rankings = pl.DataFrame(
        {
            "ranking_id": [f"{number:032x}-{at}" for number in numbers for at in range(SAMPLES)],
            "item_id": [item_id for item_id in ids for _ in range(SAMPLES)],
            "author": ["teacher"] * total,
            "author_name": ["load-teacher"] * total,
            "docids": [
                [docids[lists[at // SAMPLES][place]] for place in order]
                for at, order in enumerate(orders.tolist())
            ],
            "status": ["ok"] * total,
            "prompt_tokens": [4000] * total,
            "completion_tokens": [700] * total,
            "ndcg": rng.beta(4, 3, total),
            "recall": rng.random(total),
            "overlap": rng.random(total),
            "first_relevant": rng.integers(1, 11, total),
            "chain": _cuts(_argued(pool), CHAIN_CHARS, total, rng),
            "response": [None] * total,
            "failed_checks": [["loop"] if bad else [] for bad in failed],
        },
        schema=RANKING_SCHEMA,
    )
    return items, rankings


def _origins(rankings: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    return rankings.select(
        "ranking_id",
        job_id=pl.lit("load-job"),
        sample=pl.int_range(pl.len()) % SAMPLES,
        judge=pl.lit(value=False),
        shown=pl.col("docids"),
        prompt=pl.lit("listwise@1a2b3c4d"),
        price=pl.lit(None),
        seconds=pl.lit(1.0),
    ).cast(pl.Schema(ORIGIN_SCHEMA))


def _agreement(items: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    return items.select(
        "item_id",
        author_name=pl.lit("load-teacher"),
        prompt=pl.lit("listwise@1a2b3c4d"),
        under_review=pl.lit(value=True),
        samples=pl.lit(SAMPLES),
        tau=pl.Series(rng.uniform(-0.2, 1.0, len(items))),
        overlap=pl.lit(0.7),
        consensus=pl.col("docids"),
        ndcg=pl.lit(0.6),
        dispersion=pl.lit([0.0] * CANDIDATES),
        spread=pl.lit(0.0),
        follows=pl.lit(None),
        review_tau=pl.lit(None),
        review_overlap=pl.lit(None),
    ).cast(pl.Schema(AGREEMENT_SCHEMA))


def _judge(store: Store, n: int, reviewers: list[str], rng: np.random.Generator) -> None:
    began = datetime.now(UTC) - timedelta(days=30)
    chosen = rng.permutation(int(n / JUDGED_SHARE))[:n].tolist()
    verdicts = ("approve", "approve", "approve", "reject", "cannot_judge")
    frame = pl.DataFrame(
        {
            "event_id": [new_id() for _ in chosen],
            "kind": ["judge"] * n,
            "item_id": [f"{number:032x}" for number in chosen],
            "reviewer": [reviewers[at % len(reviewers)] for at in range(n)],
            "verdict": [verdicts[at % len(verdicts)] for at in range(n)],
            "reasons": [[] for _ in chosen],
            "note": [""] * n,
            "ranking_id": [f"{number:032x}-0" for number in chosen],
            "code_version": ["load"] * n,
            "judged_at": [began + timedelta(seconds=at) for at in range(n)],
        },
        schema_overrides={"reasons": pl.List(pl.String)},
    )
    with store.transaction() as cursor:
        insert_frame(cursor, "INSERT INTO judgment_events BY NAME SELECT * FROM incoming", frame)
        cursor.execute(
            "UPDATE item_heads SET verdict_seq = e.seq, verdict = e.verdict,"
            " reviewer = e.reviewer, judged_at = e.judged_at"
            " FROM judgment_events e WHERE e.item_id = item_heads.item_id"
        ).fetchall()
