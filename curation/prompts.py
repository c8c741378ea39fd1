"""Prompts as data: template files in RankLLM's YAML form, rendered into chat messages."""

import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Literal

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from curation.errors import FormatError
from db.ids import content_id

Message = dict[str, str]
# Whose way of writing queries and passages into a prompt: RankDesk's own, that of ReasonRank's
# authors, or RankLLM's.
Style = Literal["rankdesk", "reasonrank", "rankllm"]

LISTWISE, POINTWISE, PAIRWISE = "singleturn_listwise", "pointwise", "pairwise"
SELECTION = "selection"
# A doubled brace is a brace, as in RankLLM's files.
_PLACEHOLDER = re.compile(r"\{\{|\}\}|\{(?P<name>\w*)\}")
_AROUND = {"singleturn_listwise": frozenset({"num", "query"}), "pointwise": frozenset({"query"})}
_AROUND["pairwise"] = _AROUND["pointwise"]
_AROUND[SELECTION] = frozenset({"num", "query", "answer"})
# What a body must hold, by method; the last two may show the query in it or around it.
_BODY = {
    LISTWISE: frozenset({"rank", "candidate"}),
    POINTWISE: frozenset({"doc_content"}),
    PAIRWISE: frozenset({"doc1", "doc2"}),
    SELECTION: frozenset({"rank", "candidate"}),
}
_IDENTIFIER = re.compile(r"\[(\d+)\]")


