"""Judgments in force, taken out as TREC qrels or as parquet.

**Parquet** has a row for every judgment in force: one for each reviewer of an item.

**Qrels** have one relevance for each query and passage, from the newest judgment of an item, or
from its adjudication:

* Where that judgment graded passages, their grades (0 to 3), and nothing about the others.
* Else, where it approved the item, the teacher's labels: 1 for relevant passages, 0 for the other
  candidates. Where it fixed the item, the corrected labels likewise.
* A rejection, or *cannot judge*, without grades vouches for no label and gives nothing.

Where two items of one query share a passage, the newer judgment counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, get_args

import polars as pl

from curation import trec
from curation.errors import CurationError
from db import judgments
from db.store import Store

Format = Literal["qrels", "parquet"]
FORMATS: tuple[Format, ...] = get_args(Format)


class JudgmentExportError(CurationError):
    """Judgments cannot be taken out as asked; nothing was written."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which judgments; the empty choice is every one in force.

    Attributes:
        domains: Any of these; none means all. Verdicts and reviewers likewise.
        since: Only judgments from this time on (UTC).
    """

    domains: Sequence[str] = ()
    verdicts: Sequence[str] = ()
    reviewers: Sequence[str] = ()
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class JudgmentReport:
    """What was written.

    Attributes:
        judgments: Judgments in force under the choice.
        lines: Rows of the parquet file, or lines of the qrels.
        left_out: Pairs whose ids TREC's form cannot hold; parquet holds every id.
    """

    judgments: int
    lines: int
    left_out: int = 0


def export(store: Store, layout: str, out: Path, chosen: Chosen) -> JudgmentReport:
    """Write the chosen judgments into the file `out`, over what is there.

    Raises:
        JudgmentExportError: If the format is unknown, nothing is chosen, a qid stands for two
            queries, or the file cannot be written.
    """
    if layout not in FORMATS:
        raise JudgmentExportError(
            f"There is no format {layout!r:.80}. Choose {' or '.join(FORMATS)}."
        )
    found = judgments.in_force(
        store,
        domains=chosen.domains,
        verdicts=chosen.verdicts,
        reviewers=chosen.reviewers,
        since=chosen.since,
    )
    if found.is_empty():
        raise JudgmentExportError(
            "No judgment passes these filters: review some items, or widen them."
        )
    try:
        if layout == "parquet":
            found.drop("query").write_parquet(out)
            return JudgmentReport(found.height, found.height)
        qrels, left_out = qrels_of(found)
        trec.write_qrels(out, qrels)
    except OSError as error:
        raise JudgmentExportError(f"{out} cannot be written: {error.strerror or error}.") from error
    return JudgmentReport(found.height, sum(map(len, qrels.values())), left_out)


def qrels_of(found: pl.DataFrame) -> tuple[trec.Qrels, int]:
    """Return the relevance that judgments say, and how many pairs TREC's form cannot hold.

    Args:
        found: As `db.judgments.in_force` returns it, oldest first.

    Raises:
        JudgmentExportError: If a qid stands for two queries, or no judgment says anything.
    """
    adjudicated_last = found.sort(pl.col("cause").is_not_null(), maintain_order=True)
    newest = {row["item_id"]: row for row in adjudicated_last.iter_rows(named=True)}
    qrels: trec.Qrels = {}
    queries: dict[str, dict[str, Any]] = {}
    left_out = 0
    for row in sorted(newest.values(), key=lambda row: row["seq"]):
        relevance = _relevance(row)
        if not relevance:
            continue
        first = queries.setdefault(row["qid"], row)
        if first["query"] != row["query"]:
            raise JudgmentExportError(
                f"The qid {row['qid']!r:.80} stands for different queries in "
                f"{first['domain']!r:.40} and {row['domain']!r:.40}: export one domain at a time."
            )
        for docid, value in relevance.items():
            if trec.is_writable(row["qid"], docid):
                qrels.setdefault(row["qid"], {})[docid] = value
            else:
                left_out += 1
    if not qrels:
        raise JudgmentExportError(
            "These judgments say of no passage how relevant it is, in ids that TREC's form can "
            "hold: approve, fix or grade some items, or take parquet."
        )
    return qrels, left_out


def _relevance(row: dict[str, Any]) -> dict[str, int]:
    if row["grades"]:
        return {each["docid"]: int(each["grade"]) for each in row["grades"]}
    if row["verdict"] in ("approve", "fix"):
        labels = set(row["labels"])
        return {docid: int(docid in labels) for docid in row["candidates"]}
    return {}
