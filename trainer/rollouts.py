"""GRPO's reward function: scores rollouts, logs the parts apart, keeps every rollout on disk.

Each round of rollouts becomes `rollouts/step-00012-0.parquet` (step of the update that they feed
first, then the process), one row a rollout:
step, item_id, qid, domain, completion, tokens, reward, format, ndcg, recall, overlap, status,
permutation, truncated, advantage.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import polars as pl

from curation.permutation import STATUSES
from curation.reward import Reward, multi_view_reward
from trainer.process import rank
from trainer.recipes import GrpoRecipe

ROLLOUTS = "rollouts"

RewardFunction = Callable[..., list[float | None]]  # None, which TRL allows, is never returned


def make_reward(job_dir: Path, recipe: GrpoRecipe, eos_token_id: int) -> RewardFunction:
    """Return the reward in TRL's form for one job."""
    folder = job_dir / ROLLOUTS
    folder.mkdir(exist_ok=True)

    def multi_view(
        completions: Sequence[list[dict[str, str]]],
        completion_ids: Sequence[list[int]],
        initial_list: Sequence[list[str]],
        relevant_docids: Sequence[list[str]],
        ground_truth: Sequence[str],
        item_id: Sequence[str],
        qid: Sequence[str],
        domain: Sequence[str],
        trainer_state: Any,
        log_metric: Callable[[str, float], None],
        **_: object,
    ) -> list[float | None]:
        texts = [messages[0]["content"] for messages in completions]
        truncated = [
            len(ids) >= recipe.max_completion_tokens and ids[-1] != eos_token_id
            for ids in completion_ids
        ]
        scored = [
            multi_view_reward(
                text,
                initial,
                relevant,
                truth,
                recall_weight=recipe.reward.recall,
                overlap_weight=recipe.reward.overlap,
                overlap=recipe.reward.kind,
                rbo_p=recipe.reward.rbo_p,
                truncated=cut,
            )
            for text, initial, relevant, truth, cut in zip(
                texts, initial_list, relevant_docids, ground_truth, truncated, strict=True
            )
        ]
        for name, value in reward_metrics(scored).items():
            log_metric(name, value)
        step = trainer_state.global_step + 1
        frame = pl.DataFrame(
            {
                "step": [step] * len(scored),
                "item_id": list(item_id),
                "qid": list(qid),
                "domain": list(domain),
                "completion": texts,
                "tokens": [len(ids) for ids in completion_ids],
                "reward": [reward.reward for reward in scored],
                "format": [reward.format for reward in scored],
                "ndcg": [reward.ndcg for reward in scored],
                "recall": [reward.recall for reward in scored],
                "overlap": [reward.overlap for reward in scored],
                "status": [reward.status for reward in scored],
                "permutation": [list(reward.permutation) for reward in scored],
                "truncated": truncated,
                "advantage": advantages(
                    [reward.reward for reward in scored], recipe.num_generations
                ),
            }
        )
        path = folder / f"step-{step:05d}-{rank()}.parquet"
        frame.write_parquet(path.with_suffix(".new"))
        path.with_suffix(".new").replace(path)
        return [reward.reward for reward in scored]

    return multi_view


def reward_metrics(scored: Sequence[Reward]) -> dict[str, float]:
    """Return the mean of each part, the share of good formats and the share of each status."""
    shares = {
        f"status/{status}": fmean(reward.status == status for reward in scored)
        for status in STATUSES
    }
    return {
        "reward/ndcg": fmean(reward.ndcg for reward in scored),
        "reward/recall": fmean(reward.recall for reward in scored),
        "reward/overlap": fmean(reward.overlap for reward in scored),
        "format/ok": fmean(reward.format == "ok" for reward in scored),
        **shares,
    }


def advantages(rewards: Sequence[float], group: int) -> list[float]:
    """Return (r - mean) / (std + 1e-4) within each group of consecutive rollouts, as TRL does.

    For one process's rollouts, whose groups are whole when their number is a multiple of `group`;
    a group spread over processes is normalised over the part that is here.
    """
    found: list[float] = []
    for start in range(0, len(rewards), group):
        part = rewards[start : start + group]
        mean = fmean(part)
        spread = stdev(part) if len(part) > 1 else 0.0
        found += [(reward - mean) / (spread + 1e-4) for reward in part]
    return found
