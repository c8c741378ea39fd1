"""Reading the audit, which is for admins."""

import polars as pl

from curation.people import require
from db import audit
from db.audit import AuditFilter
from db.people import ADMIN
from db.store import Store


def entries(
    store: Store, chosen: AuditFilter, *, asked_by: str, limit: int | None = None, offset: int = 0
) -> pl.DataFrame:
    """Return rows of the audit (`db.audit_sources.COLUMNS`), the newest first.

    Args:
        limit: None for all that there are.

    Raises:
        RefusedError: If `asked_by` is no admin.
    """
    require(store, asked_by, ADMIN)
    if limit is None:
        return audit.everything(store, chosen)
    return audit.page(store, chosen, limit=limit, offset=offset)


def count(store: Store, chosen: AuditFilter, *, asked_by: str) -> int:
    """Return how many rows a filter lets through.

    Raises:
        RefusedError: If `asked_by` is no admin.
    """
    require(store, asked_by, ADMIN)
    return audit.count(store, chosen)


def actors(store: Store, *, asked_by: str) -> list[str]:
    """Return everyone who did anything, by name.

    Raises:
        RefusedError: If `asked_by` is no admin.
    """
    require(store, asked_by, ADMIN)
    return audit.actors(store)
