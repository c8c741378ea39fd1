"""Published benchmark folders, read as they are downloaded, together with a first-stage run.

* **BEIR** (github.com/beir-cellar/beir, wiki "Load your custom dataset"): `corpus.jsonl` (`_id,
  title, text`), `queries.jsonl` (`_id, text`; of every split) and `qrels/<split>.tsv` (`query-id,
  corpus-id, score` under a header; `.jsonl` with these names in MTEB's copies).
* **BRIGHT** (huggingface.co/datasets/xlangai/BRIGHT, dataset card; the evaluation in
  github.com/xlang-ai/BRIGHT `run.py`): `examples/<task>-*.parquet` (`id, query, excluded_ids,
  gold_ids, gold_ids_long`) and `documents/<task>-*.parquet` (`id, content`), or the same as JSONL.
  `gold_ids` have relevance 1; `excluded_ids` are taken out of each run, `["N/A"]` is none.
* **R2MED** (huggingface.co/datasets/R2MED, one data set each; github.com/R2MED/R2MED
  `src/eval_bench.py`): `query.jsonl` and `corpus.jsonl` (`id, text`), `qrels.jsonl` (`q_id, p_id,
  score`).

The run is TREC's form, as Pyserini and Anserini write it, or a RankLLM request or result file.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from curation.benchmark_files import Row, read_passages, read_queries, read_rows
from curation.errors import FormatError
from curation.trec import Qrels, Run, read_qrels, read_run
from db.records import Passage

DEFAULT_SPLIT = "test"
# Where ReasonRank's authors cut passages for BRIGHT and R2MED (`index_and_topics.py`, DOC_MAXLEN).
# They cut BEIR's at 100, others do not: that stays the recipe's choice.
_REASONRANK_TOKENS = 512
_NOTHING_EXCLUDED = "N/A"
_TASK_FILE = re.compile(r"(?P<task>.+?)(-\d+-of-\d+)?\.(parquet|jsonl|jsonl\.gz)")


@dataclass(frozen=True, slots=True)
class Published:
    """A published folder, read.

    Attributes:
        qrels: May judge passages that the corpus lacks (BEIR's ArguAna does); trec_eval counts
            them as relevant ones that nobody finds, and so do the published scores.
        run: The first stage's scores by qid and docid, without the excluded passages.
        excluded: Docids that must not be ranked for a query, by qid; most benchmarks have none.
        domains: Of the queries that have one.
        max_passage_tokens: Where published results cut passages, or None where they differ.
        files: Where queries, passages and qrels are from, for messages.
    """

    queries: dict[str, str]
    passages: dict[str, Passage]
    qrels: Qrels
    files: dict[str, Path] = field(default_factory=dict)
    run: Run = field(default_factory=dict)
    excluded: dict[str, set[str]] = field(default_factory=dict)
    domains: dict[str, str] = field(default_factory=dict)
    max_passage_tokens: int | None = None


def read_folder(folder: Path, *, run: Path, split: str = DEFAULT_SPLIT) -> Published:
    """Return what a BEIR, BRIGHT or R2MED folder holds.

    Args:
        run: The first stage's results.
        split: BEIR: the qrels to read. BRIGHT: the task; it need not be named where the folder
            holds one only.

    Raises:
        FormatError: If the folder has none of the layouts, or at the first fault in a file.
    """
    if (folder / "examples").is_dir():
        found = _bright(folder, split)
    elif _there(folder, "query.jsonl"):
        found = _r2med(folder)
    elif _there(folder, "queries.jsonl"):
        found = read_beir(folder, split)
    else:
        raise FormatError(
            "it is no BEIR folder (queries.jsonl, corpus.jsonl, qrels/), no BRIGHT folder "
            "(examples/, documents/) and no R2MED folder (query.jsonl, corpus.jsonl, qrels.jsonl); "
            "name the folder that holds these, or give the four files one by one",
            file=folder,
        )
    return replace(found, run=_without(read_run(run), found.excluded))


def read_beir(folder: Path, split: str) -> Published:
    """Return what a BEIR folder holds, without a run.

    Raises:
        FormatError: If a file is missing, or at the first fault in one.
    """
    files = {
        "queries": _file(folder, "queries.jsonl"),
        "passages": _file(folder, "corpus.jsonl"),
        "qrels": _file(folder, f"qrels/{split}.tsv", f"qrels/{split}.jsonl"),
    }
    if ".jsonl" in files["qrels"].name:
        qrels = _qrels(read_rows(files["qrels"]), files["qrels"], ("query-id", "corpus-id"))
    else:
        qrels = read_qrels(files["qrels"])
    texts = read_queries(files["queries"])
    passages = read_passages(files["passages"])
    return Published(
        queries={qid: text for qid, text in texts.items() if qid in qrels},
        passages=passages,
        qrels=qrels,
        files=files,
        # ArguAna's and Quora's queries are passages too: BEIR's evaluation drops a query's own
        # (`ignore_identical_ids`), as do Anserini's runs (`-removeQuery`).
        excluded={qid: {qid} for qid in qrels if qid in passages},
    )


def _r2med(folder: Path) -> Published:
    files = {
        "queries": _file(folder, "query.jsonl"),
        "passages": _file(folder, "corpus.jsonl"),
        "qrels": _file(folder, "qrels.jsonl"),
    }
    return Published(
        queries=read_queries(files["queries"]),
        passages=read_passages(files["passages"]),
        qrels=_qrels(read_rows(files["qrels"]), files["qrels"], ("q_id", "p_id")),
        files=files,
        max_passage_tokens=_REASONRANK_TOKENS,
    )


def _bright(folder: Path, split: str) -> Published:
    examples = _task_files(folder / "examples", split)
    documents = _task_files(folder / "documents", split)
    queries: dict[str, str] = {}
    qrels: Qrels = {}
    excluded: dict[str, set[str]] = {}
    for row in (row for path in examples for row in read_rows(path)):
        qid = row.id("id")
        if qid in queries:
            raise row.fault(f"{qid!r:.80} stands twice", "id")
        queries[qid] = row.text("query")
        if gold := row.ids("gold_ids"):
            qrels[qid] = dict.fromkeys(gold, 1)
        if kept_out := set(row.ids("excluded_ids")) - {_NOTHING_EXCLUDED}:
            excluded[qid] = kept_out
    if not qrels:
        raise FormatError("no query has gold_ids", file=examples[0], field="gold_ids")
    passages: dict[str, Passage] = {}
    for path in documents:
        passages |= read_passages(path)
    return Published(
        queries=queries,
        passages=passages,
        qrels=qrels,
        excluded=excluded,
        files={"queries": examples[0], "passages": documents[0], "qrels": examples[0]},
        max_passage_tokens=_REASONRANK_TOKENS,
    )


def _task_files(folder: Path, split: str) -> list[Path]:
    """Return the files of one BRIGHT task, in order."""
    tasks: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if matched := _TASK_FILE.fullmatch(path.name):
            tasks.setdefault(matched["task"], []).append(path)
    if not tasks:
        raise FormatError("there is no parquet or JSONL file in it", file=folder)
    if split == DEFAULT_SPLIT and len(tasks) == 1:
        return next(iter(tasks.values()))
    if split not in tasks:
        raise FormatError(
            f"it holds no {split!r:.80}; name one of its tasks as the split: {', '.join(tasks)}",
            file=folder,
        )
    return tasks[split]


def _qrels(rows: Iterable[Row], path: Path, names: tuple[str, str]) -> Qrels:
    """Return the labels of rows with these names for qid and docid, and a `score`."""
    qrels: Qrels = {}
    for row in rows:
        qid, docid = row.id(names[0]), row.id(names[1])
        judged = qrels.setdefault(qid, {})
        if docid in judged:
            raise row.fault(f"{docid!r:.80} is judged twice for query {qid!r:.80}", names[1])
        judged[docid] = row.relevance("score")
    if not qrels:
        raise FormatError("there is no judgment in it", file=path)
    return qrels


def _without(run: Run, excluded: dict[str, set[str]]) -> Run:
    """Return the run less the excluded passages, and less the queries that nothing is left of."""
    kept = {
        qid: {docid: score for docid, score in scores.items() if docid not in excluded.get(qid, ())}
        for qid, scores in run.items()
    }
    return {qid: scores for qid, scores in kept.items() if scores}


def _there(folder: Path, name: str) -> Path | None:
    """Return the file, plain or gzipped, or None."""
    found = (folder / f"{name}{ending}" for ending in ("", ".gz"))
    return next((path for path in found if path.is_file()), None)


def _file(folder: Path, *names: str) -> Path:
    """Return the first of these files that is there, plain or gzipped."""
    for name in names:
        if path := _there(folder, name):
            return path
    others = sorted(path.name for path in (folder / names[0]).parent.glob("*.*"))
    raise FormatError(
        f"{names[0]} is missing; there are {', '.join(others) or 'no files'}. Download it too, or "
        "name another split",
        file=folder,
    )
