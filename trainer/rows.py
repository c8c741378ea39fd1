"""From a snapshot's items to the rows that TRL trains on.

Both trainers read the same prompt; SFT adds the teacher's chain and order as the completion,
GRPO the labels that its reward reads.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any, Literal

from curation.permutation import render_answer, render_response
from curation.prompts import load_template, render
from curation.training_items import TrainingItem
from trainer.errors import TrainingDataError
from trainer.recipes import GrpoRecipe, SftRecipe
from trainer.texts import count_tokens, cut_passages, prompt_text

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

# One constant for every run, so that an SFT and a GRPO run never share an item.
SPLIT = "rankdesk"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An item that does not fit the recipe's token caps."""

    item_id: str
    domain: str
    qid: str
    part: Literal["prompt", "completion"]
    tokens: int
    limit: int


@dataclass(slots=True)
class Rows:
    """The rows to train on, and the items that fit no row; token counts of what was kept."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    prompt_tokens: list[int] = field(default_factory=list)
    completion_tokens: list[int] = field(default_factory=list)  # SFT only

    def summary(self) -> dict[str, Any]:
        """Return counts for `result.json`."""
        return {
            "rows": len(self.rows),
            "left_out": [asdict(item) for item in self.left_out],
            "max_prompt_tokens": max(self.prompt_tokens, default=0),
            "max_completion_tokens": max(self.completion_tokens, default=0),
        }


def select_share(
    items: Iterable[TrainingItem], share: Literal["all", "sft", "rl"]
) -> list[TrainingItem]:
    """Return all items, or one half of every domain: ceil(n/2) for SFT, floor(n/2) for RL.

    ReasonRank's published halves have these sizes; which items go where follows from a hash of
    the item's id, so that the same snapshot splits in the same way at any time.
    """
    ordered = sorted(items, key=lambda item: (item.domain, _draw(item.item_id), item.item_id))
    if share == "all":
        return ordered
    chosen = []
    for _, group in groupby(ordered, key=lambda item: item.domain):
        domain = list(group)
        middle = (len(domain) + 1) // 2
        chosen += domain[:middle] if share == "sft" else domain[middle:]
    return chosen


def _draw(item_id: str) -> str:
    return hashlib.sha256(f"{SPLIT}:{item_id}".encode()).hexdigest()


def build_rows(
    items: Sequence[TrainingItem],
    recipe: SftRecipe | GrpoRecipe,
    tokenizer: "PreTrainedTokenizerBase",
) -> Rows:
    """Render the items as training rows, within the recipe's token caps."""
    template = load_template(recipe.template)
    built = Rows()
    for item in items:
        passages = cut_passages(tokenizer, item.texts, recipe.max_passage_tokens)
        prompt = render(template, item.query, passages)
        tokens = count_tokens(tokenizer, prompt_text(tokenizer, prompt))
        if tokens > recipe.max_prompt_tokens:
            built.left_out.append(_left_out(item, "prompt", tokens, recipe.max_prompt_tokens))
            continue
        if isinstance(recipe, SftRecipe):
            completion = render_response(item.chain, item.permutation)
            answer_tokens = count_tokens(tokenizer, completion)
            if answer_tokens > recipe.max_completion_tokens:
                limit = recipe.max_completion_tokens
                built.left_out.append(_left_out(item, "completion", answer_tokens, limit))
                continue
            built.completion_tokens.append(answer_tokens)
            labels: dict[str, Any] = {"completion": [{"role": "assistant", "content": completion}]}
        else:
            labels = {
                "initial_list": list(item.docids),
                "relevant_docids": list(item.relevant_docids),
                "ground_truth": render_answer(item.permutation),
            }
        built.prompt_tokens.append(tokens)
        built.rows.append(
            {
                "prompt": prompt,
                "item_id": item.item_id,
                "domain": item.domain,
                "qid": item.qid,
                **labels,
            }
        )
    return built


def require_rows(built: Rows, least: int, recipe: SftRecipe | GrpoRecipe) -> None:
    """Refuse to train on fewer rows than one update needs.

    Raises:
        TrainingDataError: Too few are left.
    """
    if len(built.rows) < least:
        raise TrainingDataError(
            f"{len(built.rows)} rows are left and one update needs {least}: {len(built.left_out)} "
            f"items are over the token caps (prompt {recipe.max_prompt_tokens}, completion "
            f"{recipe.max_completion_tokens}), and the recipe takes the share {recipe.share!r}. "
            "Approve more items, raise the caps or lower the batch size."
        )


def _left_out(
    item: TrainingItem, part: Literal["prompt", "completion"], tokens: int, limit: int
) -> LeftOut:
    return LeftOut(item.item_id, item.domain, item.qid, part, tokens, limit)
