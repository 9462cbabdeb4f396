"""A store that is followed, and the mirror that follows it, in this process."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

from event_strategies import MIDNIGHT
from pocketbase_server import EMAIL, PASSWORD, PocketBaseServer
from stored import IDS, installations, opened
from telemetry_service.core.event import Event
from telemetry_service.jobs import mirror as jobs
from telemetry_service.jobs.mirror import Mirror
from telemetry_service.mirrors.pocketbase import Login, PocketBase
from telemetry_service.store.changes import Changes, Standing, follow, set_aside_reasons, standing
from telemetry_service.store.database import connect, transaction
from telemetry_service.store.store import FILE_NAME

T = TypeVar("T")


def event(execution: int, status: str = "success", received_at: int = MIDNIGHT, **values: Any) -> Event:
    usual: dict[str, Any] = {"random_id": (execution % 2**32).to_bytes(16, "big"), "type": "lxc", "nsapp": "jellyfin"}
    return Event(execution=execution, status=status, received_at=received_at, **(usual | values))


class Followed:
    """A store in a directory, and how to mirror it to a PocketBase."""

    def __init__(self, directory: Path, url: str, *, connections: int = 4, **options: Any) -> None:
        directory.mkdir(exist_ok=True)
        self.directory = directory
        self._url = url
        self._connections = connections
        self._login = Login(EMAIL, PASSWORD, "")
        self._options = {"include_random_id": False, "extended_fields": frozenset()} | options
        self.follow(wanted=True)

    def follow(self, *, wanted: bool) -> None:
        """What the service does when it starts with a mirror, or without."""
        with opened(self.directory):
            pass
        with closing(connect(self.directory / FILE_NAME)) as connection:
            follow(connection, wanted=wanted)

    def fold(self, events: Iterable[Event]) -> None:
        with opened(self.directory) as store:
            store.fold(list(events), None, MIDNIGHT)

    def delete(self, *executions: int) -> None:
        with closing(connect(self.directory / FILE_NAME)) as connection, transaction(connection):
            for execution in executions:
                connection.execute("DELETE FROM installation WHERE execution = ?", (execution,))

    @property
    def standing(self) -> Standing:
        with closing(connect(self.directory / FILE_NAME)) as connection:
            return standing(connection)

    @property
    def reasons(self) -> list[tuple[str, int]]:
        with closing(connect(self.directory / FILE_NAME)) as connection:
            return set_aside_reasons(connection)

    @property
    def ids(self) -> list[str]:
        """The ids that the records of all installations must have, sorted."""
        return sorted(IDS.mirrored(execution) for execution in installations(self.directory))

    def mirror(self, work: Callable[[Mirror], Awaitable[T]]) -> T:
        """Run a mirror, new as after a start of its process."""

        async def run() -> T:
            pocketbase = PocketBase(self._url, "telemetry", self._login, self._connections)
            changes = Changes(self.directory)
            try:
                mirror = Mirror(changes, IDS, pocketbase, place=self._url, now=lambda: time.time_ns() // 1000, **self._options)
                return await work(mirror)
            finally:
                pocketbase.close()
                changes.close()

        return asyncio.run(run())

    def drain(self) -> None:
        """Mirror until nothing waits."""
        self.mirror(drained)


async def drained(mirror: Mirror) -> None:
    while await mirror.step():
        pass


def refreshed(mirror: Mirror) -> Mirror:
    """The same mirror at the time when it looks at the collection again."""
    mirror._checked_at = -jobs.CHECK_SECONDS
    return mirror


def ids_of(pocketbase: PocketBaseServer) -> list[str]:
    return [record["id"] for record in pocketbase.records()]
