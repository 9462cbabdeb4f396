"""Stands before every handler: the row of the route says who may pass."""

from collections.abc import Awaitable, Callable
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response

from telemetry_service.web.auth import Access, Caller, Denied, required
from telemetry_service.web.routes import Route
from telemetry_service.web.sessions import CSRF_FIELD, CSRF_HEADER, same

SAFE_METHODS = ("GET", "HEAD")
FORM_TYPE = "application/x-www-form-urlencoded"
MAX_FORM_BYTES = 16 * 1024
MAX_FORM_FIELDS = 20


def guarded(row: Route, access: Access) -> Callable[[Request], Awaitable[Response]]:
    """The handler of a row, behind its guard.

    In `request.state` it finds `caller`, and `exact`: whether it may show exact numbers.
    """
    handler = row.handler
    assert handler is not None

    async def handle(request: Request) -> Response:
        request.scope["route_path"] = row.path
        headers = request.scope["headers"]
        caller = await access.caller(headers) if row.scope is not None else None
        if row.token_required and row.scope is not None:
            required(caller, row.scope)
        if caller is not None and caller.csrf is not None and request.method not in SAFE_METHODS:
            await _check_csrf(request, caller.csrf)
        request.state.caller = caller
        request.state.exact = caller is not None and row.scope is not None and caller.may(row.scope)
        return await handler(request)

    return handle


def caller_of(request: Request) -> Caller | None:
    """Who asks, as the guard found."""
    caller: Caller | None = request.state.caller
    return caller


async def form_of(request: Request) -> dict[str, str]:
    """The fields of a form that was posted. Raises `Denied` for what is no small form."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM_TYPE:
        return {}
    body = await request.body()
    if len(body) > MAX_FORM_BYTES:
        raise Denied(403, "body: too large for a form")
    try:
        return dict(parse_qsl(body.decode("ascii"), max_num_fields=MAX_FORM_FIELDS))
    except ValueError:
        raise Denied(403, "body: not a form") from None


async def _check_csrf(request: Request, expected: str) -> None:
    sent = next((value.decode("latin-1") for name, value in request.scope["headers"] if name == CSRF_HEADER), None)
    if sent is None:
        sent = (await form_of(request)).get(CSRF_FIELD, "")
    if not same(sent, expected):
        raise Denied(403, f"{CSRF_FIELD}: missing, or not of this session")
