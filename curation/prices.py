"""What models cost: a YAML file that people edit, in US dollars per million tokens.

deepseek-reasoner: {prompt: 0.28, completion: 0.42}
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from curation.errors import FormatError

_Dollars = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_MILLION = 1_000_000


class Price(BaseModel):
    """US dollars per million tokens, read and written."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    prompt: _Dollars
    completion: _Dollars

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
        FormatError: If the file is no such table; it names the line or the field.
    """
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
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
    try:
        return _TABLE.validate_python(data or {})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        raise FormatError(
            f"{first['msg']}, got {first['input']!r:.80}; a model has two prices, `prompt` and "
            "`completion`, in US dollars per million tokens",
            file=path,
            field=field,
        ) from error


def write_prices(path: Path, prices: Mapping[str, Price]) -> None:
    """Replace the table."""
    table = {model: price.model_dump() for model, price in sorted(prices.items())}
    draft = path.with_suffix(".new")
    draft.write_text(yaml.safe_dump(table, allow_unicode=True), encoding="utf-8")
    draft.replace(path)  # a reader never sees half a table
