"""The routes of the read-only API: tokens, parameters and problems, and then an endpoint.

Reads go through the app's one store, in threads, few at a time: pages come first.
"""

import json
import re
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from importlib.metadata import version
from logging import getLogger
from typing import Any

from anyio import CapacityLimiter, to_thread
from pydantic import BaseModel, ValidationError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from app.api.description import ID_PATTERN, PROBLEM, describe
from app.api.endpoints import ENDPOINTS, Endpoint
from app.api.models import FieldError, Health, Problem
from app.store import store
from curation import api_tokens
from db.errors import NotFoundError, RankDeskError
from db.store import Store

_HOW = (
    "Send `Authorization: Bearer TOKEN`. Make a token with `rankdesk api token add NAME`, or on "
    "the page Integrations while the app runs."
)
_READERS = CapacityLimiter(2)
_logger = getLogger(__name__)


class _RefusedError(Exception):
    """There is no answer, and this is why."""

    def __init__(self, status: int, detail: str, errors: list[FieldError] | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.errors = status, detail, errors or []


def _problem(
    status: int,
    detail: str,
    errors: list[FieldError] | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    problem = Problem(
        title=HTTPStatus(status).phrase, status=status, detail=detail, errors=errors or []
    )
    return _json(problem, status, PROBLEM, headers)


def _json(
    answer: BaseModel,
    status: int = 200,
    kind: str = "application/json",
    headers: dict[str, str] | None = None,
) -> Response:
    return Response(
        answer.model_dump_json(),
        status,
        headers={"Cache-Control": "no-store", **(headers or {})},
        media_type=kind,
    )


def _open() -> Store:
    try:
        return store()
    except RankDeskError as error:
        _logger.warning("The API has no workspace: %s", error)
        raise _RefusedError(
            503, "The workspace is not open. The app's pages and its log say why."
        ) from error


def _check_token(opened: Store, header: str) -> None:
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise _RefusedError(401, _HOW)
    if api_tokens.holder(opened, token.strip()) is None:
        raise _RefusedError(401, f"This token is not in force. {_HOW}")


def _parameters(model: type[BaseModel], given: QueryParams) -> BaseModel:
    lists = {
        name
        for name, field in model.model_fields.items()
        if getattr(field.annotation, "__origin__", None) is tuple
    }
    values = {
        name: found if name in lists or len(found) > 1 else found[0]
        for name in given
        if (found := given.getlist(name))
    }
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise _RefusedError(
            422,
            "Some parameters will not do.",
            [
                FieldError(field=".".join(map(str, each["loc"])), message=each["msg"])
                for each in error.errors()
            ],
        ) from error


def _answer(endpoint: Endpoint, request: Request) -> Response:
    opened = _open()
    _check_token(opened, request.headers.get("authorization", ""))
    query = _parameters(endpoint.parameters, request.query_params)
    wanted = list(request.path_params.values())
    for each in wanted:
        if len(each) > 200 or not re.fullmatch(ID_PATTERN, each):
            what = "letters, digits, `:`, `.`, `_` and `-`, 200 at most"
            raise _RefusedError(
                422, "This is no id.", [FieldError(field="id", message=f"An id is {what}.")]
            )
    try:
        return _json(endpoint.answer(opened, query, *wanted))
    except NotFoundError as error:
        raise _RefusedError(404, str(error)) from error


def _health() -> Response:
    try:
        _open()
    except _RefusedError:
        status, code = "unavailable", 503
    else:
        status, code = "ok", 200
    return _json(
        Health.model_validate(
            {"status": status, "version": version("rankdesk"), "workspace_open": code == 200}
        ),
        code,
    )


def _route(endpoint: Endpoint) -> Route:
    async def respond(request: Request) -> Response:
        return await to_thread.run_sync(_answer, endpoint, request, limiter=_READERS)

    return Route(endpoint.path, respond, methods=["GET"])


async def _respond_health(_: Request) -> Response:
    return await run_in_threadpool(_health)


async def _respond_description(_: Request) -> Response:
    return Response(json.dumps(describe()), media_type="application/json")


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, _RefusedError)
    headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else None
    return _problem(error.status, error.detail, error.errors, headers)


async def _unroutable(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    detail = (
        f"There is nothing at {request.url.path}; /api/openapi.json says what there is."
        if error.status_code == 404
        else "The API is read-only: it answers GET."
        if error.status_code == 405
        else error.detail
    )
    return _problem(error.status_code, detail, headers=dict(error.headers or {}))


async def _user_error(_: Request, error: Exception) -> Response:
    return _problem(409, str(error))


async def _fault(request: Request, error: Exception) -> Response:
    _logger.exception("The API failed on %s.", request.url.path, exc_info=error)
    return _problem(500, "This is a fault of RankDesk's; the server's log holds it.")


_HANDLERS: dict[Any, Callable[[Request, Exception], Awaitable[Response]]] = {
    _RefusedError: _refused,
    HTTPException: _unroutable,
    RankDeskError: _user_error,
    Exception: _fault,
}

API = Mount(
    "/api",
    app=Starlette(
        routes=[
            Route("/openapi.json", _respond_description, methods=["GET"]),
            Route("/v1/health", _respond_health, methods=["GET"]),
            *map(_route, ENDPOINTS),
        ],
        exception_handlers=_HANDLERS,
    ),
)
"""Where the app's server mounts the API."""

# Below it is also what holds a line break: such an id is refused by the API, not by a page.
API.path_regex = re.compile(API.path_regex.pattern, re.DOTALL)
