"""The pages: reports as HTML. Knows nothing of HTTP, so that the running service and the static site share every line."""

import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from jinja2.bccache import Bucket

from telemetry_service.core.exit_codes import meaning
from telemetry_service.core.fields import FIELDS, LEGAL_BASIS, OPERATING_SYSTEMS, STATUSES, TYPES
from telemetry_service.core.period import iso_day
from telemetry_service.core.reports.part import PARTS
from telemetry_service.core.reports.rates import MIN_FINISHED_FOR_RATE
from telemetry_service.core.reports.view import View
from telemetry_service.settings import Settings
from telemetry_service.store.record_search import SORTS
from telemetry_service.store.reports import Reports
from telemetry_service.web import charts
from telemetry_service.web.formats import FILTERS
from telemetry_service.web.queries import REPOSITORIES, choice, text
from telemetry_service.web.script_list import script_list
from telemetry_service.web.site import DEFAULT_DAYS, PERIODS, REPORT, SCRIPT, Site

# Beside script:{app} for every script and report:{week} for every week.
PAGES = ("overview", "errors", "scripts", "alerts", "reports", "privacy")
SECTIONS = {"record": "privacy", "audit": "privacy"}  # pages that belong to another one of the menu
CARRIED = ("days", "repo", "slug")  # filters that links go on carrying
PART_TITLES = {
    "category": "Failures of one category",
    "exit_code": "Failures with one exit code",
    "error": "One error line",
    "type": "One type",
    "os": "One operating system",
    "pve": "One Proxmox VE version",
    "method": "One installation method",
    "cores": "CPU cores given",
    "ram": "Memory given",
    "disk": "Disk given",
    "gpu": "One kind of GPU",
    "cpu": "One kind of CPU",
}
TYPE_NAMES = {
    "lxc": "Container (lxc)",
    "vm": "Virtual machine (vm)",
    "turnkey": "TurnKey template",
    "pve": "Host script",
    "addon": "Add-on",
    "tool": "Tool",
}
NO_SCRIPT = "script: none of this name, or too few installations to show"
SHOWN_ALERTS = 5  # on the overview and on the page of a script
NO_WEEK = "week: none that was counted; see /reports"
NO_PART = "value: none of this name, or too few installations to show"


class NoSuchPage(Exception):
    """There is nothing to show under this name, or nothing that may be shown."""


class CompiledTemplates(jinja2.FileSystemBytecodeCache):
    """Compiled templates, kept beside compiled modules; where nothing can be written they are compiled at each start."""

    def __init__(self, directory: Path = Path(__file__).parent / "__pycache__") -> None:
        super().__init__(str(directory), f"template-%s.{sys.implementation.cache_tag}")

    def dump_bytecode(self, bucket: Bucket) -> None:
        with suppress(OSError):
            Path(self.directory).mkdir(exist_ok=True)
            super().dump_bytecode(bucket)
            Path(self.directory, self.pattern % bucket.key).chmod(0o644)  # who installs is often not who serves


