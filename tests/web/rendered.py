"""Pages and reports of a store, without a server."""

import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from explaining import EXPLAIN
from page_reader import Page, read
from stored import IDS, opened
from telemetry_service.core.counts import Sources
from telemetry_service.core.event import Event
from telemetry_service.core.installation import MICROSECONDS_PER_DAY
from telemetry_service.core.intake import Intake, Policy
from telemetry_service.core.period import period
from telemetry_service.core.reports.view import View
from telemetry_service.core.week import week
from telemetry_service.jobs.demo import payloads
from telemetry_service.settings import Settings, from_environ
from telemetry_service.store.reading import Reader
from telemetry_service.store.reports import Reports
from telemetry_service.store.store import Store
from telemetry_service.web.pages import Pages
from telemetry_service.web.site import REPORT, LiveSite, Site

K = 5
TODAY = 20_780  # 2026-11-23
NOW = TODAY * MICROSECONDS_PER_DAY + MICROSECONDS_PER_DAY // 2
SETTINGS: Settings = from_environ({})
SOURCES = Sources(SETTINGS.known_repos)
PAGES = Pages(SETTINGS)


class Data:
    """A store and what can be read from it."""

    def __init__(self, directory: Path, store: Store) -> None:
        self.directory = directory
        self.store = store
        self._reader = Reader(directory)

    def reports(self) -> Reports:
        return Reports(self._reader, SOURCES, IDS, step=K, stuck_hours=24, now=NOW)

    def html(self, name: str, /, *, exact: bool, site: Site | None = None, **query: str) -> str:
        asked = {"days": "30"} | query
        wanted = view(exact=exact, **asked)
        if name.startswith(REPORT):
            found = week(name.removeprefix(REPORT))
            assert found is not None
            wanted = msgspec.structs.replace(wanted, period=found)
        return PAGES.render(name, self.reports(), wanted, asked, site or LiveSite(NOW))

    def page(self, name: str, /, *, exact: bool, **query: str) -> Page:
        return read(self.html(name, exact=exact, **query))

    def close(self) -> None:
        self._reader.connection.close()


def view(*, exact: bool, days: str = "30", repo: str = "ProxmoxVE", slug: str = "", **_: str) -> View:
    sources = (slug,) if slug else SOURCES.of_repository(repo)
    return View(period=period(int(days), TODAY), sources=sources, exact=exact)


def demo_events(installations: int, days: int, seed: int, apps: Collection[str] = ()) -> list[Event]:
    """Reports of the demo, as intake makes them, up to yesterday; of some apps alone, if any are given."""
    accept = Intake(Policy(known_repos=SETTINGS.known_repos, extended_fields=frozenset()), IDS, EXPLAIN).accept
    return [
        accept(report.body, report.received_at).event
        for reports in payloads(installations, days, seed, TODAY - 1)
        for report in reports
        if not apps or msgspec.json.decode(report.body)["nsapp"] in apps
    ]


@contextmanager
def stored(*batches: list[Event]) -> Iterator[Data]:
    """A store in which these are folded."""
    with (
        tempfile.TemporaryDirectory() as name,
        opened(Path(name), known_repos=SETTINGS.known_repos, publish_min_count=K) as store,
    ):
        for events in batches:
            store.fold(events, None, NOW)
        data = Data(Path(name), store)
        try:
            yield data
        finally:
            data.close()
