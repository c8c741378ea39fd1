"""Guidelines for reviewers: versions are appended, the latest of a name is in force."""

from typing import Any

from db.errors import NotFoundError, StoreError
from db.ids import now
from db.store import Store

GENERAL = "general"
"""The guidelines that everybody goes by, where a campaign names no other."""


def append_version(
    store: Store, name: str, text: str, *, note: str, after: int, published_by: str
) -> int:
    """Put a new version of the guidelines `name` in force, and return its number.

    Args:
        after: The version that it was written from; 0 for the first.

    Raises:
        StoreError: If another version was published since.
    """
    with store.transaction() as cursor:
        found = cursor.execute(
            "SELECT version, published_by FROM guideline_versions WHERE name = ?"
            " ORDER BY version DESC LIMIT 1",
            [name],
        ).fetchall()
        latest, by = found[0] if found else (0, "")
        if latest != after:
            raise StoreError(
                f"{by} published version {latest} of {name} meanwhile. Keep your text, look at "
                "what changed, and put the two together."
            )
        cursor.execute(
            "INSERT INTO guideline_versions VALUES (?, ?, ?, ?, ?, ?)",
            [name, latest + 1, text, note, published_by, now()],
        ).fetchall()
    return int(latest) + 1


def names(store: Store) -> list[str]:
    """Return the names of the guidelines, the general ones first where there are any."""
    rows = store.rows(
        "SELECT DISTINCT name FROM guideline_versions ORDER BY name <> ?, name", [GENERAL]
    )
    return [row["name"] for row in rows]


def versions(store: Store, name: str) -> list[dict[str, Any]]:
    """Return name, version, text, note, published_by, published_at of every version, newest first.

    The first is in force.
    """
    return store.rows(
        "SELECT * FROM guideline_versions WHERE name = ? ORDER BY version DESC", [name]
    )


def in_force(store: Store, name: str) -> dict[str, Any] | None:
    """Return the version in force, as `versions` has it; None where nothing was published."""
    return store.row(
        "SELECT * FROM guideline_versions WHERE name = ? ORDER BY version DESC LIMIT 1", [name]
    )


def stamp(store: Store, name: str) -> str | None:
    """Return what judgments are stamped with now, such as `general v3`; None for no guidelines."""
    row = store.row("SELECT max(version) AS latest FROM guideline_versions WHERE name = ?", [name])
    assert row is not None
    return None if row["latest"] is None else f"{name} v{row['latest']}"


def get_version(store: Store, name: str, version: int) -> dict[str, Any]:
    """Return one version, as `versions` has it.

    Raises:
        NotFoundError: If there is none.
    """
    row = store.row(
        "SELECT * FROM guideline_versions WHERE name = ? AND version = ?", [name, version]
    )
    if row is None:
        raise NotFoundError(f"There is no version {version} of the guidelines {name}.")
    return row


def judged_under(store: Store) -> dict[str, int]:
    """Return how many verdicts carry each stamp, those that were undone included."""
    rows = store.rows(
        "SELECT guideline, count(*) AS n FROM judgment_events"
        " WHERE kind = 'judge' AND guideline IS NOT NULL GROUP BY 1"
    )
    return {row["guideline"]: int(row["n"]) for row in rows}
