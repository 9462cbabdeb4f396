"""The pages: reports as HTML. Knows nothing of HTTP, so that the running service and the static site share every line."""

from collections.abc import Mapping
from typing import Any

import jinja2

from telemetry_service.core.reports.view import View
from telemetry_service.settings import Settings
from telemetry_service.store.reports import Reports
from telemetry_service.web.site import SCRIPT, Site

PAGES = ("overview", "errors", "scripts", "privacy")  # and script:{app} for every script


class NoSuchPage(Exception):
    """There is nothing to show under this name, or nothing that may be shown."""


class Pages:
    """Renders pages from reports."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._templates = jinja2.Environment(
            loader=jinja2.PackageLoader("telemetry_service.web"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def render(self, page: str, reports: Reports, view: View, query: Mapping[str, str], site: Site) -> str:
        """One page as HTML.

        `page` is one of `PAGES` or `script:{app}`; `query` holds the filters as they stand in the URL, which links go
        on carrying. Equal reports, query and site give equal bytes. Raises `NoSuchPage` and `Rejected`.
        """
        context: dict[str, Any] = {"page": page, "view": view, "query": dict(query), "site": site, "settings": self._settings}
        if page.startswith(SCRIPT):
            found = reports.script(view, page.removeprefix(SCRIPT))
            if found is None:
                raise NoSuchPage("script: none of this name, or too few installations to show")
            return self._templates.get_template("script.html").render(context, report=found)
        report = {"overview": reports.dashboard, "errors": reports.errors, "scripts": reports.scripts}.get(page)
        if page not in PAGES:
            raise NoSuchPage("page: none of this name")
        return self._templates.get_template(f"{page}.html").render(context, report=report(view) if report else None)
