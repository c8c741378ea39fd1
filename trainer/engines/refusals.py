"""Sampling parameters that an endpoint does not take: it says so once, and is spared them after."""

import re
from collections.abc import Mapping
from typing import Any

from openai import APIStatusError, AsyncOpenAI

_MAY_GO = ("seed", "temperature", "top_p")
_LIMIT, _NEWER_LIMIT = "max_tokens", "max_completion_tokens"
# A value out of range is the caller's to mend; a parameter that is not known is not.
_NOT_TAKEN = re.compile(
    r"not supported|unsupported|not support|unknown|unrecogni[sz]ed|unexpected|not permitted"
    r"|not allowed|deprecated",
    re.IGNORECASE,
)


class Refusals:
    """What each endpoint of a model was found not to take.

    Attributes:
        left_out: Names of parameters by base URL.
    """

    def __init__(self) -> None:
        """Begin with nothing known."""
        self.left_out: dict[str, set[str]] = {}

    async def post(self, client: AsyncOpenAI, path: str, body: Mapping[str, Any]) -> Any:
        """Send a request and return what the answer's JSON holds.

        The client's typed methods check what is sent and build models of what comes back, which
        takes as long again as the request itself; what an answer must have is checked by its
        reader.

        Raises:
            APIStatusError: The endpoint refuses it, and not for a parameter that can go.
        """
        place = str(getattr(client, "base_url", ""))
        while True:
            sent = self._fitted(place, body)
            try:
                return await client.post(path, cast_to=object, body=sent)
            except APIStatusError as error:
                name = _refused(error, sent)
                if name is None:
                    raise
                self.left_out.setdefault(place, set()).add(name)

    def _fitted(self, place: str, body: Mapping[str, Any]) -> dict[str, Any]:
        gone = self.left_out.get(place, ())
        fitted = {name: value for name, value in body.items() if name not in gone}
        if _LIMIT in gone and _LIMIT in body:
            fitted[_NEWER_LIMIT] = body[_LIMIT]
        return fitted


def _refused(error: APIStatusError, sent: Mapping[str, Any]) -> str | None:
    """Return the parameter that a request failed for, where it can do without."""
    if error.status_code not in (400, 422):
        return None
    said = str(error.body or error.message)
    if not _NOT_TAKEN.search(said):
        return None
    names = (*_MAY_GO, _LIMIT) if _NEWER_LIMIT in said else _MAY_GO
    named = error.body.get("param") if isinstance(error.body, dict) else None
    if named in names and named in sent:
        return str(named)
    return next((name for name in names if name in sent and re.search(rf"\b{name}\b", said)), None)
