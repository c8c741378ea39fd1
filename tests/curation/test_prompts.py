import pytest

from curation.errors import FormatError
from curation.prompts import (
    Template,
    load_template,
    render,
    render_pair,
    render_passage,
    render_selection,
    shipped_templates,
)
from tests.shared_data import SHARED, needs_shared_data

PASSAGES = ["a kite in the wind", "two hats on a shelf"]


@pytest.mark.parametrize("name", shipped_templates())
def test_every_shipped_template_shows_the_query_and_each_passage_once(name):
    template = load_template(name)
    if template.method == "pointwise":
        shown, messages = PASSAGES[:1], render_passage(template, "why?", PASSAGES[0])
    elif template.method == "pairwise":
        shown, messages = PASSAGES, render_pair(template, "why?", *PASSAGES)
    elif template.method == "selection":
        shown, messages = PASSAGES, render_selection(template, "why?", "so", PASSAGES)
    else:
        shown, messages = PASSAGES, render(template, "why?", PASSAGES)
        assert messages[-1]["content"].index("[1]") < messages[-1]["content"].index("[2]")
    user = messages[-1]["content"]
    assert "why?" in user
    assert [user.count(passage) for passage in shown] == [1] * len(shown)


def test_passages_may_be_labelled_by_letters():
    user = render(load_template("listwise-direct"), "why?", PASSAGES, ["A", "B"])[-1]["content"]
    assert f"[A] {PASSAGES[0]}\n[B] {PASSAGES[1]}\n" in user


def test_a_template_of_another_method_is_refused():
    with pytest.raises(FormatError, match="a pairwise template .* whose method is pointwise"):
        render_passage(load_template("pairwise"), "why?", "a kite")


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
    ("style", "query", "passage"),
    [
        ("rankdesk", "isn’t it (3)?", "see (1) ’so’"),
        ("reasonrank", "isn't it (3)?", " see (1) 'so' "),
        ("rankllm", "  isn’t it (3)? ", " see (1) ’so’ "),
    ],
)
def test_each_style_cleans_in_its_own_way(style, query, passage):
    templates = {
        "singleturn_listwise": ("{candidate}{rank}", render, [" see [1] ’so’ "]),
        "pointwise": ("{doc_content}1", render_passage, " see [1] ’so’ "),
    }
    for method, (body, rendered, shown) in templates.items():
        template = Template(method=method, body=body, suffix="|{query}|")
        user = rendered(template, "  isn’t it [3]? ", shown, style=style)[-1]["content"]
        assert user == f"{passage}1|{query}|"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "method: singleturn_listwise\nbody: '{rank}{candidate} {score}'",
            "body: unknown placeholders ['score']",
        ),
        ("method: multiturn_listwise\nbody: a", "got 'multiturn_listwise'"),
        ("prefix: a", "Field required"),
        ("{", "not YAML"),
        ("method: singleturn_listwise\nprefix: a\nbody: '[{rank}]'\nsuffix: b", "candidate"),
        (
            "method: singleturn_listwise\nprefix: '{who}'\nbody: '{rank}{candidate}'\nsuffix: b",
            "prefix: unknown placeholders ['who']",
        ),
        ("method: multiturn\nprefix: a\nbody: '{rank}{candidate}'\nsuffix: b", "method: Input"),
    ],
)
def test_a_template_s_fault_is_named_by_file_and_field(tmp_path, text, message):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(FormatError, match=r"mine\.yaml") as caught:
        load_template(path)
    assert message in str(caught.value)


def test_a_doubled_brace_is_a_brace():
    template = Template(
        method="singleturn_listwise",
        system_message="as {{is}}",  # RankLLM fills no system message
        prefix='{{"query": "{query}"}} ',
        body="{rank}{candidate}",
    )
    system, user = render(template, "{{q}}", ["{rank}"])
    assert system["content"] == "as {{is}}"
    assert user["content"] == '{"query": "{{q}}"} 1{rank}'


def test_an_unknown_template_lists_the_shipped_ones():
    with pytest.raises(FormatError, match="listwise-short"):
        load_template("nope")
