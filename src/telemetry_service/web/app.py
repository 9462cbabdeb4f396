"""Every route on one screen."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette

from telemetry_service.core.identity import Identities
from telemetry_service.settings import Settings
from telemetry_service.store.database import StoreUnavailable
from telemetry_service.store.group_commit import GroupCommit
from telemetry_service.store.reading import Readers
from telemetry_service.web.answers import Receive, Scope, Send
from telemetry_service.web.auth import Access
from telemetry_service.web.ingest import Ingest
from telemetry_service.web.worker_process import WorkerProcess

INGEST_PATH = "/telemetry"


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What the routes are made of."""

    settings: Settings
    identities: Identities
    ingest: Ingest
    group: GroupCommit
    readers: Readers
    access: Access
    worker: WorkerProcess
    generation: str
    now: Callable[[], int]

    async def follow_fold(self) -> bool:
        """Learn how far the inbox is folded; whether that is further than before."""
        try:
            position = await self.readers.run(lambda reader: reader.position(self.generation))
        except StoreUnavailable:
            return False
        moved = position > self.group.folded_through
        self.group.folded_through = position
        return moved


def application(parts: Parts) -> Any:
    """The ASGI application: reports take the short way, everything else the routes."""
    routes = Starlette(routes=[])

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == INGEST_PATH:
            await parts.ingest(scope, receive, send)
        else:
            await routes(scope, receive, send)

    return app
