"""The JSON endpoints. Public answers are computed from published counts, those with a `read` token from exact ones."""

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from telemetry_service.core.exit_codes import EXIT_CODES
from telemetry_service.core.period import day_of
from telemetry_service.core.reports.dashboard import SlugCount
from telemetry_service.core.reports.scripts import Script
from telemetry_service.core.reports.view import View
from telemetry_service.store.records import Record
from telemetry_service.store.reports import Reports
from telemetry_service.web.answers import PUBLIC_CACHE_SECONDS, not_modified
from telemetry_service.web.cache import Rendered, rendered
from telemetry_service.web.pages import NO_SCRIPT, NoSuchPage
from telemetry_service.web.parts import Parts
from telemetry_service.web.queries import records_query, report_filter, shown_place

JSON = "application/json"
DEFAULT_DAYS = {"dashboard": 1, "errors": 7, "scripts": 30, "script": 30, "repo-slugs": 30}
T = TypeVar("T")


class RecordsAnswer(msgspec.Struct, frozen=True):
    """One page of installations; `next` is the `after` of the page behind it."""

    records: list[Record]
    page: int
    limit: int
    total: int
    total_pages: int
    next: str | None


class RepoSlugs(msgspec.Struct, frozen=True):
    repo_slugs: list[SlugCount]


class Api:
    """The handlers, one per endpoint."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def dashboard(self, request: Request) -> Response:
        view = self._view(request, DEFAULT_DAYS["dashboard"])
        return await self._report(request, view, lambda reports: reports.dashboard(view))

    async def errors(self, request: Request) -> Response:
        view = self._view(request, DEFAULT_DAYS["errors"])
        return await self._report(request, view, lambda reports: reports.errors(view))

    async def scripts(self, request: Request) -> Response:
        view = self._view(request, DEFAULT_DAYS["scripts"])
        return await self._report(request, view, lambda reports: reports.scripts(view))

    async def script(self, request: Request) -> Response:
        view = self._view(request, DEFAULT_DAYS["script"])
        app = request.path_params["app"].lower()

        def read(reports: Reports) -> Script:
            found = reports.script(view, app)
            if found is None:
                raise NoSuchPage(NO_SCRIPT)
            return found

        return await self._report(request, view, read, app)

    async def records(self, request: Request) -> Response:
        asked = records_query(request.query_params, day_of(self._parts.now()), self._parts.sources)
        skip = 0 if asked.after else (asked.page - 1) * asked.limit
        page = await self._read(
            lambda reports: reports.records.page(asked.wanted, skip=skip, limit=asked.limit, after=asked.after)
        )
        pages = -(-page.total // asked.limit)
        answer = RecordsAnswer(page.records, asked.page, asked.limit, page.total, pages, shown_place(page.next))
        return cached(request, rendered(msgspec.json.encode(answer)), JSON, exact=True)

    async def repo_slugs(self, request: Request) -> Response:
        view = self._view(request, DEFAULT_DAYS["repo-slugs"], default_repository="all")
        return await self._report(request, view, lambda reports: RepoSlugs(reports.repo_slugs(view)))

    async def exit_codes(self, request: Request) -> Response:
        meanings = {str(code): known.meaning for code, known in EXIT_CODES.items()}
        return cached(request, rendered(msgspec.json.encode(meanings)), JSON, exact=False)

    def _view(self, request: Request, default_days: int, default_repository: str = "ProxmoxVE") -> View:
        today = day_of(self._parts.now())
        chosen = report_filter(request.query_params, default_days, today, self._parts.sources, default_repository)
        return View(period=chosen.period, sources=chosen.sources, exact=request.state.exact)

    async def _report(self, request: Request, view: View, read: Callable[[Reports], Any], *more: str) -> Response:
        """A report of the route's kind; `more` is what it depends on beside the view."""

        async def make() -> bytes:
            return await self._read(lambda reports: msgspec.json.encode(read(reports)))

        if view.exact:
            return cached(request, rendered(await make()), JSON, exact=True)
        key = (request.scope["route_path"], view, *more)
        network = self._parts.peers.of(request.scope)
        return cached(request, await self._parts.answers.get(key, network, make), JSON, exact=False)

    async def _read(self, read: Callable[[Reports], T]) -> T:
        return await self._parts.readers.run(lambda reader: read(self._parts.reports(reader)))


def cached(
    request: Request, answer: Rendered, media_type: str, *, exact: bool, seconds: int = PUBLIC_CACHE_SECONDS, status: int = 200
) -> Response:
    """An answer that clients may keep: with an ETag, and 304 for those who have it. Exact numbers are kept by nobody else."""
    headers = {
        "etag": answer.etag,
        "cache-control": "private, no-cache" if exact else f"public, max-age={seconds}",
        "vary": "authorization, cookie",
    }
    if status == 200 and not_modified(request.scope["headers"], answer.etag):
        return Response(status_code=304, headers=headers)
    return Response(answer.body, status, headers, media_type)
