"""What the search index takes to build and to ask, beside DuckDB looking through the same texts.

    python bench/search.py [ITEMS]

Texts are random words of a Zipf-like vocabulary: an item has 20 passages of about 120 words, drawn
from a pool of twelve to an item, and a chain of 250 words. A scan that finds part of a word
finds more items than the index: it is slower in any case, and is timed, not compared by result.
"""

import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import polars as pl

from db import items
from db.item_writes import ITEM_SCHEMA, PASSAGE_SCHEMA, insert_items, ranking_frame
from db.records import Ranking
from db.search import FILE, SearchIndex
from db.store import Store
from db.workspace import Workspace

SEED = 7
VOCABULARY = 30_000
REPEATS = 7
SEARCHES = {
    "a rare word": "w29990",
    "a word": "w2500",
    "a frequent word": "w40",
    "a phrase": '"w40 w7"',
    "a beginning": "w2999*",
}


def words(rng: random.Random, n: int) -> str:
    """Return `n` words; the k-th of the vocabulary comes up about as 1/k."""
    return " ".join(f"w{int(VOCABULARY ** rng.random())}" for _ in range(n))


def fill(store: Store, n_items: int) -> None:
    """Insert items with their passages and chains."""
    rng = random.Random(SEED)
    n_passages = n_items * 12
    for start in range(0, n_items, 2_000):
        ids = range(start, min(start + 2_000, n_items))
        chosen = {i: rng.sample(range(n_passages), 20) for i in ids}
        wanted = sorted({each for found in chosen.values() for each in found})
        passages = pl.DataFrame(
            [(f"p{p}", f"d{p}", None, words(random.Random(p), 60 + p % 120)) for p in wanted],
            schema=PASSAGE_SCHEMA,
            orient="row",
        )
        listed = pl.DataFrame(
            [
                (
                    *(f"i{i}", "bench", f"domain {i % 9}", f"q{i}", words(rng, 30)),
                    *([f"p{p}" for p in chosen[i]], [f"d{p}" for p in chosen[i]]),
                    [f"d{chosen[i][0]}"],
                )
                for i in ids
            ],
            schema=ITEM_SCHEMA,
            orient="row",
        )
        rankings = [
            Ranking(
                *(f"r{i}", f"i{i}", "teacher", "t", tuple(f"d{p}" for p in chosen[i]), "ok"),
                *(rng.random(), 1.0, 0.5, 1, words(rng, 250)),
            )
            for i in ids
        ]
        insert_items(store, passages, listed, ranking_frame(rankings))


def scan(store: Store, text: str) -> int:
    """Return how many items hold a text, found by looking at every text."""
    row = store.row(
        """
        WITH hits AS (SELECT passage_id FROM passages WHERE contains(lower(text), $text))
        SELECT count(*) AS n FROM (
            SELECT item_id FROM items WHERE contains(lower(query), $text)
            UNION
            SELECT item_id FROM (SELECT item_id, unnest(passage_ids) AS passage_id FROM items)
            SEMI JOIN hits USING (passage_id)
            UNION
            SELECT item_id FROM rankings JOIN ranking_texts USING (ranking_id)
            WHERE contains(lower(chain), $text))
        """,
        {"text": text},
    )
    assert row is not None
    return int(row["n"])


def ask(index: SearchIndex, text: str) -> int:
    """Return how many items hold a text, by the index, as if it had not been asked before."""
    index._found.cache_clear()
    return len(index.find(text))


def median_ms(act: Callable[[], object]) -> float:
    """Return the median of several runs in milliseconds, after one that is not counted."""
    act()
    taken = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        act()
        taken.append(1_000 * (time.perf_counter() - started))
    return statistics.median(taken)


def main(n_items: int) -> None:
    """Build both, ask both, print a table."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder) / "workspace")
        with Store.create(workspace) as store:
            fill(store, n_items)
            counts = items.counts(store)
            index = SearchIndex(store)
            started = time.perf_counter()
            index.extend()
            seconds = time.perf_counter() - started
            size = (workspace.root / FILE).stat().st_size / 1e6
            print(
                f"{counts['items']:,} items, {counts['passages']:,} passages, {size:.0f} MB index"
            )
            print(f"indexed in {seconds:.1f} s\n")
            print("| search | items found | index, ms | scan, ms | ratio |")
            print("|---|--:|--:|--:|--:|")
            for name, text in SEARCHES.items():
                asked = median_ms(partial(ask, index, text))
                scanned = median_ms(partial(scan, store, text.strip('"*')))
                n = ask(index, text)
                print(f"| {name} | {n:,} | {asked:.1f} | {scanned:.0f} | {scanned / asked:.0f} |")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5_000)
