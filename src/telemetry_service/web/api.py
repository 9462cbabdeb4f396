"""The JSON endpoints. Public answers are computed from published counts, those with a `read` token from exact ones."""

from collections.abc import Callable
from hashlib import blake2b
from typing import Any, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from telemetry_service.core.exit_codes import EXIT_CODES
from telemetry_service.core.period import day_of
from telemetry_service.core.reports.dashboard import SlugCount
from telemetry_service.core.reports.view import View
from telemetry_service.store.records import Record
from telemetry_service.store.reports import Reports
from telemetry_service.web.answers import PUBLIC_CACHE_SECONDS, not_modified
from telemetry_service.web.pages import NO_SCRIPT, NoSuchPage
from telemetry_service.web.parts import Parts
from telemetry_service.web.queries import records_query, report_filter, shown_place

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
        view = await self._view(request, DEFAULT_DAYS["dashboard"])
        return self._json(request, await self._read(lambda reports: reports.dashboard(view)), view.exact)

    async def errors(self, request: Request) -> Response:
        view = await self._view(request, DEFAULT_DAYS["errors"])
        return self._json(request, await self._read(lambda reports: reports.errors(view)), view.exact)

    async def scripts(self, request: Request) -> Response:
        view = await self._view(request, DEFAULT_DAYS["scripts"])
        return self._json(request, await self._read(lambda reports: reports.scripts(view)), view.exact)

    async def script(self, request: Request) -> Response:
        view = await self._view(request, DEFAULT_DAYS["script"])
        app = request.path_params["app"].lower()
        found = await self._read(lambda reports: reports.script(view, app))
        if found is None:
            raise NoSuchPage(NO_SCRIPT)
        return self._json(request, found, view.exact)

    async def records(self, request: Request) -> Response:
        await self._parts.access.require("read", request.scope["headers"])
        asked = records_query(request.query_params, day_of(self._parts.now()), self._parts.sources)
        skip = 0 if asked.after else (asked.page - 1) * asked.limit
        page = await self._read(
            lambda reports: reports.records.page(asked.wanted, skip=skip, limit=asked.limit, after=asked.after)
        )
        pages = -(-page.total // asked.limit)
        answer = RecordsAnswer(page.records, asked.page, asked.limit, page.total, pages, shown_place(page.next))
        return self._json(request, answer, exact=True)

    async def repo_slugs(self, request: Request) -> Response:
        view = await self._view(request, DEFAULT_DAYS["repo-slugs"], default_repository="all")
        return self._json(request, RepoSlugs(await self._read(lambda reports: reports.repo_slugs(view))), view.exact)

    async def exit_codes(self, request: Request) -> Response:
        return self._json(request, {str(code): known.meaning for code, known in EXIT_CODES.items()}, exact=False)

    async def _view(self, request: Request, default_days: int, default_repository: str = "ProxmoxVE") -> View:
        exact = await self._parts.access.allows("read", request.scope["headers"])
        today = day_of(self._parts.now())
        chosen = report_filter(request.query_params, default_days, today, self._parts.sources, default_repository)
        return View(period=chosen.period, sources=chosen.sources, exact=exact)

    async def _read(self, read: Callable[[Reports], T]) -> T:
        return await self._parts.readers.run(lambda reader: read(self._parts.reports(reader)))

    def _json(self, request: Request, answer: Any, exact: bool) -> Response:
        return cached(request, msgspec.json.encode(answer), "application/json", exact=exact)


def cached(
    request: Request, body: bytes, media_type: str, *, exact: bool, seconds: int = PUBLIC_CACHE_SECONDS, status: int = 200
) -> Response:
    """An answer that clients may keep: with an ETag, and 304 for those who have it. Exact numbers are kept by nobody else."""
    etag = f'"{blake2b(body, digest_size=12).hexdigest()}"'
    headers = {
        "etag": etag,
        "cache-control": "private, no-cache" if exact else f"public, max-age={seconds}",
        "vary": "authorization",
    }
    if status == 200 and not_modified(request.scope["headers"], etag):
        return Response(status_code=304, headers=headers)
    return Response(body, status, headers, media_type)
