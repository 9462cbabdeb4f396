"""Group commit: the events waiting at one moment share one sync to disk.

Storing waits for the disk and is done in a thread, while the loop gathers the next group. Who waits for a group is told when
it is on disk.

Whatever goes wrong with a group, those who wait for it are told, and the next group is tried: an error that nobody thought of
must not leave every later report without an answer.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue
from threading import Thread

from telemetry_service.store.database import StoreUnavailable
from telemetry_service.store.inbox import Inbox

AT_REST_SECONDS, BUSY_SECONDS = 5.0, 60.0  # between two times that the write-ahead log is emptied
CHECK_SECONDS = 0.5  # how stale the view of free space may be
MAX_WAITING = 20_000  # events in memory that no disk has yet; above it the answer is 503

# Told once, by the event loop: None when the event is on disk, or why it is not.
Told = Callable[[StoreUnavailable | None], None]

log = logging.getLogger(__name__)


class GroupCommit:
    """Stores events in groups; used by one event loop."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self._groups: SimpleQueue[tuple[list[Told], list[bytes]] | None] = SimpleQueue()
        self._thread = Thread(target=self._commit_groups, name="inbox", daemon=True)
        self._thread.start()
        self._loop = asyncio.get_running_loop()
        self._waiting: list[bytes] = []
        self._to_tell: list[Told] = []
        self._committing = False
        self._refusal: str | None = None
        self._next_check = 0.0
        self._log_is_dirty = True  # what was left by the process before
        self._emptied_at = time.monotonic()
        self._more_to_take_away = False
        self.folded_through = inbox.first_seq() - 1
        self.last_seq = inbox.last_seq()
        self.started_waiting_at = time.time_ns() // 1000

    @property
    def unsettled(self) -> bool:
        """Whether there is something to do without new events: folded ones to take away, their bytes to be gone, or a disk to
        look at again."""
        return self._more_to_take_away or self._log_is_dirty or self._refusal is not None

    @property
    def refusal(self) -> str | None:
        """Why events are refused now, or None."""
        return self._refusal

    def store(self, body: bytes) -> asyncio.Future[None]:
        """Have an event stored; the future is done when it is on disk, or fails with `StoreUnavailable`.

        Raises `StoreUnavailable` at once while there is no room.
        """
        stored: asyncio.Future[None] = self._loop.create_future()
        self.store_and_tell(body, partial(_settle, stored))
        return stored

    def store_and_tell(self, body: bytes, told: Told) -> None:
        """The same without a future, which costs more than all the rest here.

        Raises `StoreUnavailable` at once while there is no room; then nothing is told.
        """
        if self._refusal is not None:
            self._schedule()
            raise StoreUnavailable(self._refusal)
        if len(self._waiting) >= MAX_WAITING:
            raise StoreUnavailable("too many events wait for the disk")
        self._waiting.append(body)
        self._to_tell.append(told)
        self._schedule()

    def tidy(self) -> None:
        """Take folded events away and look for room, also when no new events arrive."""
        self._schedule()

    def _schedule(self) -> None:
        if not self._committing:
            self._committing = True
            self._loop.call_soon(self._begin)

    def _begin(self) -> None:
        bodies, to_tell = self._waiting, self._to_tell
        self._waiting, self._to_tell = [], []
        self._groups.put((to_tell, bodies))

    def _commit_groups(self) -> None:
        while (group := self._groups.get()) is not None:
            self._commit(*group)

    def _commit(self, to_tell: list[Told], bodies: list[bytes]) -> None:
        failure: StoreUnavailable | None = None
        try:
            self._more_to_take_away = self._inbox.commit(bodies, self.folded_through)
            self._log_is_dirty = self._log_is_dirty or bool(bodies) or self._more_to_take_away
        except StoreUnavailable as error:
            failure = error
        except Exception as error:  # noqa: BLE001 - see above; the top of this thread
            failure = _unexpected(error)
        self._look_for_room(failure is not None)
        self._empty_log(at_rest=not bodies and not self._more_to_take_away)
        self._loop.call_soon_threadsafe(self._finish, to_tell, failure)

    def _look_for_room(self, failed: bool) -> None:
        now = time.monotonic()
        if failed or now >= self._next_check:
            self._next_check = now + CHECK_SECONDS
            try:
                self._refusal = self._inbox.refusal()
            except Exception as error:  # noqa: BLE001 - as above; asked again at the next commit
                self._refusal = str(_unexpected(error))

    def _empty_log(self, *, at_rest: bool) -> None:
        """What was taken away stays in the write-ahead log until it is overwritten: in a quiet service, never."""
        now = time.monotonic()
        if self._log_is_dirty and now - self._emptied_at >= (AT_REST_SECONDS if at_rest else BUSY_SECONDS):
            self._emptied_at = now
            try:
                self._log_is_dirty = not self._inbox.truncate_wal()
            except Exception as error:  # noqa: BLE001 - as above; tried again
                _unexpected(error)

    def _finish(self, to_tell: list[Told], failure: StoreUnavailable | None) -> None:
        self._committing = False
        if to_tell and failure is None:
            if self.last_seq <= self.folded_through:
                self.started_waiting_at = time.time_ns() // 1000
            self.last_seq += len(to_tell)
        for told in to_tell:
            try:
                told(failure)
            except Exception as error:  # noqa: BLE001 - the others are told all the same
                _unexpected(error)
        if self._waiting or (failure is None and self._more_to_take_away):
            self._schedule()

    async def close(self, on_closed: Callable[[], None]) -> None:
        """Wait for what was accepted, then end."""
        while self._committing or self._waiting:
            await asyncio.sleep(0.005)
        self._groups.put(None)
        self._thread.join()
        on_closed()


def _settle(stored: asyncio.Future[None], failure: StoreUnavailable | None) -> None:
    if stored.done():  # who waited for it has gone
        return
    if failure is None:
        stored.set_result(None)
    else:
        stored.set_exception(failure)


def _unexpected(error: Exception) -> StoreUnavailable:
    """What is said of an error that nobody thought of: its kind and place, never its text, which may quote an event."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = f"{place.tb_frame.f_code.co_name}:{place.tb_lineno}" if place else "unknown"
    log.error("inbox.error", extra={"exception": type(error).__name__, "where": where})
    return StoreUnavailable("an error in the inbox; see the log")
