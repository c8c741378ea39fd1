"""Items grouped by what their queries mean, so that a few of each group stand for all."""

from collections.abc import Callable

import numpy as np
import polars as pl
from sklearn.cluster import MiniBatchKMeans

from curation import queue_keeping
from curation.decontamination import Vectors
from db import items, queue_values
from db.store import Store
from trainer.decontaminate import embedded
from trainer.errors import TrainingDataError

MOST = 300  # clusters
SEED = 1


def cluster_items(store: Store, on_progress: Callable[[int, int], None]) -> int:
    """Group every item and keep the groups in place of those before; return how many there are.

    Queries that were embedded before are not embedded again; others take minutes for every ten
    thousand on two cores.

    Args:
        on_progress: Told how many queries are embedded, and of how many.

    Raises:
        TrainingDataError: If there are no items.
    """
    rows = items.queries(store)
    if not rows:
        raise TrainingDataError("There are no items to group. Import a teacher's rankings first.")
    vectors = embedded(store, [row["query"] for row in rows], on_progress)
    frame = group([row["item_id"] for row in rows], vectors)
    queue_values.put_clusters(store, frame)
    queue_keeping.refresh(store)
    return frame["cluster"].n_unique()


def group(item_ids: list[str], vectors: Vectors) -> pl.DataFrame:
    """Return item_id, cluster (0-based), place (1-based, from its middle outwards).

    About √(n ÷ 2) clusters, at most `MOST`, by k-means; the same vectors give the same clusters.

    Args:
        vectors: Of length 1, an array of (items, dimensions).
    """
    k = max(1, min(MOST, round((len(item_ids) / 2) ** 0.5)))
    fitted = MiniBatchKMeans(k, random_state=SEED, n_init=3).fit(vectors)
    away = np.linalg.norm(vectors - fitted.cluster_centers_[fitted.labels_], axis=1)
    return pl.DataFrame(
        {"item_id": item_ids, "cluster": fitted.labels_.astype(np.int64), "away": away}
    ).select(
        "item_id", "cluster", place=pl.col("away").rank("ordinal").over("cluster").cast(pl.Int64)
    )
