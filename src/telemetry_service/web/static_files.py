"""What the running service answers in public, as files: pages, JSON, badges and what pages load."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

from telemetry_service.core.badge import badge
from telemetry_service.core.counts import DEFAULT_REPOSITORY, Sources
from telemetry_service.core.exit_codes import EXIT_CODES
from telemetry_service.core.period import Period, period
from telemetry_service.core.record import Document, markdown
from telemetry_service.core.reports.view import View
from telemetry_service.core.week import week
from telemetry_service.store.reports import Reports
from telemetry_service.web.api import DEFAULT_DAYS, RepoSlugs
from telemetry_service.web.pages import PAGES, Pages
from telemetry_service.web.site import DEFAULT_DAYS as DEFAULT_PAGE_DAYS
from telemetry_service.web.site import PERIODS, REPORT, SCRIPT, StaticSite, assets, static_file

ALL = "all"  # the repositories of a script that is not published in the usual one
ALL_TIME = 0
File = tuple[str, bytes]


class StaticFiles:
    """The files of the site up to a UTC day; pages and JSON of one question come from the same report."""

    def __init__(self, pages: Pages, reports: Reports, sources: Sources, document: Document, day: int, read_at: int) -> None:
        self._pages = pages
        self._document = document
        self._reports = reports
        self._sources = sources
        self._day = day
        self._read_at = read_at

    def all(self, apps: Sequence[str]) -> Iterator[File]:
        """(path relative to the root, content), of `apps` those that have anything published."""
        for asset in assets().values():
            yield f"assets/{asset.name}", asset.body
        for found in self._reports.weeks(self._view(ALL_TIME, DEFAULT_REPOSITORY)):
            yield self._page(REPORT + found.week, DEFAULT_PAGE_DAYS, DEFAULT_REPOSITORY)
        for page in PAGES:
            one_period_a_file = {static_file(page, days): days for days in (*PERIODS, DEFAULT_PAGE_DAYS)}
            for days in one_period_a_file.values():
                yield self._page(page, days, DEFAULT_REPOSITORY)
        yield from self._record()
        yield "api/exit-codes.json", _json({str(code): known.meaning for code, known in EXIT_CODES.items()})
        yield from self._answers()
        for app in apps:
            yield from self._script(app)

    def _record(self) -> Iterator[File]:
        path = static_file("record", DEFAULT_PAGE_DAYS)
        site = StaticSite(self._read_at, path)
        yield path, self._pages.fill("record.html", "record", {}, site, document=self._document).encode()
        yield "record.md", markdown(self._document).encode()
        yield "api/privacy/record.json", _json(self._document)

    def _answers(self) -> Iterator[File]:
        reports = self._reports
        answers: dict[str, tuple[str, Callable[[View], Any]]] = {
            "dashboard": (DEFAULT_REPOSITORY, reports.dashboard),
            "errors": (DEFAULT_REPOSITORY, reports.errors),
            "scripts": (DEFAULT_REPOSITORY, reports.scripts),
            "repo-slugs": (ALL, lambda view: RepoSlugs(reports.repo_slugs(view))),
        }
        for name, (repository, answer) in answers.items():
            for days in PERIODS:
                body = _json(answer(self._view(days, repository)))
                yield f"api/{name}-{days}.json", body
                if days == DEFAULT_DAYS[name]:
                    yield f"api/{name}.json", body

    def _script(self, app: str) -> Iterator[File]:
        for repository in (DEFAULT_REPOSITORY, ALL):
            script = self._reports.script(self._view(ALL_TIME, repository), app)
            if script is None:
                continue
            yield f"badge/{app}.svg", badge(script).encode()
            yield f"api/scripts/{app}.json", _json(self._reports.script(self._view(DEFAULT_DAYS["script"], repository), app))
            for days in PERIODS:
                yield self._page(SCRIPT + app, days, repository)
            return

    def _page(self, page: str, days: int, repository: str) -> File:
        path = static_file(page, days)
        query = {"days": str(days)} if repository == DEFAULT_REPOSITORY else {"days": str(days), "repo": repository}
        view = self._view(days, repository)
        wanted = week(page.removeprefix(REPORT)) if page.startswith(REPORT) else view.period
        assert wanted is not None
        view = View(period=wanted, sources=view.sources, exact=False)
        text = self._pages.render(page, self._reports, view, query, StaticSite(self._read_at, path))
        return path, text.encode()

    def _view(self, days: int, repository: str) -> View:
        wanted: Period = period(days, self._day)
        return View(period=wanted, sources=self._sources.of_repository(repository), exact=False)


def _json(answer: Any) -> bytes:
    return msgspec.json.encode(answer) + b"\n"
