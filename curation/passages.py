"""What a model reads of a passage: three ways of writing it, one for each kind of checkpoint."""

from collections.abc import Callable, Mapping, Sequence

from curation.prompts import Style
from curation.training_items import full_text
from db.records import Passage

Cut = Callable[[Sequence[str]], list[str]]

WORDS = 300  # RankLLM's max_passage_words


def written(passage: Passage, style: Style) -> str:
    """Return a passage's text before it is cut.

    `rankdesk` is what models trained here read. The other two repair broken characters and name the
    title (RankLLM, `listwise_inference_handler.py`; ReasonRank's `rerank/rankllm.py` has it from
    there).
    """
    if style == "rankdesk":
        return full_text(passage)
    from ftfy import fix_text

    text = passage.text
    if passage.title:
        text = f"Title: {passage.title} Content: {text}"
    return fix_text(text.strip())


def cut_words(texts: Sequence[str], words: int = WORDS) -> list[str]:
    """Return each text's first words, joined by single spaces, as RankLLM cuts them."""
    return [" ".join(text.split()[:words]) for text in texts]


def cut_in(style: Style, by_tokens: Cut) -> Cut:
    """Return how passages are cut in a style: RankLLM counts words, the others tokens."""
    return cut_words if style == "rankllm" else by_tokens


def reader(
    passages: Mapping[str, Passage], style: Style, cut: Cut
) -> Callable[[Sequence[str]], list[str]]:
    """Return a function from docids to texts as the model reads them; each is cut once.

    Args:
        cut: Truncates texts, by the model's tokens or by words.
    """
    known: dict[str, str] = {}

    def texts(docids: Sequence[str]) -> list[str]:
        new = [docid for docid in docids if docid not in known]
        if new:
            known.update(zip(new, cut([written(passages[d], style) for d in new]), strict=True))
        return [known[docid] for docid in docids]

    return texts
