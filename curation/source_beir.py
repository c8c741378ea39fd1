"""A BEIR folder as a source: its queries with human labels, and its corpus."""

from collections import Counter
from pathlib import Path

import polars as pl

from curation.benchmark_folders import read_beir
from curation.source_drafts import Draft
from curation.source_folder import PASSAGES_SCHEMA, SourceError, SourceQuery

SPLIT = "train"
"""The split that is read where none is named: `test` is what models are measured on."""


def read_beir_source(folder: Path, domain: str, split: str = SPLIT) -> Draft:
    """Read a split's queries and labels; what is relevant at all counts as relevant.

    Queries without a relevant passage that the corpus holds are left out, and counted.

    Raises:
        FormatError: If a file is missing, or at the first fault in one.
        SourceError: If no query is left.
    """
    found = read_beir(folder, split)
    dropped: Counter[str] = Counter()
    notes: Counter[str] = Counter()
    queries = []
    for qid, text in found.queries.items():
        positive = [docid for docid, relevance in found.qrels[qid].items() if relevance > 0]
        there = tuple(docid for docid in positive if docid in found.passages)
        notes["labels of passages that the corpus lacks"] += len(positive) - len(there)
        if there:
            queries.append(SourceQuery(qid, domain, text, relevant=there))
        else:
            dropped["no relevant passage"] += 1
    if not queries:
        raise SourceError(f"{found.files['qrels']} has a positive label for none of the queries.")
    passages = [(each.docid, each.title, each.text) for each in found.passages.values()]
    return Draft(
        kind="beir",
        queries=queries,
        passages=pl.DataFrame(passages, schema=PASSAGES_SCHEMA, orient="row"),
        read={"queries": len(found.queries), "passages": len(passages)},
        dropped=dict(dropped),
        notes={what: n for what, n in notes.items() if n},
    )
