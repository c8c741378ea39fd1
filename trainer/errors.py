"""Errors of the trainer, below `db.errors.RankDeskError`: what happened, what was got, what to do.

TrainerError
├── RecipeError
├── JobError
├── ModelError
├── TrainingDataError
├── WindowError
├── EngineError
└── EvaluationError
"""

from db.errors import RankDeskError


class TrainerError(RankDeskError):
    """Training, evaluation or their jobs refused a request."""


class RecipeError(TrainerError):
    """A recipe is missing, or one of its fields is unknown or has a bad value."""


class JobError(TrainerError):
    """A job folder is missing or broken, or its state does not allow the request."""


class ModelError(TrainerError):
    """A model could not be loaded, saved or run; the message names it."""


class TrainingDataError(TrainerError):
    """The chosen items leave nothing to train on."""


class WindowError(TrainerError):
    """Window and step do not describe a walk over the candidates."""


class EngineError(TrainerError):
    """An engine cannot answer; the message names it and what it said."""


class EvaluationError(TrainerError):
    """An evaluation's inputs do not fit together."""
