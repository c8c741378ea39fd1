"""Prompts as data: template files in RankLLM's YAML form, rendered into chat messages."""

import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from curation.errors import FormatError

Message = dict[str, str]

METHOD = "singleturn_listwise"
_PLACEHOLDER = re.compile(r"\{(\w*)\}")
_ALLOWED = {
    "system_message": frozenset[str](),
    "prefix": frozenset({"num", "query"}),
    "body": frozenset({"rank", "candidate"}),
    "suffix": frozenset({"num", "query"}),
}
_IDENTIFIER = re.compile(r"\[(\d+)\]")


class Template(BaseModel):
    """One prompt template.

    `prefix` and `suffix` may hold `{num}` and `{query}`, `body` holds `{rank}` and `{candidate}`.
    The regular expressions are what RankLLM's files carry; RankDesk parses answers by itself.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    method: str
    system_message: str = ""
    prefix: str
    body: str
    suffix: str
    output_validation_regex: str = ""
    output_extraction_regex: str = ""

    @field_validator("method")
    @classmethod
    def _listwise(cls, value: str) -> str:
        if value != METHOD:
            raise ValueError(f"got {value!r}, and only {METHOD} templates are rendered here")
        return value

    @field_validator(*_ALLOWED)
    @classmethod
    def _known_placeholders(cls, value: str, info: object) -> str:
        allowed = _ALLOWED[str(getattr(info, "field_name", ""))]
        if unknown := set(_PLACEHOLDER.findall(value)) - allowed:
            names = ", ".join(f"{{{name}}}" for name in sorted(allowed)) or "no placeholder"
            raise ValueError(f"unknown placeholders {sorted(unknown)}; it may hold {names}")
        return value

    @field_validator("body")
    @classmethod
    def _shows_the_passage(cls, value: str) -> str:
        if missing := {"rank", "candidate"} - set(_PLACEHOLDER.findall(value)):
            raise ValueError(f"lacks the placeholders {sorted(missing)}")
        return value


def shipped_templates() -> list[str]:
    """Return the names of the templates that come with RankDesk."""
    folder = files("curation").joinpath("templates")
    return sorted(e.name.removesuffix(".yaml") for e in folder.iterdir() if e.name.endswith("yaml"))


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
        raise FormatError(f"{reason}; mend the template", file=name, field=field) from error


def render(template: Template, query: str, passages: Sequence[str]) -> list[Message]:
    """Return the chat messages that ask for an order of `passages`.

    Corpus text is put in as it is but for `[n]`, which becomes `(n)` so that it is not taken for
    an identifier, and white space at the ends (ReasonRank, `rerank/rankllm.py`).

    Args:
        passages: Texts in window order, already truncated.
    """
    query = _clean(query)
    values = {"num": str(len(passages)), "query": query}
    body = "".join(
        _fill(template.body, {"rank": str(rank), "candidate": _clean(passage)})
        for rank, passage in enumerate(passages, start=1)
    )
    user = _fill(template.prefix, values) + body + _fill(template.suffix, values)
    messages = [{"role": "user", "content": user}]
    if template.system_message:
        messages.insert(0, {"role": "system", "content": template.system_message})
    return messages


def _clean(text: str) -> str:
    return _IDENTIFIER.sub(r"(\1)", text).strip()


def _fill(text: str, values: Mapping[str, str]) -> str:
    # One pass: a placeholder inside a query or passage is text like any other.
    return _PLACEHOLDER.sub(lambda match: values[match[1]], text)
