import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.permutation import parse_response
from tests.trainer.small import GRPO, SFT, make_items
from trainer.errors import TrainingDataError
from trainer.models import load_tokenizer
from trainer.recipes import apply_overrides, load_recipe
from trainer.rows import build_rows, require_rows, select_share
from trainer.texts import begun_text, cut_passages


@pytest.fixture(scope="module")
def tokenizer(tiny_model):
    return load_tokenizer(str(tiny_model))


@pytest.fixture
def sft():
    return apply_overrides(load_recipe("demo-sft"), SFT)


def test_sft_rows_hold_prompt_chain_and_answer(tokenizer, sft):
    (item,) = make_items(3)[2:]
    (row,) = build_rows([item], sft, tokenizer).rows
    assert row["completion"] == [
        {
            "role": "assistant",
            "content": "<think>\nThe query names 4, and so does [3].\n</think>\n"
            "<answer>\n[3] > [1] > [2] > [4]\n</answer>",
        }
    ]
    prompt = row["prompt"][-1]["content"]
    assert "which note is on number 4?" in prompt
    assert "note 2 on number 4 [3]" in prompt
    assert (row["item_id"], row["qid"], row["domain"]) == (item.item_id, "q 2", "math-qa")
    assert parse_response(row["completion"][0]["content"], 4).permutation == item.permutation


def test_grpo_rows_hold_what_the_reward_reads(tokenizer):
    recipe = apply_overrides(load_recipe("demo-grpo"), GRPO)
    (item,) = make_items(2)[1:]
    (row,) = build_rows([item], recipe, tokenizer).rows
    assert row["initial_list"] == ["d/1 0", "d/1 1", "d/1 2", "d/1 3"]
    assert row["relevant_docids"] == ["d/1 1"]
    assert row["ground_truth"] == "[2] > [1] > [3] > [4]"
    assert "completion" not in row


def test_passages_are_cut_by_the_models_tokens(tokenizer):
    text = "note 1 on number 2 — ünïcode 漢字 " * 5
    for limit in (1, 2, 7, 20, 40):
        (cut,) = cut_passages(tokenizer, [text], limit)
        assert text.startswith(cut)
        # A token that holds part of a character brings the whole character.
        assert limit <= len(tokenizer(cut)["input_ids"]) <= limit + 2
    assert cut_passages(tokenizer, [text, "short"], 10_000) == [text, "short"]
    assert cut_passages(tokenizer, [], 5) == []


def test_items_over_a_cap_are_left_out_and_named(tokenizer, sft):
    items = make_items(4)
    items[1] = dataclasses.replace(items[1], chain="on and on " * 100)
    items[2] = dataclasses.replace(items[2], query="why " * 500)
    built = build_rows(items, sft, tokenizer)
    assert [row["qid"] for row in built.rows] == ["q 0", "q 3"]
    assert [(left.qid, left.part, left.limit) for left in built.left_out] == [
        ("q 1", "completion", 100),
        ("q 2", "prompt", 400),
    ]
    assert all(left.tokens > left.limit for left in built.left_out)
    assert built.summary()["rows"] == 2
    with pytest.raises(TrainingDataError, match="2 rows are left and one update needs 4"):
        require_rows(built, 4, sft)


@given(st.integers(0, 60))
def test_the_halves_are_disjoint_whole_and_rounded_as_published(count):
    items = make_items(count)
    halves = {share: select_share(items, share) for share in ("sft", "rl")}
    ids = {share: {item.item_id for item in half} for share, half in halves.items()}
    assert not ids["sft"] & ids["rl"]
    assert ids["sft"] | ids["rl"] == {item.item_id for item in select_share(items, "all")}
    for domain in {item.domain for item in items}:
        total = sum(item.domain == domain for item in items)
        assert sum(i.domain == domain for i in halves["sft"]) == math.ceil(total / 2)
        assert sum(i.domain == domain for i in halves["rl"]) == total // 2


def test_a_half_stays_the_same_whatever_the_order_of_the_items():
    items = make_items(20)
    assert select_share(items, "sft") == select_share(reversed(items), "sft")


def test_a_think_block_is_opened_once(tokenizer, monkeypatch):
    asked = [{"role": "user", "content": "why?"}]
    prefill = "<think>\n\n</think>\n"
    plain = begun_text(tokenizer, asked, prefill)
    assert plain.endswith("assistant\n" + prefill)
    opening = tokenizer.chat_template.replace("assistant\n", "assistant\n<think>\n")
    monkeypatch.setattr(tokenizer, "chat_template", opening)
    assert begun_text(tokenizer, asked, prefill) == plain
    assert begun_text(tokenizer, asked, "").endswith("assistant\n<think>\n")


def test_a_template_s_switch_is_told_and_its_empty_think_block_is_not_doubled(tiny_model):
    tokenizer = load_tokenizer(str(tiny_model))
    tokenizer.chat_template = (
        "{{ messages[0].content }}\n"
        "{% if enable_thinking is false %}<think>\n\n</think>\n\n{% endif %}"
    )
    asked = [{"role": "user", "content": "why?"}]
    assert begun_text(tokenizer, asked, "") == "why?\n"
    assert begun_text(tokenizer, asked, "", False) == "why?\n<think>\n\n</think>\n\n"
    prefill = "<think>\n\n</think>\n<answer>\n"
    assert begun_text(tokenizer, asked, prefill, False) == f"why?\n{prefill}"
