"""Requests to one or more endpoints of a model: least loaded first, repeated while that may help.

What may pass is asked again after a pause that doubles: 429, 5xx, a timeout, a cut connection, an
answer that is none. An endpoint that fails three times in a row rests and comes back with one
call; while all rest, calls wait. What will not pass, such as a refused key, ends the call at once.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

from aiohttp import ClientConnectionError, ClientConnectorError, ServerTimeoutError
from openai import (
    APIConnectionError,
    APIError,
    APIStatusError,
    APITimeoutError,
    AsyncOpenAI,
    DefaultAioHttpClient,
)
from tenacity import (
    AsyncRetrying,
    retry_if_exception_type,
    stop_after_attempt,
    wait_exponential_jitter,
)

from trainer.engines.opening import base_url_problem
from trainer.errors import EngineError

ATTEMPTS = 8  # with half a second at first and pauses that double: about a minute
_TIRED = 3  # failures in a row
_LONGEST_REST_S = 120.0
# No JSON, or JSON that lacks what a completion has: the client checks neither.
MALFORMED = (ValueError, AttributeError, TypeError, LookupError)
_PASSING = (408, 409, 425, 429)  # besides 5xx
_LOOPBACK = ("localhost", "127.0.0.1", "::1")

T = TypeVar("T")
Send = Callable[[AsyncOpenAI], Awaitable[T]]


class UnusableAnswerError(Exception):
    """An endpoint answered with what is no answer to the question; this may pass."""


class _PassingError(Exception):
    """An endpoint failed in a way that may pass; the message names it and says how."""


@dataclass(slots=True)
class _Endpoint:
    """One base URL, and how it fares.

    Attributes:
        load: Calls open.
        failures: In a row.
        rests_until: On the monotonic clock, in seconds.
    """

    url: str
    client: AsyncOpenAI
    load: int = 0
    failures: int = 0
    rests_until: float = 0.0

    def ready(self, now: float) -> bool:
        """Say whether it takes a call; one that was tired gets a single one to show itself."""
        return now >= self.rests_until and (self.failures < _TIRED or self.load == 0)


class Endpoints:
    """The endpoints of one model."""

    def __init__(
        self,
        base_urls: Sequence[str],
        model: str,
        *,
        api_key: str | None,
        timeout_s: float,
        backoff_s: float,
    ) -> None:
        """Prepare clients; nothing is asked yet.

        Args:
            timeout_s: For one request, from sending to the whole answer.
            backoff_s: The first pause before a call is repeated; a tired endpoint rests ten such.

        Raises:
            EngineError: A base URL is none, or holds a password or a query; or the key is none.
        """
        if not base_urls:
            raise EngineError("No endpoint is given: name at least one base URL.")
        api_key = (api_key or "none").strip()  # without one the client looks for OPENAI_API_KEY
        if not (api_key.isascii() and api_key.isprintable()):
            raise EngineError(
                "The API key holds a line break or a character that no key has: copy it again."
            )
        self._all = [_Endpoint(url, client_of(url, api_key, timeout_s)) for url in base_urls]
        self._model = model
        self._api_key = api_key
        self._timeout_s = timeout_s
        self._backoff_s = backoff_s
        self.failures: Counter[str] = Counter()  # attempts that failed, by kind
        self.before_repeat: Callable[[], Awaitable[None]] | None = None

    async def ask(self, send: Send[T]) -> tuple[T, float]:
        """Send until an endpoint answers; return the answer and the seconds that it took.

        Args:
            send: Makes one request; raises UnusableAnswerError where the answer is none.

        Raises:
            EngineError: It was refused, or failed too often.
        """
        retrying = AsyncRetrying(
            retry=retry_if_exception_type(_PassingError),
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_exponential_jitter(
                multiplier=self._backoff_s, max=60 * self._backoff_s, jitter=self._backoff_s
            ),
            sleep=self._pause,
            reraise=True,
        )
        try:
            return await retrying(self._once, send)
        except _PassingError as error:
            raise EngineError(
                f"{self._model} gave no usable answer in {ATTEMPTS} attempts; at last {error}. See "
                "whether the server runs and is up to the load: allow fewer calls in flight or a "
                "longer timeout, or name further endpoints."
            ) from None

    async def _pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        if self.before_repeat is not None:
            await self.before_repeat()

    async def close(self) -> None:
        """Close the connections."""
        for endpoint in self._all:
            await endpoint.client.close()

    async def _once(self, send: Send[T]) -> tuple[T, float]:
        endpoint = await self._free()
        began = time.monotonic()
        try:
            async with asyncio.timeout(self._timeout_s):
                answer = await send(endpoint.client)
        except (APIError, UnusableAnswerError, TimeoutError, *MALFORMED) as error:
            self.failures[_kind(error)] += 1
            # The causes are cut off: they quote what servers say about keys.
            if isinstance(error, APIStatusError) and not _may_pass(error):
                raise EngineError(await self._refusal(endpoint, error)) from None
            endpoint.failures += 1
            tired = endpoint.failures >= _TIRED
            rest = max(_retry_after(error), 10 * self._backoff_s if tired else 0.0)
            endpoint.rests_until = max(endpoint.rests_until, time.monotonic() + rest)
            raise _PassingError(f"{endpoint.url} {self._said(error)}") from None
        finally:
            endpoint.load -= 1
        endpoint.failures = 0
        return answer, time.monotonic() - began

    async def _free(self) -> _Endpoint:
        """Take the least loaded endpoint that does not rest, as soon as there is one."""
        while True:
            now = time.monotonic()
            ready = [endpoint for endpoint in self._all if endpoint.ready(now)]
            if ready:
                endpoint = min(ready, key=lambda each: (each.load, each.failures))
                endpoint.load += 1
                return endpoint
            soonest = min(endpoint.rests_until for endpoint in self._all) - now
            await asyncio.sleep(max(soonest, self._backoff_s))

    async def _refusal(self, endpoint: _Endpoint, error: APIStatusError) -> str:
        """Say why a request was refused for good, and what to do."""
        status, said = error.status_code, self._said(error)
        if status == 401:  # what servers say here may quote the key in part
            return (
                f"{endpoint.url} refused the API key (status 401). Put the right one into the "
                "environment and start again."
            )
        if status == 403:
            return f"{endpoint.url} {said}. Take a key that may use {self._model}."
        served = await _served(endpoint.client) if status in (400, 404) else []
        if served and not any(same_model(self._model, name) for name in served):
            names = ", ".join(served[:20])
            return f"{endpoint.url} does not serve {self._model!r}. Name one of: {names}."
        if status == 404:
            return (
                f"{endpoint.url} {said}. Check the base URL, which usually ends in /v1, and the "
                f"model's name, {self._model!r}."
            )
        return (
            f"{endpoint.url} {said}. Where the prompt is too long, take a smaller window, shorter "
            "passages or fewer new tokens; where the endpoint cannot go on with a begun answer, "
            "give the tokenizer of the served model (vLLM) or take a strategy that reasons."
        )

    def _said(self, error: Exception) -> str:
        """Say what an endpoint did, in one line and without the key."""
        lost = _lost_connection(error)
        if lost is None and isinstance(error, TimeoutError | APITimeoutError):
            return f"gave no answer within {self._timeout_s:g} s"
        if isinstance(lost, ClientConnectorError):
            text = f"could not be reached ({lost})"
        elif lost is not None:
            text = f"cut the connection ({lost or type(lost).__name__})"
        elif isinstance(error, APIStatusError):
            body = error.body
            message = body.get("message") if isinstance(body, dict) else None
            text = f"answered with status {error.status_code}: {message or body or error.message}"
        elif isinstance(error, APIConnectionError):
            text = f"could not be reached, or cut the connection ({error.__cause__ or error})"
        elif isinstance(error, MALFORMED):
            text = f"answered with what is no whole completion ({error})"
        else:
            text = str(error)
        if len(self._api_key) >= 8:  # shorter ones are words such as `none`
            text = text.replace(self._api_key, "[key]")
        return " ".join(text.split())[:300].rstrip(".")


def same_model(asked: str, answered: str) -> bool:
    """Say whether two names mean one model: equal, or one ends with `/` and the other.

    Example:
        >>> same_model("Qwen/Qwen3-8B", "Qwen3-8B"), same_model("qwen3-8b", "qwen3-32b")
        (True, False)
    """
    return asked == answered or asked.endswith(f"/{answered}") or answered.endswith(f"/{asked}")


def client_of(url: str, api_key: str, timeout_s: float) -> AsyncOpenAI:
    """Return a client that repeats nothing.

    Raises:
        EngineError: The base URL is none, or holds a password or a query.
    """
    if problem := base_url_problem(url):
        raise EngineError(problem)
    return AsyncOpenAI(
        base_url=url,
        api_key=api_key,
        timeout=timeout_s,
        max_retries=0,  # repeated here, and nowhere else
        # aiohttp spends half as much time on a request as the default. No proxy from the
        # environment stands between a machine and itself.
        http_client=DefaultAioHttpClient(trust_env=urlsplit(url).hostname not in _LOOPBACK),
    )


async def _served(client: AsyncOpenAI) -> list[str]:
    """Return the models that an endpoint says it serves; none where it does not say."""
    try:
        async with asyncio.timeout(10):
            page: Any = await client.models.list()
        return [str(model.id) for model in page.data]
    except (APIError, TimeoutError, *MALFORMED):
        return []


def _lost_connection(error: BaseException) -> ClientConnectionError | None:
    """Return the connection's own error among an error's causes, if there is one.

    The client's transport calls a connection that was refused or cut a timeout too.
    """
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ClientConnectionError):
        cause = cause.__cause__
    return None if isinstance(cause, ServerTimeoutError) else cause


def _kind(error: Exception) -> str:
    """Return one or two words for a failure: `status 429`, `timeout`, `connection` ..."""
    if _lost_connection(error) is not None:
        return "connection"
    if isinstance(error, TimeoutError | APITimeoutError):
        return "timeout"
    if isinstance(error, APIStatusError):
        return f"status {error.status_code}"
    if isinstance(error, APIConnectionError):
        return "connection"
    return "unusable answer" if isinstance(error, UnusableAnswerError) else "malformed answer"


def _may_pass(error: APIStatusError) -> bool:
    return error.status_code in _PASSING or error.status_code >= 500


def _retry_after(error: Exception) -> float:
    """Return for how many seconds a server asks to be left alone, at most `_LONGEST_REST_S`."""
    asked = error.response.headers.get("retry-after") if isinstance(error, APIStatusError) else None
    if not asked:
        return 0.0
    try:
        seconds = float(asked)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(asked).timestamp() - time.time()
        except ValueError:
            return 0.0
    return min(max(0.0, seconds), _LONGEST_REST_S)