class Template(BaseModel):
    """One prompt template.

    | method | `body` holds | around it |
    |---|---|---|
    | `singleturn_listwise` | `{rank}`, `{candidate}`, once for each passage | `{num}`, `{query}` |
    | `pointwise` | `{doc_content}`, `{query}` | `{query}` |
    | `pairwise` | `{doc1}`, `{doc2}`, `{query}` | `{query}` |
    | `selection` | `{rank}`, `{candidate}`, for each passage | `{num}`, `{query}`, `{answer}` |

    Only a selection may show the gold answer: it is what a teacher is asked, never a ranker. The
    regular expressions are what RankLLM's files carry; RankDesk parses answers by itself.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    method: Literal["singleturn_listwise", "pointwise", "pairwise", "selection"]
    system_message: str = ""
    prefix: str = ""
    body: str
    suffix: str = ""
    output_validation_regex: str = ""
    output_extraction_regex: str = ""

    @field_validator("system_message")
    @classmethod
    def _plain(cls, value: str) -> str:
        return _only(value, frozenset())

    @field_validator("prefix", "suffix")
    @classmethod
    def _around(cls, value: str, info: ValidationInfo) -> str:
        return _only(value, _AROUND.get(info.data.get("method", ""), frozenset({"num", "query"})))

    @field_validator("body")
    @classmethod
    def _shows_the_passages(cls, value: str, info: ValidationInfo) -> str:
        method = info.data.get("method", LISTWISE)
        needed = _BODY[method]
        _only(value, needed if "rank" in needed else needed | {"query"})
        if missing := needed - _names(value):
            raise ValueError(f"lacks the placeholders {sorted(missing)}")
        return value


def _only(value: str, allowed: frozenset[str]) -> str:
    if unknown := _names(value) - allowed:
        names = ", ".join(f"{{{name}}}" for name in sorted(allowed)) or "no placeholder"
        raise ValueError(f"unknown placeholders {sorted(unknown)}; it may hold {names}")
    return value


def _names(value: str) -> set[str]:
    return {found["name"] for found in _PLACEHOLDER.finditer(value) if found["name"] is not None}


def shipped_templates() -> list[str]:
    """Return the names of the templates that come with RankDesk."""
    folder = files("curation").joinpath("templates")
    return sorted(e.name.removesuffix(".yaml") for e in folder.iterdir() if e.name.endswith("yaml"))


def answers_bare(name: str | Path, template: Template) -> bool:
    """Say whether a template asks for an answer without tags, as most of RankLLM's do.

    RankDesk's own always mean `<answer>`; the shortest of them leave it to training.
    """
    said = (template.system_message, template.prefix, template.suffix)
    return str(name) not in shipped_templates() and not any("<answer>" in text for text in said)


def load_template(name_or_path: str | Path) -> Template:
    """Load a shipped template by name, or any template by the path of its YAML file.

    Raises:
        FormatError: If there is no such template or the file is not one; it names file and field.
    """
    shipped = shipped_templates()
    name = str(name_or_path)
    try:
        if name in shipped:
            text = files("curation").joinpath("templates", f"{name}.yaml").read_text("utf-8")
        else:
            text = Path(name).read_text(encoding="utf-8")
        data = yaml.safe_load(text)
    except (OSError, UnicodeDecodeError) as error:
        raise FormatError(
            f"there is no such template ({error}); give a YAML file or one of {', '.join(shipped)}",
            file=name,
        ) from error
    except yaml.YAMLError as error:
        raise FormatError(f"this is not YAML: {error}", file=name) from error
    try:
        return Template.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        reason = first["msg"].removeprefix("Value error, ")
        if first["type"] == "literal_error":
            reason += f", got {first['input']!r:.60}"
        raise FormatError(f"{reason}; mend the template", file=name, field=field) from error


def render(
    template: Template,
    query: str,
    passages: Sequence[str],
    labels: Sequence[str] | None = None,
    style: Style = "rankdesk",
) -> list[Message]:
    """Return the chat messages that show `passages` in one window.

    Corpus text is put in as it is but for `[n]`, which becomes `(n)` so that it is not taken for
    an identifier, and white space at the ends, which each style cuts in its own way:

    | style | query | passage | the whole prompt |
    |---|---|---|---|
    | `rankdesk` | stripped | stripped | |
    | `reasonrank` (`rerank/rankllm.py`) | stripped | as it was truncated | ftfy |
    | `rankllm` (0.26, `inference_handler.py`) | as it is | as it was truncated | |

    Args:
        passages: Texts in window order, already truncated.
        labels: What each passage is called; None counts from 1.

    Raises:
        FormatError: The template is of another method.
    """
    _require(template, LISTWISE)
    names = labels or [str(rank) for rank in range(1, len(passages) + 1)]
    body = "".join(
        _fill(template.body, {"rank": name, "candidate": _passage(passage, style)})
        for name, passage in zip(names, passages, strict=True)
    )
    values = {"num": str(len(passages)), "query": _query(query, style)}
    return _messages(template, values, body, style)


def render_selection(
    template: Template, query: str, answer: str, passages: Sequence[str]
) -> list[Message]:
    """Return the chat messages that show `passages` beside the gold answer; see `render`."""
    _require(template, SELECTION)
    body = "".join(
        _fill(template.body, {"rank": str(rank), "candidate": _clean(passage)})
        for rank, passage in enumerate(passages, start=1)
    )
    values = {"num": str(len(passages)), "query": _clean(query), "answer": _clean(answer)}
    return _messages(template, values, body)


def version(name: str, template: Template) -> str:
    """Return a template's name with a hash of its content, such as `listwise@1a2b3c4d`.

    Args:
        name: As it was loaded; of a path, the file's name counts.
    """
    stem = Path(name).name.removesuffix(".yaml")
    return f"{stem}@{content_id(template.model_dump(mode='json'))[:8]}"


def render_passage(
    template: Template, query: str, passage: str, style: Style = "rankdesk"
) -> list[Message]:
    """Return the chat messages that ask about one passage; see `render`."""
    _require(template, POINTWISE)
    values = {"query": _query(query, style)}
    body = _fill(template.body, values | {"doc_content": _passage(passage, style)})
    return _messages(template, values, body, style)


def render_pair(
    template: Template, query: str, first: str, second: str, style: Style = "rankdesk"
) -> list[Message]:
    """Return the chat messages that ask which of two passages is better; see `render`."""
    _require(template, PAIRWISE)
    values = {"query": _query(query, style)}
    texts = {"doc1": _passage(first, style), "doc2": _passage(second, style)}
    return _messages(template, values, _fill(template.body, values | texts), style)


def _require(template: Template, method: str) -> None:
    if template.method != method:
        raise FormatError(
            f"a {template.method} template cannot ask this; give one whose method is {method}",
            file="template",
            field="method",
        )


def _messages(
    template: Template, values: Mapping[str, str], body: str, style: Style = "rankdesk"
) -> list[Message]:
    user = _fill(template.prefix, values) + body + _fill(template.suffix, values)
    messages = [{"role": "user", "content": user}]
    if template.system_message:
        messages.insert(0, {"role": "system", "content": template.system_message})
    if style == "reasonrank":
        from ftfy import fix_text

        return [{**each, "content": fix_text(each["content"])} for each in messages]
    return messages


def _query(query: str, style: Style) -> str:
    return _unnumbered(query) if style == "rankllm" else _clean(query)


def _passage(text: str, style: Style) -> str:
    return _clean(text) if style == "rankdesk" else _unnumbered(text)


def _clean(text: str) -> str:
    return _unnumbered(text).strip()


def _unnumbered(text: str) -> str:
    return _IDENTIFIER.sub(r"(\1)", text)


def _fill(text: str, values: Mapping[str, str]) -> str:
    # One pass: a placeholder inside a query or passage is text like any other.
    return _PLACEHOLDER.sub(
        lambda found: found[0][0] if found["name"] is None else values[found["name"]], text
    )
