"""Whether the service can do its work: `/healthz` for storing events, `/readyz` for everything."""

from sqlite3 import Connection

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from telemetry_service.core.period import iso_instant
from telemetry_service.store.audits import last_audit
from telemetry_service.store.changes import Standing, standing
from telemetry_service.store.database import StoreUnavailable
from telemetry_service.web.parts import Parts

NEVER_CACHED = {"cache-control": "no-store"}
STALLED_SECONDS = 60  # events wait, and none has been folded for that long


class Health(msgspec.Struct, frozen=True):
    status: str
    time: str


class Readiness(msgspec.Struct, frozen=True):
    """`problems` says what is wrong, in words for an operator; `degraded` what does not work and keeps no report out."""

    status: str
    time: str
    problems: list[str]
    degraded: list[str]


class HealthChecks:
    """The two health endpoints."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def healthz(self, _request: Request) -> Response:
        refusal = self._parts.group.refusal
        answer = Health("ok" if refusal is None else f"cannot store events: {refusal}", iso_instant(self._parts.now()))
        return _json(answer, 200 if refusal is None else 503)

    async def readyz(self, _request: Request) -> Response:
        problems: list[str] = []
        degraded: list[str] = []
        if self._parts.group.refusal is not None:
            problems.append(f"events are refused: {self._parts.group.refusal}")
        if not self._parts.worker.running:
            problems.append("the background process is not running; it is started again")
        try:
            stalled = await self._parts.readers.run(lambda reader: reader.folded_at(self._parts.generation))
            if self._parts.settings.pocketbase_url:
                degraded = await self._parts.readers.run(lambda reader: _mirror_faults(standing(reader.connection)))
            degraded += await self._parts.readers.run(lambda reader: _claims_that_fail(reader.connection))
            if self._stalled(stalled):
                problems.append("events are stored but not folded into the counts; see the log of the background process")
        except StoreUnavailable:
            problems.append("the store does not answer")
        status = "not ready" if problems else "degraded" if degraded else "ok"
        answer = Readiness(status, iso_instant(self._parts.now()), problems, degraded)
        return _json(answer, 503 if problems else 200)

    def _stalled(self, folded_at: int) -> bool:
        group = self._parts.group
        waiting_since = max(folded_at, group.started_waiting_at)
        behind = group.last_seq > group.folded_through
        return behind and self._parts.now() - waiting_since > STALLED_SECONDS * 1_000_000


def _mirror_faults(mirror: Standing) -> list[str]:
    """A mirror that does not work loses nothing: reports are stored and counted all the same."""
    said = []
    if mirror.problem is not None:
        since = iso_instant((mirror.problem_since or 0) * 1_000_000)
        said.append(f"the mirror waits since {since}: {mirror.problem}")
    if mirror.set_aside:
        said.append("the mirror refuses some installations; see: telemetry-service mirror status")
    return said


def _claims_that_fail(connection: Connection) -> list[str]:
    audit = last_audit(connection)
    if audit is None or audit.holds:
        return []
    return ["the record of processing does not hold; see /privacy/audit"]


def _json(answer: msgspec.Struct, status: int) -> Response:
    return Response(msgspec.json.encode(answer), status, NEVER_CACHED, "application/json")
