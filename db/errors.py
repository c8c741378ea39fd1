"""Errors of every layer descend from `RankDeskError`: what happened, what was got, what to do.

RankDeskError
└── StoreError
    ├── WorkspaceBusyError
    ├── WorkspaceMissingError
    ├── MigrationError
    └── NotFoundError
"""


class RankDeskError(Exception):
    """Something a user can act on; the message says what is wrong and how to mend it."""


class StoreError(RankDeskError):
    """The workspace database refused a request."""


class WorkspaceBusyError(StoreError):
    """Another process owns the workspace; the message names it and the way out."""


class WorkspaceMissingError(StoreError):
    """There is no workspace in the given folder."""


class MigrationError(StoreError):
    """The database's schema could not be brought up to date; it was left as it was."""


class NotFoundError(StoreError):
    """No row has the given id."""
