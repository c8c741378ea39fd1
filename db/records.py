"""Plain values that the database functions take and return."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, get_args

Author = Literal["teacher", "human", "checkpoint"]
ChainAuthor = Literal["teacher", "human", "hinted"]
"""Who wrote a chain: a person wrote or edited it, or a teacher wrote it to a reviewer's hint."""
CHAIN_AUTHORS: tuple[ChainAuthor, ...] = get_args(ChainAuthor)
Verdict = Literal["approve", "reject", "fix", "cannot_judge"]
Cause = Literal["ambiguous", "guideline_gap", "slip"]


@dataclass(frozen=True, slots=True)
class Passage:
    """One candidate of an item, as the source gave it."""

    docid: str
    text: str
    title: str | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """One query with its candidates in initial order and the teacher's pointwise labels."""

    item_id: str
    domain: str
    qid: str
    query: str
    candidates: tuple[Passage, ...]
    relevant_docids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ranking:
    """One author's order of an item's candidates.

    Attributes:
        docids: Best first, complete.
        status: Parse status of the response (`ok` for a human).
        ndcg: nDCG@10 against the item's pointwise labels, 0..1; recall and overlap likewise.
        first_relevant: 1-based rank of the first relevant passage.
        failed_checks: What the chain's checks found; empty for a human without a chain.
        hint: What a reviewer told the teacher when asking again; None of every other ranking.
    """

    ranking_id: str
    item_id: str
    author: Author
    author_name: str
    docids: tuple[str, ...]
    status: str
    ndcg: float
    recall: float
    overlap: float
    first_relevant: int
    chain: str
    response: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    failed_checks: tuple[str, ...] = ()
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class Judgment:
    """One reviewer's verdict on one item, in force.

    Attributes:
        grades: From docids to 0..3, for those that were graded.
        guideline: Version of the guidelines that stood beside the item, if any.
        campaign: Id of the campaign it was decided in, if any.
    """

    event_id: str
    item_id: str
    reviewer: str
    verdict: Verdict
    reasons: tuple[str, ...]
    note: str
    ranking_id: str | None
    relevant_docids: tuple[str, ...] | None
    judged_at: datetime
    grades: Mapping[str, int] = field(default_factory=dict)
    guideline: str | None = None
    campaign: str | None = None


@dataclass(frozen=True, slots=True)
class StepMark:
    """What a reviewer says of one step of a chain.

    Attributes:
        start: First character of the step in the chain, 0-based; `stop` is one past its last.
        mark: 1 for right, 0 for neutral, -1 for wrong.
    """

    start: int
    stop: int
    mark: int


@dataclass(frozen=True, slots=True)
class Detail:
    """What a judgment says of order and chain beside its verdict.

    Attributes:
        started_from: Of a fix, the id of the ranking that its order began as.
        ranked: Of a fix, how many places from the top were ranked; the rest kept their order. None
            where the whole order is meant.
        tied: Of a fix, docids that stand level with the one before them.
        chain_id: The ranking whose chain `steps` are of.
        steps: Marked steps, in the chain's order.
    """

    started_from: str | None = None
    ranked: int | None = None
    tied: tuple[str, ...] = ()
    chain_id: str | None = None
    steps: tuple[StepMark, ...] = ()

    @property
    def first_wrong(self) -> StepMark | None:
        """The first step that is marked wrong."""
        return next((step for step in self.steps if step.mark < 0), None)


@dataclass(frozen=True, slots=True)
class Adjudication:
    """What makes a judgment the last word on an item that people do not agree on.

    Attributes:
        cause: Why they do not.
        taken: Event id of the judgment whose words it takes over; None where it is a merge.
        over: Event ids of the judgments that it decides over.
    """

    cause: Cause
    taken: str | None
    over: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reject:
    """One row that an import refused.

    Attributes:
        line: 1-based line in `file`.
        cause: One word of a fixed vocabulary, for counting.
    """

    line: int
    file: str
    field: str
    cause: str
    message: str


@dataclass(frozen=True, slots=True)
class ItemFilter:
    """Which items, in which order. The empty filter means all of them.

    Attributes:
        domains: Any of these; none means every domain.
        verdict: `open` for items without a verdict, `judged` for those with one, `returned` for
            those that an evaluation sent back, `any`, or one verdict.
        reviewer: Only items whose verdict in force is this reviewer's.
        min_ndcg: Self-consistency at least this, 0..1.
        max_ndcg: Self-consistency below this, or equal where it is 1.
        text: Contained in the query, any case.
        found: Only these item ids, such as what a search found; None for no such limit.
        tag: Only items with this tag; empty for all.
        batch: Only items of the batch with this id; empty for all.
        check: Only items whose chain fails this check; empty for all.
        assigned: Only items assigned to this person; empty for all.
        flagged: Only items with an open flag.
        min_tau: Agreement of the samples, Kendall τ, at least this, -1..1. From -1 to 1, items
            without several samples are let through too.
        max_tau: Agreement below this, or equal where it is 1.
        order: `near_cut` (smallest distance to `cut` first), `lowest`, `highest`, `least_agreed`
            (samples of one teacher), `other_teacher` (least agreed with another), `imported`,
            `newest`, `judged` (latest verdict first).
        cut: The self-consistency cut that `near_cut` measures from.
    """

    domains: tuple[str, ...] = ()
    verdict: Literal[
        "any", "open", "judged", "returned", "approve", "reject", "fix", "cannot_judge"
    ] = "any"
    reviewer: str | None = None
    min_ndcg: float = 0.0
    max_ndcg: float = 1.0
    text: str = ""
    found: tuple[str, ...] | None = None
    tag: str = ""
    batch: str = ""
    check: str = ""
    assigned: str = ""
    flagged: bool = False
    min_tau: float = -1.0
    max_tau: float = 1.0
    order: Literal[
        "near_cut",
        "lowest",
        "highest",
        "least_agreed",
        "other_teacher",
        "imported",
        "newest",
        "judged",
    ] = "near_cut"
    cut: float = 0.4
