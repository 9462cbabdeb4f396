"""Every route on one screen, and what is answered when something is wrong."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as StarletteRoute

from telemetry_service.channels.github import GitHubFailed
from telemetry_service.core.errors import Rejected
from telemetry_service.core.fields import OPERATING_SYSTEMS, STATUSES, TYPES
from telemetry_service.core.own_data import OwnData
from telemetry_service.core.record import Document
from telemetry_service.core.reports.dashboard import Dashboard
from telemetry_service.core.reports.errors import Errors
from telemetry_service.core.reports.scripts import Script, Scripts
from telemetry_service.store.database import StoreUnavailable
from telemetry_service.store.record_search import SORTS
from telemetry_service.web.alerts import AlertHandlers, Alerts, AlertTest
from telemetry_service.web.answers import CLOSE, RETRY_SECONDS, Receive, Scope, Send, answer, error_body, wants_html, wants_json
from telemetry_service.web.api import Api, RecordsAnswer, RepoSlugs
from telemetry_service.web.auth import Denied
from telemetry_service.web.badges import SVG, Badges
from telemetry_service.web.cache import TooManyReads
from telemetry_service.web.cleanup import CleanedUp, CleanupHandlers, CleanupStatus
from telemetry_service.web.guard import guarded
from telemetry_service.web.headers import ANSWER_STARTED, security_headers, with_headers
from telemetry_service.web.health import Health, HealthChecks, Readiness
from telemetry_service.web.issues import BODY as ISSUE_BODY
from telemetry_service.web.issues import IssueAnswer, IssueHandlers, NoRepository
from telemetry_service.web.login import Login
from telemetry_service.web.metrics import Metrics
from telemetry_service.web.openapi import description
from telemetry_service.web.page_handlers import PageHandlers
from telemetry_service.web.pages import NoSuchPage
from telemetry_service.web.parts import Parts
from telemetry_service.web.privacy import BODY, Erasing, Privacy
from telemetry_service.web.queries import MAX_LIMIT, REPOSITORIES
from telemetry_service.web.record import RecordHandlers
from telemetry_service.web.request_log import logged
from telemetry_service.web.routes import Parameter, Route

INGEST_PATH = "/telemetry"
MIN_COMPRESSED_BYTES = 1000
COMPRESSION_LEVEL = 5  # half the time of 9, and 2 % larger
OPENAPI = Route(method="GET", path="/openapi.json", summary="this description", handler=None)


def _whole(name: str, text: str, minimum: int, maximum: int) -> Parameter:
    return Parameter(name=name, text=text, schema={"type": "integer", "minimum": minimum, "maximum": maximum})


def _choice(name: str, text: str, values: tuple[str, ...]) -> Parameter:
    return Parameter(name=name, text=text, schema={"type": "string", "enum": list(values)})


def _text(name: str, text: str, *, in_path: bool = False) -> Parameter:
    return Parameter(name=name, text=text, schema={"type": "string"}, in_path=in_path)


FILTER = (
    _whole("days", "UTC days up to today; 1 is today, 0 all time", 0, 365),
    _choice("repo", "repository", REPOSITORIES),
    _text("slug", "one known repository, as owner/name"),
)
SORT = tuple(dash + name for name in SORTS for dash in ("", "-"))
RECORD_FILTER = (
    *FILTER,
    _whole("page", "page, from 1", 1, 1_000_000),
    _whole("limit", "records on a page", 1, MAX_LIMIT),
    _text("after", "go on behind the place that the page before named as next"),
    _choice("status", "status", STATUSES),
    _text("app", "app, by its whole name"),
    _text("search", "part of the app's name"),
    _choice("os", "operating system", OPERATING_SYSTEMS),
    _choice("type", "type", TYPES),
    _choice("sort", "order; a dash in front means descending", SORT),
)


def table(parts: Parts, pages: PageHandlers, login: Login) -> tuple[Route, ...]:
    """The routes. `scope` and `token_required` say who may call one; no handler runs without its row."""
    api, health, metrics = Api(parts), HealthChecks(parts), Metrics(parts)
    badges, records = Badges(parts), RecordHandlers(parts, pages)
    alerts, issues = AlertHandlers(parts), IssueHandlers(parts, pages)
    privacy = Privacy(parts, pages)
    cleanup = CleanupHandlers(parts, pages)
    tokens_needed = parts.settings.ingest_auth == "token"
    counts: dict[str, Any] = {"method": "GET", "scope": "read", "cached": True, "refusals": (401, 429, 503)}
    plain: dict[str, Any] = {"method": "GET"}
    page: dict[str, Any] = {"method": "GET", "media_type": "text/html", "scope": "read", "cached": True}
    app = _text("app", "name of the app", in_path=True)
    return (
        Route(method="POST", path=INGEST_PATH, summary="the report is on disk", handler=None, status=202,
              media_type="text/plain", scope="ingest" if tokens_needed else None, token_required=tokens_needed,
              refusals=(401, 403, 408, 413, 429, 503)),
        Route(path="/api/dashboard", summary="installations, how they ended, and on what", handler=api.dashboard,
              answer=Dashboard, parameters=FILTER, **counts),
        Route(path="/api/errors", summary="what fails, where and why", handler=api.errors, answer=Errors,
              parameters=FILTER, **counts),
        Route(path="/api/scripts", summary="all scripts", handler=api.scripts, answer=Scripts, parameters=FILTER,
              **counts),
        Route(path="/api/scripts/{app}", summary="one script", handler=api.script, answer=Script,
              parameters=(app, *FILTER), **counts | {"refusals": (401, 404, 429, 503)}),
        Route(path="/api/records", summary="single installations", handler=api.records, answer=RecordsAnswer,
              token_required=True, parameters=RECORD_FILTER, **counts | {"refusals": (401, 403, 503)}),
        Route(path="/api/repo-slugs", summary="installations by repository", handler=api.repo_slugs,
              answer=RepoSlugs, parameters=FILTER, **counts),
        Route(path="/api/exit-codes", summary="the meaning of exit codes", handler=api.exit_codes, cached=True, **plain),
        Route(path="/api/privacy/record", summary="the record of processing activities, generated", handler=records.api,
              answer=Document, cached=True, refusals=(429, 503), **plain),
        Route(path="/badge/{app}.svg", summary="how often an app was installed, and how it fares", handler=badges.badge,
              media_type=SVG, missing_media_type=SVG, cached=True, parameters=(app, *FILTER[1:]), refusals=(400, 404, 503),
              **plain),
        Route(path="/records.csv", summary="every installation of a filter", handler=pages.records_csv, method="GET",
              media_type="text/csv", scope="read", token_required=True, parameters=RECORD_FILTER, refusals=(400, 401, 403, 503)),
        Route(path="/", summary="overview", handler=pages.overview, **page),
        Route(path="/dashboard", summary="overview", handler=pages.overview, **page),
        Route(path="/errors", summary="what fails", handler=pages.errors, **page),
        Route(path="/error-analysis", summary="what fails", handler=pages.errors, **page),
        Route(path="/scripts", summary="all scripts", handler=pages.scripts, **page),
        Route(path="/script-analysis", summary="all scripts", handler=pages.scripts, **page),
        Route(path="/scripts/{app}", summary="one script", handler=pages.script, **page),
        Route(path="/alerts", summary="what broke, and what was fixed", handler=pages.alerts, **page),
        Route(path="/reports", summary="weekly reports", handler=pages.reports, **page),
        Route(path="/reports/{week}", summary="one week", handler=pages.report, **page),
        Route(path="/records", summary="single installations", handler=pages.records, **page | {"token_required": True}),
        Route(path="/privacy", summary="what is collected, and why", handler=pages.privacy, **page),
        Route(path="/privacy/record", summary="the record of processing", handler=records.page, **page),
        Route(path="/privacy/data", summary="what is stored under an id, and its erasure", handler=privacy.form,
              media_type="text/html", **plain),
        Route(method="POST", path="/privacy/data", summary="what was asked for", handler=privacy.act, media_type="text/html",
              body=BODY, refusals=(400, 403, 408, 413, 429, 503)),
        Route(method="POST", path="/api/privacy/access", summary="everything that is stored under a random id",
              handler=privacy.access, answer=OwnData, body=BODY, refusals=(403, 413, 429, 503)),
        Route(method="POST", path="/api/privacy/erase", summary="the erasure is on disk; the same whether anything was stored",
              handler=privacy.erase, answer=Erasing, status=202, body=BODY, refusals=(403, 413, 429, 503)),
        Route(path="/api/cleanup/status", summary="installations that are stuck, and past runs of the clean-up",
              handler=cleanup.status, answer=CleanupStatus, scope="admin", token_required=True, refusals=(401, 403, 503),
              **plain),
        Route(method="POST", path="/api/cleanup/run", summary="a run of the clean-up", handler=cleanup.run, answer=CleanedUp,
              scope="admin", token_required=True, refusals=(401, 403, 503)),
        Route(path="/runs", summary="what the service did by itself", handler=cleanup.page,
              **page | {"scope": "admin", "token_required": True}),
        Route(method="POST", path="/runs", summary="a run of the clean-up", handler=cleanup.press, status=303,
              media_type="text/html", scope="admin", token_required=True, refusals=(401, 403, 413, 503)),
        Route(path="/privacy/audit", summary="whether the record holds, claim by claim", handler=records.audit, **page),
        Route(path="/static/{name}", summary="what pages load", handler=pages.asset, **page | {"scope": None}),
        Route(path="/api/alerts", summary="what was told over the channels, and how they stand", handler=alerts.alerts,
              answer=Alerts, scope="admin", token_required=True, refusals=(401, 403, 503), **plain),
        Route(method="POST", path="/api/alerts/test", summary="a test message over every channel", handler=alerts.test,
              answer=AlertTest, scope="admin", token_required=True, refusals=(401, 403, 503)),
        Route(method="POST", path="/api/github/create-issue", summary="an issue about a script", handler=issues.create,
              answer=IssueAnswer, body=ISSUE_BODY, scope="admin", token_required=True,
              refusals=(401, 403, 404, 413, 429, 502, 503)),
        Route(method="POST", path="/issues", summary="the same, from a page", handler=issues.by_button, media_type="text/html",
              scope="admin", token_required=True, refusals=(401, 403, 404, 413, 429, 502, 503)),
        Route(path="/healthz", summary="whether events can be stored", handler=health.healthz, answer=Health,
              refusals=(503,), **plain),
        Route(path="/readyz", summary="whether everything works", handler=health.readyz, answer=Readiness,
              refusals=(503,), **plain),
        Route(path="/metrics", summary="metrics for Prometheus", handler=metrics.metrics, media_type="text/plain",
              scope="read", token_required=parts.settings.metrics_auth == "token", refusals=(401, 403, 503), **plain),
        Route(path="/login", summary="the form that takes a token", handler=login.form, media_type="text/html",
              scope="read", refusals=(401, 503), **plain),
        Route(method="POST", path="/login", summary="a session begins", handler=login.enter, status=303,
              media_type="text/html", refusals=(401, 403, 408, 413, 429, 503)),
        Route(method="POST", path="/logout", summary="the session ends", handler=login.leave, status=303,
              media_type="text/html", scope="read", token_required=True, refusals=(401, 403, 408, 413, 503)),
    )  # fmt: skip


def is_page(row: Route) -> bool:
    """Whether a route is for people, and not part of the API that is described."""
    return row.media_type == "text/html"


def application(parts: Parts) -> Any:
    """The ASGI application: reports take the short way, everything else the routes."""
    pages = PageHandlers(parts)
    login = Login(parts, pages)
    rows = table(parts, pages, login)
    document = msgspec.json.encode(description([*(row for row in rows if not is_page(row)), OPENAPI]))

    async def openapi(_request: Request) -> Response:
        return Response(document, media_type="application/json", headers={"cache-control": "public, max-age=3600"})

    rows = (*rows, msgspec.structs.replace(OPENAPI, handler=openapi))
    routes = Starlette(
        routes=[
            StarletteRoute(row.path, guarded(row, parts.access), methods=[row.method]) for row in rows if row.handler is not None
        ],
        middleware=[Middleware(GZipMiddleware, minimum_size=MIN_COMPRESSED_BYTES, compresslevel=COMPRESSION_LEVEL)],
        exception_handlers=dict.fromkeys(REASONS, _refusing(pages, login)),
    )
    routes.router.redirect_slashes = False  # it would lead wherever the Host header says
    guarded_routes = with_headers(routes)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            if scope["path"] == INGEST_PATH:
                await parts.ingest(scope, receive, send)
            else:
                await guarded_routes(scope, receive, send)
        except asyncio.CancelledError as error:  # the process ends, and this request took longer than that waits
            await _last_word(StoreUnavailable, error, scope, send)
        except Exception as error:
            await _last_word(Exception, error, scope, send)
            raise  # the server logs its kind and place

    return logged(app, INGEST_PATH) if parts.settings.enable_request_logging else app


def _refusing(pages: PageHandlers, login: Login) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def refuse(request: Request, error: Exception) -> Response:
        status, reason, extra = next(answer for kind, answer in REASONS.items() if isinstance(error, kind))(error)
        if wants_html(request.scope["headers"]) and not request.url.path.startswith("/api/"):
            if status == 401:
                return login.instead(request)
            return pages.refusal(request, status, reason, extra)
        body, content_type = error_body(reason, wants_json(request.scope["headers"]))
        return Response(body, status, {"cache-control": "no-store", **extra}, content_type.decode())

    return refuse


async def _last_word(kind: type[Exception], error: BaseException, scope: Scope, send: Send) -> None:
    """Answer a request that no handler has answered; one whose answer is on the way is cut off by the error."""
    if ANSWER_STARTED in scope:
        raise error
    status, reason, extra = REASONS[kind](error)
    headers = [(name.encode(), value.encode()) for name, value in extra.items()]
    body, content_type = error_body(reason, wants_json(scope["headers"]))
    await answer(send, status, body, content_type, [*headers, CLOSE, *security_headers([], scope["scheme"])])


def _denied(error: Any) -> tuple[int, str, dict[str, str]]:
    return error.status, error.reason, {name.decode(): value.decode() for name, value in error.headers}


def _github(error: Any) -> tuple[int, str, dict[str, str]]:
    if error.wait_seconds is None:
        return 502, str(error), {}
    return 429, str(error), {"retry-after": str(int(error.wait_seconds) + 1)}


def _http(error: Any) -> tuple[int, str, dict[str, str]]:
    reasons = {404: "nothing here; see /openapi.json for what there is", 405: "method: not accepted here; see Allow"}
    return error.status_code, reasons.get(error.status_code, "refused"), dict(error.headers or {})


# What is answered when something is wrong: (status, reason, headers) of each kind of error.
REASONS: dict[type[Exception], Callable[[Any], tuple[int, str, dict[str, str]]]] = {
    Rejected: lambda error: (400, str(error), {}),
    Denied: _denied,
    NoSuchPage: lambda error: (404, str(error), {}),
    TooManyReads: lambda error: (429, str(error), {"retry-after": str(int(error.seconds) + 1)}),
    GitHubFailed: _github,
    NoRepository: lambda error: (503, str(error), {}),
    StoreUnavailable: lambda _: (503, "the store cannot answer now; try again later", {"retry-after": str(RETRY_SECONDS)}),
    HTTPException: _http,
    Exception: lambda _: (500, "something went wrong here; the operator's log says where", {}),
}
