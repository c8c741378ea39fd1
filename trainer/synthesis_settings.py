"""How a teacher is asked: the settings of a generate job, checked as they are read."""

from typing import Annotated, Literal

from pydantic import Field

from curation.synthesis import DEPTH, SIZE
from trainer.settings import Positive, Strict

Stage = Literal["select", "negatives", "rank"]
STAGES: tuple[Stage, ...] = ("select", "negatives", "rank")


class Limits(Strict):
    """What a job may use.

    Attributes:
        budget: US dollars; the job stops before it spends more. None sets no bound.
    """

    budget: Annotated[float, Field(gt=0)] | None = None
    requests_per_minute: Positive | None = None
    tokens_per_minute: Positive | None = None


class SynthesisSettings(Strict):
    """What is done for each query; the defaults are the recipe's where it says anything.

    Attributes:
        depth: Passages retrieved for each query.
        size: Most candidates of an item.
        dense: Retrieve by a sentence encoder beside BM25.
        negatives: Ask the teacher for hard negatives too.
        samples: Chains and orders asked for each item; the recipe has one.
        orders: Orders of the candidates that samples are shown in turn; 2 lets position bias be
            seen.
        until: The last stage; a later job goes on from the answers that are there.
        limit: Queries to work on, the first ones of the source.
        attempts: How often a malformed answer is asked for before the last one is kept as it is. A
            later job with more attempts asks those alone; the rest is there already.
        temperature: With top_p, DeepSeek's advice for R1.
    """

    depth: Positive = DEPTH
    size: Annotated[int, Field(ge=2)] = SIZE
    dense: bool = True
    negatives: bool = True
    samples: Positive = 1
    orders: Positive = 1
    until: Stage = "rank"
    limit: Positive | None = None
    attempts: Positive = 1
    max_passage_tokens: Positive = 512
    max_new_tokens: Positive = 8192
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.6
    top_p: Annotated[float, Field(gt=0, le=1)] = 0.95
    select_template: str = "teacher-select"
    negatives_template: str = "teacher-negatives"
    rank_template: str = "listwise"
    limits: Limits = Limits()

    @property
    def templates(self) -> dict[Stage, str]:
        """Name or path of each stage's template."""
        return {
            "select": self.select_template,
            "negatives": self.negatives_template,
            "rank": self.rank_template,
        }
