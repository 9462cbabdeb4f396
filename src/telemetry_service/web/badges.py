"""`GET /badge/{app}.svg`: how often a script was installed and how it fares, for a README."""

from starlette.requests import Request
from starlette.responses import Response

from telemetry_service.core.badge import badge
from telemetry_service.core.period import day_of
from telemetry_service.core.reports.view import View
from telemetry_service.web.api import cached
from telemetry_service.web.parts import Parts
from telemetry_service.web.queries import report_filter

BADGE_CACHE_SECONDS = 300
SVG = "image/svg+xml"
ALL_TIME = "0"
NOTHING = badge(None).encode()


class Badges:
    """The endpoint."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def badge(self, request: Request) -> Response:
        """The badge from published numbers of all time, whoever asks; without any a grey one and 404, as images go."""
        app = request.path_params["app"].lower()
        query = {**request.query_params, "days": ALL_TIME}
        chosen = report_filter(query, 0, day_of(self._parts.now()), self._parts.sources)
        view = View(period=chosen.period, sources=chosen.sources, exact=False)

        async def make() -> bytes:
            script = await self._parts.readers.run(lambda reader: self._parts.reports(reader).script(view, app))
            return badge(script).encode()

        answer = await self._parts.answers.get(("badge", view, app), self._parts.peers.of(request.scope), make)
        status = 404 if answer.body == NOTHING else 200
        return cached(request, answer, SVG, exact=False, seconds=BADGE_CACHE_SECONDS, status=status)
