"""One person's work: what they decided, and how it compares. To themselves, and to leads."""

from dataclasses import dataclass

from curation import gold
from curation.anchoring import Anchoring, anchoring
from curation.gold import GoldScore
from curation.people import ROLES, require
from curation.reviewer_agreement import Row, said, with_others
from db import judgments, opinions
from db.people import ADMIN
from db.records import Judgment
from db.store import Store

RECENT = 20  # judgments that are listed
LEADS = ("reviewer", ADMIN)
"""Roles that may look at other people's work."""


@dataclass(frozen=True, slots=True)
class Work:
    """What one person did. Nothing of it says how fast, and nothing ranks people.

    Attributes:
        done: As `db.opinions.done_by` counts it.
        agreement: With the others who judged the same items, each pair of two.
        gold: On gold items; None where they decided none.
        anchoring: Of items marked blind first.
        recent: Their latest judgments in force, newest first.
    """

    person: str
    done: dict[str, int]
    agreement: Row
    gold: GoldScore | None
    anchoring: Anchoring
    recent: list[Judgment]


def work_of(store: Store, person: str, *, asked_by: str) -> Work:
    """Return a person's work.

    Raises:
        RefusedError: If somebody else asks who is neither reviewer nor admin.
    """
    require(store, asked_by, *(ROLES if person == asked_by else LEADS))
    person = str(person)
    return Work(
        person=person,
        done=opinions.done_by(store, person),
        agreement=with_others(said(store), person),
        gold=next((each for each in gold.scores(store) if each.reviewer == person), None),
        anchoring=anchoring(store, person),
        recent=judgments.recent_judgments(store, person, RECENT),
    )


def people(store: Store, *, asked_by: str) -> list[str]:
    """Return everybody who judged, by name, for leads to choose from.

    Raises:
        RefusedError: If `asked_by` is neither reviewer nor admin.
    """
    require(store, asked_by, *LEADS)
    return judgments.reviewers(store)
