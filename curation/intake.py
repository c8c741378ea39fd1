"""Intake: rows of a source become items, passages and rankings of the workspace.

Ids are content hashes, so a row that is there already changes nothing and an import that was
interrupted is completed by running it again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from curation.chain_checks import Check, failed_checks
from curation.code_version import code_version
from curation.consistency import self_consistency
from curation.people import require
from curation.reasonrank import ReasonRankFolder, SourceRow
from curation.training_items import item_id, passage_id, ranking_id
from db.details import mark_rewritten
from db.ids import new_id
from db.imports import record_import
from db.item_writes import (
    ITEM_SCHEMA,
    PASSAGE_SCHEMA,
    RANKING_SCHEMA,
    insert_checks,
    insert_items,
    unchecked,
    unknown_rankings,
)
from db.judgments import Fix, append_fixes
from db.records import ChainAuthor, Passage, Reject
from db.store import Store

WINDOW = 20
"""Candidates in one listwise window (arXiv 2508.07050, section 4.1); longer lists are counted."""

BATCH = 2_000
"""Sound rows in one transaction: larger ones save little more time and hold other writers up."""

PROGRESS_ROWS = 250
"""Rows read between two calls for progress: several a second."""

Progress = Callable[[int, int, int], None]
"""Called with bytes done, bytes in all, and rows read so far."""


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What became of an import's rows.

    Attributes:
        imported: Rows that brought a new item, or a new ranking of a known one.
        unchanged: Rows whose item and ranking were there already.
        rejected: Rows refused; each has one or more `rejects`.
        long_lists: Imported or unchanged rows with more candidates than one window holds.
    """

    import_id: str
    imported: int
    unchanged: int
    rejected: int
    rejects: list[Reject] = field(repr=False)
    long_lists: int


def import_reasonrank(
    store: Store, folder: Path, *, imported_by: str, on_progress: Progress | None = None
) -> ImportReport:
    """Import a folder in ReasonRank's published layout: sound rows go in, others are listed.

    Whole batches of rows are kept if the process dies midway; the import is recorded at its end.

    Raises:
        RefusedError: If `imported_by` is neither reviewer nor trainer.
        LayoutError: If the folder is not in that layout; nothing is imported.
    """
    imported_by = require(store, imported_by, "reviewer", "trainer")
    source = ReasonRankFolder(folder)
    started_at = datetime.now(UTC)
    intake = Intake(store, new_id())
    rejects: list[Reject] = []
    rejected = long_lists = count = 0
    for count, row in enumerate(source.rows(), start=1):
        if isinstance(row, SourceRow):
            intake.add(row)
            long_lists += len(row.candidates) > WINDOW
        else:
            rejects += row
            rejected += 1
        if on_progress and count % PROGRESS_ROWS == 0:
            on_progress(source.done_bytes, source.total_bytes, count)
    intake.flush()
    if on_progress:
        on_progress(source.done_bytes, source.total_bytes, count)
    record_import(
        store,
        intake.import_id,
        name=folder.resolve().name,
        kind="reasonrank",
        folder=str(folder),
        imported=intake.imported,
        unchanged=intake.unchanged,
        rejects=rejects,
        rejected=rejected,
        started_at=started_at,
        imported_by=imported_by,
    )
    return ImportReport(
        import_id=intake.import_id,
        imported=intake.imported,
        unchanged=intake.unchanged,
        rejected=rejected,
        rejects=rejects,
        long_lists=long_lists,
    )


