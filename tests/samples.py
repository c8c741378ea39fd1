"""A few small items that can be checked by hand, put into a workspace."""

from pathlib import Path

import polars as pl

from curation import batching
from curation.exports import export_snapshot
from curation.intake import import_reasonrank
from curation.snapshots import ITEMS
from curation.training_items import TrainingItem, read_items
from db.item_writes import ITEM_SCHEMA, PASSAGE_SCHEMA, insert_items, ranking_frame
from db.records import Ranking
from db.store import Store
from db.workspace import Workspace

# item -> (domain, teacher's order of a b c d, relevant, nDCG@10 to the fourth digit)
SAMPLES = {
    "i1": ("biology", "abcd", "a", 1.0),
    "i2": ("biology", "bacd", "a", 0.6309),
    "i3": ("leetcode", "dcba", "a", 0.4307),
    "i4": ("leetcode", "bcda", "ab", 0.8772),
    "i5": ("leetcode", "bdca", "a", 0.4307),
}


def add_samples(store: Store, **statuses: str) -> list[str]:
    """Insert the samples and return their item ids.

    Args:
        statuses: Parse status of a response that is not `ok`, by item id.
    """
    docids = list("abcd")
    passages = pl.DataFrame(
        [(f"p{d}", d, None, f"passage {d}") for d in docids], schema=PASSAGE_SCHEMA, orient="row"
    )
    items = pl.DataFrame(
        [
            (
                item_id,
                "import-1",
                domain,
                f"q/{item_id}",
                f"what about {item_id}?",
                [f"p{d}" for d in docids],
                docids,
                list(relevant),
            )
            for item_id, (domain, _, relevant, _) in SAMPLES.items()
        ],
        schema=ITEM_SCHEMA,
        orient="row",
    )
    rankings = ranking_frame(
        [
            Ranking(
                ranking_id=f"r{item_id}",
                item_id=item_id,
                author="teacher",
                author_name="simulated",
                docids=tuple(order),
                status=statuses.get(item_id, "ok"),
                ndcg=ndcg,
                recall=1.0,
                overlap=0.5,
                first_relevant=1 + min(order.index(d) for d in relevant),
                chain=f"First [1], then [2]. {item_id}",
            )
            for item_id, (_, order, relevant, ndcg) in SAMPLES.items()
        ]
    )
    insert_items(store, passages, items, rankings)
    return list(SAMPLES)


def exported_and_imported(snapshot: Path, folder: Path) -> list[TrainingItem]:
    """Export a snapshot in ReasonRank's layout, import it elsewhere, and return what comes back."""
    export_snapshot(snapshot, "reasonrank", folder / "out")
    with Store.create(Workspace(folder / "other")) as other:
        import_reasonrank(other, folder / "out", imported_by="ada")
        again = batching.create(
            other, "b", batching.Selection(verdicts=("open",), cut=0.0), created_by="ada"
        )
        manifest = batching.approve(other, again, approved_by="ben")
        return list(read_items(other.workspace.snapshots / manifest.snapshot_id / ITEMS))
