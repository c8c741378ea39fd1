"""RankLLM's loop: passages lose words until prompt and order fit."""

import pytest

from curation.permutation import render_answer
from trainer.errors import EvaluationError
from trainer.fitting import Fit, prompt_of
from trainer.models import load_tokenizer
from trainer.strategies.questions import Question
from trainer.texts import prompt_text

TEXTS = [" ".join(["note"] * 400), "note 1"]


@pytest.fixture
def template(tmp_path) -> str:
    path = tmp_path / "t.yaml"
    path.write_text(
        'method: singleturn_listwise\nbody: "[{rank}] {candidate}\\n"\nsuffix: "Query: {query}"\n'
    )
    return str(path)


@pytest.mark.parametrize("rendered", [True, False])
@pytest.mark.parametrize("size", [4096, 200, 60])
def test_passages_lose_words_until_prompt_and_order_fit(tiny_model, template, rendered, size):
    tokenizer = load_tokenizer(str(tiny_model))
    question = Question("order", ("a", "b"), template, reasoning=False)
    prompt = prompt_of(question, "why?", TEXTS, "rankllm", Fit(tokenizer, size, rendered))
    text = (
        prompt_text(tokenizer, prompt)
        if rendered
        else "".join(f"{each['role']}: {each['content']}\n" for each in prompt)
    )
    used = len(tokenizer.encode(text)) + len(tokenizer.encode(render_answer([1, 2])))
    words = prompt[-1]["content"].splitlines()[0].count("note")
    assert used <= size
    if size == 4096:
        assert words == 300
    else:
        assert 0 < words < 300
        assert used > size - 12  # no more was cut than RankLLM's steps take


def test_a_context_without_room_is_told(tiny_model, template):
    question = Question("order", ("a", "b"), template, reasoning=False)
    fit = Fit(load_tokenizer(str(tiny_model)), 5, True)
    with pytest.raises(EvaluationError, match="larger --context-size"):
        prompt_of(question, "why?", TEXTS, "rankllm", fit)