@cache
def templates() -> jinja2.Environment:
    """The templates, which escape whatever they are given."""
    found = jinja2.Environment(
        loader=jinja2.PackageLoader("telemetry_service.web"),
        bytecode_cache=CompiledTemplates(),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters.update(FILTERS)
    found.globals.update(
        charts=charts,
        meaning=meaning,
        periods=PERIODS,
        REPOSITORIES=REPOSITORIES,
        STATUSES=STATUSES,
        TYPES=TYPES,
        OPERATING_SYSTEMS=OPERATING_SYSTEMS,
        SORTS=SORTS,
        type_names=TYPE_NAMES,
    )
    return found


def prepare() -> None:
    """Compile the templates, so that nobody's first page waits for it; may be called from another thread."""
    for name in templates().list_templates():
        templates().get_template(name)


class Pages:
    """Renders pages from reports."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def render(self, page: str, reports: Reports, view: View, query: Mapping[str, str], site: Site, csrf: str = "") -> str:
        """One page as HTML.

        `page` is one of `PAGES`, `script:{app}` or `report:{week}`, which the view's period is; `query` holds the filters as
        they stand in the URL, which links go on carrying. Equal reports, query and site give equal bytes.
        With `csrf`, the token of a session, buttons of an admin are on it. Raises `NoSuchPage` and `Rejected`.
        """
        name, context = self._report(page, reports, view, query, site)
        return self.fill(name, page, query, site, csrf, view=view, **context)

    def fill(self, template: str, page: str, query: Mapping[str, str], site: Site, csrf: str = "", **context: Any) -> str:
        """A template filled in, with what every page needs beside its own context; with `csrf` it may hold forms."""
        return (
            templates()
            .get_template(template)
            .render(
                page=page,
                section=_section(page),
                query=query,
                days=int(query["days"]) if query.get("days", "").isdigit() else DEFAULT_DAYS,
                site=site,
                link=_linker(page, query, site),
                settings=self._settings,
                csrf=csrf,
                **context,
            )
        )

    def _report(
        self, page: str, reports: Reports, view: View, query: Mapping[str, str], site: Site
    ) -> tuple[str, dict[str, Any]]:
        """(template, its context) of a page."""
        if page.startswith(SCRIPT):
            found = reports.script(view, page.removeprefix(SCRIPT))
            if found is None:
                raise NoSuchPage(NO_SCRIPT)
            alerts = reports.alerts(view, found.app)[:SHOWN_ALERTS]
            return "script.html", {"report": found, "alerts": alerts} | _period(view)
        if page in ("errors", "scripts") and "by" in query:
            by = choice(query, "by", tuple(PARTS))
            part = reports.part(view, by, text(query, "is") or "") if by else None
            if part is None:
                raise NoSuchPage(NO_PART)
            return "part.html", {"report": part, "title": PART_TITLES[part.by]} | _period(view)
        if page == "overview":
            alerts = reports.open_alerts(view, SHOWN_ALERTS)
            return "overview.html", {"report": reports.dashboard(view), "alerts": alerts} | _period(view)
        if page == "errors":
            return "errors.html", {"report": reports.errors(view)} | _period(view)
        if page == "scripts":
            scripts = reports.scripts(view)
            return "scripts.html", {"report": scripts, "list": script_list(scripts, query, site.static)} | _period(view)
        if page.startswith(REPORT):
            weekly = reports.weekly(view)
            if weekly is None:
                raise NoSuchPage(NO_WEEK)
            return "weekly.html", {"report": weekly, "min_finished": MIN_FINISHED_FOR_RATE}
        if page == "alerts":
            alerts = reports.alerts(view)
            opened, over = ([one for one in alerts if (one.closed is None) is is_open] for is_open in (True, False))
            return "alerts.html", {"open": opened, "past": over, "min_finished": MIN_FINISHED_FOR_RATE}
        if page == "reports":
            return "reports.html", {"weeks": reports.weeks(view)} | _period(view)
        if page == "privacy":
            return "privacy.html", {"fields": self._fields(), "legal_basis": LEGAL_BASIS}
        raise NoSuchPage("page: none of this name")

    def _fields(self) -> list[Any]:
        """The fields that are stored under the settings in force."""
        return [field for field in FIELDS if field.record != "optional" or field.name in self._settings.extended_fields]


def _period(view: View) -> dict[str, Any]:
    period = view.period
    return {
        "first_day": None if period.first is None else iso_day(period.first),
        "last_day": iso_day(period.last),
        "min_finished": MIN_FINISHED_FOR_RATE,
    }


def _section(page: str) -> str:
    """The entry of the navigation that a page belongs to."""
    return "scripts" if page.startswith(SCRIPT) else "reports" if page.startswith(REPORT) else SECTIONS.get(page, page)


def _linker(page: str, query: Mapping[str, str], site: Site) -> Callable[..., str]:
    carried = {name: query[name] for name in CARRIED if query.get(name)}

    def link(to: str = "", **changes: str | int) -> str:
        """The address of a page, this one by default, under the same filters but for some changes; empty for none."""
        return site.link(to or page, carried | {name: str(value) for name, value in changes.items()})

    return link
