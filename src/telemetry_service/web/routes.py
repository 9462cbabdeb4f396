"""What a route is: who may call it, what it takes, what it answers."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

Handler = Callable[[Request], Awaitable[Response]]


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """One parameter of a path or query, with its JSON Schema."""

    name: str
    text: str
    schema: dict[str, Any]
    in_path: bool = False


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One endpoint. `scope` is the token scope that shows exact numbers, or is needed at all if `token_required`."""

    method: str
    path: str
    summary: str
    handler: Handler | None  # None: answered before the routes
    answer: Any = dict
    body: dict[str, Any] | None = None  # JSON Schema of what is posted, as JSON or as a form
    status: int = 200
    media_type: str = "application/json"
    scope: str | None = None
    token_required: bool = False
    cached: bool = False
    parameters: tuple[Parameter, ...] = ()
    refusals: tuple[int, ...] = ()
    missing_media_type: str = "text/plain"  # of what a 404 says
