"""The JSON endpoints. Public answers are computed from published counts, those with a `read` token from exact ones."""

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from telemetry_service.core.counts import Dimension, Facet, Sources
from telemetry_service.core.exit_codes import EXIT_CODES
from telemetry_service.core.fields import INSTALLATION_TYPES
from telemetry_service.core.period import Period, day_of
from telemetry_service.core.reports.dashboard import DashboardCounts, SlugCount, dashboard, repo_slugs
from telemetry_service.core.reports.errors import ErrorCounts, errors
from telemetry_service.core.reports.scripts import script, scripts
from telemetry_service.core.reports.view import ERRORS, View
from telemetry_service.core.tally import ScriptTally, Tally
from telemetry_service.store.reading import EXACT, PUBLIC, Reader
from telemetry_service.store.records import Record, Records, Wanted
from telemetry_service.store.rows import IDS_PER_MILLISECOND
from telemetry_service.web.parts import Parts
from telemetry_service.web.queries import Filter, records_query, report_filter, shown_place, text

PUBLIC_CACHE_SECONDS = 30
RECENT = 10


class NotFound(Exception):
    """There is nothing under this address, or nothing that may be shown."""


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
        self._sources = Sources(parts.settings.known_repos)
        self._step = parts.settings.publish_min_count

    async def dashboard(self, request: Request) -> Response:
        view, today = await self._view(request, default_days=1)

        def read(reader: Reader) -> Any:
            tables = _tables(view)
            every = self._sources.of_repository("all")
            all_sources = reader.tallies(tables, (Facet.OUTCOME,), view.period, every, by_source=True)
            scripts_ = self._scripts(reader, view)
            counts = DashboardCounts(
                outcome=[tally for tally in all_sources if tally.source in view.sources],
                system=reader.tallies(tables, (Facet.SYSTEM,), view.period, view.sources),
                failure=reader.tallies(tables, (Facet.FAILURE,), view.period, view.sources),
                scripts=scripts_,
                script_failures=self._script_failures(reader, view, scripts_, (Dimension.ERROR, "failed")),
                all_sources=all_sources,
                all_time=reader.tallies(tables, (Facet.OUTCOME,), Period(None, today), view.sources),
                daily=reader.daily(tables, view.period, view.sources, INSTALLATION_TYPES),
                running=reader.gauge("running"),
                recent=self._recent(reader, view),
            )
            return dashboard(view, counts, self._step)

        return self._json(request, await self._parts.readers.run(read), view.exact)

    async def errors(self, request: Request) -> Response:
        view, _ = await self._view(request, default_days=7)

        def read(reader: Reader) -> Any:
            tables = _tables(view)
            scripts_ = self._scripts(reader, view)
            counts = ErrorCounts(
                outcome=reader.tallies(tables, (Facet.OUTCOME,), view.period, view.sources),
                failure=reader.tallies(tables, (Facet.FAILURE,), view.period, view.sources),
                scripts=scripts_,
                script_failures=self._script_failures(reader, view, scripts_),
                daily=reader.daily(tables, view.period, view.sources, INSTALLATION_TYPES),
                stuck=self._stuck(reader) if view.exact else reader.gauge("stuck"),
                recent=self._recent(reader, view, status="failed"),
            )
            return errors(view, counts, self._step)

        return self._json(request, await self._parts.readers.run(read), view.exact)

    async def scripts(self, request: Request) -> Response:
        view, _ = await self._view(request, default_days=30)

        def read(reader: Reader) -> Any:
            tallies = self._scripts(reader, view)
            names = {str(tally.value) for tally in tallies}
            first_days = reader.first_days(_tables(view), sorted(names))
            return scripts(view, tallies, first_days, self._recent(reader, view), self._step)

        return self._json(request, await self._parts.readers.run(read), view.exact)

    async def script(self, request: Request) -> Response:
        view, _ = await self._view(request, default_days=30)
        app = request.path_params["app"].lower()

        def read(reader: Reader) -> Any:
            known = reader.types_of(app)
            types = [type_ for type_ in known if type_ in INSTALLATION_TYPES] or known
            facets = (Facet.OUTCOME, Facet.SYSTEM, Facet.FAILURE)
            tables = _tables(view)
            tallies = [
                tally for type_ in types for tally in reader.tallies(tables, facets, view.period, view.sources, f"{app} {type_}")
            ]
            if not tallies and not self._ever_counted(reader, view, app, types):
                raise NotFound("script: none of this name, or too few installations to show")
            daily = [
                tally for type_ in types for tally in reader.daily(tables, view.period, view.sources, (type_,), f"{app} {type_}")
            ]
            return script(view, app, types, tallies, daily, self._step)

        return self._json(request, await self._parts.readers.run(read), view.exact)

    async def records(self, request: Request) -> Response:
        await self._parts.access.require("read", request.scope["headers"])
        asked = records_query(request.query_params, day_of(self._parts.now()), self._sources)

        def read(reader: Reader) -> Any:
            page = self._records(reader).page(
                asked.wanted,
                skip=0 if asked.after else (asked.page - 1) * asked.limit,
                limit=asked.limit,
                after=asked.after,
            )
            return RecordsAnswer(
                *(page.records, asked.page, asked.limit, page.total),
                *(-(-page.total // asked.limit), shown_place(page.next)),
            )

        return self._json(request, await self._parts.readers.run(read), exact=True)

    async def repo_slugs(self, request: Request) -> Response:
        view, _ = await self._view(request, default_days=30)
        everything = self._sources.of_repository("all")
        asked = text(request.query_params, "repo")
        sources = view.sources if asked else everything

        def read(reader: Reader) -> Any:
            return RepoSlugs(repo_slugs(reader.tallies(_tables(view), (Facet.OUTCOME,), view.period, sources, by_source=True)))

        return self._json(request, await self._parts.readers.run(read), view.exact)

    async def exit_codes(self, request: Request) -> Response:
        return self._json(request, {str(code): known.meaning for code, known in EXIT_CODES.items()}, exact=False)

    async def _view(self, request: Request, default_days: int) -> tuple[View, int]:
        exact = await self._parts.access.allows("read", request.scope["headers"])
        today = day_of(self._parts.now())
        chosen: Filter = report_filter(request.query_params, default_days, today, self._sources)
        return View(period=chosen.period, sources=chosen.sources, exact=exact), today

    def _scripts(self, reader: Reader, view: View) -> list[Tally]:
        return reader.tallies(_tables(view), (Facet.SCRIPTS,), view.period, view.sources)

    def _script_failures(
        self, reader: Reader, view: View, scripts_: Sequence[Tally], only: tuple[Dimension, str] | None = None
    ) -> list[ScriptTally]:
        failing = {str(tally.value) for tally in scripts_ if tally.status in ERRORS}
        names = sorted(name for name in failing if name.rpartition(" ")[2] in INSTALLATION_TYPES)
        return reader.script_tallies(_tables(view), Facet.FAILURE, view.period, view.sources, names, only)

    def _ever_counted(self, reader: Reader, view: View, app: str, types: Sequence[str]) -> bool:
        everything = Period(None, view.period.last)
        return any(
            tally.dimension == Dimension.TYPE
            for type_ in types
            for tally in reader.tallies(_tables(view), (Facet.OUTCOME,), everything, view.sources, f"{app} {type_}")
        )

    def _records(self, reader: Reader) -> Records:
        return Records(reader, self._sources, self._parts.identities)

    def _recent(self, reader: Reader, view: View, status: str | None = None) -> list[Record]:
        if not view.exact:
            return []
        wanted = Wanted(period=view.period, sources=view.sources, status=status)
        return self._records(reader).first(wanted, RECENT)

    def _stuck(self, reader: Reader) -> int:
        oldest = self._parts.now() // 1000 - self._parts.settings.cleanup_stuck_hours * 3_600_000
        return self._records(reader).stuck(oldest * IDS_PER_MILLISECOND)

    def _json(self, request: Request, answer: Any, exact: bool) -> Response:
        body = msgspec.json.encode(answer)
        etag = f'"{blake2b(body, digest_size=12).hexdigest()}"'
        headers = {
            "etag": etag,
            "cache-control": "private, no-cache" if exact else f"public, max-age={PUBLIC_CACHE_SECONDS}",
            "vary": "authorization",
        }
        asked = request.headers.get("if-none-match", "")
        if etag in (tag.strip().removeprefix("W/") for tag in asked.split(",")):
            return Response(status_code=304, headers=headers)
        return Response(body, media_type="application/json", headers=headers)


def _tables(view: View) -> str:
    return EXACT if view.exact else PUBLIC


__all__ = ["Api", "NotFound", "RecordsAnswer", "RepoSlugs"]
