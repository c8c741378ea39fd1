"""Compare every training item with benchmarks, and quarantine the items that ask a test query."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import numpy as np
import polars as pl

from curation import decontamination
from curation.benchmarks import Benchmark, read_benchmark
from curation.decontamination import Cuts, DecontaminationError, Fingerprints, Kind, Pair, Vectors
from curation.people import require
from db import benchmarks, items, quarantine
from db.ids import content_id, now
from db.quarantine import PAIR_SCHEMA, Scan
from db.store import Store
from db.vectors import keep_vectors, known_vectors
from trainer.similar import CHUNK, encode, encoder_name

Progress = Callable[[float, float, str], None]
_ENCODING = 0.8  # of the whole time, about: there are many more items than test queries


@dataclass(frozen=True, slots=True)
class _Items:
    """What every benchmark is compared with.

    Attributes:
        queries: By item id.
        vectors: Of the queries, in their order.
        passages: Of the candidates, by passage id.
        relevant: Texts of the relevant passages, by passage id; None where they are not compared.
        began: UTC, before they were read.
    """

    queries: dict[str, str]
    vectors: Vectors
    passages: Fingerprints
    relevant: dict[str, str] | None
    began: datetime


def scan(
    store: Store,
    wanted: Sequence[str],
    cuts: Cuts,
    *,
    scanned_by: str,
    on_progress: Progress,
    passages: bool = False,
) -> list[str]:
    """Compare all items with some benchmarks, and return the ids of the benchmarks.

    Each is recorded, and its pairs quarantined, as soon as it is compared.

    Args:
        wanted: Ids or names of benchmarks; empty for all of them.
        on_progress: Told how much is done, of how much, and what is done now.
        passages: Compare relevant passages by words and meaning too; embedding them takes long.

    Raises:
        RefusedError: `scanned_by` is neither reviewer nor trainer.
        NotFoundError: There is no such benchmark.
        DecontaminationError: There are no items, or no benchmarks.
    """
    scanned_by = require(store, scanned_by, "reviewer", "trainer")
    found = [benchmarks.get_benchmark(store, each) for each in dict.fromkeys(wanted)]
    found = found or benchmarks.list_tests(store)
    if not found:
        raise DecontaminationError(
            "No benchmark is registered, so there is nothing to compare with. Add one with "
            "`rankdesk benchmark add`."
        )
    training = _read_items(store, on_progress, passages=passages)
    for at, row in enumerate(found):
        done = _ENCODING + (1 - _ENCODING) * at / len(found)
        on_progress(done, 1, f"comparing with {row['name']}")
        _compare(
            store,
            row["benchmark_id"],
            cuts,
            training,
            scanned_by,
            partial(on_progress, done, 1),
        )
    on_progress(1, 1, "compared")
    return [row["benchmark_id"] for row in found]


def embedded(
    store: Store, texts: Sequence[str], on_progress: Callable[[int, int], None]
) -> Vectors:
    """Return a vector of length 1 for each text, from the workspace where it was encoded before.

    What is new is kept part by part, so that work that is cut short goes on where it was.

    Args:
        texts: At least one.
        on_progress: Told how many of the new ones are encoded, and of how many.
    """
    encoder = encoder_name()
    ids = {text: content_id(text) for text in texts}
    known = set(known_vectors(store, encoder, list(ids.values()))["text_id"])
    new = sorted((text for text in ids if ids[text] not in known), key=len, reverse=True)
    for start in range(0, len(new), CHUNK):
        part = new[start : start + CHUNK]
        keep_vectors(
            store,
            encoder,
            pl.DataFrame(
                {"text_id": [ids[text] for text in part], "vector": encode(part).tolist()},
                schema={"text_id": pl.String, "vector": pl.List(pl.Float32)},
            ),
        )
        on_progress(start + len(part), len(new))
    found = dict(known_vectors(store, encoder, list(ids.values())).iter_rows())
    return np.array([found[ids[text]] for text in texts], dtype=np.float32)


def _read_items(store: Store, on_progress: Progress, *, passages: bool) -> _Items:
    began = now()
    queries = {row["item_id"]: row["query"] for row in items.queries(store)}
    if not queries:
        raise DecontaminationError(
            "The workspace has no items to compare. Import a teacher's rankings first."
        )
    on_progress(0, 1, "reading the candidates")
    prints = decontamination.fingerprints(quarantine.item_passages(store))
    relevant = quarantine.relevant_passages(store) if passages else None
    vectors = embedded(
        store,
        list(queries.values()),
        lambda done, total: on_progress(
            _ENCODING * done / total, 1, f"embedding the items' queries: {done:,} of {total:,}"
        ),
    )
    return _Items(queries, vectors, prints, relevant, began)


def _compare(
    store: Store,
    benchmark_id: str,
    cuts: Cuts,
    training: _Items,
    scanned_by: str,
    on_progress: Callable[[str], None],
) -> None:
    benchmark = read_benchmark(store.workspace.benchmarks / benchmark_id)
    test = benchmark.queries
    words = decontamination.word_pairs(training.queries, test, cuts.words)
    vectors = embedded(
        store,
        list(test.values()),
        lambda done, total: on_progress(f"embedding test queries: {done:,} of {total:,}"),
    )
    meaning = decontamination.meaning_pairs(
        list(training.queries), training.vectors, list(test), vectors, cuts.meaning
    )
    pairs = [*decontamination.exact_pairs(training.queries, test), *words.pairs, *meaning.pairs]
    shared, n_shared = decontamination.shared_texts(
        training.passages, (passage.text for passage in benchmark.every_passage().values())
    )
    quarantine.record_scan(
        store,
        Scan(
            benchmark_id=benchmark_id,
            words_cut=cuts.words,
            meaning_cut=cuts.meaning,
            encoder=encoder_name(),
            n_items=len(training.queries),
            n_queries=len(test),
            shared_passages=n_shared,
            histograms={"words": words.histogram, "meaning": meaning.histogram},
            began=training.began,
            alike=None
            if training.relevant is None
            else _alike(store, training.relevant, benchmark, cuts, on_progress),
        ),
        _frame(pairs, cuts),
        shared,
        scanned_by=scanned_by,
    )


def _alike(
    store: Store,
    texts: dict[str, str],
    benchmark: Benchmark,
    cuts: Cuts,
    on_progress: Callable[[str], None],
) -> list[str]:
    """Return the ids of the texts that are like a passage relevant to a test query."""
    wanted = {docid for judged in benchmark.qrels.values() for docid, r in judged.items() if r > 0}
    pool = benchmark.every_passage()
    test = {docid: pool[docid].text for docid in sorted(wanted & pool.keys())}
    if not (texts and test):
        return []

    def embed(which: str, of: dict[str, str]) -> Vectors:
        return embedded(
            store,
            list(of.values()),
            lambda done, total: on_progress(f"embedding {which}: {done:,} of {total:,}"),
        )

    words = decontamination.word_pairs(texts, test, cuts.words)
    meaning = decontamination.meaning_pairs(
        list(texts),
        embed("the items' relevant passages", texts),
        list(test),
        embed("the benchmark's relevant passages", test),
        cuts.meaning,
    )
    over = [
        *(pair for pair in words.pairs if pair.over(cuts.words)),
        *(pair for pair in meaning.pairs if pair.over(cuts.meaning)),
    ]
    return sorted({pair.item_id for pair in over})


def _frame(pairs: Sequence[Pair], cuts: Cuts) -> pl.DataFrame:
    least: dict[Kind, float] = {kind: cuts.of(kind) for kind in decontamination.KINDS}
    return pl.DataFrame(
        [
            (pair.item_id, pair.qid, pair.kind, pair.score, pair.over(least[pair.kind]))
            for pair in pairs
        ],
        schema=PAIR_SCHEMA,
        orient="row",
    )
