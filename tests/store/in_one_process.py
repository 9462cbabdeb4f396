"""A data directory as the processes of the service use it, in one."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from event_strategies import MIDNIGHT
from stored import IDS
from telemetry_service.bootstrap.assembly import open_store
from telemetry_service.bootstrap.serving import _open_inbox
from telemetry_service.core.event import Erasure, Event, encode_event
from telemetry_service.jobs.fold import Fold
from telemetry_service.settings import Settings, from_environ
from telemetry_service.store.inbox import Inbox, InboxReader
from telemetry_service.store.store import Store


class Service:
    """Inbox, store and fold of one directory, as the processes use them, in one."""

    def __init__(self, directory: Path) -> None:
        self.settings: Settings = from_environ({"DATA_DIR": str(directory), "MAX_NEW_APPS_PER_DAY": "1000"})
        self.inbox: Inbox = _open_inbox(self.settings, IDS)
        self.reader = InboxReader(directory)
        self.store: Store = open_store(self.settings, IDS)
        self._fold = Fold(self.reader, self.store, lambda: MIDNIGHT)

    def take(self, *numbers: int, status: str = "success") -> None:
        bodies = [encode_event(event(number, status)) for number in numbers]
        self.inbox.commit(bodies, self.store.position(self.inbox.generation))

    def erase(self, *numbers: int) -> None:
        bodies = [encode_event(Erasure(MIDNIGHT, id_of(number))) for number in numbers]
        self.inbox.commit(bodies, self.store.position(self.inbox.generation))

    def fold(self) -> None:
        while self._fold.step():
            pass

    def tidy(self) -> None:
        self.inbox.commit([], self.store.position(self.inbox.generation))

    def close(self) -> None:
        self.reader.close()
        self.store.close()
        self.inbox.close()


def id_of(number: int) -> bytes:
    """A random id that no file holds by chance."""
    return number.to_bytes(4, "big") * 4


def event(number: int, status: str) -> Event:
    return Event(
        received_at=MIDNIGHT + number, random_id=id_of(number), execution=number, status=status,
        type="lxc", nsapp="jellyfin",
    )  # fmt: skip


@contextmanager
def running(directory: Path) -> Iterator[Service]:
    service = Service(directory)
    try:
        yield service
    finally:
        service.close()
