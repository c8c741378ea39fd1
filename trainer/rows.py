"""From a snapshot's items to the rows that TRL trains on.

Both trainers read the same prompt; SFT adds what its task is to write as the completion, GRPO the
labels that its reward reads.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any, Literal

from curation.permutation import render_answer
from curation.prompts import load_template
from curation.training_items import TrainingItem
from trainer.errors import TrainingDataError
from trainer.recipes import GrpoRecipe, SftRecipe
from trainer.strategies.questions import messages
from trainer.tasks import Task, examples
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
    """Render the items as training rows, within the recipe's token caps.

    An item is one row, but in the tasks that ask about parts of its list.
    """
    template = load_template(recipe.template)
    task: Task = "listwise"
    reasoning = True
    if isinstance(recipe, SftRecipe):
        task, reasoning = recipe.task, recipe.reasoning
    built = Rows()
    for item in items:
        passages = cut_passages(tokenizer, item.texts, recipe.max_passage_tokens)
        for example in examples(item, task, reasoning=reasoning):
            texts = [passages[place] for place in example.shown]
            prompt = messages(example.kind, template, item.query, texts)
            tokens = count_tokens(tokenizer, prompt_text(tokenizer, prompt))
            if tokens > recipe.max_prompt_tokens:
                built.left_out.append(_left_out(item, "prompt", tokens, recipe.max_prompt_tokens))
                continue
            if isinstance(recipe, SftRecipe):
                written = count_tokens(tokenizer, example.completion)
                if written > recipe.max_completion_tokens:
                    limit = recipe.max_completion_tokens
                    built.left_out.append(_left_out(item, "completion", written, limit))
                    continue
                built.completion_tokens.append(written)
                answer = {"role": "assistant", "content": example.completion}
                target: dict[str, Any] = {"completion": [answer]}
            else:
                target = {
                    "initial_list": list(item.docids),
                    "relevant_docids": list(item.relevant_docids),
                    "ground_truth": render_answer(item.permutation),
                }
            built.prompt_tokens.append(tokens)
            ids = {"item_id": item.item_id, "domain": item.domain, "qid": item.qid}
            built.rows.append({"prompt": prompt, **ids, **target})
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