@dataclass(frozen=True, slots=True)
class Given:
    """One ranking of an item, as its author gave it.

    Attributes:
        shown: Docids in the order that the chain's numbers refer to; empty for the initial order.
    """

    ranking_id: str
    author: str
    author_name: str
    ranking: Sequence[str]
    chain: str
    status: str
    shown: Sequence[str] = ()
    response: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class Intake:
    """Writes the rows of one import, batch by batch; `flush` writes the last one.

    Attributes:
        imported: Rows flushed so far that brought a new item or ranking.
        unchanged: Rows flushed so far that brought nothing new.
    """

    def __init__(self, store: Store, import_id: str) -> None:
        self.import_id = import_id
        self.imported = 0
        self.unchanged = 0
        self._store = store
        # A passage that went out once is in the workspace: with its new item, or with the known
        # item that brought it earlier.
        self._passage_ids: dict[Passage, str] = {}
        self._passages: list[dict[str, Any]] = []
        self._items: list[dict[str, Any]] = []
        self._rankings: list[dict[str, Any]] = []
        self._fixes: list[Fix] = []
        self._rewritten: dict[str, ChainAuthor] = {}
        self._checks: dict[str, Callable[[], list[Check]]] = {}

    def add(self, row: SourceRow) -> None:
        """Take a row into the batch, and write the batch when it is full."""
        item = self._add_item(row)
        # Beside a reviewer's order stands the teacher's chain, unless the reviewer rewrote it.
        rewritten = row.chain_author != "teacher"
        written = row.chain if row.author != "human" or rewritten else ""
        ranking = ranking_id(item, row.author, row.author_name, row.ranking, written)
        if row.original_relevant_docids is not None:
            self._fixes.append((item, row.author_name, ranking, list(row.relevant_docids)))
        if rewritten:
            self._rewritten[ranking] = "hinted" if row.chain_author == "hinted" else "human"
        self._add_ranking(
            row,
            item,
            Given(
                ranking,
                row.author,
                row.author_name,
                row.ranking,
                row.chain,
                row.status,
            ),
        )
        if len(self._items) >= BATCH:
            self.flush()

    def add_samples(self, row: SourceRow, samples: Sequence[Given], answer: str) -> None:
        """Take an item with these rankings in place of the row's own.

        Args:
            answer: The gold answer, for the check that no chain repeats it.
        """
        item = self._add_item(row)
        for sample in samples:
            self._add_ranking(row, item, sample, answer)
        if len(self._items) >= BATCH:
            self.flush()

    def item_id(self, row: SourceRow) -> str:
        """Return the id that a row's item has."""
        passages = [self._passage_id(passage) for passage in row.candidates]
        return item_id(row.domain, row.qid, row.query, passages, _teachers_labels(row))

    def _add_item(self, row: SourceRow) -> str:
        passages = [self._passage_id(passage) for passage in row.candidates]
        item = self.item_id(row)
        self._items.append(
            {
                "item_id": item,
                "import_id": self.import_id,
                "domain": row.domain,
                "qid": row.qid,
                "query": row.query,
                "passage_ids": passages,
                "docids": [passage.docid for passage in row.candidates],
                "relevant_docids": list(_teachers_labels(row)),
            }
        )
        return item

    def _add_ranking(self, row: SourceRow, item: str, given: Given, answer: str = "") -> None:
        docids = [passage.docid for passage in row.candidates]
        scores = self_consistency(given.ranking, row.relevant_docids, docids)
        texts = [row.query, *(passage.text for passage in row.candidates)]
        shown = given.shown or docids
        permutation = [shown.index(docid) + 1 for docid in given.ranking]
        self._checks[given.ranking_id] = partial(
            failed_checks, given.chain, permutation, given.status, texts, answer
        )
        self._rankings.append(
            {
                "ranking_id": given.ranking_id,
                "item_id": item,
                "author": given.author,
                "author_name": given.author_name,
                "docids": list(given.ranking),
                "status": given.status,
                "prompt_tokens": given.prompt_tokens,
                "completion_tokens": given.completion_tokens,
                "ndcg": scores.ndcg,
                "recall": scores.recall,
                "overlap": scores.overlap,
                "first_relevant": scores.first_relevant,
                "chain": given.chain,
                "response": given.response,
                "failed_checks": [],  # looked at in `flush`, where it is new
            }
        )

    def flush(self) -> None:
        """Write what was taken since the last flush, in one transaction."""
        if not self._items:
            return
        fresh = unknown_rankings(self._store, list(self._checks))
        for ranking in self._rankings:
            if ranking["ranking_id"] in fresh:
                ranking["failed_checks"] = self._checks[ranking["ranking_id"]]()
        new_items, new_rankings = insert_items(
            self._store,
            _frame(self._passages, PASSAGE_SCHEMA),
            _frame(self._items, ITEM_SCHEMA),
            _frame(self._rankings, RANKING_SCHEMA),
        )
        if self._rewritten:
            with self._store.transaction() as cursor:
                mark_rewritten(cursor, self._rewritten)
        for ranking in self._rankings:
            # Of rows that repeat each other within the batch, the first brought what is new.
            fresh = {ranking["item_id"]} & new_items | {ranking["ranking_id"]} & new_rankings
            self.imported += bool(fresh)
            self.unchanged += not fresh
            new_items -= fresh
            new_rankings -= fresh
        append_fixes(self._store, self._fixes, code_version=code_version())
        self._passages, self._items, self._rankings = [], [], []
        self._fixes, self._rewritten, self._checks = [], {}, {}

    def _passage_id(self, passage: Passage) -> str:
        known = self._passage_ids.get(passage)
        if known is None:
            known = self._passage_ids[passage] = passage_id(passage)
            self._passages.append(
                {
                    "passage_id": known,
                    "docid": passage.docid,
                    "title": passage.title,
                    "text": passage.text,
                }
            )
        return known


def _teachers_labels(row: SourceRow) -> tuple[str, ...]:
    return row.original_relevant_docids or row.relevant_docids


def check_chains(store: Store) -> int:
    """Check the chains that came in before there were checks; return how many they were."""
    done = 0
    while rows := unchecked(store, BATCH):
        found = [
            (
                row["ranking_id"],
                failed_checks(
                    row["chain"],
                    [row["candidates"].index(docid) + 1 for docid in row["docids"]],
                    row["status"],
                    [row["query"], *row["texts"]],
                ),
            )
            for row in rows
        ]
        frame = pl.DataFrame(
            found,
            schema={"ranking_id": pl.String, "failed_checks": pl.List(pl.String)},
            orient="row",
        )
        with store.transaction() as cursor:
            insert_checks(cursor, frame)
        done += len(rows)
    return done


def _frame(rows: list[dict[str, Any]], schema: dict[str, Any]) -> pl.DataFrame:
    """Return rows as a frame; by way of arrow, which is quicker at lists of texts than polars."""
    table = pa.Table.from_pylist(rows, pl.DataFrame(schema=schema).to_arrow().schema)
    return pl.DataFrame(table, schema=schema)
