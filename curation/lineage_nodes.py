"""What a lineage is made of: one thing of each kind, found by `kind:id`, and groups of many."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from curation.errors import CurationError
from db import batches, benchmarks, checkpoints, evaluations, jobs, lineage
from db.errors import NotFoundError
from db.store import Store

Kind = Literal["item", "judgment", "batch", "snapshot", "job", "checkpoint", "evaluation", "query"]
KINDS: tuple[Kind, ...] = get_args(Kind)
_LABEL = 90  # characters


class LineageError(CurationError):
    """A node is named in a way that cannot be read."""


@dataclass(frozen=True, slots=True)
class Node:
    """One thing.

    Attributes:
        id: Of its kind; a query's is its evaluation's id, a slash and the qid.
        label: Its name or its first words. Text from outside, as is `detail`.
        about: Ids that its page needs, by their names.
    """

    kind: Kind
    id: str
    label: str
    detail: str = ""
    about: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """What the node is called in an address."""
        return f"{self.kind}:{self.id}"


@dataclass(frozen=True, slots=True)
class Group:
    """Things of one kind at one node, too many to show.

    Attributes:
        of: Key of that node.
        label: What they have in common.
        where: Which they are: `batch`, `verdict`, `reviewer` of items; `evaluation` of queries.
    """

    kind: Kind
    n: int
    of: str
    label: str = ""
    where: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """A name that no node has."""
        parts = [f"{name}={value}" for name, value in self.where.items()]
        return " ".join(["group", self.kind, self.of, *parts])


Entry = Node | Group


def find(store: Store, key: str) -> Node:
    """Return the node that `kind:id` names.

    Raises:
        LineageError: If it is no such thing.
        NotFoundError: If there is none.
    """
    kind, _, wanted = key.partition(":")
    if kind not in KINDS or not wanted:
        raise LineageError(
            f"{key[:80]!r} names nothing: write a kind and an id, such as snapshot:1f2e. "
            f"The kinds are {', '.join(KINDS)}."
        )
    found: dict[str, Callable[[Store, str], Node]] = {
        "item": item_node,
        "judgment": find_judgment,
        "batch": lambda store, each: batch_node(batches.get_batch(store, each)),
        "snapshot": snapshot_node,
        "job": find_job,
        "checkpoint": lambda store, each: checkpoint_node(checkpoints.get_checkpoint(store, each)),
        "evaluation": lambda store, each: evaluation_node(
            store, evaluations.get_evaluation(store, each)
        ),
        "query": find_query,
    }
    return found[kind](store, wanted)


def short(text: str) -> str:
    """Return the beginning of a text on one line."""
    text = " ".join(text.split())
    return text if len(text) <= _LABEL else text[: _LABEL - 1] + "…"


def item_node(store: Store, item_id: str, detail: str = "") -> Node:
    """Return an item by its id, with its domain or another detail."""
    found = lineage.query_texts(store, [item_id])
    if item_id not in found:
        raise NotFoundError(f"There is no item {item_id}.")
    domain, query = found[item_id]
    return Node("item", item_id, short(query), detail or domain)


def judgment_node(row: Mapping[str, Any]) -> Node:
    """Return a row of `db.lineage.judgment_rows` as a node."""
    verdict = row["verdict"].replace("_", " ")
    said = ", ".join(reason.replace("_", " ") for reason in row["reasons"])
    detail = f"{row['judged_at']:%Y-%m-%d %H:%M}" + (f" · {said}" if said else "")
    if row["undone"]:
        detail += " · taken back"
    return Node(
        "judgment",
        row["event_id"],
        f"{verdict} by {row['reviewer']}",
        detail,
        {"item": row["item_id"]},
    )


def find_judgment(store: Store, event_id: str) -> Node:
    """Return a judgment by its event id."""
    rows = lineage.judgment_rows(store, event_ids=[event_id])
    if not rows:
        raise NotFoundError(f"There is no judgment {event_id}.")
    return judgment_node(rows[0])


def batch_node(row: Mapping[str, Any]) -> Node:
    """Return a batch; its size is told where the row has it."""
    size = f" · {row['n_items']:,} items" if "n_items" in row else ""
    return Node("batch", row["batch_id"], short(row["name"]), f"{row['created_at']:%Y-%m-%d}{size}")


def snapshot_node(store: Store, wanted: str) -> Node:
    """Return a snapshot by its id."""
    row = batches.find_snapshot(store, wanted)
    return Node(
        "snapshot",
        row["snapshot_id"],
        short(row["name"]),
        f"{row['n_items']:,} items · {row['snapshot_id']}",
    )


def job_node(row: Mapping[str, Any]) -> Node:
    """Return a row of the jobs as a node."""
    recipe = f" · {row['recipe']}" if row["recipe"] else ""
    return Node("job", row["job_id"], short(row["name"]), f"{row['kind']}{recipe}")


def find_job(store: Store, wanted: str) -> Node:
    """Return a job by its id or name; one that evaluates is what it measured."""
    row = jobs.get_job(store, wanted)
    if row["kind"] == "evaluate":
        return evaluation_node(store, evaluations.get_evaluation(store, row["job_id"]))
    return job_node(row)


def checkpoint_node(row: Mapping[str, Any]) -> Node:
    """Return a row of the checkpoints as a node."""
    return Node("checkpoint", row["checkpoint_id"], short(row["name"]), row["kind"])


def evaluation_node(store: Store, row: Mapping[str, Any]) -> Node:
    """Return a row of the evaluations as a node, with its mean."""
    evaluation_id = row["evaluation_id"]
    benchmark = benchmarks.get_benchmark(store, row["benchmark_id"])["name"]
    mean = evaluations.means(store, [evaluation_id], "nDCG@10").get(evaluation_id)
    detail = short(benchmark) + ("" if mean is None else f" · nDCG@10 {100 * mean:.1f}")
    about = {"benchmark": row["benchmark_id"]}
    return Node("evaluation", evaluation_id, short(row["name"]), detail, about)


def query_node(evaluation_id: str, qid: str, detail: str) -> Node:
    """Return a query of an evaluation, and why it was sent back, as a node."""
    about = {"evaluation": evaluation_id, "query": qid}
    return Node("query", f"{evaluation_id}/{qid}", short(qid), short(detail), about)


def find_query(store: Store, wanted: str) -> Node:
    """Return a query by `evaluation/qid`."""
    evaluation_id, _, qid = wanted.partition("/")
    if not lineage.ranked(store, evaluation_id, qid):
        raise NotFoundError(f"Evaluation {evaluation_id} has no query {qid[:80]}.")
    sent = lineage.returns_of(store, evaluation_id=evaluation_id, qid=qid)
    return query_node(evaluation_id, qid, why_back(sent[0]) if sent else "")


def why_back(row: Mapping[str, Any]) -> str:
    """Return why a row of `db.lineage.returns_of` was sent back."""
    return f"{row['reason']}: {row['detail']}" if row["detail"] else str(row["reason"])
