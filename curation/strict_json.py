"""JSON from others, read strictly: one value that every later step can store, or a named fault.

Python's own reader takes NaN, repeated keys and lone surrogates, each of which fails later and
farther from its cause (in a database, a parquet file or another reader's parser).
"""

import json
import re
from codecs import BOM_UTF8
from typing import Any, Literal, NoReturn

Cause = Literal["wrong_encoding", "not_json"]

_SURROGATE_ESCAPE = re.compile(rb"\\u[dD][89a-fA-F]")


class JsonError(ValueError):
    """The bytes hold no JSON value.

    Attributes:
        cause: `wrong_encoding` (not UTF-8, or half of a surrogate pair) or `not_json`.
    """

    def __init__(self, cause: Cause, message: str) -> None:
        super().__init__(message)
        self.cause = cause


def decode(raw: bytes, *, lone_surrogates: bool = False) -> Any:
    """Return the JSON value in `raw`, which may start with a byte order mark.

    Args:
        lone_surrogates: Take them, for a caller that checks each text by `is_text` on use.

    Raises:
        JsonError: If it is not UTF-8 or not JSON (RFC 8259): also for NaN and the infinities,
            an object that repeats a key, an escaped lone surrogate, nesting deeper than the
            interpreter's stack and an integer of more than 4,300 digits.
    """
    try:
        text = raw.removeprefix(BOM_UTF8).decode("utf-8")
    except UnicodeDecodeError as error:
        raise JsonError("wrong_encoding", f"byte {error.start + 1} is not UTF-8") from error
    try:
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_constant)
    except JsonError:
        raise
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise JsonError("not_json", f"{error.msg} at {where}") from error
    except RecursionError as error:
        raise JsonError("not_json", "it is nested too deep") from error
    except ValueError as error:  # an integer too long for int()
        raise JsonError("not_json", "it holds an integer of more than 4,300 digits") from error
    if not lone_surrogates and _SURROGATE_ESCAPE.search(raw):
        _require_utf8(value)
    return value


def is_text(value: object) -> bool:
    """Return whether `value` is a string that UTF-8 can hold."""
    if not isinstance(value, str):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def describe(value: object) -> str:
    """Return a short name of a wrong value for a message; texts and numbers show themselves."""
    match value:
        case None:
            return "nothing"
        case bool():
            return str(value).lower()
        case list():
            return f"a list of {len(value)}"
        case dict():
            return "an object"
        case _:
            return f"{value!r:.60}"


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        keys = [key for key, _ in pairs]
        repeated = next(key for key in keys if keys.count(key) > 1)
        raise JsonError("not_json", f"the key {repeated!r:.80} stands twice in one object")
    return value


def _constant(name: str) -> NoReturn:
    raise JsonError("not_json", f"{name} is not a JSON number")


def _require_utf8(value: object) -> None:
    """Raise JsonError if a string in `value`, however deep, holds a lone surrogate."""
    pending = [value]
    while pending:
        match pending.pop():
            case str() as text if not is_text(text):
                raise JsonError("wrong_encoding", f"{text!r:.80} holds half of a surrogate pair")
            case dict() as table:
                pending.extend(table)
                pending.extend(table.values())
            case list() as values:
                pending.extend(values)
