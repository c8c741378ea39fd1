"""The multi-view reward of one rollout: nDCG@10 + 0.2 Recall@10 + 0.1 overlap.

After arXiv 2508.07050, Eq. 2-4, and the authors' `verl/utils/reward_score/ranking.py`. For valid
answers it equals the authors' value. It departs from their code where that pays wrong answers: the
ids must be exactly 1..n (theirs counts distinct numbers only), and id 0 is out of range (theirs
reads it as the last passage).
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

from curation.errors import CurationError
from curation.measures import ndcg_at, overlap_of_places, rbo, recall_at
from curation.permutation import Status, parse_response, read_numbers

Format = Literal["ok", "bad_answer", "bad_output"]
OverlapKind = Literal["average", "rbo"]

BAD_OUTPUT = -1.0
BAD_ANSWER = 0.0


class Reward(NamedTuple):
    """A rollout's reward and its parts.

    Attributes:
        reward: -1 without both blocks, 0 for a wrong id set, else ndcg + 0.2 recall + 0.1 overlap.
        format: `bad_output` and `bad_answer` are the two cases above.
        ndcg: nDCG@10 of the repaired permutation against the pointwise labels, 0..1; recall
            likewise. They are reported for every format, and paid only where it is `ok`.
        overlap: Average overlap (or RBO) with the gold permutation, 0..1.
        permutation: 1-based ids, repaired.
    """

    reward: float
    format: Format
    ndcg: float
    recall: float
    overlap: float
    permutation: tuple[int, ...]
    status: Status


def multi_view_reward(
    response: str,
    initial_list: Sequence[str],
    relevant_docids: Sequence[str],
    ground_truth: str,
    *,
    recall_weight: float = 0.2,
    overlap_weight: float = 0.1,
    overlap: OverlapKind = "average",
    rbo_p: float = 0.9,
    truncated: bool = False,
) -> Reward:
    """Score one response.

    Args:
        initial_list: Docids in the order the prompt numbered them, without repeats.
        relevant_docids: Pointwise labels, a non-empty part of `initial_list`.
        ground_truth: The listwise label, `[2] > [1] > …`, a permutation of 1..n.
        overlap: `average` is the authors' code (p = 1); `rbo` the geometric form of Eq. 4,
            extrapolated.
        truncated: The engine stopped at its token limit.

    Raises:
        CurationError: If the labels or the ground truth do not fit the list.
    """
    target = _target(tuple(initial_list), tuple(relevant_docids), ground_truth)
    parsed = parse_response(response, len(initial_list), truncated=truncated)
    ndcg = ndcg_at(parsed.permutation, target.relevant)
    recall = recall_at(parsed.permutation, target.relevant)
    shared = (
        overlap_of_places([target.places[number] for number in parsed.permutation])
        if overlap == "average"
        else rbo(parsed.permutation, target.gold, rbo_p)
    )
    form: Format = "ok"
    reward = ndcg + recall_weight * recall + overlap_weight * shared
    if not parsed.well_formed:
        form, reward = "bad_output", BAD_OUTPUT
    elif parsed.status != "ok":
        form, reward = "bad_answer", BAD_ANSWER
    return Reward(reward, form, ndcg, recall, shared, parsed.permutation, parsed.status)


class _Target(NamedTuple):
    """What the rollouts of one prompt are scored against; passages by their 1-based numbers."""

    relevant: frozenset[int]
    gold: tuple[int, ...]
    places: tuple[int, ...]  # by number: 0-based place in `gold`; there is no passage 0


@lru_cache(maxsize=4096)  # a group's rollouts are scored one after the other
def _target(initial_list: tuple[str, ...], relevant: tuple[str, ...], ground_truth: str) -> _Target:
    numbers = {docid: number for number, docid in enumerate(initial_list, start=1)}
    n = len(initial_list)
    if not len(numbers) == n > 0:
        raise CurationError(
            f"initial_list must hold distinct docids, at least one, got {list(initial_list)!r:.80}."
        )
    gold = read_numbers(ground_truth)
    if sorted(gold) != list(range(1, n + 1)):
        raise CurationError(
            f"ground_truth must name each of 1..{n} once, got {ground_truth!r:.80}."
        )
    if not relevant or not numbers.keys() >= set(relevant):
        raise CurationError(
            f"relevant_docids must be a non-empty part of initial_list, got {list(relevant)!r:.80}."
        )
    places = [0] * (n + 1)
    for place, number in enumerate(gold):
        places[number] = place
    return _Target(frozenset(numbers[docid] for docid in relevant), tuple(gold), tuple(places))
