from types import SimpleNamespace

import polars as pl
import pytest

from tests.trainer.small import GRPO
from trainer.recipes import apply_overrides, load_recipe
from trainer.rollouts import advantages, make_reward

RECIPE = apply_overrides(load_recipe("demo-grpo"), GRPO)
EOS = 2


@pytest.fixture
def scored(tmp_path):
    """Four rollouts of one item: right, wrong order, one id missing, no answer and cut off."""
    texts = [
        "<think>so</think>\n<answer>[2] > [1]</answer>",
        "<think>so</think>\n<answer>[1] > [2]</answer>",
        "<think>so</think>\n<answer>[2]</answer>",
        "<think>so",
    ]
    cap = RECIPE.max_completion_tokens
    logged: dict[str, float] = {}
    rewards = make_reward(tmp_path, RECIPE, EOS)(
        completions=[[{"role": "assistant", "content": text}] for text in texts],
        completion_ids=[[5, EOS], [5, EOS], [5] * (cap - 1) + [EOS], [5] * cap],
        initial_list=[["a", "b"]] * 4,
        relevant_docids=[["b"]] * 4,
        ground_truth=["[2] > [1]"] * 4,
        item_id=["i"] * 4,
        qid=["q"] * 4,
        domain=["biology"] * 4,
        trainer_state=SimpleNamespace(global_step=6),
        log_metric=logged.__setitem__,
        prompts=[[]] * 4,
    )
    return rewards, logged, pl.read_parquet(tmp_path / "rollouts" / "step-00007-0.parquet")


def test_rewards_are_the_multi_view_reward(scored):
    rewards, _, _ = scored
    # 1 + 0.2 + 0.1; 1/log2(3) + 0.2 + 0.1 * (0 + 1) / 2; a wrong id set; no output format
    assert rewards == pytest.approx([1.3, 0.63093 + 0.2 + 0.05, 0.0, -1.0], abs=1e-5)


def test_parts_and_shares_are_logged_apart(scored):
    _, logged, _ = scored
    assert logged["format/ok"] == 0.5
    assert logged["status/ok"] == 0.5
    assert logged["status/missing"] == 0.25
    assert logged["status/truncated"] == 0.25
    assert logged["status/repeated"] == 0.0
    assert {"reward/ndcg", "reward/recall", "reward/overlap"} <= set(logged)


def test_every_rollout_is_kept_with_its_parts(scored):
    rewards, _, frame = scored
    assert frame["step"].to_list() == [7] * 4
    assert frame["reward"].to_list() == rewards
    assert frame["truncated"].to_list() == [False, False, False, True]
    assert frame["permutation"].to_list()[0] == [2, 1]
    assert frame["advantage"].to_list() == pytest.approx(advantages(rewards, 4))
    assert frame["format"].to_list() == ["ok", "ok", "bad_answer", "bad_output"]


def test_advantages_are_normalised_within_each_group():
    assert advantages([1.0, 3.0, 5.0, 5.0], 2) == pytest.approx(
        [-1 / 2**0.5, 1 / 2**0.5, 0.0, 0.0], abs=1e-3
    )
