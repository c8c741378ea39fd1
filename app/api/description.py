"""The API's OpenAPI 3.1 description, made from the endpoints and their models."""

from importlib.metadata import version
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from app.api.endpoints import ENDPOINTS, Endpoint
from app.api.models import Health, Problem

ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9:._-]*$"
"""What an id in a path looks like."""

PROBLEM = "application/problem+json"
_SCHEMAS = "#/components/schemas/{model}"
_REFUSALS = {
    "401": "There is no token, or it is not in force.",
    "409": "A file of the workspace is not as it was; the detail names it.",
    "422": "A parameter will not do; `errors` names it.",
    "503": "The workspace is not open.",
}


def describe() -> dict[str, Any]:
    """Return the OpenAPI description."""
    models: set[type[BaseModel]] = {Health, Problem, *(each.answers for each in ENDPOINTS)}
    ordered = sorted(models, key=lambda model: model.__name__)
    names, definitions = models_json_schema(
        [(model, "serialization") for model in ordered], ref_template=_SCHEMAS
    )
    reference = {model: names[model, "serialization"] for model in ordered}
    health = {
        "operationId": "health",
        "summary": "Whether the server can answer",
        "security": [],
        "responses": {
            "200": _response("It can.", reference[Health]),
            "503": _response("It cannot: the workspace is not open.", reference[Health]),
        },
    }
    paths: dict[str, Any] = {"/v1/health": {"get": health}}
    for endpoint in ENDPOINTS:
        paths[endpoint.path] = {"get": _operation(endpoint, reference)}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "RankDesk",
            "version": version("rankdesk"),
            "description": "Reads a workspace. Make a token with `rankdesk api token add NAME`, or "
            "on the page Integrations.",
        },
        "servers": [{"url": "/api"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": definitions["$defs"],
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(endpoint: Endpoint, reference: dict[type[BaseModel], Any]) -> dict[str, Any]:
    problem = reference[Problem]
    refusals = dict(_REFUSALS)
    parameters = _parameters(endpoint.parameters)
    if "{id}" in endpoint.path:
        schema = {"type": "string", "pattern": ID_PATTERN, "maxLength": 200}
        parameters.insert(0, {"name": "id", "in": "path", "required": True, "schema": schema})
    if "{id}" in endpoint.path or "benchmark" in endpoint.parameters.model_fields:
        refusals["404"] = "There is none with this id."
    return {
        "operationId": endpoint.answer.__name__.strip("_"),
        "summary": endpoint.summary,
        "parameters": parameters,
        "responses": {
            "200": _response(endpoint.summary, reference[endpoint.answers]),
            **{
                status: _response(why, problem, PROBLEM) for status, why in sorted(refusals.items())
            },
        },
    }


def _response(text: str, schema: Any, kind: str = "application/json") -> dict[str, Any]:
    return {"description": text, "content": {kind: {"schema": schema}}}


def _parameters(model: type[BaseModel]) -> list[dict[str, Any]]:
    found = []
    for name, schema in model.model_json_schema().get("properties", {}).items():
        text = schema.pop("description", None)
        # Leaving a parameter out is how to ask for nothing: there is no null in an address.
        if options := schema.pop("anyOf", None):
            schema |= next(option for option in options if option != {"type": "null"})
            del schema["default"]
        found.append(
            {"name": name, "in": "query", "schema": schema}
            | ({"description": text} if text else {})
        )
    return found
