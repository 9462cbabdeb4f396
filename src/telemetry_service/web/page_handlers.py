"""The pages over HTTP: who asks, what is cached, and what a browser may do with the answer."""

from collections.abc import AsyncIterator, Mapping
from functools import cached_property

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from telemetry_service.core.period import day_of
from telemetry_service.core.reports.view import View
from telemetry_service.core.week import week
from telemetry_service.store.record_search import Place
from telemetry_service.web.answers import PUBLIC_CACHE_SECONDS, not_modified
from telemetry_service.web.cache import Rendered, rendered
from telemetry_service.web.pages import CARRIED, NO_WEEK, NoSuchPage, Pages
from telemetry_service.web.parts import Parts
from telemetry_service.web.queries import RecordsQuery, records_query, report_filter, shown_place, whole_number
from telemetry_service.web.records_csv import csv_lines
from telemetry_service.web.site import DEFAULT_DAYS, REPORT, SCRIPT, LiveSite, assets

CSV_BATCH = 1000
QUERIES = {"scripts": ("q", "sort", "page", "by", "is"), "errors": ("by", "is")}  # beside the filters


class PageHandlers:
    """The handlers, one per page."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    @cached_property
    def pages(self) -> Pages:
        return Pages(self._parts.settings)

    async def overview(self, request: Request) -> Response:
        return await self._page(request, "overview")

    async def errors(self, request: Request) -> Response:
        return await self._page(request, "errors")

    async def scripts(self, request: Request) -> Response:
        return await self._page(request, "scripts")

    async def script(self, request: Request) -> Response:
        return await self._page(request, SCRIPT + request.path_params["app"].lower())

    async def alerts(self, request: Request) -> Response:
        return await self._page(request, "alerts")

    async def reports(self, request: Request) -> Response:
        return await self._page(request, "reports")

    async def report(self, request: Request) -> Response:
        return await self._page(request, REPORT + request.path_params["week"])

    async def privacy(self, request: Request) -> Response:
        return await self._page(request, "privacy")

    async def asset(self, request: Request) -> Response:
        """A file of the pages. Its name changes with its content, so a browser may keep it."""
        for found in assets().values():
            if found.name == request.path_params["name"]:
                headers = {"cache-control": "public, max-age=31536000, immutable"}
                return Response(found.body, media_type=found.media_type, headers=headers)
        return self.refusal(request, 404, "nothing here")

    async def records(self, request: Request) -> Response:
        """The table of single installations."""
        asked = self._records_query(request)
        skip = 0 if asked.after else (asked.page - 1) * asked.limit
        page = await self._parts.readers.run(
            lambda reader: self._parts.reports(reader).records.page(asked.wanted, skip=skip, limit=asked.limit, after=asked.after)
        )
        query = dict(request.query_params) | {"days": str(whole_number(request.query_params, "days", 1, 0, 365))}
        shown = self.pages.fill(
            "records.html", "records", query, LiveSite(self._parts.now()), asked=asked, found=page, next=shown_place(page.next)
        )
        return html(request, rendered(shown.encode()), exact=True)

    async def records_csv(self, request: Request) -> Response:
        """Every record of a filter, read in batches, so that a year of them takes no memory."""
        asked = self._records_query(request)
        headers = {
            "content-disposition": 'attachment; filename="installations.csv"',
            "cache-control": "private, no-store",
        }
        return StreamingResponse(self._csv(asked), media_type="text/csv; charset=utf-8; header=present", headers=headers)

    async def _csv(self, asked: RecordsQuery) -> AsyncIterator[str]:
        after: Place | None = asked.after
        first = True
        while True:
            place = after
            records, after = await self._parts.readers.run(
                lambda reader, place=place: self._parts.reports(reader).records.batch(asked.wanted, place, CSV_BATCH)  # type: ignore[misc]
            )
            yield csv_lines(records, with_header=first)
            first = False
            if after is None:
                return

    def refusal(self, request: Request, status: int, reason: str, headers: Mapping[str, str] | None = None) -> Response:
        """What went wrong, as a page."""
        shown = self.pages.fill(
            "refusal.html", "refusal", {}, LiveSite(self._parts.now()), status=status, reason=reason, path=request.url.path
        )
        return Response(shown, status, {"cache-control": "no-store", **(headers or {})}, "text/html")

    def _records_query(self, request: Request) -> RecordsQuery:
        return records_query(request.query_params, day_of(self._parts.now()), self._parts.sources)

    async def _page(self, request: Request, page: str) -> Response:
        now, asked = self._parts.now(), request.query_params
        exact = request.state.exact
        chosen = report_filter(asked, DEFAULT_DAYS, day_of(now), self._parts.sources)
        wanted = week(page.removeprefix(REPORT)) if page.startswith(REPORT) else chosen.period
        if wanted is None:
            raise NoSuchPage(NO_WEEK)
        view = View(period=wanted, sources=chosen.sources, exact=exact)
        known = (*CARRIED, *QUERIES.get(page, ()))
        query = {name: asked[name].strip() for name in known if asked.get(name, "").strip()}
        query["days"] = str(whole_number(asked, "days", DEFAULT_DAYS, 0, 365))

        caller = request.state.caller
        may_act = exact and caller is not None and caller.may("admin") and self._parts.settings.github_token
        csrf = (caller.csrf or "") if may_act else ""

        async def make() -> bytes:
            text: str = await self._parts.readers.run(
                lambda reader: self.pages.render(page, self._parts.reports(reader), view, query, LiveSite(now), csrf)
            )
            return text.encode()

        if exact:
            return html(request, rendered(await make()), exact=True)
        key = (page, view, *sorted(query.items()))
        return html(request, await self._parts.answers.get(key, self._parts.peers.of(request.scope), make), exact=False)


def html(request: Request, answer: Rendered, *, exact: bool) -> Response:
    """A page that browsers may keep: with an ETag, and 304 for those who have it."""
    etag = f"W/{answer.etag}"
    headers = {
        "etag": etag,
        "cache-control": "private, no-cache" if exact else f"public, max-age={PUBLIC_CACHE_SECONDS}",
        "vary": "authorization, cookie, accept-encoding",
    }
    if not_modified(request.scope["headers"], etag):
        return Response(status_code=304, headers=headers)
    return Response(answer.body, media_type="text/html", headers=headers)
