"""A question's prompt, and RankLLM's way of making it fit a context: ever fewer words a passage."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from curation.passages import WORDS, cut_words
from curation.prompts import Message, Style
from trainer.errors import EvaluationError
from trainer.strategies.questions import Question, labels, messages, template_of
from trainer.texts import prompt_text

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True, slots=True)
class Fit:
    """A context that prompt and order must fit (RankLLM 0.26, `rank_listwise_os_llm.py`).

    Attributes:
        size: Tokens of the prompt and of the order that answers it; a chain is not counted.
        rendered: Whether prompts are counted as the chat template renders them, as RankLLM does for
            an engine of its own; else as lines of role and content, as it does for endpoints.
    """

    tokenizer: "PreTrainedTokenizerBase"
    size: int
    rendered: bool

    def prompt(
        self,
        write: Callable[[Sequence[str]], list[Message]],
        texts: Sequence[str],
        names: Sequence[str],
    ) -> list[Message]:
        """Return the prompt with as many words of each passage as fit.

        Args:
            names: What the order calls the passages.

        Raises:
            EvaluationError: It does not fit without any passage either.
        """
        order = " > ".join(f"[{name}]" for name in names)
        room = self.size - len(self.tokenizer.encode(order, add_special_tokens=False))
        words = WORDS
        while (over := self._tokens(prompt := write(cut_words(texts, words))) - room) > 0:
            if words == 0:
                raise EvaluationError(
                    f"A prompt of {len(texts)} passages does not fit a context of {self.size} "
                    "tokens without their texts either: give a larger --context-size."
                )
            words = max(0, words - max(1, over // (4 * len(texts))))
        return prompt

    def _tokens(self, prompt: list[Message]) -> int:
        if not self.rendered:
            text = "".join(f"{each['role']}: {each['content']}\n" for each in prompt)
            return len(self.tokenizer.encode(text))
        from ftfy import fix_text

        return len(self.tokenizer.encode(fix_text(prompt_text(self.tokenizer, prompt))))


def prompt_of(
    question: Question,
    query: str,
    texts: Sequence[str],
    style: Style = "rankdesk",
    fit: Fit | None = None,
) -> list[Message]:
    """Return the prompt that asks a question.

    Args:
        texts: Of the question's passages, cut.

    Raises:
        FormatError: The question's template is of another method.
        EvaluationError: It does not fit.
    """
    template = template_of(question.template)

    def write(texts: Sequence[str]) -> list[Message]:
        return messages(
            question.kind, template, query, texts, letters=question.letters, style=style
        )

    if fit is None:
        return write(texts)
    return fit.prompt(write, texts, labels(len(texts), letters=question.letters))
