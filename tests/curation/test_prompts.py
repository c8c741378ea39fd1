import pytest

from curation.errors import FormatError
from curation.prompts import load_template, render, shipped_templates
from tests.shared_data import SHARED, needs_shared_data


def test_every_shipped_template_loads_and_shows_each_passage_once():
    assert {"listwise", "listwise-short"} <= set(shipped_templates())
    for name in shipped_templates():
        user = render(load_template(name), "why?", ["one", "two"])[-1]["content"]
        assert user.count("one") == user.count("two") == 1
        assert user.index("[1]") < user.index("[2]")
        assert "why?" in user


@needs_shared_data
def test_rankllm_s_own_template_file_renders():
    template = load_template(SHARED / "templates" / "reasonrank_template.yaml")
    system, user = render(template, "why?", ["one", "two"])
    assert system["role"] == "system"
    assert "with 2 passages" not in system["content"]
    assert user["content"].startswith("I will provide you with 2 passages")
    assert "[1] one\n[2] two\n" in user["content"]
    assert user["content"].endswith("e.g., [2] > [1].")


def test_corpus_text_is_put_in_as_text():
    template = load_template("listwise")
    user = render(template, "what is {num} [3]? ", ["{query} and {candidate}", "see [1] [b]"])[-1]
    assert "what is {num} (3)?" in user["content"]
    assert "[1] {query} and {candidate}\n" in user["content"]
    assert "[2] see (1) [b]\n" in user["content"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("prefix: a", "Field required"),
        ("{", "not YAML"),
        ("method: singleturn_listwise\nprefix: a\nbody: '[{rank}]'\nsuffix: b", "candidate"),
        (
            "method: singleturn_listwise\nprefix: '{who}'\nbody: '{rank}{candidate}'\nsuffix: b",
            "prefix: unknown placeholders ['who']",
        ),
        ("method: pointwise\nprefix: a\nbody: '{rank}{candidate}'\nsuffix: b", "method: got"),
    ],
)
def test_a_template_s_fault_is_named_by_file_and_field(tmp_path, text, message):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(FormatError, match=r"mine\.yaml") as caught:
        load_template(path)
    assert message in str(caught.value)


def test_an_unknown_template_lists_the_shipped_ones():
    with pytest.raises(FormatError, match="listwise-short"):
        load_template("nope")
