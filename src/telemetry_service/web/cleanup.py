"""`/api/cleanup/*` and `/runs`: how the clean-up stands, what all jobs did, and a run of it on demand."""

import asyncio
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from telemetry_service.core.own_data import instant
from telemetry_service.store.changes import Standing, set_aside_reasons, standing
from telemetry_service.store.database import StoreUnavailable
from telemetry_service.store.reading import Reader
from telemetry_service.store.runs import Run, job_names, newest_runs, past_runs
from telemetry_service.store.stuck import count_stuck
from telemetry_service.web.commands import said_by_command
from telemetry_service.web.guard import caller_of
from telemetry_service.web.page_handlers import PageHandlers
from telemetry_service.web.parts import Parts
from telemetry_service.web.queries import choice
from telemetry_service.web.site import LiveSite

SHOWN_RUNS = 200
RUN_SECONDS = 600.0
JOBS = {
    "cleanup": "Clean-up: installations without an end become unknown",
    "retention": "Retention: what is over its time is deleted, and what is left of it counted",
    "vacuum": "VACUUM: the store is written anew, without what was deleted",
    "backup": "Backup",
    "restore": "A backup was put in place",
    "erase": "Erasure: asked for by who holds an id",
    "import": "Installations brought in from another store",
}


class PastRun(msgspec.Struct, frozen=True):
    """A run of a job; instants are RFC 3339 in UTC. `counts` are whole numbers by name."""

    started_at: str
    ended_at: str
    outcome: str
    counts: dict[str, int]


class CleanupStatus(msgspec.Struct, frozen=True, kw_only=True):
    """`check_interval` is a duration as Go writes it, such as 1h0m0s. Of the runs the newest comes first."""

    stuck_count: int
    stuck_after_hours: int
    check_interval: str
    enabled: bool
    runs: list[PastRun]


class CleanedUp(msgspec.Struct, frozen=True):
    updated: int
    message: str


class CleanupHandlers:
    """The handlers."""

    def __init__(self, parts: Parts, pages: PageHandlers) -> None:
        self._parts = parts
        self._pages = pages
        self._running = asyncio.Lock()

    async def status(self, _request: Request) -> Response:
        stuck, runs = await self._parts.readers.run(
            lambda reader: (self._stuck(reader), past_runs(reader.connection, "cleanup", SHOWN_RUNS))
        )
        settings = self._parts.settings
        return _json(
            CleanupStatus(
                stuck_count=stuck,
                stuck_after_hours=settings.cleanup_stuck_hours,
                check_interval=go_duration(settings.cleanup_interval_min),
                enabled=settings.cleanup_enabled,
                runs=[PastRun(instant(run.started_at), instant(run.ended_at), run.outcome, run.counts) for run in runs],
            )
        )

    async def run(self, _request: Request) -> Response:
        """Run the clean-up, also where it is turned off by itself."""
        return _json(await self._clean_up())

    async def page(self, request: Request) -> Response:
        """The table of past runs."""

        def read(reader: Reader) -> tuple[int, list[str], list[Run], Standing, list[tuple[str, int]]]:
            names = job_names(reader.connection)
            job = choice(request.query_params, "job", tuple(names))
            found = past_runs(reader.connection, job, SHOWN_RUNS) if job else newest_runs(reader.connection, SHOWN_RUNS)
            return self._stuck(reader), names, found, standing(reader.connection), set_aside_reasons(reader.connection)

        stuck, names, runs, mirror, reasons = await self._parts.readers.run(read)
        caller = caller_of(request)
        shown = self._pages.pages.fill(
            "runs.html",
            "runs",
            {},
            LiveSite(self._parts.now()),
            stuck=stuck,
            names=names,
            runs=runs,
            mirror=mirror if self._parts.settings.pocketbase_url else None,
            reasons=reasons,
            jobs=JOBS,
            job=request.query_params.get("job", ""),
            csrf=(caller.csrf or "") if caller else "",
        )
        return Response(shown, 200, {"cache-control": "private, no-store"}, "text/html")

    async def press(self, _request: Request) -> Response:
        """The button of the page; its run is then the first of the table."""
        await self._clean_up()
        return Response(status_code=303, headers={"location": "/runs", "cache-control": "no-store"})

    async def _clean_up(self) -> CleanedUp:
        async with self._running:
            said = await said_by_command("cleanup", "--json", seconds=RUN_SECONDS)
        if said is None:
            raise StoreUnavailable("the clean-up did not come to an end; the log says more")
        updated = msgspec.json.decode(said, type=dict[str, int])["updated"]
        return CleanedUp(updated, f"{updated} installations became unknown")

    def _stuck(self, reader: Reader) -> int:
        return count_stuck(reader.connection, self._parts.now(), self._parts.settings.cleanup_stuck_hours)


def go_duration(minutes: int) -> str:
    """Minutes as deployed dashboards show them: 1h0m0s, 15m0s."""
    hours, rest = divmod(minutes, 60)
    return f"{hours}h{rest}m0s" if hours else f"{rest}m0s"


def _json(answer: Any) -> Response:
    return Response(msgspec.json.encode(answer), 200, {"cache-control": "no-store"}, "application/json")
