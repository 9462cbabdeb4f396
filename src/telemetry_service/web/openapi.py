"""`GET /openapi.json`: made from the table of routes and the types of their answers."""

from collections.abc import Sequence
from typing import Any

import msgspec

from telemetry_service import __version__
from telemetry_service.core.fields import FIELDS, Field, Kind
from telemetry_service.web.guard import FORM_TYPE
from telemetry_service.web.routes import Parameter, Route
from telemetry_service.web.sessions import SESSION_COOKIE

REFUSALS = {
    400: "a parameter or field cannot be used; the text names it",
    401: "a token is needed, or the one sent is not valid",
    403: "the token lacks the scope",
    404: "nothing here, or too few installations to show",
    405: "another method is needed; see Allow",
    408: "the body took too long to arrive",
    413: "the body is too large",
    429: "too many requests; see Retry-After",
    431: "the head of the request is too large",
    502: "what is asked behind this service does not do it; the text says why",
    503: "the store cannot answer now; see Retry-After",
}


def description(routes: Sequence[Route]) -> dict[str, Any]:
    """The OpenAPI 3.1 document."""
    answers = [route.answer for route in routes if isinstance(route.answer, type)]
    schemas, components = msgspec.json.schema_components(answers, ref_template="#/components/schemas/{name}")
    by_answer = dict(zip(answers, schemas, strict=True))
    paths: dict[str, Any] = {}
    for route in routes:
        operation = _operation(route, by_answer)
        if route.path == "/telemetry":
            operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": _event_schema()}}}
        paths.setdefault(route.path, {})[route.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Telemetry Service",
            "version": __version__,
            "description": "Anonymous counts of installations. Without a token all numbers are published ones.",
        },
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": SESSION_COOKIE},
            },
        },
    }


def _operation(route: Route, schemas: dict[Any, dict[str, Any]]) -> dict[str, Any]:
    schema = schemas.get(route.answer, {"type": "object"})
    content = {route.media_type: {"schema": schema if route.media_type == "application/json" else {"type": "string"}}}
    answers: dict[str, Any] = {str(route.status): {"description": route.summary, "content": content}}
    if route.cached:
        answers["304"] = {"description": "unchanged since the ETag that was sent"}
    for status in sorted({*route.refusals, 400, 405, 408, 431} - {route.status}):
        answers[str(status)] = {"description": REFUSALS[status], "content": _refusal_content(route, status)}
    operation: dict[str, Any] = {"summary": route.summary, "responses": answers}
    if route.body is not None:
        content = {media_type: {"schema": route.body} for media_type in ("application/json", FORM_TYPE)}
        operation["requestBody"] = {"required": True, "content": content}
    if route.parameters:
        operation["parameters"] = [_parameter(parameter) for parameter in route.parameters]
    if route.scope is not None:
        operation["security"] = _security(route)
    return operation


def _refusal_content(route: Route, status: int) -> dict[str, Any]:
    text = {"schema": {"type": "string"}}
    if status == 404 and route.missing_media_type != "text/plain":
        return {route.missing_media_type: text}
    reason = {"schema": {"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}}}
    return {"text/plain": text, "application/json": reason}


def _security(route: Route) -> list[dict[str, list[str | None]]]:
    ways = [{"token": [route.scope]}]
    if route.scope != "ingest":
        ways.append({"session": [route.scope]})
    return ways if route.token_required else [{}, *ways]


def _parameter(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": "path" if parameter.in_path else "query",
        "required": parameter.in_path,
        "description": parameter.text,
        "schema": parameter.schema,
    }


def _event_schema() -> dict[str, Any]:
    return {
        "type": "object",
        "required": [field.name for field in FIELDS if field.required],
        "properties": {field.name: _field_schema(field) for field in FIELDS},
    }


def _field_schema(field: Field) -> dict[str, Any]:
    text = f"{field.description}; {field.cleaning}"
    if field.kind is Kind.INTEGER:
        return {"type": "integer", "minimum": field.minimum, "maximum": field.maximum, "description": text}
    schema: dict[str, Any] = {"type": "string", "description": text}
    if field.values:
        schema["enum"] = list(field.values)
    return schema
