"""Lineage: what each thing came from and led to, from a verdict to a query and back to the queue.

    item → judgment → batch → snapshot → job → checkpoint → evaluation → query → item

The last item is back in the queue, because the query went wrong. Many things of one kind are told
as a group with its size; where a group's items can be listed, it says by which filter.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from curation.lineage_nodes import (
    Entry,
    Group,
    Kind,
    Node,
    batch_node,
    checkpoint_node,
    evaluation_node,
    find,
    item_node,
    job_node,
    judgment_node,
    query_node,
    short,
    snapshot_node,
    why_back,
)
from db import batches, checkpoints, evaluations, jobs, lineage
from db.errors import NotFoundError
from db.store import Store

MANY = 5  # of one kind at one node; beyond it they are a group


@dataclass(frozen=True, slots=True)
class Graph:
    """A node with what led to it and what it led to.

    Attributes:
        levels: Columns from the far past to the far future; the node stands alone in the middle.
        edges: Pairs of keys, from what was there first.
    """

    focus: Node
    levels: tuple[tuple[Entry, ...], ...]
    edges: tuple[tuple[str, str], ...]


def around(store: Store, key: str, *, depth: int = 2) -> Graph:
    """Return what is up to `depth` steps from a node, in both directions.

    A node that is met again, as in a loop, is not shown twice: the edge leads to where it stands.

    Raises:
        LineageError: If the key is no `kind:id`.
        NotFoundError: If there is no such thing.
    """
    focus = find(store, key)
    placed: dict[str, Entry] = {focus.key: focus}
    edges: dict[tuple[str, str], None] = {}
    before: list[list[Entry]] = []
    after: list[list[Entry]] = []
    ways: tuple[tuple[list[list[Entry]], Callable[[Store, Node], list[Entry]], bool], ...]
    ways = ((before, parents, False), (after, children, True))
    for found, neighbours, forward in ways:
        level: list[Entry] = [focus]
        for _ in range(depth):
            reached: list[Entry] = []
            for each in level:
                if isinstance(each, Group):
                    continue
                for other in neighbours(store, each):
                    edges[(each.key, other.key) if forward else (other.key, each.key)] = None
                    if other.key not in placed:
                        placed[other.key] = other
                        reached.append(other)
            found.append(reached)
            level = reached
    columns: list[list[Entry]] = [*reversed(before), [focus], *after]
    return Graph(focus, tuple(map(tuple, columns)), tuple(edges))


def starts(store: Store, *, each: int = 10) -> list[Node]:
    """Return places to begin: the newest snapshots, checkpoints, evaluations and batches."""
    frozen = dict.fromkeys(batches.list_snapshots(store)["snapshot_id"])
    return [
        *(snapshot_node(store, snapshot_id) for snapshot_id in list(frozen)[:each]),
        *(checkpoint_node(row) for row in checkpoints.list_checkpoints(store)[:each]),
        *(evaluation_node(store, row) for row in evaluations.list_evaluations(store)[::-1][:each]),
        *(batch_node(row) for row in batches.list_batches(store).head(each).to_dicts()),
    ]


def parents(store: Store, node: Node) -> list[Entry]:
    """Return what a node came from."""
    return _PARENTS[node.kind](store, node)


def children(store: Store, node: Node) -> list[Entry]:
    """Return what a node led to."""
    return _CHILDREN[node.kind](store, node)


def _some(
    entries: Sequence[Node], of: Node, label: str = "", where: Mapping[str, str] | None = None
) -> list[Entry]:
    """Return entries of one kind; of many, the first and a group of the rest."""
    if len(entries) <= MANY:
        return list(entries)
    rest = len(entries) - MANY + 1
    return [
        *entries[: MANY - 1],
        Group(entries[0].kind, rest, of.key, label or "more", where or {}),
    ]


def _item_parents(store: Store, node: Node) -> list[Entry]:
    sent = lineage.returns_of(store, item_id=node.id)
    nodes = {
        (row["evaluation_id"], row["qid"]): query_node(
            row["evaluation_id"], row["qid"], why_back(row)
        )
        for row in sent
    }
    return _some(list(nodes.values()), node)


def _item_children(store: Store, node: Node) -> list[Entry]:
    given = [judgment_node(row) for row in lineage.judgment_rows(store, item_id=node.id)]
    unseen = [
        batch_node(row) for row in lineage.item_batches(store, node.id) if row["event_id"] is None
    ]
    return _some(given[::-1], node) + _some(unseen, node)


def _judgment_parents(store: Store, node: Node) -> list[Entry]:
    return [item_node(store, node.about["item"])]


def _judgment_children(store: Store, node: Node) -> list[Entry]:
    seen = [
        batch_node(row)
        for row in lineage.item_batches(store, node.about["item"])
        if row["event_id"] == node.id
    ]
    return _some(seen, node)


def _batch_parents(store: Store, node: Node) -> list[Entry]:
    found: list[Entry] = []
    for row in lineage.batch_verdicts(store, node.id):
        if row["verdict"] is None:
            found.append(Group("item", row["n"], node.key, "not judged", {"batch": node.id}))
        elif row["n"] == 1:
            rows = lineage.judgment_rows(store, event_ids=row["event_ids"])
            found += [judgment_node(each) for each in rows]
        else:
            label = f"{row['verdict'].replace('_', ' ')} by {row['reviewer']}"
            where = {
                "batch": node.id,
                "verdict": row["verdict"],
                "reviewer": row["reviewer"],
            }
            found.append(Group("judgment", row["n"], node.key, label, where))
    return found


def _batch_children(store: Store, node: Node) -> list[Entry]:
    snapshot = batches.get_batch(store, node.id)["snapshot_id"]
    return [snapshot_node(store, snapshot)] if snapshot else []


def _snapshot_parents(store: Store, node: Node) -> list[Entry]:
    frozen = [
        batch_node(row)
        for row in batches.list_batches(store).to_dicts()
        if row["snapshot_id"] == node.id
    ]
    return _some(frozen, node)


def _jobs(store: Store, column: str, node: Node) -> list[Entry]:
    found = [
        job_node(row)
        for row in jobs.list_jobs(store)
        if row[column] == node.id and row["kind"] in ("sft", "grpo")
    ]
    return _some(found, node)


def _job_parents(store: Store, node: Node) -> list[Entry]:
    row = jobs.get_job(store, node.id)
    found: list[Entry] = []
    try:
        if row["snapshot_id"]:
            found.append(snapshot_node(store, row["snapshot_id"]))
    except NotFoundError:
        pass  # trained on a folder from elsewhere
    return found + _known_checkpoint(store, row["checkpoint_id"])


def _known_checkpoint(store: Store, checkpoint_id: str | None) -> list[Entry]:
    """Return a checkpoint of this workspace; nothing for a model from a hub or behind a server."""
    try:
        found = checkpoints.get_checkpoint(store, checkpoint_id) if checkpoint_id else None
    except NotFoundError:
        return []
    return [checkpoint_node(found)] if found else []


def _job_children(store: Store, node: Node) -> list[Entry]:
    return [
        checkpoint_node(row)
        for row in checkpoints.list_checkpoints(store)
        if row["job_id"] == node.id
    ]


def _checkpoint_parents(store: Store, node: Node) -> list[Entry]:
    job_id = checkpoints.get_checkpoint(store, node.id)["job_id"]
    return [job_node(jobs.get_job(store, job_id))] if job_id else []


def _checkpoint_children(store: Store, node: Node) -> list[Entry]:
    measured = [
        evaluation_node(store, row)
        for row in evaluations.list_evaluations(store)[::-1]
        if row["checkpoint_id"] == node.id
    ]
    return _some(measured, node) + _jobs(store, "checkpoint_id", node)


def _evaluation_parents(store: Store, node: Node) -> list[Entry]:
    return _known_checkpoint(store, evaluations.get_evaluation(store, node.id)["checkpoint_id"])


def _evaluation_children(store: Store, node: Node) -> list[Entry]:
    sent = {row["qid"]: row for row in lineage.returns_of(store, evaluation_id=node.id)}
    shown = [query_node(node.id, qid, why_back(row)) for qid, row in sent.items()][:MANY]
    found: list[Entry] = list(shown)
    rest = lineage.query_count(store, node.id) - len(shown)
    if rest > 0:
        label = "other queries" if shown else "queries"
        found.append(Group("query", rest, node.key, label, {"evaluation": node.id}))
    return found


def _query_parents(store: Store, node: Node) -> list[Entry]:
    row = evaluations.get_evaluation(store, node.about["evaluation"])
    return [evaluation_node(store, row)]


def _query_children(store: Store, node: Node) -> list[Entry]:
    sent = lineage.returns_of(
        store, evaluation_id=node.about["evaluation"], qid=node.about["query"]
    )
    standing = {row["item_id"]: row["open"] for row in sent[::-1]}
    texts = lineage.query_texts(store, list(standing))
    back = [
        Node("item", item_id, short(query), "in the queue" if standing[item_id] else "judged since")
        for item_id, (_, query) in texts.items()
    ]
    return _some(back, node)


_Edges = dict[Kind, Callable[[Store, Node], list[Entry]]]
_PARENTS: _Edges = {
    "item": _item_parents,
    "judgment": _judgment_parents,
    "batch": _batch_parents,
    "snapshot": _snapshot_parents,
    "job": _job_parents,
    "checkpoint": _checkpoint_parents,
    "evaluation": _evaluation_parents,
    "query": _query_parents,
}
_CHILDREN: _Edges = {
    "item": _item_children,
    "judgment": _judgment_children,
    "batch": _batch_children,
    "snapshot": lambda store, node: _jobs(store, "snapshot_id", node),
    "job": _job_children,
    "checkpoint": _checkpoint_children,
    "evaluation": _evaluation_children,
    "query": _query_children,
}
