"""What models cost: a YAML file that people edit, in US dollars per million tokens.

deepseek-reasoner: {prompt: 0.28, completion: 0.42}
gpt-5: {prompt: 1.25, completion: 10, batch: 0.5}
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from curation.errors import FormatError

_Dollars = Annotated[float, Field(ge=0, allow_inf_nan=False, strict=True)]
_MILLION = 1_000_000


class Price(BaseModel):
    """US dollars per million tokens, read and written.

    Attributes:
        batch: Share of the price that the batch API takes; all of it where nothing is said.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    prompt: _Dollars
    completion: _Dollars
    batch: Annotated[float, Field(gt=0, le=1, strict=True)] | None = None

    def in_batches(self) -> "Price":
        """Return the price of what is asked by batches."""
        share = 1.0 if self.batch is None else self.batch
        return Price(prompt=share * self.prompt, completion=share * self.completion)

    def of(self, prompt_tokens: float, completion_tokens: float) -> float:
        """Return what so many tokens cost, in US dollars.

        Example:
            >>> Price(prompt=0.5, completion=2.0).of(2_000_000, 500_000)
            2.0
        """
        spent = prompt_tokens * self.prompt + completion_tokens * self.completion
        return spent / _MILLION


_TABLE = TypeAdapter(dict[Annotated[str, Field(min_length=1)], Price])


def read_prices(path: Path) -> dict[str, Price]:
    """Return prices by model; none where there is no file.

    Raises:
        FormatError: If the file is no such table; it names line and field.
    """
    try:
        text = path.read_text(encoding="utf-8")
        data, root = yaml.safe_load(text), yaml.compose(text, yaml.SafeLoader)
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise FormatError(f"it cannot be read: {error}", file=path) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise FormatError(
            "it is not YAML; write `model: {prompt: 0.28, completion: 0.42}`",
            file=path,
            line=None if mark is None else mark.line + 1,
        ) from error
    _require_one_each(path, root)
    try:
        return _TABLE.validate_python({} if data is None else data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        raise FormatError(
            f"{first['msg']}, got {first['input']!r:.80}; a model has two prices, `prompt` and "
            "`completion`, in US dollars per million tokens, and may have `batch`, the share that "
            "a batch costs",
            file=path,
            line=_line_of(root, first["loc"]),
            field=field,
        ) from error


def _require_one_each(path: Path, root: yaml.Node | None) -> None:
    """Raise FormatError where a model stands twice: YAML alone would take the last one."""
    seen = set()
    for key, _ in root.value if isinstance(root, yaml.MappingNode) else ():
        if key.value in seen:
            line = key.start_mark.line + 1
            raise FormatError("it stands twice; keep one", file=path, line=line, field=key.value)
        seen.add(key.value)


def _line_of(node: yaml.Node | None, place: Sequence[int | str]) -> int | None:
    """Return the 1-based line of the value at `place`, or of the nearest one around it."""
    for step in place:
        if not isinstance(node, yaml.MappingNode):
            break
        node = next((value for key, value in node.value if key.value == str(step)), node)
    return None if node is None else node.start_mark.line + 1


def write_prices(path: Path, prices: Mapping[str, Price]) -> None:
    """Replace the table."""
    table = {model: price.model_dump(exclude_none=True) for model, price in sorted(prices.items())}
    draft = path.with_suffix(".new")
    draft.write_text(yaml.safe_dump(table, allow_unicode=True), encoding="utf-8")
    draft.replace(path)  # a reader never sees half a table
